# A stop is never followed by a run, whenever it comes; and many restarts leave no more
# behind than few.
#
# shellcheck disable=SC2154

load helpers
load ctl
load keeper

# How often a job is stopped at a random moment, and how often a program is started again;
# for how many seconds a keeper has nothing to do.  tests/keeper-full has more.
STOPS=${KEEPER_STOPS:-25}
IDLE=${KEEPER_IDLE:-2}
RESTARTS=${KEEPER_RESTARTS:-400}

# Seconds: up to 40 ms, a restart's length and more.
a_moment() { sleep "0.0$((RANDOM % 5))$((RANDOM % 10))"; }

@test "stop at random moments of a restart loop: nothing runs afterwards, the pidfile goes" {
    own_sleeper
    for i in $(seq "$STOPS"); do
        rm -f runs
        # shellcheck disable=SC2016
        kept --restart=always --restart-delay=0 --pidfile=pid --wait=exec --quiet -- \
            sh -c 'echo >>runs; exec "$0" 0' "$sleeper"
        a_moment
        ctl stop web
        assert "status of stop $i" "$status" 0
        gone "$keeper" || fail "the keeper runs after stop $i"
        count=$(count_runs)
        [ ! -e pid ] || fail "a pidfile is left by stop $i: $(<pid)"
        assert "locks left by stop $i" "$(find . "$DZ_STATE_DIR" -name '*.new')" ""
        is_over || fail "no status is recorded by stop $i"
        assert_none_with "$sleeper"
        assert "runs after stop $i" "$(count_runs)" "$count"
    done
}

count_runs() { [ ! -e runs ] || wc -l <runs; }

@test "TERM to the keeper at random moments: it ends with the program's status" {
    own_sleeper
    for i in {1..15}; do
        # shellcheck disable=SC2016
        stays --restart=always --restart-delay=0 --pidfile=pid --quiet -o log -- \
            sh -c '"$0" 0.02; exit 3' "$sleeper"
        a_moment
        kill -TERM "$keeper"
        status=0
        wait "$keeper" || status=$?
        [ "$status" = 143 ] || [ "$status" = 3 ] || fail "status $status of TERM $i"
        [ ! -e pid ] || fail "a pidfile is left by TERM $i: $(<pid)"
        assert_none_with "$sleeper"
    done
}

# ASan's own memory would count.
# bats test_tags=unsanitized
@test "many restarts leave no descriptor, memory, zombie or record more than a few" {
    many_restarts
}

# bats test_tags=unsanitized
@test "many restarts with a pump: likewise" {
    many_restarts --timestamps
}
# many_restarts [OPTION]...
many_restarts() {
    kept --restart --restart-delay=0 --quiet --wait=exec "$@" -- sh -c 'read n <count 2>/dev/null; n=$((n + 1)); echo $n >count
        [ $n != 10 ] && [ $n != '"$RESTARTS"' ] || exec sleep 1000; [ $n -gt 1 ] || sleep 0.2; exit 1'
    await sleeps_at 10
    few=$(resources)
    kill -KILL "$(recorded web pid)"
    await sleeps_at "$RESTARTS"
    assert resources "$(resources)" "$few"
    memory=$(sed -n 's/^Pss_Anon: *\([0-9]*\) kB/\1/p' "/proc/$keeper/smaps_rollup")
    echo "# $RESTARTS restarts $*: $memory KiB of private memory" >&3
    [ "$memory" -le $(($# == 0 ? 200 : 300)) ] || fail "the keeper has $memory KiB of its own"
    ctl stop web
}
# And the keeper, too.
sleeps_at() {
    holds_line count "$1" && has_program web && runs_program "$(recorded web pid)" "$SLEEP" &&
        [ "$(stat_field "$keeper" 3)" = S ]
}
resources() {
    echo "descriptors: $(fds_of "$keeper")"
    echo "children: $(pgrep -c -P "$keeper")"
    echo "mappings: $(wc -l <"/proc/$keeper/maps")"
    echo "records: $(records)"
}

@test "a keeper with nothing to do does not wake up" {
    need strace
    kept --restart -- sleep 1000
    strace -o calls -p "$keeper" 3>&- 4>&- 2>strace.err &
    tracer=$!
    track "$tracer"
    await is_file strace.err
    # Longer than any pause of a start's looks.
    sleep "$IDLE"
    kill -INT "$tracer"
    wait "$tracer" || true
    # The one poll(2) that it sleeps in, before and behind.
    assert calls "$(wc -l <calls)" 1 || fail "$(<calls)"
    ctl stop web
}
