# What the tests of names, records and pidfiles share: a start in each mode, and
# dzctl watched for signals.
#
# shellcheck shell=bash disable=SC2034,SC2154

NOBODY=65432

teardown() {
    local pid start
    while read -r pid start; do
        [ "$(start_time "$pid")" = "$start" ] && kill -KILL "$pid"
    done <"$BATS_TEST_TMPDIR/.pids"
    # A process that no test has recorded is an error of the test or of the product.
    await none_left "$BATS_TEST_TMPDIR/sleeper."
}

# A program to be started: its path, in victim, tells it from any other.
new_victim() {
    victims=$((${victims:-0} + 1))
    victim=$BATS_TEST_TMPDIR/sleeper.$victims
    ln -sf "$SLEEP" "$victim"
}

# The process that runs the latest victim; nothing if none does.
victim_pid() {
    local file pid
    # shellcheck disable=SC2013
    for file in $(grep -lszxF -- "$victim" /proc/[0-9]*/cmdline); do
        pid=${file#/proc/}
        pid=${pid%/*}
        runs_program "$pid" "$SLEEP" && echo "$pid"
    done
    return 0
}
refute_victim() { untraced assert "process of the victim" "$(victim_pid)" ""; }

# start_victim MODE [--OPTION=VALUE]...: start a new victim.
start_victim() {
    new_victim
    start "$@" -- "$victim" 3600
}
# By libdz.so: found by its path, since the pidfile is what is tested.
find_pid() {
    if [ "$start_mode" = leave ]; then
        pid=$output
    elif [ -n "${victim:-}" ]; then
        pid=$(victim_pid)
    fi
}

# assert_refused MODE MESSAGE: the start that was tried did nothing.
assert_refused() {
    local want=125
    [[ $2 != *"already running"* ]] || want=122
    assert "status of $1" "$status" "$want"
    assert_match "stderr of $1" "$stderr" "$(speaker "$1"): $2"
    assert "lines on stderr of $1" "$(wc -l <<<"$stderr")" 1
    refute_victim
}
assert_started() {
    assert "status of $1" "$status" 0
    [ -n "$pid" ] || fail "no PID in $1"
    assert "program of $pid in $1" "$(exe_of "$pid")" "$SLEEP"
}

end_victim() {
    kill -KILL "$1" && await gone "$1"
}

# A living process of this test that is no job, in stranger.
new_stranger() {
    ln -sf "$SLEEP" "$BATS_TEST_TMPDIR/sleeper.stranger"
    "$BATS_TEST_TMPDIR/sleeper.stranger" 3600 </dev/null >/dev/null 2>&1 3>&- 4>&- &
    stranger=$!
    track "$stranger"
    await runs_program "$stranger" "$SLEEP"
}

# Run dzctl and note in calls each system call of it that sends a signal.
watched() { untraced watch_signals "$@"; }
watch_signals() {
    rm -f "$BATS_TEST_TMPDIR/.trace"
    try within strace -f -qq -o "$BATS_TEST_TMPDIR/.trace" \
        -e trace=kill,tkill,tgkill,pidfd_send_signal,rt_sigqueueinfo,rt_tgsigqueueinfo \
        -e signal=none "$CTL" "$@"
    [ -e "$BATS_TEST_TMPDIR/.trace" ] || fail "strace has not run"
    calls=$(<"$BATS_TEST_TMPDIR/.trace")
}

# says_of WORD STATUS-OF-STATUS STATUS-OF-STOP MESSAGE: what dzctl answers for that word,
# and that it signals no process.
says_of() {
    watched status "$1"
    assert "status of 'status $1'" "$status" "$2"
    assert_match "words of 'status $1'" "$output$stderr" "$4"
    assert "signals of 'status $1'" "$calls" ""
    watched stop "$1"
    assert "status of 'stop $1'" "$status" "$3"
    assert "signals of 'stop $1'" "$calls" ""
}

# Folders and their contents, to see that nothing was made or taken.
state_of() { find "$@" -printf '%p %i %s %m\n' 2>/dev/null | sort; }
