#!/usr/bin/env bats
# --adopt of programs of others, in the middle of what they do.

load helpers
load adopting

@test "adopt: redis and nginx in the foreground go on serving" {
    need redis-server redis-cli nginx curl
    port=$(free_port)
    on_terminal_job redis-server --port "$port" --save "" --logfile ""
    await redis_answers "$port"
    redis-cli -p "$port" set key value >/dev/null
    try dz --adopt="$pid" -o log
    assert "status of redis" "$status" 0
    hang_up
    assert value "$(redis-cli -p "$port" get key)" value
    assert_no_terminal "$pid"

    port=$(free_port)
    cat >nginx.conf <<N
daemon off; user root; worker_processes 2; pid nginx.pid; error_log stderr;
events {}
http { access_log /dev/stdout; server { listen 127.0.0.1:$port; location / { return 200 served; } } }
N
    on_terminal_job nginx -p "$PWD" -c nginx.conf
    await curl -fsS -o /dev/null "http://127.0.0.1:$port/"
    try dz --adopt="$pid" --tree -o nginx.log
    assert "status of nginx" "$status" 0
    hang_up
    assert answer "$(curl -fsS "http://127.0.0.1:$port/")" served
    assert_no_terminal "$pid"
    for worker in $(pgrep -P "$pid"); do assert_no_terminal "$worker"; done
    await is_file nginx.log
    kill -TERM "$pid"
    await gone "$pid"
}
redis_answers() { redis-cli -p "$1" ping >/dev/null 2>&1; }
free_port() {
    "$PYTHON" -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

@test "adopt: a transfer goes on, and the sum of the file is right" {
    need curl rsync
    head -c 30000000 /dev/urandom >data
    port=$(free_port)
    beside "$PYTHON" -m http.server --bind 127.0.0.1 "$port" >/dev/null 2>&1 &
    track $!
    await curl -fsS -o /dev/null "http://127.0.0.1:$port/"
    adopt_in_time downloads -o log
    hang_up
    await gone "$pid"
    cmp data copy
    grep -q 100 log

    adopt_in_time copies --tree -o rsync.log
    hang_up
    await gone "$pid"
    cmp data other
    grep -q 100% rsync.log
}

downloads() {
    rm -f copy
    on_terminal_job curl --limit-rate 20M -o copy "http://127.0.0.1:$port/data"
    await is_file copy
}
copies() {
    rm -f other
    on_terminal_job rsync --progress --bwlimit=20000 data other
    await has_children_or_ended
}
has_children_or_ended() { has_children "$pid" 1 || gone "$pid"; }
# adopt_in_time FUNCTION OPTION...: adopts the job that the function starts.  On a busy
# machine it may have ended before.
adopt_in_time() {
    for _ in $TRIES; do
        "$1"
        try dz --adopt="$pid" "${@:2}"
        [ "$status" != 0 ] || return 0
        assert_match "stderr" "$stderr" "dznohup: adopt: $pid: @(has ended|No such process)"
    done
    fail "it has always ended before"
}

@test "adopt: a pool of worker processes computes on" {
    cat >pool.py <<'P'
import multiprocessing, os, time

def square(number):
    time.sleep(0.01)
    return number * number

if __name__ == "__main__":
    with multiprocessing.Pool(3) as pool:
        for value in pool.imap(square, range(200)):
            print(value, flush=True)
P
    on_terminal_job "$PYTHON" pool.py
    await holds "$screen" 16
    try dz --adopt="$pid" --tree -o log
    assert status "$status" 0
    hang_up
    await gone "$pid"
    { tr -d '\r' <"$screen"; cat log; } >all
    cmp all <(for ((i = 0; i < 200; i++)); do echo $((i * i)); done)
}

@test "adopt: cat and an editor that read the terminal get its end, and end as at a hangup" {
    need vim.tiny
    on_terminal_job --foreground cat
    try dz --adopt="$pid" -o log
    assert "status of cat" "$status" 0
    await gone "$pid"
    on_terminal_job --foreground vim.tiny -u NONE -i NONE file
    await is_file "$screen"
    try dz --adopt="$pid" -o vim.log
    assert "status of vim" "$status" 0
    await gone "$pid"
    await holds vim.log "Vim: Error reading input, exiting..."
}

@test "adopt: static, musl's and 32-bit programs" {
    for program in "$ADOPTEE-static" "$ADOPTEE-musl" "$ADOPTEE-musl-static" "$ADOPTEE-32"; do
        [ -x "$program" ] || continue
        rm -f log
        on_terminal_job "$program" threads 4
        await is_file "$screen"
        try dz --adopt="$pid" -o log
        assert "status of $program" "$status" 0
        await is_file log
        goes_on_after_hangup
        assert_no_terminal "$pid"
        no_line_lost "$pid"
        kill -KILL "$pid"
    done
}

@test "adopt: a seccomp filter that kills at our calls: asleep for root, refused for others" {
    need_root
    # The filter kills at each setsid(2).
    on_terminal_job "$PYTHON" -c "$KILLS_AT_SETSID" "$ADOPTEE" count
    await runs_program "$pid" "$ADOPTEE"
    await is_file "$screen"
    try dz --adopt="$pid" -o log
    assert "status as root" "$status" 0
    await is_file log
    goes_on_after_hangup
    assert_no_terminal "$pid"
    on_terminal_job setpriv --reuid=65432 --clear-groups "$PYTHON" -c "$KILLS_AT_SETSID" "$ADOPTEE" count
    await runs_program "$pid" "$ADOPTEE"
    await is_file "$screen"
    before=$(facts_of "$pid")
    try closed setpriv --reuid=65432 --clear-groups "$DZ" --adopt="$pid"
    assert "status as a user" "$status" 125
    assert stderr "$stderr" "dznohup: adopt: $pid: has a seccomp filter, which may end it at a call that it does not expect; root can suspend the filter: use sudo"
    assert facts "$(facts_of "$pid")" "$before"
}
# Becomes a program with a filter that ends it at setsid(2).
KILLS_AT_SETSID='import ctypes, os, struct, sys
number = {"x86_64": 112, "aarch64": 157}[os.uname().machine]
code = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x80000000), (0x06, 0, 0, 0x7fff0000)]
filters = b"".join(struct.pack("HBBI", *each) for each in code)
place = ctypes.create_string_buffer(filters)
program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(place))
libc = ctypes.CDLL(None)
if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, program, 0, 0) != 0:
    sys.exit("no filter")
