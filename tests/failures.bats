# Everything that can go wrong: the status, one line on the caller's stderr, nothing
# running, nothing left but an empty log.  In every mode.

load helpers

# Every file but logs: a log is never removed, whoever has made it.
left_behind() { find . "$HOME" ! \( -name log -size 0 \) | sort; }

# fails STATUS MESSAGE [OPTION... --] WORD...: in stay, leave and the shim's
# mode where the words are options that have twins.
fails() {
    local want=$1 message=$2 mode before
    shift 2
    before=$(left_behind)
    for mode in --mode=stay --daemon; do
        try dz "$mode" "$@" </dev/null
        assert "status of $mode $*" "$status" "$want"
        assert_match "message of $mode $*" "$stderr" "$message"
        assert "lines on stderr" "$(wc -l <<<"$stderr")" 1
        assert "output" "$output" ""
    done
    assert "files" "$(left_behind)" "$before"
}

# The same by LD_PRELOAD: shim_fails MESSAGE VARIABLE...
shim_fails() {
    local message=$1 mode before
    shift
    before=$(left_behind)
    for mode in stay leave; do
        try closed env LD_PRELOAD="$SHIM" DZ_MODE=$mode "$@" \
            "$SLEEPER" 3603 </dev/null
        assert "status of $mode $*" "$status" 125
        assert_match "message of $mode $*" "$stderr" "$message"
        assert "lines on stderr" "$(wc -l <<<"$stderr")" 1
        assert "output" "$output" ""
    done
    assert "files" "$(left_behind)" "$before"
}

# The target that is not to run: its path tells this test's from any other.
SLEEPER=$BATS_TEST_TMPDIR/sleeper
if [ -n "$BATS_TEST_TMPDIR" ]; then
    mkdir -p "$BATS_TEST_TMPDIR"
    ln -sf "$(command -v sleep)" "$SLEEPER"
fi

teardown() {
    assert_none_with "$SLEEPER 3603"
}

@test "command not found: 127" {
    fails 127 "dznohup: command: no-such-command: not found" no-such-command
    fails 127 "dznohup: command: ./no-such: No such file or directory" ./no-such
    fails 127 "dznohup: command: '': not found" ""
    PATH=/nowhere try "$DZ" sleep 1
    assert status "$status" 127
    assert stderr "$stderr" "dznohup: command: sleep: not found"
}

@test "not executable: 126" {
    echo "echo hi" >plain
    fails 126 "dznohup: command: ./plain: Permission denied" ./plain
    fails 126 "dznohup: command: /: Is a directory" /
    mkdir bin && echo >bin/plain
    PATH=$PWD/bin:$PATH fails 126 "dznohup: command: plain: Permission denied" plain
}

@test "a missing interpreter of a script or a program: 126, and it is named" {
    printf '#!/no/such/interpreter -x\n' >script
    chmod +x script
    fails 126 "dznohup: exec: $PWD/script (interpreter /no/such/interpreter): No such file or directory" ./script
    if command -v musl-gcc >/dev/null; then
        sed 's|/lib/ld-musl-x86_64.so.1|/lib/ld-nope-x86_64.so.1|' "$TARGETS/server-musl" >foreign
        chmod +x foreign
        fails 126 "dznohup: exec: $PWD/foreign (interpreter /lib/ld-nope-x86_64.so.1): No such file or directory" ./foreign
    fi
}

@test "a file without #! is run by /bin/sh, as execvp does; garbage is not" {
    echo 'echo "$0 $1"' >plain
    chmod +x plain
    run dz -q ./plain word
    assert output "$output" "$PWD/plain word"
    printf '\177ELF\2\1\1garbage' >garbage
    chmod +x garbage
    try dz -q -o log ./garbage
    [ "$status" -ne 0 ]
}

