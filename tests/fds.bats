# Descriptors from 3, and what a launch costs in system calls.

load helpers

@test "200 inherited descriptors are closed, in every mode" {
    cat >many.sh <<'END'
for i in {1..200}; do exec {fd}</dev/null; done
"$@" sh -c 'echo $$ >pid; exec sleep 3600' </dev/null >out 2>&1
END
    for mode in "$DZ -C ." "$DZ -d -C ." "env LD_PRELOAD=$SHIM DZ_CHDIR=."; do
        rm -f pid
        # shellcheck disable=SC2086
        beside bash many.sh $mode &
        await is_file pid
        pid=$(cat pid)
        track "$pid"
        await runs_program "$pid" "$SLEEP"
        assert "descriptors ($mode)" "$(fds_of "$pid")" "0 1 2"
        kill -KILL "$pid"
    done
}

@test "a number that only our own log has is not kept, nor taken for open" {
    need g++
    # 3 and 4 are free, so the log will be one of them.
    LD_PRELOAD=$SHIM DZ_OUTPUT=log closed "$TARGETS/statics" /dev/fd/3 /dev/fd/4 /dev/fd/5
    await holds log "main in"
    pid=$(for pid in $(pgrep -x statics); do
        [ "$(fd_of "$pid" 1)" != "$PWD/log" ] || echo "$pid"
    done)
    track "$pid"
    assert descriptors "$(fds_of "$pid")" "0 1 2"
    for mode in stay leave; do
        try closed env DZ_KEEP_FD=3 "$DZ" --mode=$mode -o log true
        assert status "$status" 125
        assert stderr "$stderr" "dznohup: keep-fd: 3: Bad file descriptor"
    done
}

@test "--keep-fd keeps these alone" {
    pid=$(exec 5</dev/null 6</dev/null 7</dev/zero && dz -d -q --keep-fd=7,5 sleep 3600)
    track "$pid"
    assert descriptors "$(fds_of "$pid")" "0 1 2 5 7"
    assert 7 "$(fd_of "$pid" 7)" /dev/zero
    DZ_KEEP_FD=6 LD_PRELOAD=$SHIM closed sh -c 'echo $$ >/proc/self/fd/6; exec sleep 3600' 6>pid >/dev/null
    pid=$(cat pid)
    track "$pid"
    assert descriptors "$(fds_of "$pid")" "0 1 2 6"
}

@test "a process substitution as an argument is kept" {
    dz -d -q -o out cat <(echo one) <(echo two)
    await holds_line out two
    holds_line out one
    rm out
    dz -q -o out sh -c 'cat "${1#--file=}"' sh --file=<(echo three) 2>/dev/null
    holds_line out three
    LD_PRELOAD=$SHIM DZ_OUTPUT=out2 closed cat <(echo four)
    await holds_line out2 four
}

@test "LISTEN_FDS: kept, and LISTEN_PID is the new PID" {
    show='env | grep ^LISTEN_ >LISTEN; echo $$ >pid; exec sleep 3600'
    for mode in "$DZ -C ." "$DZ -d -C ." "env LD_PRELOAD=$SHIM DZ_CHDIR=."; do
        rm -f pid
        # shellcheck disable=SC2086
        beside "$PYTHON" "$PROGRAMS/listen-fds.py" $mode sh -c "$show" </dev/null >out 2>&1 &
        await is_file pid
        pid=$(cat pid)
        track "$pid"
        await runs_program "$pid" "$SLEEP"
        assert "LISTEN ($mode)" "$(sort LISTEN)" "LISTEN_FDS=2"$'\n'"LISTEN_PID=$pid"
        assert "descriptors ($mode)" "$(fds_of "$pid")" "0 1 2 3 4"
        kill -KILL "$pid"
    done
}

@test "LISTEN_FDS meant for another process are closed like any" {
    pid=$(LISTEN_PID=1 LISTEN_FDS=1 && export LISTEN_PID LISTEN_FDS && exec 3</dev/zero &&
        "$DZ" -d -q sleep 3600)
    track "$pid"
    assert descriptors "$(fds_of "$pid")" "0 1 2"
}

@test "without close_range(2) one walk of /proc/self/fd does it" {
    need strace
    (exec 5</dev/null 6</dev/null 1000</dev/null &&
        strace -f -qq -o trace -e trace=close_range -e inject=close_range:error=ENOSYS \
            "$DZ" -d -q -C . --keep-fd=6 sh -c 'for fd in 0 1 2 3 4 5 6 7 999 1000; do
                [ ! -e /proc/$$/fd/$fd ] || printf "$fd "; done >fds' 3>&-)
    grep -q INJECTED trace
    assert descriptors "$(cat fds)" "0 1 2 6 "
}

# How many system calls a launch makes, of all its processes, up to the target.
count() {
    local limit=$1 open=$2 mode=$3
    rm -f trace
    # shellcheck disable=SC2086
    closed "$PYTHON" "$PROGRAMS/many-open.py" "$limit" "$open" strace -f -qq -o trace $mode </dev/null >out 2>&1
    # Not those of the target, nor the wait, whose polls depend on the clock.
    awk '/execve\(/ { n++ } { print }' trace | grep -vc 'poll(\|wait4(\|resumed>\|clock_gettime'
}

@test "the number of system calls does not grow with the limit or what is open" {
    need strace
    hard=$(ulimit -Hn)
    for mode in "$DZ -q $TARGETS/hostile" "$DZ -q -d -w exec $TARGETS/hostile" \
        "-E LD_PRELOAD=$SHIM -E DZ_WAIT=exec -E DZ_OUTPUT=log $TARGETS/hostile"; do
        base=$(count 1024 1 "$mode")
        [ "$base" -gt 20 ]
        for case in "$hard 1" "20000 10000" "1024 500"; do
            # shellcheck disable=SC2086
            n=$(count $case "$mode")
            # How often the waiting caller looks depends on the clock, and each
            # 64th start counts the records; what is open would show as 500.
            [ "$n" -le $((base + 20)) ] && [ "$n" -ge $((base - 20)) ] ||
                fail "$mode: $n calls at '$case', $base at '1024 1'"
        done
    done
}
