# --keep-session: nothing changes that no option names, not even the session.

load helpers
load powers

# Run from a caller that is odd in each way: signals ignored and blocked, a descriptor
# open, standard input closed.
oddly() {
    "$PYTHON" -c 'import os, signal, sys
for number in (signal.SIGUSR1, signal.SIGTTIN, signal.SIGCHLD):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGHUP])
os.close(0)
os.dup2(os.open(".", os.O_RDONLY), 7)
os.set_inheritable(7, True)
os.umask(0o26)
os.execvp(sys.argv[1], sys.argv[1:])' "$@" 3>&- 4>&-
}

@test "session, group, streams, descriptors, signals, directory: all as the caller has them" {
    state=("$PYTHON" "$PROGRAMS/state-of.py")
    unset DZ_STATE_DIR
    bare=$(oddly "${state[@]}" 2>err | sed 's/pipe:.*/pipe/')
    assert_match "what the caller has" "$bare" "*umask 0o26*SigBlk:*801*1 pipe*7 $PWD*"
    for words in "$DZ --keep-session" "$DZ --shim=$SHIM --keep-session --buffer=full" \
        "env DZ_KEEP_SESSION=1 $DZ" "env LD_PRELOAD=$SHIM DZ_KEEP_SESSION=1" \
        "env LD_PRELOAD=$SHIM DZ_KEEP_SESSION=1 DZ_MODE=stay DZ_BUFFER=full"; do
        # shellcheck disable=SC2086
        kept=$(oddly $words "${state[@]}" 2>err | sed 's/pipe:.*/pipe/')
        assert "$words" "$kept" "$bare"
        assert "stderr of $words" "$(<err)" ""
    done
}

@test "a terminal stays the program's, in the foreground, with its keyboard" {
    run on_terminal "'$DZ' --keep-session sh -c 'test -t 0 && test -t 1 && echo on it; kill -INT 0; echo not reached'" \
        'echo status $?; ls'
    [[ $output == *"on it"*"status 130"* ]]
    [[ $output != *$'\n'"not reached"* && $output != *nohup.out* && $output != *dznohup:* ]]
}

# What is ignored, by a file of state-of.py, but what this test was started with.
ignored() {
    local before
    before=0x$(sed -n 's/^SigIgn:\t//p' /proc/$$/status)
    printf '0x%x\n' $(($(sed -n 's/^SigIgn //p' "$1") & ~before))
}

@test "options that are named act; a pinned signal is ignored from the start" {
    mkdir there
    try closed "$DZ" --keep-session -C there -u 027 -o out -e err --ignore=USR2 "$PYTHON" "$PROGRAMS/state-of.py"
    assert status "$status" 0
    assert directory "$(sed -n 's/^directory //p' out)" "$PWD/there"
    assert umask "$(sed -n 's/^umask //p' out)" 0o27
    assert "SigIgn" "$(ignored out)" 0x800
    assert "stdout and stderr" "$(sed -n 's/^[12] //p' out)" "$PWD/out"$'\n'"$PWD/err"
    for pin in default seccomp; do
        rm out
        try power --keep-session --pin-signals=$pin -o out "$PYTHON" "$PROGRAMS/state-of.py"
        assert "SigIgn, $pin" "$(ignored out)" 0x300001
    done
}

@test "its log is live; what nohup has set stays" {
    for before in "" nohup; do
        rm -f out err
        # shellcheck disable=SC2086
        try closed $before "$DZ" --shim="$SHIM" --keep-session --line-buffered -o out -e err \
            "$TARGETS/prints" </dev/null
        assert "status, $before" "$status" 0
        assert "sizes, $before" "$(sed -n 's/^\(start\|line\|part\|end\) //p' err | tr '\n' ' ')" "0 5 5 10 "
    done
    try closed nohup "$DZ" --shim="$SHIM" --keep-session --line-buffered "$PYTHON" "$PROGRAMS/state-of.py" </dev/null
    echo "$output" >seen
    assert SigIgn "$(ignored seen)" 0x1
}

@test "timeout, and an engine that signals the group, end the program and what it started" {
    # shellcheck disable=SC2016
    program='echo $$ >pid; "$0" 3600 & echo $! >child; wait'
    keep=("$DZ" --shim="$SHIM" --keep-session --line-buffered sh -c "$program" "$SLEEP")
    both_run() {
        await is_file child
        track "$(<pid)" "$(<child)"
        await runs_program "$(<child)" "$SLEEP"
    }
    beside timeout 3000 "${keep[@]}" </dev/null &
    of_timeout=$!
    both_run
    kill -TERM $of_timeout
    await gone "$(<pid)"
    await gone "$(<child)"
    rm pid child
    # As supervisord's stopasgroup and Slurm's pgid.
    beside setsid "${keep[@]}" </dev/null &
    both_run
    kill -TERM -- "-$(stat_field "$(<child)" 5)"
    await gone "$(<pid)"
    await gone "$(<child)"
}