os.execv(sys.argv[1], sys.argv[1:])'

@test "adopt: a program below another root directory that has /proc there" {
    need_root
    mkdir -p root/proc root/dev
    cp "$ADOPTEE-static" root/adoptee
    # shellcheck disable=SC2016
    on_terminal_job unshare --mount sh -c 'mount --bind /proc root/proc && exec chroot root /adoptee count'
    await is_file "$screen"
    try dz --adopt="$pid" -o log
    assert status "$status" 0
    await is_file log
    goes_on_after_hangup
    assert_no_terminal "$pid"
    no_line_lost "$pid"
}

@test "adopt: an ordinary user's program, by that user" {
    need_root
    mkdir theirs
    chown 65432 theirs
    on_terminal_job setpriv --reuid=65432 --clear-groups "$ADOPTEE" threads 4
    await is_file "$screen"
    try closed env HOME="$PWD/theirs" DZ_STATE_DIR="$PWD/theirs/state" \
        setpriv --reuid=65432 --clear-groups "$DZ" --adopt="$pid" -o theirs/log
    assert "status ($stderr)" "$status" 0
    await is_file theirs/log
    hang_up
    assert_no_terminal "$pid"
    kill -STOP "$pid"
    { tr -d '\r' <"$screen"; cat theirs/log; } >all
    in_order all
}

@test "adopt: a program whose first thread has ended" {
    on_terminal_job "$PYTHON" -c 'import ctypes, itertools, os, threading, time
def count():
    for number in itertools.count(1):
        print(number, flush=True)
        time.sleep(0.001)
thread = threading.Thread(target=count)
thread.start()
while not os.path.exists("go"): time.sleep(0.01)
ctypes.CDLL(None).pthread_exit(None)'
    : >go # whose command line nobody can read any more
    await first_ended
    try dz --adopt="$pid" -o log
    assert "status ($stderr)" "$status" 0
    await is_file log
    # /proc shows what it has open at a thread that lives.
    thread=$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 ! -name "$pid" -printf '%f\n' | head -n 1)
    assert "output" "$(readlink "/proc/$pid/task/$thread/fd/1")" "$PWD/log"
    assert_no_terminal "$thread"
    goes_on_after_hangup
    no_line_lost "$pid"
    assert_match list "$("$CTL" list)" "*$pid * running *"
}
first_ended() { [ "$(stat_field "$pid" 3)" = Z ]; }

@test "adopt: a thread on a stack that is too small for anything of ours" {
    for program in "$ADOPTEE" "$ADOPTEE-32" "$ADOPTEE-musl-static"; do
        [ -x "$program" ] || continue
        rm -f log
        on_terminal_job "$program" tight
        await is_file "$screen"
        await holds "$screen" 3
        try dz --adopt="$pid" -o log
        assert "status of $program ($stderr)" "$status" 0
        await is_file log
        goes_on_after_hangup
        no_line_lost "$pid"
    done
}
