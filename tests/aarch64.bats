# Another machine: each build is without a warning and does the main jobs.  Which of
# them ran is what the names of the tests say; what cannot be built here is skipped.

load helpers
load platforms

QEMU=(qemu-aarch64-static -L /usr/aarch64-linux-gnu)

# Not emulated by qemu 7.2: PR_SET_CHILD_SUBREAPER, so that leave mode has to refuse;
# and the start time in an emulated process's own /proc/self/stat, so that the jobs
# looked at here are the native launcher's.  What it executes is of this machine.
@test "aarch64 under qemu-user: builds, stay mode, the library in it, dzctl" {
    need aarch64-linux-gnu-gcc "${QEMU[0]}"
    server_of aarch64-linux-gnu-gcc -o server
    without_warning b aarch64-linux-gnu-gcc
    readelf -h b/libdz.so | grep -q AArch64
    # A program of this machine shows what it was given; one in qemu is known by its deeds.
    for server in "$TARGETS/server" "${QEMU[*]} $PWD/server"; do
        port=$(free_port)
        rm -f log
        # shellcheck disable=SC2086
        "${QEMU[@]}" b/dznohup --mode=stay -o log $server "$port" 7</dev/null </dev/null 3>&- 4>&- &
        pid=$!
        track "$pid"
        await holds log ready
        assert_own_session "$pid" stay
        assert stdout "$(fd_of "$pid" 1)" "$PWD/log"
        kill -HUP "$pid"
        assert_answers "$port" "$pid"
        [ "$server" != "$TARGETS/server" ] || {
            # qemu keeps 32 and 33 for itself: ignored by our caller they stay so.
            assert SigIgn "$(printf '%016x' $((0x$(status_field "$pid" SigIgn) & ~0x180000000)))" \
                "$DAEMON_IGNORES"
            assert cwd "$(cwd_of "$pid")" /
            assert descriptors "$(fds_of "$pid")" "0 1 2 3"
        }
        kill "$pid"
        await gone "$pid"
    done

    try closed "${QEMU[@]}" b/dznohup -d -o none --name=left -p pid sleep 3600
    if [ "$status" = 0 ]; then # qemu 5 knows PR_SET_CHILD_SUBREAPER
        track "$(<pid)"
    else
        assert status "$status" 125
        assert stderr "$stderr" "dznohup: report: subreaper: Invalid argument"
        [ ! -s none ] # a log is never removed
        assert "left behind" "$(ls -d pid "$DZ_STATE_DIR/left" 2>/dev/null)" ""
    fi

    # The library in it: what it takes out, where it goes.
    aarch64-linux-gnu-gcc -D_GNU_SOURCE -o environment "$TESTS/targets/environment.c"
    closed "${QEMU[@]}" -E LD_PRELOAD="$PWD/b/libdz.so" -E DZ_MODE=stay -E DZ_OUTPUT=out environment
    refute grep -q '^main \(LD_PRELOAD\|DZ_\)' out
    assert_match session "$(grep ^session out)" "session * pid *"
    read -r _ session _ pid <<<"$(grep ^session out)"
    assert session "$session" "$pid"

    pid=$(dz -d -q --name=native -o log sleep 3600)
    track "$pid"
    try "${QEMU[@]}" b/dzctl list
    assert_match list "$output" "*native * $pid * running * sleep 3600*"
    try "${QEMU[@]}" b/dzctl inspect native
    assert_match inspect "$output" "*verdict: a proper daemon"
    try "${QEMU[@]}" b/dzctl stop native
    assert stop "$output" "native: stopped, PID $pid"
    gone "$pid"
    # --adopt is in it, up to ptrace(2), which qemu lacks; programs of 32 bits are refused.
    for program in "$SLEEP 3600" "$TARGETS/adoptee-32 wait sleep"; do
        # shellcheck disable=SC2086
        beside $program </dev/null >/dev/null 2>&1 &
        pid=$!
        track "$pid"
        await has_executed "$pid"
        why="Function not implemented"
        [[ $program != *-32* ]] || why="is a program of 32 bits, *"
        try "${QEMU[@]}" b/dznohup -n --adopt="$pid"
        assert_match stderr "$stderr" "dznohup: adopt: $pid: $why"
    done
}