@test "stop ends the program and its descendants, and nobody else in that session" {
    # The leader of the session ends, as a login shell does; a stranger stays in it.
    cat >session.sh <<'SH'
"$SLEEP" 3600 & echo $! >stranger
"$DZ" --keep-session --name=kept sh -c 'trap "" TERM; (trap "" TERM; "$SLEEP" 3600 & echo $! >deep; wait) & "$SLEEP" 3600 & echo $! >child; wait' &
echo $! >job
SH
    DZ=$DZ SLEEP=$SLEEP closed setsid sh session.sh </dev/null
    for file in job child deep stranger; do
        await is_file $file
        track "$(<$file)"
    done
    await runs_program "$(<child)" "$SLEEP"
    await runs_program "$(<deep)" "$SLEEP"
    await gone "$(stat_field "$(<job)" 6)"
    assert "session in the record" "$(recorded kept session)" 0
    try closed "$CTL" list --json
    assert "session in JSON" "$(get 'it[0]["session"]' 'it[0]["options"]["keep-session"]')" $'null\ntrue'
    try closed "$CTL" restart kept
    assert "status of restart" "$status" 1
    assert_match restart "$stderr" "dzctl: restart: kept: it belongs in the session of its caller*"
    try closed "$CTL" unit kept
    assert "directory of the unit" "$(sed -n 's/^WorkingDirectory=//p' <<<"$output")" "$PWD"
    try closed "$CTL" stop -t 0.1 kept
    assert "status of stop ($stderr)" "$status" 0
    for file in job child deep; do
        gone "$(<$file)" || fail "$file runs"
    done
    alive "$(<stranger)" || fail "the stranger was ended"
}

@test "a session leader keeps what was in its session before it" {
    # shellcheck disable=SC2016
    beside setsid sh -c '"$1" 3600 & echo $! >older; exec "$0" --keep-session --name=leads "$1" 3601' "$DZ" "$SLEEP" </dev/null &
    await is_file "$DZ_STATE_DIR/leads"
    job=$(recorded leads pid)
    track "$job" "$(<older)"
    assert session "$(recorded leads session)" "$job"
    try closed "$CTL" stop leads
    assert status "$status" 0
    gone "$job"
    alive "$(<older)" || fail "the older one was ended"
}

@test "what excludes it: -d, the keeper, --adopt, --nohup" {
    refused() {
        local expected=$1
        shift
        try closed "$@" sh -c 'echo ran >ran'
        assert "status of $*" "$status" 125
        assert_match "$*" "$stderr" "$expected"
        [ ! -e ran ] || fail "$*: it ran"
    }
    refused "dznohup: keep-session: only in stay mode*" "$DZ" -d --keep-session
    refused "dznohup: keep-session: only in stay mode*" env DZ_KEEP_SESSION=1 "$DZ" --mode=leave
    refused "libdz.so: keep-session: only in stay mode*" env LD_PRELOAD="$SHIM" DZ_KEEP_SESSION=1 DZ_MODE=leave
    for option in --keep --restart --rotate=1M --timestamps; do
        refused "dznohup: keep-session: cannot be combined with --keep*" "$DZ" --keep-session $option -o log
    done
    refused "dznohup: --nohup: cannot be combined*" "$DZ" --nohup --keep-session
    try closed "$DZ" --keep-session --adopt=$$
    assert "status of --adopt" "$status" 125
    assert_match "--adopt" "$stderr" "dznohup: adopt: *--keep-session has no meaning"
    try closed env DZ_MODE=leave "$DZ" --keep-session --mode=stay true
    assert "the command line wins" "$status" 0
}

@test "-n and -v tell of it" {
    said() { sed -n "s/^$1  *//p" <<<"$output"; }
    : >file
    try power -n --keep-session --line-buffered --ignore=INT cat file
    assert status "$status" 0
    assert mode "$(said mode)" "stay: this PID, in the caller's session"
    assert signals "$(said signals)" "INT ignored; all others unchanged"
    assert descriptors "$(said keep-fd)" "all descriptors"
    assert chdir "$(said chdir)" .
    assert "warning" "$(said warning)" ""
    try power -n --keep-session cat file
    assert "signals unchanged" "$(said signals)" unchanged
    try closed "$DZ" -v --keep-session cat file
    assert "lines of setsid" "$(grep -c setsid <<<"$stderr")" 0
    assert "groups" "$(sed -n 's/.*\(pgid [0-9]* sid [0-9]*\).*/\1/p' <<<"$stderr" | sort -u)" \
        "pgid $(stat_field $$ 5) sid $(stat_field $$ 6)"
}
