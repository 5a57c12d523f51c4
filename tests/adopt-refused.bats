#!/usr/bin/env bats
# --adopt: what is refused, with the reason, and with nothing changed; what is undone.

load helpers
load adopting

# refused MESSAGE: the adoption of pid was refused so, and changed nothing.
refused() { untraced check_refused "$@"; }
check_refused() {
    local before
    before=$(facts_of "$pid")
    try dz --adopt="$pid" -o log
    assert status "$status" 125
    assert_match stderr "$stderr" "dznohup: $1"
    assert lines "$(wc -l <<<"$stderr")" 1
    assert facts "$(facts_of "$pid")" "$before"
    refute test -e log
    refute test -e "$DZ_STATE_DIR/$pid"
}

@test "adopt refuses: words that are no PID, a command beside it, options of a start" {
    for word in %1 x 0 -1 4711x ""; do
        try dz --adopt="$word"
        assert "status of '$word'" "$status" 125
        assert_match "stderr of '$word'" "$stderr" "dznohup: --adopt:*not a PID*"
    done
    try dz --adopt=$$ sleep 1
    assert_match stderr "$stderr" "dznohup: adopt: sleep: is a command; --adopt takes only a PID"
    try dz --adopt=$$ --line-buffered
    assert_match stderr "$stderr" "dznohup: adopt: a running program cannot be given*"
    try dz --adopt=$$ --restart
    assert_match stderr "$stderr" "dznohup: adopt: cannot be combined with --keep or --restart*"
    try dz --pipes sleep 1
    assert_match stderr "$stderr" "dznohup: options: *need --adopt"
}

@test "adopt refuses: no such process, a zombie, PID 1, a kernel thread, a thread" {
    sleep 0 &
    gone=$!
    wait "$gone"
    try dz --adopt="$gone"
    assert "stderr of one that is gone" "$stderr" "dznohup: adopt: $gone: No such process"
    try dz --adopt=1
    assert_match "stderr of PID 1" "$stderr" "dznohup: adopt: 1: *"
    beside "$PYTHON" -c 'import os, time
pid = os.fork()
if pid == 0: os._exit(0)
print(pid, flush=True)
time.sleep(3600)' >zombie &
    track $!
    await is_file zombie
    await in_state "$(<zombie)" Z
    try dz --adopt="$(<zombie)"
    assert "stderr of a zombie" "$stderr" "dznohup: adopt: $(<zombie): has ended"
    beside "$ADOPTEE" threads 4 >/dev/null &
    track $!
    await has_threads $! 4
    for task in "/proc/$!/task/"*; do thread=${task##*/}; done
    try dz --adopt="$thread"
    assert "stderr of a thread" "$stderr" "dznohup: adopt: $thread: is a thread of process $!; adopt that"

    kthread=$(grep -lsx $'Kthread:\t1' /proc/[0-9]*/status | sed -n '1s,[^0-9],,gp')
    [ -z "$kthread" ] || {
        try dz --adopt="$kthread"
        assert_match "stderr of a kernel thread" "$stderr" "dznohup: adopt: $kthread: is a thread of the kernel"
    }
}
has_threads() { [ "$(status_field "$1" Threads)" = "$2" ]; }

@test "adopt refuses: a shell that leads the session of a terminal" {
    on_terminal_job "$ADOPTEE" count
    pid=$(stat_field "$pid" 6)
    refused "adopt: $pid: leads the session of terminal pts/*, which has other processes (*); adopt those"
    try on_terminal 'echo "shell=$$"' "$DZ --adopt=\$\$"
    assert_match screen "$output" "*dznohup: adopt: *: leads the session of terminal pts/* and controls its jobs, as a shell does; adopt the program that runs in it*"
}

@test "adopt refuses: one that is traced already" {
    need strace
    on_terminal_job "$ADOPTEE" count
    beside strace -qq -o /dev/null -p "$pid" &
    tracer=$!
    track "$tracer"
    await is_traced "$pid"
    refused "adopt: $pid: is already traced by process $tracer"
    alive "$pid"
}

@test "adopt refuses: another user's, with the way out; and one's own that is undumpable" {
    need_root
    on_terminal_job "$ADOPTEE" count
    try closed setpriv --reuid=65432 --clear-groups "$DZ" --adopt="$pid"
    assert status "$status" 125
    assert stderr "$stderr" "dznohup: adopt: $pid: belongs to user 0; use sudo"
    on_terminal_job setpriv --reuid=65432 --clear-groups "$ADOPTEE" count
    await is_user "$pid" 65432
    refused "adopt: $pid: belongs to user 65432, who could not open the log; use setpriv --reuid=65432 --clear-groups dznohup --adopt=$pid"
    # shellcheck disable=SC2016
    on_terminal_job setpriv --reuid=65432 --clear-groups "$PYTHON" -c 'import ctypes, time
ctypes.CDLL(None).prctl(4, 0)
print("ready", flush=True)
time.sleep(3600)'
    await holds "$screen" ready
    try closed setpriv --reuid=65432 --clear-groups "$DZ" --adopt="$pid"
    assert status "$status" 125
    assert stderr "$stderr" "dznohup: adopt: $pid: has gained privileges, or has made itself undumpable; use sudo"
}
is_user() { [[ $(status_field "$1" Uid) == "$2"* ]]; }

@test "adopt refuses: what yama forbids, and names the setting" {
    need_root
    # A filter that refuses ptrace(2), and a file in its place, stand in for yama.
    # shellcheck disable=SC2016
    on_terminal_job unshare --mount sh -c 'mount -t tmpfs none /proc/sys/kernel && mkdir /proc/sys/kernel/yama &&
        exec setpriv --reuid=65432 --clear-groups "$0" count' "$ADOPTEE"
    await runs_program "$pid" "$ADOPTEE"
    for scope in 1 2 3; do
        closed nsenter --mount --target "$pid" sh -c "echo $scope >/proc/sys/kernel/yama/ptrace_scope"
        try closed nsenter --mount --target "$pid" setpriv --reuid=65432 --clear-groups \
            "$TARGETS/refuses" 101 1 "$DZ" --adopt="$pid"
        assert "status at $scope" "$status" 125
        case $scope in
        1) words="this system lets only a parent trace it; use sudo, or sysctl kernel.yama.ptrace_scope=0" ;;
        2) words="this system lets only root trace it (kernel.yama.ptrace_scope is 2); use sudo" ;;
        3) words="this system lets nobody trace until it boots with kernel.yama.ptrace_scope below 3" ;;
        esac
        assert "stderr at $scope" "$stderr" "dznohup: adopt: $pid: $words"
    done
}

