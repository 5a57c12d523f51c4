# What bats does before the first test of a run and after the last one.
#
# shellcheck shell=bash

setup_suite() {
    local tests root public=$BATS_RUN_TMPDIR/public
    tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
    root=$(dirname "$tests")
    BUILD=$(cd "$root" && cd "${BUILD:-build}" && pwd) || return
    export BUILD PROGRAMS=$tests/programs
    [ -z "${SUITE_FILE:-}" ] || echo "$BATS_RUN_TMPDIR" >"$SUITE_FILE"
    chmod 755 "$BATS_RUN_TMPDIR"
    # Tests as another user execute what was built.  In a directory that is closed to
    # others, as /root is, they get a copy.
    if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null &&
        ! setpriv --reuid=65432 --clear-groups test -x "$BUILD/dznohup"; then
        mkdir -m 755 "$public" &&
            cp -R "$BUILD/dznohup" "$BUILD/dzctl" "$BUILD/libdz.so" "$BUILD/targets" "$public" &&
            cp -R "$PROGRAMS" "$public/programs" && chmod -R a+rX "$public" || return
        BUILD=$public PROGRAMS=$public/programs
    fi
}

# The ports that free_port has taken.
teardown_suite() {
    find "${TMPDIR:-/tmp}/dznohup-ports" -lname "$BATS_RUN_TMPDIR" -delete 2>/dev/null
    return 0
}
