# What the tests of starts that are waited for share: wait.bats, listen.bats,
# notify.bats.
#
# shellcheck shell=bash disable=SC2034,SC2154

WAYS="launcher preload"
PYTHON=$(PATH=/usr/bin:$PATH command -v python3) # a shim of pyenv's is slow

# A program that sleeps; its path tells this test's processes from any other.
SLEEPER=$BATS_TEST_TMPDIR/sleeper
if [ -n "$BATS_TEST_TMPDIR" ]; then
    mkdir -p "$BATS_TEST_TMPDIR"
    ln -sf "$(command -v sleep)" "$SLEEPER"
fi

# by WAY VARIABLE=VALUE... -- WORD... : start by the launcher or the preload;
# the variables are twins that both read.  Sets status, output, stderr, and pid
# from the pidfile.  BEFORE: words to run all of that by.
BEFORE=
by() {
    local way=$1 settings=()
    shift
    while [ "$1" != -- ]; do
        settings+=("$1")
        shift
    done
    shift
    if [ "$way" = launcher ]; then
        set -- "$DZ" -d "$@"
        says=dznohup
    else
        settings+=(LD_PRELOAD="$SHIM")
        says=libdz.so
    fi
    rm -rf pid "$DZ_STATE_DIR" # a job that has ended leaves its record
    pid=
    # shellcheck disable=SC2086
    try closed $BEFORE env DZ_OUTPUT=log DZ_PIDFILE=pid "${settings[@]}" "$@" </dev/null
    [ ! -s pid ] || {
        pid=$(<pid)
        track "$pid"
    }
}

# For "beside WORD... &": $! is the program itself.
beside() { exec "$@" 3>&- 4>&-; }

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

started() {
    assert "status" "$status" 0 || fail "stderr: $stderr"
    [ -n "$pid" ] || fail "no pidfile"
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
    want="$says: the end of $PWD/$file:"
    shift
    for line; do
        want+=$'\n'"  $line"
    done
    assert "what is shown" "$(shown)" "$want"
}
