# Signals to the keeper: passed on, and those that suspend a job.
#
# shellcheck disable=SC2154

load helpers
load ctl
load keeper

@test "signals are passed on to the program; HUP only if it catches it" {
    kept --restart -- perl -e 'for $s (qw(USR1 USR2 WINCH)) { $SIG{$s} = sub { open F, ">>got"; print F "$_[0]\n"; close F } }
        open F, ">up"; close F; sleep 1000 while 1'
    await test -e up
    expected=
    for signal in USR1 WINCH USR2; do
        kill -$signal "$keeper"
        expected+=$signal$'\n'
        await holds_line got $signal
    done
    assert got "$(<got)" "${expected%$'\n'}"
    ctl stop web
    # A program that sets HUP back to its default, as node does, is not killed by it.
    rm up
    kept --keep -- perl -e '$SIG{HUP} = "DEFAULT"; $SIG{USR1} = sub { open F, ">up2"; exit 3 }; open F, ">up"; close F; sleep 1000 while 1'
    await test -e up
    kill -HUP "$keeper"
    kill -USR1 "$keeper"
    await is_over
    assert "status recorded" "$(recorded web status)" $((3 << 8))
    # One that catches it gets it.
    rm up
    kept --keep -- perl -e '$SIG{HUP} = sub { exit 4 }; open F, ">up"; close F; sleep 1000 while 1'
    await test -e up
    kill -HUP "$keeper"
    await is_over
    assert "status recorded" "$(recorded web status)" $((4 << 8))
}

@test "HUP: the next run writes to the log of that name" {
    kept --restart --restart-delay=0 -- sh -c 'echo run; exec sleep 1000'
    mv log log.1
    kill -HUP "$keeper"
    await test -e log
    kill -KILL "$(recorded web pid)"
    await holds_line log run
    assert "the old log" "$(grep -c run log.1)" 1
    ctl stop web
}

@test "TSTP and CONT: program and keeper are suspended and go on, as a shell's job" {
    stays --keep -o log -- sleep 1000
    pid=$(recorded web pid)
    kill -TSTP "$keeper"
    await in_state "$pid" T
    await in_state "$keeper" T
    kill -CONT "$keeper"
    await in_state "$pid" S
    await in_state "$keeper" S
    # A program that does not act on it: the keeper does not stop either.
    ctl stop web
    stays --keep -o log -- perl -e '$SIG{TSTP} = sub { open F, ">got" }; open F, ">up"; sleep 1000 while 1'
    await test -e up
    kill -TSTP "$keeper"
    await test -e got
    # It answers.
    ctl stop web
    assert "status of stop" "$status" 0
    # A stop ends a suspended job.
    stays --keep -o log -- sleep 1000
    pid=$(recorded web pid)
    kill -TSTP "$keeper"
    await in_state "$keeper" T
    ctl stop web
    assert "status of stop" "$status" 0
    gone "$pid" || fail "the program runs"
    assert "status recorded" "$(recorded web status)" 15
}

@test "stop --signal and --timeout reach the keeper" {
    kept --restart -- perl -e '$SIG{TERM} = "IGNORE"; $SIG{INT} = sub { exit 5 }; open F, ">up"; sleep 1000 while 1'
    await test -e up
    ctl stop --signal=INT web
    assert "status of stop" "$status" 0
    assert "status recorded" "$(recorded web status)" $((5 << 8))
    rm up
    kept --restart -- perl -e '$SIG{TERM} = "IGNORE"; open F, ">up"; sleep 1000 while 1'
    await test -e up
    ctl stop --timeout=0.3 web
    assert "words" "$output" "web: stopped, PID $pid, by SIGKILL after 0.3 s"
    assert "status recorded" "$(recorded web status)" 9
}

@test "a manager is told of each run that is ready; the keeper is the main process" {
    cat >manager.py <<'END'
import os, re, socket, subprocess, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("socket")
s.settimeout(float(os.environ["DEADLINE"]))
environment = dict(os.environ, NOTIFY_SOCKET=os.getcwd() + "/socket")
process = subprocess.Popen(sys.argv[1:], env=environment, stdin=subprocess.DEVNULL)
for i in range(5):
    data, fds, _, _ = socket.recv_fds(s, 4096, 8)
    print(re.sub("USEC=[0-9]+", "USEC=N", data.decode()).replace("\n", " ").replace(str(process.pid), "OURS"), flush=True)
    for fd in fds:
        os.close(fd)
    if i == 1:
        open("again", "w").close()
process.terminate()
print(process.wait())
END
    # shellcheck disable=SC2016
    try within "$PYTHON" manager.py "$DZ" --mode=stay --restart --restart-delay=0 -C . -o log -w fd:7 -q \
        bash -c 'echo >&7; exec 7>&-; [ -e second ] && exec sleep 1000; until [ -e again ]; do sleep 0.01; done; : >second; exit 1'
    assert told "$output" $'READY=1 MAINPID=OURS\nBARRIER=1\nRELOADING=1 MONOTONIC_USEC=N\nREADY=1 MAINPID=OURS\nBARRIER=1\n143'
}
