# What the tests of in-process powers share: the ways in which a program gets them.
#
# shellcheck shell=bash disable=SC2034,SC2154

STARTS="stay leave shim-stay shim-leave"

# As start, for a program that ends by itself; returns when it has ended.  Its stdout is
# a new log, its stderr a new err.
finish() {
    local mode=$1
    shift
    case $mode in *leave) set -- DZ_PIDFILE=pid "$@" ;; esac
    rm -f log err pid
    start "$mode" --shim="$SHIM" DZ_OUTPUT=log DZ_ERROR=err DZ_QUIET=1 "$@"
    ended
}

# For "$DZ -q" with the library that was built.
power() { dz --shim="$SHIM" -q "$@"; }

need_musl() {
    [ -x "$TARGETS/signals-musl" ] || lacking "needs musl-gcc"
}