@test "the log can be created neither in the cwd nor in HOME" {
    need_root
    need setpriv
    mkdir ro
    chmod 755 . ro "$HOME"
    as() { closed setpriv --reuid=65432 --clear-groups "$@"; }
    try as sh -c "cd ro && '$DZ' -d $SLEEPER 3603 | cat; exit 0"
    assert stderr "$stderr" "dznohup: log: $HOME: Permission denied"
    try as sh -c "cd ro && unset HOME; '$DZ' -d $SLEEPER 3603 | cat; exit 0"
    assert stderr "$stderr" "dznohup: log: $PWD/ro: Permission denied"
    try as bash -c "cd ro && set -o pipefail; LD_PRELOAD='$SHIM' $SLEEPER 3603 | cat"
    assert status "$status" 125
    assert stderr "$stderr" "libdz.so: log: $HOME: Permission denied"
    chmod 777 .
    run closed "$PYTHON" "$TESTS/pty" --run setpriv --reuid=65432 --clear-groups sh -c "cd ro && '$DZ' $SLEEPER 3603"
    assert status "$status" 125
    assert_match screen "$output" "*dznohup: log: $HOME: Permission denied*"
    assert left "$(ls ro)$(ls "$HOME")" ""
}

@test "chdir target missing, not a folder, not permitted: nothing is left but the log" {
    fails 125 "dznohup: chdir: /no/such: No such file or directory" -o log -C /no/such "$SLEEPER" 3603
    fails 125 "dznohup: chdir: /etc/passwd: Not a directory" -e log -C /etc/passwd "$SLEEPER" 3603
    shim_fails "libdz.so: chdir: /no/such: No such file or directory" DZ_OUTPUT=log DZ_CHDIR=/no/such
    echo "kept" >log
    fails 125 "dznohup: chdir: *" -o log -C /no/such "$SLEEPER" 3603
    assert log "$(cat log)" kept
    run on_terminal "'$DZ' -C /no/such $SLEEPER 3603; ls; '$DZ' -d -C /no/such $SLEEPER 3603; ls"
    assert_match screen "$output" "*dznohup: chdir: /no/such: *dznohup: chdir: /no/such: *"
    [ ! -s nohup.out ]
}

@test "-o, -e, -i in a folder that is not there, a folder, on /dev/full" {
    fails 125 "dznohup: output: no: No such file or directory" -o no/log "$SLEEPER" 3603
    fails 125 "dznohup: error: no: No such file or directory" -e no/log "$SLEEPER" 3603
    fails 125 "dznohup: input: no/in: No such file or directory" -i no/in "$SLEEPER" 3603
    fails 125 "dznohup: output: $HOME: Is a directory" -o "$HOME" "$SLEEPER" 3603
    fails 125 "dznohup: output: /dev/full: No space left on device" -o /dev/full "$SLEEPER" 3603
    fails 125 "dznohup: error: /dev/full: No space left on device" -o log -e /dev/full "$SLEEPER" 3603
    shim_fails "libdz.so: output: no: No such file or directory" DZ_OUTPUT=no/log
    shim_fails "libdz.so: error: no: No such file or directory" DZ_ERROR=no/log
    shim_fails "libdz.so: input: no/in: No such file or directory" DZ_INPUT=no/in
    shim_fails "libdz.so: output: /dev/full: No space left on device" DZ_OUTPUT=/dev/full
}

@test "the default log on /dev/full" {
    ln -s /dev/full nohup.out
    ln -s /dev/full "$HOME/nohup.out"
    try bash -c "'$DZ' -d $SLEEPER 3603 | cat; exit \${PIPESTATUS[0]}"
    assert status "$status" 125
    assert stderr "$stderr" "dznohup: log: $HOME/nohup.out: No space left on device"
}

@test "a path or a log name that is too long is said, not cut" {
    long=$(printf 'x%.0s' {1..300})
    fails 125 "dznohup: output: $long: File name too long" -o "$long" "$SLEEPER" 3603
    longer=$(printf 'x/%.0s' {1..3000})
    fails 125 "dznohup: output: x/x/x/*...: File name too long" -o "$longer" "$SLEEPER" 3603
    fails 126 "dznohup: command: x/x/x/*...: File name too long" "$longer"
    HOME=/$longer run bash -c "cd '$HOME' && mkdir nohup.out && '$DZ' -d $SLEEPER 3603 | cat; exit \${PIPESTATUS[0]}"
    assert status "$status" 125
    [[ $output == "dznohup: log: /x/x/"*": File name too long" ]]
}