@test "adopt refuses: a root directory without /proc, another PID namespace; another mount namespace is no matter" {
    need_root
    mkdir root
    cp "$ADOPTEE-static" root/adoptee
    on_terminal_job chroot root /adoptee count
    await is_file "$screen"
    refused "adopt: $pid: has another root directory or mount namespace, whose /proc does not show dznohup's files; run dznohup there"
    on_terminal_job unshare --pid --fork "$ADOPTEE" count
    await is_file "$screen"
    pid=$(pgrep -P "$pid")
    track "$pid"
    refused "adopt: $pid: is in another PID namespace; run dznohup there"
    on_terminal_job unshare --mount "$ADOPTEE" count
    await is_file "$screen"
    try dz --adopt="$pid" -o log
    assert status "$status" 0
    await is_file log
}

@test "adopt refuses: a name or pidfile whose job runs, a log that cannot be opened" {
    on_terminal_job "$ADOPTEE" count
    try dz -d --name=taken --wait=exec -o other "$SLEEP" 3600
    track "$output"
    before=$(facts_of "$pid")
    for words in "--name=taken:name: taken: already running as PID $output" \
        "-o/no/such/log:output: /no/such: No such file or directory" \
        "-C/no/such:chdir: /no/such: No such file or directory"; do
        try dz --adopt="$pid" "${words%%:*}"
        [[ $words == *"already running"* ]] && want=122 || want=125
        assert "status of ${words%%:*}" "$status" "$want"
        assert "stderr of ${words%%:*}" "$stderr" "dznohup: ${words#*:}"
        assert "facts after ${words%%:*}" "$(facts_of "$pid")" "$before"
        refute test -e "$DZ_STATE_DIR/$pid"
    done
}

