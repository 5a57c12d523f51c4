# What the tests of starts that are waited for share: wait.bats, listen.bats,
# notify.bats.
#
# shellcheck shell=bash disable=SC2034,SC2154

WAYS="leave shim-leave"
START_OPTIONS=(DZ_OUTPUT=log DZ_PIDFILE=pid)
# A job that has ended leaves its record.
before_start() { rm -rf pid "$DZ_STATE_DIR"; }

# A program that sleeps; its path tells this test's processes from any other.
SLEEPER=$BATS_TEST_TMPDIR/sleeper
if [ -n "$BATS_TEST_TMPDIR" ]; then
    mkdir -p "$BATS_TEST_TMPDIR"
    ln -sf "$(command -v sleep)" "$SLEEPER"
fi

started() {
    assert "status" "$status" 0 || fail "stderr: $stderr"
    [ -n "$pid" ] || fail "no PID"
    assert "pidfile" "$(cat pid)" "$pid"
    alive "$pid" || fail "$pid does not run"
}

# A failed start: its status, the first line on stderr behind the program's
# name, and nothing left.
failed() {
    local want=$1 message=$2 line
    assert "status" "$status" "$want" || fail "stderr: $stderr"
    IFS= read -r line <<<"$stderr"
    assert_match "message" "$line" "$says: $message"
    assert "output" "$output" ""
    left_nothing
}

left_nothing() {
    [ ! -e pid ] || fail "a pidfile is left: $(cat pid)"
    [ ! -e .pid.new ] || fail "a lock is left"
    [ ! -d "$DZ_STATE_DIR" ] || assert "records" "$(ls -A "$DZ_STATE_DIR")" ""
    # As assert_none_with, which is too slow for so many.
    ! grep -laF -- "$BATS_TEST_TMPDIR/" /proc/[0-9]*/cmdline 2>/dev/null ||
        fail "that still run"
}

# What is shown of a log, behind the first line.
shown() { tail -n +2 "$BATS_TEST_TMPDIR/.err"; }
assert_shown() {
    local file=$1 want=$says line
    want="$says: this run wrote to $PWD/$file:"
    shift
    for line; do
        want+=$'\n'"  $line"
    done
    assert "what is shown" "$(shown)" "$want"
}