@test "bad umask, signal, descriptor" {
    for mask in 8 1000 999999999999 "" -1 u+x 0x7; do
        fails 125 "dznohup: --umask: *" --umask="$mask" "$SLEEPER" 3603
        shim_fails "libdz.so: DZ_UMASK: *" DZ_UMASK="$mask"
    done
    for signals in FOO SIG 0 65 -1 "HUP," ",HUP" "" RTMIN-1 RTMIN+31 RTMAX-31 hup 1x KILL TERM,SIGSTOP 9; do
        fails 125 "dznohup: --ignore: *" --ignore="$signals" "$SLEEPER" 3603
        shim_fails "libdz.so: DZ_IGNORE: *" DZ_IGNORE="$signals"
    done
    for fds in x "" "3," ",3" 2 -1 99999999999 3-5; do
        fails 125 "dznohup: --keep-fd: *" --keep-fd="$fds" "$SLEEPER" 3603
        shim_fails "libdz.so: DZ_KEEP_FD: *" DZ_KEEP_FD="$fds"
    done
    fails 125 "dznohup: keep-fd: 77: Bad file descriptor" --keep-fd=77 "$SLEEPER" 3603
    shim_fails "libdz.so: keep-fd: 77: Bad file descriptor" DZ_KEEP_FD=77
}

@test "unknown and misplaced variables" {
    DZ_NO_SUCH=1 fails 125 "dznohup: environment: DZ_NO_SUCH: unknown variable; see dznohup --help=all" "$SLEEPER" 3603
    DZ_MODE=never fails 125 "dznohup: DZ_MODE: never: must be stay or leave" "$SLEEPER" 3603
    DZ_QUIET=yes fails 125 "dznohup: DZ_QUIET: yes: must be 0 or 1" "$SLEEPER" 3603
    fails 125 "dznohup: options: -é: unknown option; see dznohup --help" -é true
    shim_fails "libdz.so: DZ_ONLY: empty" DZ_ONLY=
    DZ_IGNORE=INT run dz --ignore=USR1 sh -c 'grep SigIgn /proc/$$/status'
    [[ $output == *0000000000300201 ]]
    DZ_OUTPUT='' fails 125 "dznohup: DZ_OUTPUT: empty" "$SLEEPER" 3603
    shim_fails "libdz.so: environment: DZ_NO_SUCH: unknown variable; see dznohup --help=all" DZ_NO_SUCH=1
    shim_fails "libdz.so: environment: DZ_DRY_RUN: only dznohup uses this variable" DZ_DRY_RUN=1
    shim_fails "libdz.so: environment: DZ_RESUME: unknown variable; see dznohup --help=all" DZ_RESUME=1
    shim_fails "libdz.so: environment: DZ_RESUME: unknown variable; see dznohup --help=all" DZ_RESUME=77
    run closed env LD_PRELOAD="$SHIM" DZ_MODE=never "$SLEEPER" 3603
    assert status "$status" 125
    assert output "$output" "libdz.so: DZ_MODE: never: must be stay or leave"
    # The command line beats the environment, and help needs none of it.
    DZ_MODE=leave run dz --mode=stay sh -c 'echo $$'
    assert status "$status" 0
    DZ_NO_SUCH=1 run dz --help
    assert status "$status" 0
}

@test "unknown option, missing argument, no command" {
    fails 125 "dznohup: options: --no-such: unknown option; see dznohup --help" --no-such "$SLEEPER" 3603
    fails 125 "dznohup: options: -Z: unknown option; see dznohup --help" -Z "$SLEEPER" 3603
    fails 125 "dznohup: options: --quiet=1: takes no argument" --quiet=1 "$SLEEPER" 3603
    # A byte that is no character, as the last one of its word.
    fails 125 "dznohup: options: -q"$'\xff'": unknown option; see dznohup --help" -q$'\xff' "$SLEEPER" 3603
    fails 125 "dznohup: -o: needs an argument; see dznohup --help" -o
    fails 125 "dznohup: --output: needs an argument; see dznohup --help" --output
    fails 125 "dznohup: command: missing; see dznohup --help"
    fails 125 "dznohup: command: missing; see dznohup --help" --
    # The command's own options are not ours.
    run dz -q -o log sh -c 'echo "$@"' sh -d -o --help
    assert log "$(cat log)" "-d -o --help"
}

