#!/usr/bin/env bats
# --adopt: each call that is made in the program fails once, by a filter of its own.  All
# that was done before is undone.

load helpers
load adopting

# The numbers of x86-64.  A static program, since a dynamic one needs close(2) to work.
ACCT=163 CLOSE=3 DUP3=292 FCHDIR=81 FCNTL=72 KILL=62 OPENAT=257 SETPGID=109 SETSID=112
SIGACTION=13 SIGPROCMASK=14 UMASK=95
DUPFD=1030 NULL_FLAGS=0x80002 LOG_FLAGS=0x80501 DOT_FLAGS=0x280000 DIRECTORY_FLAGS=0x290000

prepare() {
    [ "$(uname -m)" = x86_64 ] || skip "--adopt is for x86-64"
    mkdir theirs there
    as_user=()
    # A filter of the program's own sleeps for root, so it is all another user's.
    if [ "$(id -u)" = 0 ]; then
        as_user=(setpriv --reuid=65432 --clear-groups)
        chown 65432 theirs
    fi
}

# with_fault CALL...: a victim whose call fails so.  Sets pid.
with_fault() {
    on_terminal_job "${as_user[@]}" "$PYTHON" "$PROGRAMS/filtered.py" "$@" -- "$ADOPTEE-static" count
    await runs_program "$pid" "$ADOPTEE-static"
    await is_file "$screen"
    rm -f theirs/log
}
# As many filters as the victim has: then they may be a container's, and it is not refused.
adopt() {
    try closed env HOME="$PWD/theirs" DZ_STATE_DIR="$PWD/theirs/state" "${as_user[@]}" \
        "$PYTHON" "$PROGRAMS/filtered.py" 1 "$ACCT" -- "$DZ" --adopt="$pid" -o theirs/log "$@"
}
# goes_on: it writes its lines, none is lost.
goes_on() {
    local lines
    lines=$(line_count)
    await more_lines "$lines"
    kill -STOP "$pid"
    await in_state "$pid" T
    hang_up # all that was written is on the screen
    { tr -d '\r' <"$screen"; cat theirs/log 2>/dev/null; } >all
    kill -KILL "$pid" 2>/dev/null || gone "$pid" # which the terminal's end may have done
    in_order all
}
line_count() { cat "$screen" theirs/log 2>/dev/null | wc -l; }
more_lines() { [ "$(line_count)" -gt $(($1 + 2)) ]; }

# undone STEP WORD...: with that call failing the adoption fails in that step, and leaves
# nothing behind.
undone() {
    local step=$1 before
    with_fault 12 "${@:2}"
    before=$(facts_of "$pid")
    adopt -C there -u 027 -p theirs/pidfile
    assert "status of ${*:2}" "$status" 125
    assert_match "stderr of ${*:2}" "$stderr" "dznohup: $step: *: Cannot allocate memory"
    assert "facts after ${*:2}" "$(facts_of "$pid")" "$before"
    assert "cwd after ${*:2}" "$(cwd_of "$pid")" "$PWD"
    refute test -e theirs/pidfile
    assert "records after ${*:2}" "$(find theirs/state -type f)" ""
    goes_on
}

@test "adopt: each call in the program that opens or copies fails once, and all is as before" {
    prepare
    undone streams "$OPENAT" 2="$NULL_FLAGS"
    undone output "$OPENAT" 2="$LOG_FLAGS"
    undone chdir "$OPENAT" 2="$DOT_FLAGS"
    undone chdir "$OPENAT" 2="$DIRECTORY_FLAGS"
    for fd in 0 1 2; do undone streams "$FCNTL" 0=$fd 1="$DUPFD"; done
}

@test "adopt: each call in the program that changes something fails once, and all is as before" {
    prepare
    for signal in 1 21 22; do undone signals "$SIGACTION" 0=$signal; done
    for fd in 0 1 2; do undone streams "$DUP3" 1=$fd; done
    undone umask "$UMASK" 0=23
    undone chdir "$FCHDIR"
    undone setsid "$SETPGID" 1!=0
    undone setsid "$SETSID"
}

@test "adopt: a stopped program that cannot continue itself is adopted, and that is said" {
    prepare
    with_fault 12 "$KILL" 1=18
    kill -STOP "$pid"
    await in_state "$pid" T
    adopt
    assert status "$status" 0
    assert_match stderr "$stderr" "*; it is still stopped; continue it with kill -CONT"
    await in_state "$pid" T
    kill -CONT "$pid"
    goes_on
}

@test "adopt: calls in the program whose failure does not matter: close, the signal mask" {
    prepare
    for words in "$CLOSE" "$SIGPROCMASK 0=2"; do
        # shellcheck disable=SC2086
        with_fault 12 $words
        adopt
        assert "status of $words" "$status" 0
        assert "SigBlk of $words" "$(status_field "$pid" SigBlk)" 0000000000000000
        assert "0 after $words" "$(fd_of "$pid" 0)" /dev/null
        for fd in 1 2; do assert "$fd after $words" "$(fd_of "$pid" $fd)" "$PWD/theirs/log"; done
        goes_on
    done
}
