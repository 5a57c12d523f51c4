# What the tests of the keeper share: kept jobs, and their end.
#
# shellcheck shell=bash disable=SC2034,SC2154

# Kills the keeper first, because it would start its program again.
teardown() {
    local pid start
    while read -r pid start; do
        [ "$(start_time "$pid")" = "$start" ] && kill -KILL "$pid"
    done < <(tac "$BATS_TEST_TMPDIR/.pids")
    return 0
}

# kept [--OPTION=VALUE]... -- WORD...: a kept job "web" in this folder with "log"; sets pid
# and keeper.
kept() {
    start leave --name=web --output=log --chdir=. "$@"
    assert "status of the start" "$status" 0 || fail "$stderr"
    keeper=$(keeper_of web)
    track "$keeper"
}
keeper_of() { sed -n 's/^keeper \([0-9]*\) .*/\1/p' "$DZ_STATE_DIR/$1"; }

# stays [OPTION]... -- WORD...: a kept job "web" in stay mode, in the background; sets
# keeper, which is $!.  Returns when its program has been executed.
stays() {
    beside "$DZ" --mode=stay --name=web --chdir=. "$@" </dev/null >out 2>err &
    keeper=$!
    track "$keeper"
    await has_program web
}
has_program() {
    local pid
    [ -e "$DZ_STATE_DIR/$1" ] && pid=$(recorded "$1" pid) && alive "$pid" &&
        ! [ "/proc/$pid/exe" -ef "$DZ" ]
}

# The process that the record names is another one than that, and runs.
runs_again() { [ "$(recorded web pid)" != "$1" ] && has_program web; }
# The job is over: its last status is recorded.
is_over() { grep -q '^status ' "$DZ_STATE_DIR/web" 2>/dev/null; }
# A program that sleeps, whose path tells it from those of other tests, in sleeper.
own_sleeper() {
    sleeper=$BATS_TEST_TMPDIR/sleeper
    ln -sf "$SLEEP" "$sleeper"
}
