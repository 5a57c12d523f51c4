#!/usr/bin/env bats
# --adopt: a program that runs already becomes a daemon.

load helpers
load adopting
load ctl

@test "adopt: a counting program is a daemon, its log goes on where its terminal stopped, and it outlives the terminal" {
    on_terminal_job "$ADOPTEE" count
    await is_file "$screen"
    try dz --adopt="$pid" -o log
    assert status "$status" 0
    assert output "$output" "$pid"
    assert_match stderr "$stderr" "dznohup: PID $pid is a daemon now, appending output to $PWD/log"
    assert_own_session "$pid" stay
    assert SigIgn "$(ignored_by "$pid")" "$DAEMON_IGNORES"
    assert SigBlk "$(status_field "$pid" SigBlk)" 0000000000000000
    assert descriptors "$(fds_of "$pid")" "0 1 2"
    assert 0 "$(fd_of "$pid" 0)" /dev/null
    assert 1 "$(fd_of "$pid" 1)" "$PWD/log"
    assert 2 "$(fd_of "$pid" 2)" "$PWD/log"
    await is_file log
    goes_on_after_hangup
    alive "$pid"
    kill -KILL "$pid"
    await gone "$pid"
    tr -d '\r' <"$screen" | cat - log >all
    cmp <(seq "$(wc -l <all)") <(head -n "$(wc -l <all)" all)
}

@test "adopt: without -o the log is nohup.out, in the caller's directory" {
    on_terminal_job "$ADOPTEE" count
    try dz --adopt="$pid"
    assert status "$status" 0
    assert 1 "$(fd_of "$pid" 1)" "$PWD/nohup.out"
    assert mode "$(stat -c %a nohup.out)" 600
}

@test "adopt: dzctl list, status, log, stop and wait know the job" {
    on_terminal_job "$ADOPTEE" count
    try dz --adopt="$pid" -o log --name=counter -p counter.pid
    assert status "$status" 0
    assert pidfile "$(<counter.pid)" "$pid"
    assert "recorded session" "$(recorded counter session)" "$pid"
    assert "recorded log" "$(recorded counter log)" "$PWD/log"
    assert "recorded words" "$(recorded counter arg)" "$ADOPTEE"$'\n'count
    assert "recorded directory" "$(recorded counter cwd)" "$PWD"
    try "$CTL" list
    assert_match list "$output" "*counter*$pid*running*"
    try "$CTL" status counter
    assert "status of status" "$status" 0
    await is_file log
    try "$CTL" log -n 1 counter
    assert_match log "$output" "[0-9]*"
    waiter counter
    try "$CTL" stop counter
    assert "status of stop" "$status" 0
    await gone "$pid"
    await is_file counter.status
    # Before Linux 6.15 nobody but a parent is told.
    assert_match "status of wait" "$(<counter.status)" "@(143|125)"
}

@test "adopt: -C, -u, -e, -i: directory, umask, stderr's log and input" {
    mkdir there
    echo given >in
    on_terminal_job sh -c 'read -r word; echo "got $word"; echo oops >&2; exec "$0" 3600' "$SLEEP"
    try dz --adopt="$pid" -o out -e err -i in -C there -u 027
    assert status "$status" 0
    await holds_line out "got given"
    await holds_line err oops
    await runs_program "$pid" "$SLEEP"
    assert cwd "$(cwd_of "$pid")" "$PWD/there"
    assert umask "$(status_field "$pid" Umask)" 0027
}

@test "adopt: descriptors on the terminal under any number are replaced, others are not" {
    # shellcheck disable=SC2016
    on_terminal_job bash -c 'exec 7>/dev/tty 8</dev/tty 9<>/dev/tty 5>file 6<&0; exec sleep "$0"' 3600
    await runs_program "$pid" "$SLEEP"
    try dz --adopt="$pid" -o log
    assert status "$status" 0
    assert_no_terminal "$pid"
    for fd in 1 2 6 7 9; do assert "$fd" "$(fd_of "$pid" "$fd")" "$PWD/log"; done
    assert 8 "$(fd_of "$pid" 8)" /dev/null
    assert 5 "$(fd_of "$pid" 5)" "$PWD/file"
    assert descriptors "$(fds_of "$pid")" "0 1 2 5 6 7 8 9"
}