@test "fork refused: the first, and the second" {
    need_root
    need setpriv
    need strace
    chmod 777 . "$HOME"
    try closed setpriv --reuid="$(lonely_user)" --clear-groups \
        bash -c "ulimit -u 0; exec '$DZ' -d -o log $SLEEPER 3603"
    assert status "$status" 125
    assert stderr "$stderr" "dznohup: fork: Resource temporarily unavailable"
    try closed setpriv --reuid="$(lonely_user)" --clear-groups \
        bash -c "ulimit -u 0; export LD_PRELOAD='$SHIM' DZ_OUTPUT=log; exec $SLEEPER 3603"
    assert status "$status" 125
    assert stderr "$stderr" "libdz.so: fork: Resource temporarily unavailable"
    # The process that has no child yet is the caller; let only its child fail.
    try closed setpriv --reuid="$(lonely_user)" --clear-groups \
        bash -c "ulimit -u 2; exec '$DZ' -d -v -o log $SLEEPER 3603"
    assert status "$status" 125
    assert_match stderr "$stderr" "*dznohup: fork *dznohup: setsid *dznohup: fork: Resource temporarily unavailable"
    [ ! -s log ]
}

@test "a failure after the forks reaches the caller, with nothing left" {
    need strace
    for call in setsid chdir dup2 rt_sigprocmask; do
        try within strace -f -qq -o trace -e trace=$call \
            -e inject=$call:error=EIO "$DZ" -d -o log "$SLEEPER" 3603
        grep -q INJECTED trace
        assert "status of $call" "$status" 125
        assert_match "$call" "$stderr" "dznohup: *: Input/output error"
        assert lines "$(wc -l <<<"$stderr")" 1
        [ ! -s log ]
        assert_none_with "$SLEEPER 3603"
    done
}

@test "a child that is killed before it could report is a failure" {
    need strace
    for call in setsid chdir; do
        try within strace -f -qq -o trace -e trace=$call \
            -e inject=$call:signal=KILL "$DZ" -d -o log "$SLEEPER" 3603
        [ "$status" -ne 0 ]
        assert_match "$call" "$stderr" "dznohup: *killed*"
        assert_none_with "$SLEEPER 3603"
    done
}

@test "a target that fails at once: its status, and how long it lived" {
    try dz -d -w alive:9 -o log sh -c 'exit 3'
    assert status "$status" 3
    assert_match stderr "$stderr" "dznohup: start: sh: exited with status 3 after * ms"
    try dz -d -w alive:9 -o log sh -c 'kill -SEGV $$'
    assert status "$status" 139
    assert_match stderr "$stderr" "dznohup: start: sh: killed by SIGSEGV after * ms"
    try dz -d -o log true
    assert status "$status" 0
}

@test "in stay mode a failing exec is told on the caller's stderr" {
    printf '#!/no/such\n' >script
    chmod +x script
    run on_terminal "'$DZ' -q ./script & wait \$!; echo status \$?"
    [[ $output == *"status 126"* ]]
    [[ $output == *"dznohup: exec: $PWD/script (interpreter /no/such): No such file or directory"* ]]
    [ ! -s nohup.out ] # a log is never removed
}

@test "a relative argument is warned of once" {
    echo >app.conf
    try dz -d -o log true app.conf ./app.conf
    assert stderr "$stderr" "dznohup: warning: app.conf is a relative path, but the program will run in /; use -C . to run it here"
    try dz -d -o log true --conf=app.conf
    assert_match stderr "$stderr" "*warning: app.conf is a relative path*"
    for quiet in -q -C.; do
        try dz -d -o log $quiet true app.conf
        assert stderr "$stderr" ""
    done
    try dz -d -o log true "$PWD/app.conf" -v no-such
    assert stderr "$stderr" ""
}

