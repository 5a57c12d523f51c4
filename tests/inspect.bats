# dzctl inspect: the facts of any process, compared with /proc, and the verdict.

load helpers

PTY="$PYTHON $TESTS/pty"

# Inspect as JSON into fact, by the names of programs/facts.py, with the exit status in
# $status, and as a table into $table; the two must agree.
look() {
    local other=0
    status=0
    output=$(closed "$CTL" inspect --json "$1") || status=$?
    read_facts
    table=$(closed "$CTL" inspect "$1") || other=$?
    assert "status of both" "$other" "$status"
    assert "verdict of both" "$(tail -n 1 <<<"$table")" "verdict: ${fact[verdict]}"
}

declare -gA fact
read_facts() {
    local name value
    fact=()
    while IFS= read -rd '' name && IFS= read -rd '' value; do
        fact[$name]=$value
    done < <(PYTHONUTF8=1 "$PYTHON" "$PROGRAMS/facts.py" <<<"$output")
    [ ${#fact[@]} -gt 0 ] || fail "no facts: $output"
}
# What a row says: holds, value or why, as JSON.
row() {
    [ -n "${fact[row $1 $2]+there}" ] || fail "no row $1" || return
    echo "${fact[row $1 $2]}"
}
assert_row() { assert "row $1: $2" "$(row "$1" "$2")" "$3"; }

# Names of the signals in a set of /proc/PID/status, by bash's own list.
names_of() {
    local set=$((16#$(status_field "$1" "$2"))) number names=()
    for ((number = 1; number <= 33; number++)); do
        # 32 and 33 are libc's own and have no names; perl's children inherit them.
        ((set >> (number - 1) & 1)) &&
            names+=("\"$( ((number < 32)) && kill -l "$number" || echo "$number")\"")
    done
    local IFS=,
    echo "[${names[*]}]" | sed 's/,/, /g'
}

# Every fact, against /proc.
assert_facts() {
    local pid=$1 fd
    assert pid "${fact[pid]}" "$pid"
    assert name "${fact[name]}" "$(cat "/proc/$pid/comm")"
    assert state "${fact[state]}" "$(stat_field "$pid" 3)"
    assert parent "${fact[parent]}" "$(stat_field "$pid" 4)"
    assert group "${fact[group]}" "$(stat_field "$pid" 5)"
    assert session "${fact[session]}" "$(stat_field "$pid" 6)"
    assert leader "${fact[session_leader]}" \
        "$([ "$(stat_field "$pid" 6)" = "$pid" ] && echo true || echo false)"
    assert "leader of the group" "${fact[group_leader]}" \
        "$([ "$(stat_field "$pid" 5)" = "$pid" ] && echo true || echo false)"
    assert foreground "${fact[foreground]}" \
        "$([ "$(stat_field "$pid" 8)" = "$(stat_field "$pid" 5)" ] && echo true || echo false)"
    assert ignored "${fact[ignored]}" "$(names_of "$pid" SigIgn)"
    assert caught "${fact[caught]}" "$(names_of "$pid" SigCgt)"
    assert blocked "${fact[blocked]}" "$(names_of "$pid" SigBlk)"
    assert cwd "${fact[cwd]}" "$(cwd_of "$pid")"
    assert umask "0${fact[umask]}" "$(status_field "$pid" Umask)"
    assert numbers "${fact[numbers]}" \
        "$(fds_of "$pid" | tr ' ' '\n' | sort -n | xargs)"
    for fd in $(fds_of "$pid"); do
        assert "target of $fd" "${fact[fd $fd target]}" \
            "$(fd_of "$pid" "$fd")"
    done
    assert words "${fact[words]}" "$(command_of "$pid")"
}
assert_proper() {
    assert verdict "${fact[verdict]}" "a proper daemon"
    assert status "$status" 0
    assert daemon "${fact[daemon]}" true
    assert complete "${fact[complete]}" true
    assert "killed" "${fact[terminal_end_kills]}" false
    assert terminal "${fact[terminal]}" null
    assert "NO in the table" "$(grep -c '^NO' <<<"$table")" 0
}
assert_improper() {
    assert status "$status" 1
    assert daemon "${fact[daemon]}" false
    local part
    for part; do
        assert_match verdict "${fact[verdict]}" "not a daemon: *$part*"
    done
}

# It sleeps: what the dynamic linker opens is closed again, and its state is not that
# of a start.
runs() { runs_program "$1" "$(readlink -f "$(command -v "$2")")" && in_state "$1" S; }

# Type lines into a shell on a terminal that stays; one of them writes a PID to
# the file "pid".  Sets pid and screen, the process that holds the terminal.
on_lasting_terminal() {
    rm -f pid
    # shellcheck disable=SC2086
    $PTY "$@" 'sleep 60' >screen 3>&- 4>&- &
    screen=$!
    track "$screen"
    await is_file pid
    pid=$(cat pid)
    track "$pid"
}
# Hang that terminal up, and wait until its shell has ended.
hang_up() {
    local leader
    leader=$(stat_field "$pid" 6)
    kill -KILL "$screen"
    wait "$screen" || true
    [ "$leader" = "$pid" ] || await gone "$leader"
}
# Typed: wait until the last background process is the program, and tell it.
TELL='until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done; echo $! >new; mv new pid'

@test "a dznohup -d job is a proper daemon, and every fact is that of /proc" {
    pid=$(dz -d -q -o log sleep 3600)
    track "$pid"
    look "$pid"
    assert_facts "$pid"
    assert_proper
    assert_row session holds true
    assert_row leader holds true
    assert_row cwd holds true
    assert_row stdout value "\"$PWD/log\""
    assert ignored "${fact[ignored]}" '["HUP", "TTIN", "TTOU"]'
    assert preload "${fact[ld_preload]}" null
}

@test "CPU time and memory are those of the job's processes together, as list has them" {
    pid=$(dz -d -q --name=busy -o log -w log:done perl -e '$| = 1; fork or do { sleep 3600; exit };
        1 while (times)[0] < 0.3; print "done\n"; sleep 3600')
    track "$pid" "$(pgrep -P "$pid")"
    output=$("$CTL" list --json)
    bytes=$(get '[0]["memory_bytes"]')
    for word in busy "$pid"; do
        look "$word"
        assert "processes of $word" "${fact[processes]}" 2
        assert "memory of $word" "${fact[memory_bytes]}" "$bytes"
        [[ ${fact[cpu_seconds]} =~ ^0\.[3-9][0-9]$|^[1-9] ]] || fail "CPU time: ${fact[cpu_seconds]}"
        assert_match "row of $word" "$table" "*-   cpu time    ?*.? s, *%*of one processor, since its start
-   memory      *resident; both are sums over 2 processes*"
    done
}

@test "a stay job leads its session, and is a proper daemon" {
    "$DZ" -q -o log sleep 3600 3>&- 4>&- &
    pid=$!
    track "$pid"
    await runs "$pid" sleep
    look "$pid"
    assert_facts "$pid"
    assert_proper
    assert_row leader holds null
    assert leader "${fact[session_leader]}" true
}

@test "sshd is a proper daemon: it catches HUP" {
    need_root
    need sshd ssh-keygen
    ssh-keygen -q -t ed25519 -N '' -f host
    mkdir -p /run/sshd
    port=$(free_port)
    closed "$(command -v sshd)" -f /dev/null -p "$port" -h "$PWD/host" -E "$PWD/sshd.log" \
        -o ListenAddress=127.0.0.1 -o PidFile="$PWD/sshd.pid" -o UsePAM=no
    await is_file sshd.pid
    pid=$(cat sshd.pid)
    track "$pid"
    await listener "$port" # no connection, which would be a further descriptor
    look "$pid"
    assert_facts "$pid"
    assert_proper
    assert_match caught "${fact[caught]}" '*"HUP"*'
    assert_match "row caught" "$(row caught why)" '*reload their settings*'
    assert_match table "$table" "*fd 3 *socket:*"
}

@test "a nohup-ed sleep survives the terminal's end, but is tied to it" {
    on_lasting_terminal 'nohup sleep 3601 >out 2>&1 &' \
        "$TELL"
    look "$pid"
    assert_facts "$pid"
    assert_improper "it is tied to terminal pts/*, though a hangup would not kill it" \
        "it is in the session of $(stat_field "$pid" 6) (bash)"
    assert killed "${fact[terminal_end_kills]}" false
    assert_row terminal holds false
    assert_row hangup why '"it ignores SIGHUP"'
    assert_row session holds false
    hang_up
    alive "$pid"
    # Left alone, with no terminal, it is one.
    look "$pid"
    assert_proper
    assert_row session value "\"$(stat_field "$pid" 6), whose leader has ended\""
}

@test "a shell's job is told that the terminal's end kills it, and it does" {
    on_lasting_terminal 'sleep 3602 &' \
        "$TELL"
    look "$pid"
    assert_facts "$pid"
    terminal=${fact[terminal]}
    assert "terminal's device" "/dev/$terminal" "$(fd_of "$pid" 1)"
    assert_improper "a hangup of terminal $terminal would kill it" \
        "it has a terminal as its stdin and stdout and stderr"
    assert killed "${fact[terminal_end_kills]}" true
    assert "kind of 1" "${fact[fd 1 kind]}" terminal
    assert_match why "$(row hangup why)" "*passes SIGHUP on to its jobs*"
    hang_up
    await gone "$pid"
}

@test "the foreground job is told that the terminal's end kills it, and it does" {
    on_lasting_terminal 'sh -c "echo \$\$ >new; mv new pid; exec sleep 3603"'
    await runs "$pid" sleep
    look "$pid"
    assert_facts "$pid"
    assert_improper "would kill it"
    assert foreground "${fact[foreground]}" true
    assert_row hangup why '"in the foreground: the kernel sends it SIGHUP"'
    hang_up
    await gone "$pid"
}

@test "a stopped job of dash dies with its shell, told before" {
    need dash
    on_lasting_terminal --shell "dash -i" 'sleep 3606 &' "$TELL"
    kill -STOP "$pid"
    await in_state "$pid" T
    look "$pid"
    assert state "${fact[state]}" T
    assert_improper "would kill it"
    hang_up
    await gone "$pid"
}

@test "the leader of a terminal's session: HUP kills it by default, may if caught" {
    $PTY --hangup-at never sh -c 'echo $$ >new; mv new pid; exec sleep 3607' \
        >screen 3>&- 4>&- &
    screen=$!
    track "$screen"
    await is_file pid
    pid=$(cat pid)
    await runs "$pid" sleep
    look "$pid"
    assert_improper "would kill it"
    assert_row hangup why '"a session leader: the kernel sends it SIGHUP"'
    hang_up
    await gone "$pid"
    rm pid
    on_lasting_terminal 'echo $$ >pid'
    look "$pid"
    assert_improper "may kill it"
    assert killed "${fact[terminal_end_kills]}" null
}

@test "a daemon with a terminal on 1 is none; on a further descriptor it is told" {
    on_lasting_terminal "'$DZ' -q -o - -e /dev/null sleep 3608 &" "$TELL"
    look "$pid"
    assert_improper "it has a terminal as its stdout"
    assert terminal "${fact[terminal]}" null
    assert_row stdout holds false
    assert_row stderr holds true
    on_lasting_terminal "'$DZ' -q --keep-fd=7 -o log sleep 3608 7>/dev/tty &" "$TELL"
    look "$pid"
    assert_proper
    assert_match "fd 7" "$(row 'fd 7' value)" '*/dev/tty, a terminal"'
}

# A caller that reads the pipe of the daemon it starts: caller WORD...  Sets pid
# and reader.
caller() {
    rm -f pid
    # In a session without a terminal, wherever the suite itself runs.
    beside setsid "$PYTHON" "$PROGRAMS/reads-pid.py" "$@" &
    reader=$!
    track "$reader"
    await is_file pid
    pid=$(cat pid)
    track "$pid"
}
end_caller() {
    kill -KILL "$reader"
    wait "$reader" || true
}

@test "a caller's pipe, and one that nobody reads" {
    caller "$DZ" -d -q -e /dev/null -o - sleep 3609
    look "$pid"
    assert_facts "$pid"
    assert_improper "its stdout is a caller's pipe, read by $reader ($(cat "/proc/$reader/comm"))"
    assert_row stdout holds false
    assert_row stderr holds true
    end_caller
    look "$pid"
    assert_improper "its stdout has no reader, and SIGPIPE ends it"
    caller "$DZ" -d -q --ignore=PIPE -e /dev/null -o - sleep 3609
    end_caller
    look "$pid"
    assert_proper
    assert_row stdout holds null
    assert_match why "$(row stdout why)" "*output is lost*"
}

@test "a pipe whose reader goes with a terminal, and one that does not" {
    on_lasting_terminal "'$DZ' -d -q -e /dev/null -o - sleep 3612 | \
sh -c 'read x; echo \$x >new; mv new pid; exec cat' &"
    look "$pid"
    assert_improper "its stdout is a pipe to * (cat), which may end with terminal pts/"
    # Of its own session: a logger.
    group=$(dz -d -q -o log sh -c 'sleep 3613 | cat')
    track "$group"
    logger() { pid=$(pgrep -P "$group" -x sleep) && pgrep -P "$group" -x cat; }
    await logger
    track $(pgrep -P "$group")
    look "$pid"
    assert_proper
    assert_row stdout holds true
    assert_match value "$(row stdout value)" '* (cat)"'
}

@test "a pipe whose reader we are not permitted to see" {
    need_root
    need setpriv
    caller setpriv --reuid=65432 --clear-groups "$DZ" -d -q -e /dev/null -o - sleep 3614
    try closed setpriv --reuid=65432 --clear-groups "$CTL" inspect --json "$pid"
    read_facts
    assert status "$status" 1
    assert verdict "${fact[verdict]}" \
        "incomplete: no fault was found, but not seen: stdout"
    assert_row stdout holds null
}

@test "a zombie has ended" {
    "$PYTHON" "$PROGRAMS/zombie.py" 3>&- 4>&- &
    parent=$!
    track "$parent"
    await is_file pid
    pid=$(cat pid)
    look "$pid"
    assert status "$status" 1
    assert verdict "${fact[verdict]}" "not a daemon: it has ended and is a zombie"
    assert zombie "${fact[zombie]}" true
    assert parent "${fact[parent]}" "$parent"
}

@test "a kernel thread is none" {
    [ "$(cat /proc/2/comm)" = kthreadd ] || lacking "needs to see kernel threads"
    look 2
    assert_improper "a kernel thread"
    assert kernel_thread "${fact[kernel_thread]}" true
}
@test "a job of nobody's, or of dash's: nobody sends it SIGHUP" {
    on_lasting_terminal '(sleep 3604 & echo $! >mine)' \
        'until [ "$(cat /proc/$(cat mine)/comm)" = sleep ]; do :; done; mv mine pid'
    look "$pid"
    assert_improper "would not kill it"
    assert_row hangup why '"in the background without a shell: it gets no SIGHUP"'
    hang_up
    alive "$pid"
    need dash
    on_lasting_terminal --shell "dash -i" 'sleep 3605 &' \
        "$TELL"
    look "$pid"
    assert_improper "would not kill it"
    assert_match why "$(row hangup why)" "*dash*does not pass*"
    hang_up
    alive "$pid"
}

@test "what we are not permitted to see is neither good nor bad" {
    need_root
    need setpriv
    pid=$(dz -d -q -o log sleep 3610)
    track "$pid"
    try closed setpriv --reuid=65432 --clear-groups "$CTL" inspect --json "$pid"
    read_facts
    assert status "$status" 1
    assert verdict "${fact[verdict]}" \
        "incomplete: no fault was found, but not seen: cwd, descriptors, LD_PRELOAD"
    assert complete "${fact[complete]}" false
    assert daemon "${fact[daemon]}" false
    assert fds "${fact[fds]}" null
    assert cwd "${fact[cwd]}" null
    assert_row descriptors holds null
    assert_row descriptors value '"not permitted to see"'
    assert session "${fact[session]}" "$(stat_field "$pid" 6)"
    try closed setpriv --reuid=65432 --clear-groups "$CTL" inspect "$pid"
    assert status "$status" 1
    assert rows "$(grep -c '^?   .*not permitted to see' <<<"$output")" 3
    # What is seen against it counts all the same: a session that it shares with
    # a leader who can be seen, wherever the suite itself runs.
    # shellcheck disable=SC2016
    beside setsid bash -c 'sleep 3611 & echo $! >sleeper; wait' </dev/null >log 2>&1 &
    track $!
    await is_file sleeper
    pid=$(<sleeper)
    track "$pid"
    try closed setpriv --reuid=65432 --clear-groups "$CTL" inspect "$pid"
    assert_match output "$output" "*not a daemon: it is in the session of *; incomplete, not seen: cwd*"
}

@test "LD_PRELOAD, umask, cwd, blocked and odd names are told whole" {
    long=$(printf 'x%.0s' {1..200})
    mkdir "$long"
    LD_PRELOAD="$TARGETS/initfirst.so" "$PYTHON" "$PROGRAMS/odd.py" "$long" "$PWD/ready" 'a "b"' $'new\nline' \
        </dev/null >log 2>&1 3>&- 4>&- &
    pid=$!
    track "$pid"
    await is_file ready
    look "$pid"
    assert preload "${fact[ld_preload]}" "$TARGETS/initfirst.so"
    assert cwd "${fact[cwd]}" "$PWD/$long"
    assert umask "${fact[umask]}" 027
    assert blocked "${fact[blocked]}" '["TERM", "RTMIN+2"]'
    assert words "${fact[last words]}" '["a \"b\"", "new\nline"]'
    assert_proper
    assert_match table "$table" "*$long"$'\n'"                 *its file system*"
    assert_match table "$table" '*a "b" new?line*'
}

@test "no such process; a thread is none" {
    (exit 0) &
    gone=$!
    wait "$gone"
    try "$CTL" inspect "$gone"
    assert status "$status" 1
    assert stderr "$stderr" "dzctl: inspect: $gone: No such process"
    assert stdout "$output" ""
    "$PYTHON" "$PROGRAMS/thread.py" 3>&- 4>&- &
    pid=$!
    track "$pid"
    await is_file ready
    # Not by their order, which is not that of numbers: 10000 is before 9999.
    thread=$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 ! -name "$pid" -printf %f)
    try "$CTL" inspect "$thread"
    assert status "$status" 1
    assert stderr "$stderr" "dzctl: inspect: $thread: No such process"
}

@test "bad words are 125, and options stand where one likes" {
    for words in "" "0" "-1" "99999999999999999999" "1 2" "--jsn 1" "-x 1" "--json=1 1"; do
        # shellcheck disable=SC2086
        try "$CTL" inspect $words
        assert "status of '$words'" "$status" 125
        assert "stdout of '$words'" "$output" ""
        assert_match "stderr of '$words'" "$stderr" "dzctl: *: *"
        assert "lines of '$words'" "$(wc -l <<<"$stderr")" 1
    done
    for words in "--json $$" "$$ --json" "--json -- $$" "--js $$"; do
        # shellcheck disable=SC2086
        try closed "$CTL" inspect $words
        get it >/dev/null
        assert_match "stdout of '$words'" "$output" "*\"pid\": $$,*"
    done
    try "$CTL" inspect --help
    assert status "$status" 0
    assert_match help "$output" "Usage: dzctl inspect*"
    try sh -c "'$CTL' inspect $$ >/dev/full"
    assert status "$status" 1
    assert_match stderr "$stderr" "dzctl: stdout: No space*"
}

@test "LD_PRELOAD that libdz.so has emptied is none" {
    closed env LD_PRELOAD="$SHIM" DZ_PIDFILE=pid DZ_OUTPUT=log sleep 3612 </dev/null
    pid=$(<pid)
    track "$pid"
    look "$pid"
    assert preload "${fact[ld_preload]}" null
    assert_row LD_PRELOAD value '"none"'
}

@test "LD_PRELOAD that is empty is none" {
    pid=$(dz -d -q -o /dev/null env LD_PRELOAD= "$SLEEP" 3613)
    track "$pid"
    await runs_program "$pid" "$SLEEP"
    look "$pid"
    assert preload "${fact[ld_preload]}" null
}

@test "a job is inspected by its name and by its pidfile; not one that has ended" {
    pid=$(dz -d -q --name=job -p pid -o log sleep 3600)
    track "$pid"
    for word in job ./pid; do
        try closed "$CTL" inspect --json "$word"
        read_facts
        assert "status of $word" "$status" 0
        assert "PID of $word" "${fact[pid]}" "$pid"
    done
    kill -KILL "$pid"
    await gone "$pid"
    for word in job ./pid; do
        try closed "$CTL" inspect "$word"
        assert "status of $word" "$status" 1
        assert stderr "$stderr" "dzctl: inspect: $word: is not running"
    done
    try closed "$CTL" inspect nobody
    assert status "$status" 1
    assert stderr "$stderr" "dzctl: inspect: nobody: no such job"
}

@test "a process whose first thread has ended is no zombie, and its facts are a thread's" {
    pid=$(dz -d -q -w exec -C . -o log "$PYTHON" "$PROGRAMS/first-thread-ends.py")
    track "$pid"
    await in_state "$pid" Z
    [ "$(stat_field "$pid" 20)" -gt 1 ]
    look "$pid"
    assert_proper
    assert zombie "${fact[zombie]}" false
    assert state "${fact[state]}" S
    assert cwd "${fact[cwd]}" "$PWD"
    refute [ "${fact[umask]}" = null ]
    assert_row stdout value "\"$PWD/log\""
    # As the leader of its session too.
    [[ $(row session value) != *ended* ]] || [ "$(stat_field "$pid" 6)" != "$pid" ]
}
