# The powers together, beside other preloads, under valgrind, and in programs that
# make it hard for them.

load helpers
PINNED=(--line-buffered --no-daemon --pin-signals=all)
REOPENS=(--line-buffered --no-daemon --reopen)
START_OPTIONS=(--shim="$SHIM" --quiet --chdir=. --output=out)
before_start() { rm -f out* seen; }

library() { # PATTERN
    compgen -G "/usr/lib/*/$1"
}
ignored() { # SIGHUP, by process $1
    ((0x$(status_field "$1" SigIgn) & 1))
}

# What was started is the daemon, and has its workers' statuses.
assert_in_place() {
    await holds_line seen done
    assert pid "$(sed -n 's/^pid //p' seen)" "$pid"
    assert workers "$(grep -c '^\(first\|second\) 7$' seen)" 2
}
# It gets a signal, and goes on in a new log.
assert_reopens() {
    await is_file out
    mv out out.1
    kill -HUP "$pid"
    await [ -e out ]
    await eval '[ "$(fd_of "$pid" 1)" = "$PWD/out" ]'
}

# bats test_tags=unsanitized
# libfaketime before AddressSanitizer in the launcher.
@test "all that go together, beside libeatmydata and libfaketime" {
    eatmydata=$(library libeatmydata.so) || lacking "needs libeatmydata"
    faketime=$(library faketime/libfaketime.so.1) || lacking "needs libfaketime"
    fakes_time
    for power in pin reopen; do
        [ $power = pin ] && options=("${PINNED[@]}") || options=("${REOPENS[@]}")
        for list in "$eatmydata" "$faketime" "$eatmydata:$faketime"; do
            faked=(LD_PRELOAD="$list" FAKETIME='@2001-02-03 04:05:06')
            start stay "${faked[@]}" "${options[@]}" -- \
                "$TARGETS/daemonizes" "$PWD/seen" twice
            assert_in_place
            kill -HUP "$pid"
            await alive "$pid"
            for part in ${list//:/ } "$SHIM"; do
                holds "/proc/$pid/maps" "$(readlink -f "$part")"
            done
            kill_started
            start stay "${faked[@]}" "${options[@]}" -- "$PYTHON" "$PROGRAMS/year.py"
            await is_file out # flushed at its line, although it is a file
            year=2001
            [ "$list" != "$eatmydata" ] || year=$(date +%Y)
            assert out "$(cat out)" "$list $year"
            if [ $power = reopen ]; then
                assert_reopens
                await holds out handler
            else
                await ignored "$pid"
            fi
            kill_started
        done
    done
}

@test "under valgrind, which finds no fault of ours" {
    # Not fork, setsid, fork: valgrind's own system calls end the trial; and it takes
    # what that does to the memory that it shares with vgdb for a fault.
    need valgrind
    for way in daemon worker; do
        start shim-stay DZ_ONLY=daemonizes "${REOPENS[@]}" -- valgrind -q --vgdb=no --error-exitcode=99 --log-file="$PWD/valgrind" \
            "$TARGETS/daemonizes" "$PWD/seen" $way 0 1
        assert_in_place
        [ $way = worker ] || [ "$(cwd_of "$pid")" != "$PWD" ]
        assert_reopens
        # Debian 11's says in lines with dashes that it does not know close_range(2).
        assert "what it found" "$(grep -v '^--[0-9]*-- ' valgrind)" ""
        kill_started
    done
}

@test "a static object of C++ that sets a disposition and forks" {
    need g++
    start stay "${REOPENS[@]}" -- "$TARGETS/early"
    await holds out "asked back: own"
    assert_reopens
    await holds out handler
    kill_started
    start stay "${PINNED[@]}" -- "$TARGETS/early"
    await holds out "asked back: own"
    ignored "$pid"
    kill_started
}

@test "the same in a library whose constructors run before ours" {
    need g++
    # Of several that are to be first glibc takes the last: this one.
    SHIM+=:$TARGETS/early.so
    for power in DZ_REOPEN=1 DZ_PIN=all; do
        start shim-stay --line-buffered --no-daemon $power -- "$PYTHON" "$PROGRAMS/began.py"
        await holds out began
        if [ $power = DZ_REOPEN=1 ]; then
            assert_reopens
        else
            ignored "$pid"
        fi
        kill_started
    done
}

@test "a program that closes every descriptor" {
    start stay "${REOPENS[@]}" -- "$TARGETS/on-hangup" "$PWD/seen" closes
    await is_file out
    assert descriptors "$(fds_of "$pid")" "0 1 2"
    assert_reopens
    assert descriptors "$(fds_of "$pid")" "0 1 2"
    kill_started
}

@test "callers of vfork and posix_spawn" {
    start stay "${PINNED[@]}" -- "$PYTHON" "$PROGRAMS/spawns.py"
    await holds_line out done
    for how in vfork preexec "spawn" "default"; do
        assert "signals ignored by $how" "$(sed -n "s/^$how //p" out | cut -d ' ' -f 1)" all
    done
    holds_line out "system 5"
    kill_started
}

@test "a program with a signal, a sigaction and a fork of its own" {
    for power in pin reopen; do
        [ $power = pin ] && options=("${PINNED[@]}") || options=("${REOPENS[@]}")
        start stay "${options[@]}" -- "$TARGETS/interposes"
        await holds_line out "signal 1 sigaction 1 fork 1"
        if [ $power = reopen ]; then
            assert_reopens
        else
            ignored "$pid"
        fi
        kill_started
    done
}

@test "OpenBLAS, with threads" {
    [ -x "$TARGETS/blas" ] || lacking "needs libopenblas0-pthread"
    [ "$(nproc)" -gt 1 ] || lacking "needs two processors for OpenBLAS to use threads"
    start stay "${REOPENS[@]}" -- "$TARGETS/blas"
    await is_file out
    assert_match out "$(cat out)" "sum 125000000 threads [2-9]*"
    [ "$(stat_field "$pid" 20)" -gt 1 ]
    assert_reopens
    kill_started
}