@test "adopt: what was close-on-exec stays so" {
    on_terminal_job "$PYTHON" -c 'import os, time; os.dup2(1, 20, inheritable=False); time.sleep(3600)'
    await test -e "/proc/$pid/fd/20"
    try dz --adopt="$pid" -o log
    assert status "$status" 0
    assert 20 "$(fd_of "$pid" 20)" "$PWD/log"
    assert_match flags "$(grep flags "/proc/$pid/fdinfo/20")" "flags:*02?0200?"
}

@test "adopt: a program that reads the terminal gets the end of file" {
    on_terminal_job --foreground sh -c 'cat; echo "cat: $?"; exec "$0" 3600' "$SLEEP"
    await has_children "$pid" 1
    cat_pid=$(pgrep -P "$pid")
    try dz --adopt="$cat_pid" -o log
    assert status "$status" 0
    await gone "$cat_pid"
    await holds "$screen" "cat: 0"
}

@test "adopt: signals that it handles are ignored too, but not with --keep-handlers" {
    program='import signal, time
signal.signal(signal.SIGHUP, lambda *_: print("handled", flush=True))
signal.signal(signal.SIGTTIN, signal.SIG_DFL)
print("ready", flush=True)
while True: time.sleep(3600)'
    for option in "" --keep-handlers; do
        on_terminal_job "$PYTHON" -c "$program"
        await holds "$screen" ready
        # shellcheck disable=SC2086
        try dz --adopt="$pid" -o log $option
        assert status "$status" 0
        hang_up
        if [ -n "$option" ]; then
            await holds_line log handled
        else
            assert log "$(<log)" ""
        fi
        alive "$pid"
    done
}

@test "adopt: a stopped job goes on by a signal that it sends itself, and that is said" {
    for words in count "threads 4"; do
        # shellcheck disable=SC2086
        on_terminal_job "$ADOPTEE" $words
        await is_file "$screen"
        kill -STOP "$pid"
        await in_state "$pid" T
        try dz -v --adopt="$pid" -o log
        assert status "$status" 0
        assert_match stderr "$stderr" "*it was stopped, and now continues"
        assert_match stderr "$stderr" "*: kill($pid, SIGCONT) = 0"$'\n'*
        await is_file log
        goes_on_after_hangup
        no_line_lost "$pid"
        kill -KILL "$pid"
        rm log
    done
    on_terminal_job "$ADOPTEE" count
    try dz -v --adopt="$pid" -o log
    assert status "$status" 0
    refute grep -q SIGCONT <<<"$stderr"
}

@test "adopt: -n says what would be changed, and changes nothing" {
    on_terminal_job "$ADOPTEE" wait sleep
    before=$(facts_of "$pid")
    try dz -n --adopt="$pid" -o log -C / -u 022
    assert status "$status" 0
    for line in "adopt     PID $pid, adoptee" "session   its own, by setsid from another process group" \
        "signals   HUP TTIN TTOU will be ignored" "fd 0      terminal -> /dev/null" \
        "fd 1      terminal -> log" "fd 2      terminal -> log" "chdir     /" "umask     022"; do
        grep -qxF -- "$line" <<<"$output" || fail "no line '$line' in: $output"
    done
    assert facts "$(facts_of "$pid")" "$before"
    refute test -e log
    refute test -e "$DZ_STATE_DIR/$pid"
}

@test "adopt: -v tells each call made in the target" {
    on_terminal_job "$ADOPTEE" count
    try dz -v --adopt="$pid" -o log
    assert status "$status" 0
    for line in "dup3(, 1, 0) = 1" "rt_sigaction(SIGHUP, SIG_IGN) = 0" "setsid() = $pid"; do
        grep -qF "dznohup: $pid: $line" <<<"$stderr" || fail "no '$line' in: $stderr"
    done
}

