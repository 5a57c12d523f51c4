# Stay mode below a manager: it is told when the job is ready, by NOTIFY_SOCKET or
# --ready-fd, and the program keeps its PID.

load helpers
load waiting

# managed WORD...: dznohup below a manager; sets status and output: what it was told.
managed() { try closed env DEADLINE=20 "$PYTHON" "$PROGRAMS/manager.py" "@$BATS_TEST_TMPDIR" "$DZ" -q "$@"; }

@test "stay: NOTIFY_SOCKET is told when the conditions hold, and in the program's name" {
    for wait in listen path:there log:ready cmd:'test -e there' settle alive:0.2 exec; do
        rm -f there
        managed -C . -o log -w "$wait" "$PYTHON" -c "import socket, time
time.sleep(0.2)
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()
print('ready', flush=True); open('there', 'w').close()
time.sleep(1)"
        assert status "$status" 0 || fail "$stderr"
        assert "what the manager hears with $wait" "$output" "READY=1 0 True
BARRIER=1 1 True
0"
        [ "$wait" = exec ] || [ "$wait" = settle ] || [ "$wait" = alive:0.2 ] || [ -e there ]
    done
}

@test "stay: who tells the manager says that it is the program" {
    need_root # to name another process
    cat >hears.py <<'END'
import os, socket, struct, subprocess, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\0" + sys.argv[1])
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
p = subprocess.Popen(sys.argv[2:], env=dict(os.environ, NOTIFY_SOCKET="@" + sys.argv[1]))
data, ancillary, _, _ = s.recvmsg(4096, 4096)
sender = [struct.unpack("iii", c[2])[0] for c in ancillary if c[1] == socket.SCM_CREDENTIALS]
print(data.decode(), sender == [p.pid])
s.close()
p.kill()
END
    try closed "$PYTHON" hears.py "$BATS_TEST_TMPDIR" "$DZ" -q -o log -w exec "$SLEEPER" 60
    assert output "$output" "READY=1 True"
}

@test "stay: --ready-fd with a power: in stay mode the library answers nobody" {
    beside "$DZ" -q --shim="$SHIM" -C . -o log -t 0 --ready-fd=9 --line-buffered -w log:ready \
        bash -c "echo ready; exec '$SLEEPER' 60" 9>ready &
    track $!
    await is_file ready
    await answerer_is_gone
}

answerer_is_gone() { [ -z "$(processes_with "--ready-fd=9 ")" ]; }
@test "stay: --ready-fd gets a newline, and the program has neither that nor a child" {
    for wait in "" "-w path:there"; do
        rm -f there
        # shellcheck disable=SC2086
        beside "$DZ" -q -C . -o log --ready-fd=9 $wait bash -c "sleep 0.2; : >there; exec '$SLEEPER' 60" 9>ready &
        track $!
        pid=$!
        await is_file ready
        assert ready "$(od -An -c ready | tr -d ' ')" '\n'
        [ -z "$wait" ] || [ -e there ]
        await runs_program "$pid" "$SLEEP"
        assert descriptors "$(fds_of "$pid")" "0 1 2"
        assert children "$(cat "/proc/$pid/task/$pid/children")" ""
        await answerer_is_gone
        kill "$pid"
        wait "$pid" || true
        rm ready
    done
}

@test "--ready-fd with -d and below a keeper" {
    for words in "-d" "-d --restart" "--keep"; do
        # shellcheck disable=SC2086
        try dz -q $words -C . -o log --ready-fd=9 --name=one -w path:there \
            bash -c ": >there; readlink /proc/\$\$/fd/9 >kept; [ '$words' = --keep ] || exec '$SLEEPER' 60" 9>ready
        assert "status with $words" "$status" 0 || fail "$stderr"
        assert ready "$(od -An -c ready | tr -d ' ')" '\n'
        await test -e kept
        assert "the program's descriptor" "$(cat kept)" ""
        [ "$words" = --keep ] || { track "$output"; closed "$CTL" stop one; }
        rm there ready kept
        rm -rf "$DZ_STATE_DIR"
    done
    try dz -d -q -o log --ready-fd=9 -w path:none -t 0.3 "$SLEEPER" 60 9>ready
    assert status "$status" 124
    [ ! -s ready ]
}

@test "stay: a start that fails, a program that ends, one that is not ready in time: not told" {
    for words in /etc/passwd "-C /no/such $SLEEPER 60" "-w path:none false" \
        "-w path:none -t 0.3 $SLEEPER 60"; do
        status=0
        # shellcheck disable=SC2086
        closed "$DZ" -o log --ready-fd=9 $words 9>ready 2>err || status=$?
        [ "$status" != 0 ] || fail "$words has succeeded"
        await refute_answerer
        [ ! -s ready ] || fail "$words: told"
    done
    assert status "$status" 143
    await holds err "stopped after 0.3 s"
    assert stderr "$(head -n 1 err)" "dznohup: wait: $SLEEPER: stopped after 0.3 s: none has not appeared"
    try dz -o log --ready-fd=77 "$SLEEPER" 60
    assert status "$status" 125
    assert stderr "$stderr" "dznohup: ready-fd: 77: Bad file descriptor"
    try dz -o log --ready-fd=2 "$SLEEPER" 60
    assert stderr "$stderr" "dznohup: --ready-fd: 2: not a descriptor from 3"
    for wait in notify fd:7 main; do
        try dz -o log --ready-fd=9 -w $wait "$SLEEPER" 60 9>ready
        assert stderr "$stderr" "dznohup: wait: main, notify and fd:N need -d, --keep or --restart"
    done
}
refute_answerer() { [ -z "$(processes_with "--ready-fd=9")" ]; }

@test "stay: not ready in time, the job's other processes are stopped, too" {
    status=0
    closed "$DZ" -q -o log --ready-fd=9 -w path:none -t 0.5 \
        bash -c "'$SLEEPER' 61 & '$SLEEPER' 62" 9>ready 2>err || status=$?
    assert status "$status" 143
    await none_left "$SLEEPER"
}
