# What the tests of in-process powers share: the ways in which a program gets them.
#
# shellcheck shell=bash disable=SC2034,SC2154

PYTHON=$(PATH=/usr/bin:$PATH command -v python3) # a shim of pyenv's is slow
STARTS="stay leave shim-stay shim-leave"
unset PYTHONUNBUFFERED

# by START VARIABLE=VALUE... -- WORD... : the variables are twins that both read.
# Its stdout is log and its stderr err, new ones; it ends by itself, and has when this
# returns.  Sets status, output and stderr.
by() {
    local start=$1 settings=(DZ_OUTPUT=log DZ_ERROR=err DZ_QUIET=1)
    shift
    while [ "$1" != -- ]; do
        settings+=("$1")
        shift
    done
    shift
    case $start in
    stay) set -- "$DZ" --shim="$SHIM" "$@" ;;
    leave) set -- "$DZ" --shim="$SHIM" -d "$@" ;;
    shim-stay) settings+=(LD_PRELOAD="$SHIM" DZ_MODE=stay) ;;
    shim-leave) settings+=(LD_PRELOAD="$SHIM" DZ_MODE=leave) ;;
    *) fail "no way to start: $start" || return ;;
    esac
    case $start in *leave) settings+=(DZ_PIDFILE=pid) ;; esac
    rm -f log err pid
    try closed env "${settings[@]}" "$@" </dev/null
    [ ! -s pid ] || {
        track "$(<pid)"
        await gone "$(<pid)"
    }
}

# For "$DZ -q" with the library that was built.
power() { dz --shim="$SHIM" -q "$@"; }

need_musl() {
    [ -x "$TARGETS/signals-musl" ] || lacking "needs musl-gcc"
}