@test "adopt: --pipes replaces the caller's pipe, otherwise it is kept" {
    mkfifo pipe
    beside cat pipe >sink &
    reader=$!
    track "$reader"
    on_terminal_job sh -c 'exec "$0" count >pipe 2>&1' "$ADOPTEE"
    await runs_program "$pid" "$ADOPTEE"
    await is_file sink
    try dz --adopt="$pid" -o /dev/null -n
    assert "fd 1 with -o" "$(grep -c '^fd 1 ' <<<"$output")" 0
    try dz --adopt="$pid"
    assert status "$status" 0
    assert_match 1 "$(fd_of "$pid" 1)" "*/pipe"
    assert 0 "$(fd_of "$pid" 0)" /dev/null
    try dz --adopt="$pid" --pipes -o log
    assert status "$status" 0
    assert 1 "$(fd_of "$pid" 1)" "$PWD/log"
    await is_file log
    await gone "$reader"
    cat sink log >all
    cmp <(seq "$(wc -l <all)") <(head -n "$(wc -l <all)" all)
}

@test "adopt: a daemon is left as it is, with success" {
    try dz -d --wait=exec -o log "$SLEEP" 3600
    pid=$output
    track "$pid"
    before=$(facts_of "$pid")
    try dz --adopt="$pid"
    assert status "$status" 0
    assert stderr "$stderr" "dznohup: PID $pid is already a daemon"
    assert facts "$(facts_of "$pid")" "$before"
}

@test "adopt: calls that any stop interrupts go on, with what is left of their time" {
    for program in "$ADOPTEE" "$ADOPTEE-32" "$ADOPTEE-musl-static"; do
        [ -x "$program" ] || continue
        go_on_in_time "$program" epoll pwait2 signal old-signal semaphore events sleep
    done
}
# They wait for four seconds, of which one has passed when they are adopted.  A busy
# machine may make them late; then one at a time is tried again.
go_on_in_time() {
    local program=$1 late=() way
    go_on_once "$program" "${@:2}"
    for way in "${late[@]}"; do
        for _ in $TRIES; do
            late=()
            go_on_once "$program" "$way"
            [ ${#late[@]} -gt 0 ] || break
        done
        [ ${#late[@]} -eq 0 ] || fail "$program: $way: always late: $(tail -n 1 "log.$way")" || return
    done
}
# go_on_once PROGRAM WAY...: adopts programs that wait so.  late gets the ways that took
# longer, or were over before.
go_on_once() {
    local program=$1 pids=() screens=() way i
    shift
    for way; do
        on_terminal_job "$program" wait "$way"
        await holds "$screen" begin
        pids+=("$pid")
        screens+=("$screen")
    done
    sleep 1 # of their time
    i=0
    for way; do
        rm -f "log.$way"
        try dz --adopt="${pids[i++]}" -o "log.$way"
        assert "status of $way" "$status" 0
    done
    i=0
    for way; do
        await has_waited "log.$way" "${screens[i]}"
        assert_match "end of $way" "$(cat "log.$way" "${screens[i]}")" "*waited [4-9][0-9][0-9][0-9]* ms*"
        [[ $(<"log.$way") == "waited 4"[0-7]* ]] || late+=("$way")
        kill -KILL "${pids[i++]}"
    done
}
has_waited() { holds "$1" waited || holds "$2" waited; }

@test "adopt: no copy of a time-out stays in the program" {
    on_terminal_job "$ADOPTEE" wait signal
    await holds "$screen" begin
    before=$(code_of "$pid")
    try dz --adopt="$pid" -o log
    assert status "$status" 0
    assert memory "$(code_of "$pid")" "$before"
}
# A sum of all that it executes.
code_of() {
    "$PYTHON" -c 'import hashlib, sys
memory = open(f"/proc/{sys.argv[1]}/mem", "rb", 0)
for line in open(f"/proc/{sys.argv[1]}/maps"):
    where, mode, *rest = line.split()
    if mode == "r-xp" and "vsyscall" not in line:
        begin, end = (int(part, 16) for part in where.split("-"))
        memory.seek(begin)
        print(rest[-1], hashlib.sha1(memory.read(end - begin)).hexdigest())' "$1"
}