@test "adopt: if a call fails in the target, what was done before is undone" {
    on_terminal_job "$PYTHON" -c 'import signal, time
signal.signal(signal.SIGHUP, lambda *_: print("handled", flush=True))
print("ready", flush=True)
while True: time.sleep(3600)'
    await holds "$screen" ready
    chmod 755 .
    before=$(facts_of "$pid")
    for limit in 3 4 5 6 7; do
        prlimit --pid "$pid" --nofile="$limit:"
        try dz --adopt="$pid" -o log -p pidfile --name=undone
        assert "status at $limit" "$status" 125
        assert_match "stderr at $limit" "$stderr" "dznohup: *: Too many open files"
        assert "facts at $limit" "$(facts_of "$pid")" "$before"
        refute test -e pidfile
        refute test -e "$DZ_STATE_DIR/undone"
    done
    kill -HUP "$pid"
    await holds "$screen" handled
    prlimit --pid "$pid" --nofile=1024:
    try dz --adopt="$pid" -o log -p pidfile --name=undone
    assert status "$status" 0
    assert_no_terminal "$pid"
}

@test "adopt: killed at each call that it makes to trace and change a program, it leaves the program running" {
    need strace
    local kills=0 before=0 adopted=0
    for call in ptrace pwrite64 tgkill; do
        for ((number = 1; number < 100; number++)); do
            on_terminal_job "$ADOPTEE" count
            await is_file "$screen"
            rm -f log
            try within strace -qq -o /dev/null -e trace="$call" -e "inject=$call:signal=KILL:when=$number" \
                "$DZ" --adopt="$pid" -o log
            [ "$status" != 0 ] || break
            kills=$((kills + 1))
            assert "status at $call $number" "$status" 137
            count=$(lines_of "$screen" log)
            await more_lines "$count" "$screen" log
            # dzctl inspect tells which: as before, or adopted, and never in between.
            try "$CTL" inspect "$pid"
            case $output in
            *"terminal    pts/"*"stdin       /dev/pts/"*"stdout      /dev/pts/"*"stderr      /dev/pts/"*"verdict: not a daemon"*)
                before=$((before + 1))
                ;;
            *"terminal    none"*"stdin       /dev/null"*"stdout      $PWD/log"*"stderr      $PWD/log"*"verdict: a proper daemon"*)
                adopted=$((adopted + 1))
                ;;
            *) fail "in between, at $call $number: $output" ;;
            esac
            kill -KILL "$pid"
            await gone "$pid"
            hang_up
            cat "$screen" log 2>/dev/null | tr -d '\r' >all
            cmp <(seq "$(wc -l <all)") <(head -n "$(wc -l <all)" all)
        done
    done
    [ "$kills" -gt 15 ] || fail "it was killed $kills times"
    [ "$before" -gt 0 ] && [ "$adopted" -gt 0 ] || fail "$before times before, $adopted times adopted"
}
lines_of() { cat "$@" 2>/dev/null | wc -l; }
more_lines() { [ "$(lines_of "${@:2}")" -gt $(($1 + 2)) ]; }

# Python's C function signal() sets a handler that Python does not know of.
CATCHES='import ctypes, sys, time
handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda number: print("caught", number, flush=True))
for number in map(int, sys.argv[1:]):
    ctypes.CDLL(None).signal(number, handler)
print("ready", flush=True)
while True: time.sleep(3600)'

@test "adopt: a program that catches every signal gets none of ours" {
    need strace
    # URG, then URG and WINCH, then CHLD, too: no signal is left that could mark the end.
    for caught in "23" "23 28" "23 28 17"; do
        rm -f log
        # shellcheck disable=SC2086
        on_terminal_job "$PYTHON" -c "$CATCHES" $caught
        await holds "$screen" ready
        try within strace -qq -o calls -e trace=tgkill,ptrace "$DZ" --adopt="$pid" -o log
        assert "status at $caught" "$status" 0
        case $caught in
        23) grep -q 'tgkill.*SIGWINCH' calls ;;
        "23 28") grep -q 'tgkill.*SIGCHLD' calls ;;
        *)
            refute grep -q tgkill calls
            grep -q PTRACE_SYSCALL calls
            ;;
        esac
        assert_no_terminal "$pid"
        kill -URG "$pid"
        await holds log "caught 23"
        assert log "$(<log)" "caught 23"
    done
}
