#!/bin/sh
# The main job on a real, unmodified program, in both ways: what ps and /proc
# say of it, and its end.  Leaves nothing behind.
set -eu
bash "$(dirname "$0")/deps" demo
cd "${BUILD:-build}"
build=$PWD
unset DZ_TEST_STRICT # the suite's own; dznohup refuses what it does not know
dir=$(mktemp -d)
export DZ_STATE_DIR="$dir/state"
cd "$dir"
pid=
finish() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    cd / && rm -rf "$dir"
}
trap finish EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

show() {
    say "What it is now: PID $pid, in session $(ps -o sid= -p "$pid" | tr -d ' '), this shell in $(ps -o sid= -p $$ | tr -d ' ')"
    ps -o pid,ppid,pgid,sid,tty,ignored,args -p "$pid"
    for name in cwd fd/0 fd/1 fd/2; do
        printf '/proc/%s/%-5s -> %s\n' "$pid" "$name" "$(readlink "/proc/$pid/$name")"
    done
    printf 'its log, so far:\n%s\n' "$(cat log)"
    case $(ps -o tty= -p "$pid") in \?) ;; *) echo "it still has a terminal" >&2 && exit 1 ;; esac
    [ "$(readlink "/proc/$pid/cwd")" = / ]
}

stop() {
    kill "$pid"
    while kill -0 "$pid" 2>/dev/null && [ "$(ps -o stat= -p "$pid" | cut -c 1)" != Z ]; do
        sleep 0.05
    done
    echo "stopped: kill $pid"
    rm -f log
    pid=
}

# vmstat(8) prints a line a second, forever, and knows nothing of daemons.
say "\$ pid=\$(dznohup -d -o log vmstat 1)"
pid=$("$build/dznohup" -d -o log vmstat 1)
show
stop

say "\$ LD_PRELOAD=libdz.so DZ_OUTPUT=log vmstat 1"
LD_PRELOAD=$build/libdz.so DZ_OUTPUT=log vmstat 1
# Nothing printed its PID: it is the vmstat that writes to this log.
for candidate in $(pgrep -x vmstat); do
    [ "$(readlink "/proc/$candidate/fd/1")" != "$dir/log" ] || pid=$candidate
done
show
stop

say "Both ways work.  Next: make check"