@test "RLIMIT_FSIZE is an error of ours, not a signal: no record is said, no pidfile is refused" {
    # Its words go through pipes: no file can be written to.
    output=$(closed bash -c 'ulimit -f 0; exec "$@"' limited "$DZ" -d -w exec -o /dev/null \
        "$SLEEPER" 3604 2> >(cat >said))
    pid=$output
    track "$pid"
    await holds_line said "dznohup: note: $DZ_STATE_DIR/$pid: File too large; the job has no record"
    assert_signals "$pid"
    kill -KILL "$pid"
    for words in "$DZ -o log -p pid" "$DZ -d -o log -p pid" \
        "env LD_PRELOAD=$SHIM DZ_OUTPUT=log DZ_PIDFILE=pid"; do
        # shellcheck disable=SC2086
        run closed bash -c 'ulimit -f 0; exec "$@"' limited $words "$SLEEPER" 3603
        assert "status of $words" "$status" 125
        assert_match "$words" "$output" "*: pidfile: pid: File too large"
        assert "files of $words" "$(find . -name 'log' -o -name '*pid*')" ""
    done
    run closed bash -c 'ulimit -f 0; exec "$@"' limited "$DZ" -q -o /dev/null true
    assert "status without a file to write" "$status" 0
}

@test "a stderr that has no reader ends no start" {
    echo 999999999 >pid # stale, which is said
    beside "$PYTHON" "$PROGRAMS/no-reader.py" "$DZ" -p pid -o log "$SLEEPER" 3604 &
    pid=$!
    await runs_program "$pid" "$SLEEP"
    track "$pid"
    assert pidfile "$(cat pid)" "$pid"
    assert_signals "$pid"
    stops_on_term "$pid"
    # The library says what it replaces, too.
    echo 999999999 >pid
    beside "$PYTHON" "$PROGRAMS/no-reader.py" /usr/bin/env LD_PRELOAD="$SHIM" DZ_MODE=stay DZ_PIDFILE=pid \
        DZ_OUTPUT=log "$SLEEPER" 3604 &
    pid=$!
    await holds_line pid "$pid"
    track "$pid"
    await alive "$pid"
    assert_signals "$pid"
    kill -KILL "$pid"
}

has_ignored() { [ "$(status_field "$1" SigIgn)" = "$2" ]; }
@test "--ignore has PIPE and XFSZ ignored in the program" {
    for mode in stay leave shim-stay shim-leave; do
        rm -f pid
        start $mode --ignore=PIPE,XFSZ --output=log --pidfile=pid -- "$SLEEPER" 3604
        # The library's steps may not be over.
        await has_ignored "$pid" 0000000001301001
        kill_started
    done
}

@test "a record that a full disk has no room for is said" {
    need_root
    need unshare
    # shellcheck disable=SC2016
    closed unshare --mount bash -c '
        mkdir -p "$DZ_STATE_DIR"
        mount -t tmpfs -o size=16k,mode=700 full "$DZ_STATE_DIR"
        head -c 100k /dev/zero >"$DZ_STATE_DIR/.fill" 2>/dev/null
        "$1" -d -w exec -o log "$2" 3604 >made 2>said' full "$DZ" "$SLEEPER"
    pid=$(cat made)
    track "$pid"
    assert said "$(cat said)" \
        "dznohup: note: $DZ_STATE_DIR/$pid: No space left on device; the job has no record"
    kill -KILL "$pid"
}

@test "the log of a failed start is shown without control characters, U+0080 to U+009F too" {
    try dz -d -q -o log sh -c 'printf "a\302\2332Jb\233c\033[2Jd\303\251\n"; exit 3'
    assert status "$status" 3
    assert_match stderr "$stderr" "*  a\\?\\?2Jb\\?c\\?\[2Jdé*"
}

@test "a message that is cut says so, and is not cut within a character" {
    long=$(printf 'é%.0s' {1..2100})
    try dz -d -o log "/$long"
    assert status "$status" 126
    assert "valid UTF-8" "$(iconv -f UTF-8 -t UTF-8 <<<"$stderr" | wc -c)" "$(wc -c <<<"$stderr")"
    assert_match stderr "$stderr" "*é...*"
}

# The target may end before the first child, which has forked it, has ended.
@test "300 programs that end at once are good starts" {
    many() {
        for _ in {1..300}; do
            dz -d -q -o /dev/null true >/dev/null || return
        done
    }
    untraced many
}

@test "a target that ends while the first child is still about to end is a good start" {
    need strace
    # The first child goes on 0.1 s after its fork.
    try closed strace -f -qq -o strace -e trace=clone -e inject=clone:delay_exit=100000 \
        env LD_PRELOAD="$SHIM" DZ_OUTPUT=log true
    delayed strace
    assert "status ($stderr)" "$status" 0
}
