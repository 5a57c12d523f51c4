# Started from a hostile place.

load helpers

@test "inherited: signals ignored and blocked, umask 027" {
    umask 027
    for mode in "" "-d"; do
        # shellcheck disable=SC2086
        "$TARGETS/hostile" "$DZ" -q $mode -o log sh -c \
            'echo $$ >'"$PWD/pid; umask >$PWD/mask; exec sleep 3600" </dev/null 3>&- 4>&- &
        await is_file pid
        pid=$(cat pid)
        track "$pid"
        await runs_program "$pid" "$SLEEP"
        assert_signals "$pid"
        assert umask "$(cat mask)" 0027
        rm pid
    done
}

@test "with SIGCHLD inherited as ignored a failure is still seen" {
    try closed "$TARGETS/hostile" "$DZ" -d -o log sh -c 'exit 3'
    assert status "$status" 3
    try closed env LD_PRELOAD="$SHIM" DZ_ONLY=sh DZ_OUTPUT=log "$TARGETS/hostile" sh -c 'exit 3'
    assert status "$status" 3
}

@test "inherited by a preloaded program: the same" {
    LD_PRELOAD=$SHIM DZ_ONLY=sleep DZ_OUTPUT=log DZ_PIDFILE=pid closed "$TARGETS/hostile" sleep 3600
    pid=$(<pid)
    track "$pid"
    assert stdout "$(fd_of "$pid" 1)" "$PWD/log"
    assert_daemon "$pid" leave
}

@test "leader of the terminal's session, which closes as the launcher returns: 300 times" {
    run closed "$PYTHON" "$PROGRAMS/hangups.py" "$DZ" "$SHIM"
    assert_match output "$output" "*lost: 0"
}

@test "under script(1), in every mode" {
    need script
    for words in "'$DZ' -d -q" "'$DZ' -q --mode=leave" "env LD_PRELOAD='$SHIM'"; do
        rm -f pid
        closed script -qec "$words sh -c 'echo \$\$ >$PWD/pid; exec sleep 3600'" /dev/null </dev/null >/dev/null
        await is_file pid
        pid=$(cat pid)
        track "$pid"
        assert_daemon "$pid" leave
        kill -KILL "$pid"
    done
}

@test "a cwd that is gone" {
    mkdir gone
    cd gone
    rmdir "$PWD"
    try bash -c "'$DZ' -d -q sh -c 'echo words' | cat"
    await holds_line "$HOME/nohup.out" words
}

@test "an empty environment, and no PATH" {
    try closed env -i "$DZ" -d -q -o log sleep 0
    assert status "$status" 0
    # Its record is where an empty environment has it: nowhere, but for root.
    [ "$(id -u)" != 0 ] || env -i "$CTL" clear "$output"
}

@test "1000 words and a large environment" {
    # shellcheck disable=SC2046
    BIG=$(printf 'x%.0s' {1..100000}) dz -d -q -o log sh -c 'echo $# ${#BIG}' sh $(seq 1000)
    await holds_line log "1000 100000"
    rm log
    # shellcheck disable=SC2046
    BIG=$(printf 'x%.0s' {1..100000}) LD_PRELOAD=$SHIM DZ_OUTPUT=log closed \
        sh -c 'echo $# ${#BIG}' sh $(seq 1000)
    await holds_line log "1000 100000"
}

# Run the launcher with one system call answered by ENOSYS, or by ERROR; its status is the
# launcher's.  The trace tells afterwards whether there was such a call.
without() {
    local call=$1
    shift
    within strace -f -qq -o trace -e trace="$call" \
        -e inject="$call":error="${ERROR:-ENOSYS}" "$@"
}

@test "without statx(2) streams are told apart all the same" {
    need strace
    without statx "$DZ" -d -q -C . sh -c 'links=$(readlink /proc/$$/fd/[012]); echo "$links" >fds' </dev/null 2>&1 | cat
    grep -q INJECTED trace
    await holds fds nohup.out
    assert descriptors "$(cat fds)" "/dev/null"$'\n'"$PWD/nohup.out"$'\n'"$PWD/nohup.out"
    # Files are kept.
    : >in
    without statx "$DZ" -d -q -C . sh -c 'links=$(readlink /proc/$$/fd/[012]); echo "$links" >fds.too' <in >out 2>err
    grep -q INJECTED trace
    await is_file fds.too
    assert descriptors "$(cat fds.too)" "$PWD/in"$'\n'"$PWD/out"$'\n'"$PWD/err"
}

@test "without statx(2) it is known what a run has written, and that a file was written again" {
    need strace
    echo "of the run before" >log
    try without statx "$DZ" -d -o log -w alive:25 sh -c 'echo of this run; exit 3'
    grep -q INJECTED trace
    assert status "$status" 3
    assert_match stderr "$stderr" "*of this run*"
    refute grep -q "of the run before" <<<"$stderr"
    : >ready
    touch -d @1000000000 ready
    try without statx "$DZ" -d -q -o /dev/null -C . -w path:ready sh -c 'touch -d @2000000000 ready; sleep 1'
    grep -q INJECTED trace
    assert status "$status" 0
}

@test "without pidfd_open(2) an early death is seen" {
    need strace
    try without pidfd_open "$DZ" -d -o log -w alive:25 sh -c 'sleep 0.05; exit 3'
    grep -q INJECTED trace
    assert status "$status" 3
    assert stderr "${stderr% after*}" "dznohup: start: sh: exited with status 3"
}

@test "a slow exec does not use up the time in which a death is seen" {
    need strace
    for time in 1 5 19; do
        within strace -f -qq -o trace -e trace=chdir,execve -e inject=execve:delay_enter=$((time * 1500000)):when=1 \
            "$DZ" -d -w alive:$time -o log sh -c 'exit 3' 2>err || true
        ! holds err "exited with status 3" || break
    done
    holds err "exited with status 3"
}

@test "a job whose parent has died keeps its PID" {
    closed "$PYTHON" "$PROGRAMS/orphan.py" "$DZ"
    await is_file pids
    read -r was is <pids
    track "$is"
    assert PID "$is" "$was"
    assert_own_session "$is" stay
}

@test "a filter of an old container engine, which answers EPERM: the command is found" {
    need strace
    ERROR=EPERM try without faccessat2 "$DZ" -n -o log sleep 1
    grep -q INJECTED trace
    assert status "$status" 0
    assert_match "output: $stderr" "$output" "*command   */sleep*"
    refute grep -q refused <<<"$output"
    ERROR=EPERM try without faccessat2 "$DZ" -q -o log sh -c 'echo words'
    grep -q INJECTED trace
    assert status "$status" 0
    assert stderr "$stderr" ""
    await holds_line log words
}
