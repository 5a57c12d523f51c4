# --wait=notify: what the program says by sd_notify(3), who is believed, and
# what is done about it.

load helpers
load waiting

# The client: send.py MESSAGE..., each one datagram; "sleep:SEC", "until:SEC" (that long
# after the launcher's start, however late its own is), "pid:FILE"
# (its PID into FILE), "await:FILE", "child" (a child that sleeps, whose PID
# replaces CHILD in messages; "child:FILE" makes FILE when its parent has ended) stand
# between them.
setup_client() {
    cat >send <<'END'
import array, os, socket, sys, time
address = os.environ["NOTIFY_SOCKET"]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + address[1:] if address[0] == "@" else address)
for word in sys.argv[1:]:
    kind, _, value = word.partition(":")
    if kind == "sleep":
        time.sleep(float(value))
    elif kind == "until":
        while os.getppid() == os.getsid(0):  # the first child is still there
            time.sleep(0.001)
        with open(f"/proc/{os.getppid()}/stat") as file:
            began = int(file.read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
        time.sleep(max(0, began + float(value) - time.clock_gettime(time.CLOCK_BOOTTIME)))
    elif kind == "pid":
        with open(value + ".tmp", "w") as file:
            print(os.getpid(), file=file)
        os.rename(value + ".tmp", value)
    elif kind == "await":
        while not os.path.exists(value):
            time.sleep(0.01)
    elif kind == "child":
        parent, child = os.getpid(), os.fork()
        if child == 0:
            while value and os.getppid() == parent:
                time.sleep(0.01)
            if value:
                open(value, "w").close()
            time.sleep(60)
            os._exit(0)
        os.environ["CHILD"] = str(child)
    elif kind == "times":
        for i in range(int(value)):
            s.send(b"STATUS=%d\nX_UNKNOWN=%d" % (i, i))
    elif kind == "huge":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        s.send(b"READY=1\nSTATUS=" + b"x" * int(value) + b"\nREADY=1")
    elif kind == "closed":
        # Descriptors go along; the pipe ends when all copies are closed.
        ends = os.pipe()
        rights = array.array("i", [ends[1]] * int(value))
        s.sendmsg([b"FDSTORE=1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        os.close(ends[1])
        print("end of file", os.read(ends[0], 1), flush=True)
    elif kind == "end":
        sys.exit(int(value))
    else:
        s.send(word.replace("CHILD", os.environ.get("CHILD", "")).replace("\\n", "\n").encode())
time.sleep(60)
END
}

# notifies WAY TIMEOUT WORD...: start the client so.
notifies() {
    local way=$1 timeout=$2
    shift 2
    [ -e send ] || setup_client
    rm -f log
    by "$way" DZ_WAIT=notify DZ_TIMEOUT="$timeout" -- "$PYTHON" "$PWD/send" "$@"
}

@test "a script and systemd-notify --ready" {
    need systemd-notify
    for way in $WAYS; do
        by "$way" DZ_WAIT=notify DZ_TIMEOUT=30 -- bash -c \
            "sleep 0.3; echo >'$PWD/later'; systemd-notify --ready; exec '$SLEEPER' 60"
        started
        [ -e later ]
        rm later
        kill "$pid"
    done
}

@test "a script of ten lines in python, by an environment that has nothing of ours" {
    cat >ten <<'END'
import os, socket, time
address = os.environ["NOTIFY_SOCKET"]
ours = [name for name in os.environ if name.startswith("DZ_")]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + address[1:])
time.sleep(0.2)
print("ours", ours, flush=True)
s.sendall(b"READY=1")
time.sleep(60)
END
    for way in $WAYS; do
        # Our own manager's socket is not the program's.
        by "$way" NOTIFY_SOCKET=/nowhere DZ_WAIT=notify DZ_TIMEOUT=30 -- "$PYTHON" "$PWD/ten"
        started
        holds_line log "ours []"
        await runs_program "$pid" "$(readlink -f "$PYTHON")"
        assert descriptors "$(fds_of "$pid")" "0 1 2 3" # its own socket
        kill "$pid"
        rm log
    done
}

@test "what is not READY=1 is not it" {
    for way in $WAYS; do
        notifies "$way" 0.8 READY=0 READY=11 "READY=1 " XREADY=1 ready=1 "STATUS=READY=1" READY RELOADING=1 STOPPING=1
        failed 124 "wait: $PYTHON: not ready within 0.8 s: notify"
        notifies "$way" 30 'STATUS=a\nREADY=1\nX=1'
        started
        kill "$pid"
        notifies "$way" 30 'READY=1\n'
        started
        kill "$pid"
    done
}

@test "a child of the program may say it; the program's end is its end" {
    for way in $WAYS; do
        setup_client
        by "$way" DZ_WAIT=notify DZ_TIMEOUT=30 -- bash -c \
            "setsid '$PYTHON' '$PWD/send' READY=1 & wait"
        started
        child=$(pgrep -P "$pid")
        track "$child"
        kill "$child" "$pid"
        notifies "$way" 30 STATUS=x end:6
        failed 6 "start: $PYTHON: ended with status 6 after *"
    done
}

@test "STATUS is on the terminal's line" {
    setup_client
    for way in $WAYS; do
        start=("$DZ" -d)
        says=dznohup
        [ "$way" = launcher ] || { start=(LD_PRELOAD="$SHIM"); says=libdz.so; }
        screen=$(on_terminal --run env DZ_OUTPUT=log DZ_PIDFILE=pid DZ_WAIT=notify "${start[@]}" \
            "$PYTHON" "$PWD/send" STATUS=first STATUS=$'load\ting\033[31m' until:1.6 "STATUS=two of three" until:2.6 READY=1)
        track "$(cat pid)"
        clear=$'\r\033[K'
        assert_match screen "$screen" \
            "$clear$says: waiting for notify, 1 s: load\?ing\?\[31m$clear$says: waiting for notify, 2 s: two of three$clear*"
        kill "$(cat pid)"
        rm pid
        # A long one is cut, not the line broken.
        long=$(printf 'long%.0s' {1..100})
        screen=$(on_terminal --run env DZ_OUTPUT=log DZ_WAIT=notify DZ_TIMEOUT=1.3 "${start[@]}" \
            "$PYTHON" "$PWD/send" "STATUS=$long") || true
        assert_match screen "$screen" "$clear$says: waiting for notify, 1 s: longlong*long...$clear$says: wait: *"
    done
}

@test "MAINPID of the job is followed: PID, pidfile and record name it" {
    for way in $WAYS; do
        notifies "$way" 30 pid:"$PWD/first" child 'MAINPID=CHILD\nREADY=1'
        started
        track "$(cat first)"
        refute [ "$pid" = "$(cat first)" ]
        assert parent "$(stat_field "$pid" 4)" "$(cat first)"
        assert pidfile "$(cat pid)" "$pid"
        assert records "$(ls -A "$DZ_STATE_DIR")" "$pid"
        holds_line "$DZ_STATE_DIR/$pid" "pid $pid"
        holds_line "$DZ_STATE_DIR/$pid" "start $(start_time "$pid")"
        [ "$way" = preload ] || assert output "$output" "$pid"
        kill "$(cat first)" "$pid"
        # With a name, and the parent ends behind it.
        setup_client
        rm -f alone
        by "$way" DZ_NAME=job DZ_WAIT=notify,path:alone DZ_TIMEOUT=30 -- \
            "$PYTHON" "$PWD/send" pid:"$PWD/first" child:"$PWD/alone" MAINPID=CHILD READY=1 end:0
        started
        refute [ "$pid" = "$(cat first)" ]
        gone "$(cat first)"
        assert records "$(ls -A "$DZ_STATE_DIR")" job
        holds_line "$DZ_STATE_DIR/job" "pid $pid"
        kill "$pid"
    done
}

@test "what a program says right before its end counts, as systemd has it of a main process" {
    cat >last <<'END'
import os, signal, socket, time
while os.getppid() == os.getsid(0):
    time.sleep(0.01)
launcher, parent = os.getppid(), os.getpid()
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
os.kill(launcher, signal.SIGSTOP)
child = os.fork()
if child:
    s.send(b"MAINPID=%d\nREADY=1" % child)
    os._exit(0)
# It goes on when there is a zombie to ask.
while " Z " not in open(f"/proc/{parent}/stat").read():
    time.sleep(0.01)
os.kill(launcher, signal.SIGCONT)
time.sleep(60)
END
    for way in $WAYS; do
        by "$way" DZ_WAIT=notify DZ_TIMEOUT=3 -- "$PYTHON" "$PWD/last"
        started
        kill "$pid"
    done
}

@test "MAINPID that is not of the job, or no PID, is not followed" {
    beside "$SLEEPER" 60 &
    stranger=$!
    track $stranger
    for way in $WAYS; do
        notifies "$way" 30 pid:"$PWD/first" MAINPID=$stranger MAINPID=1 MAINPID=0 MAINPID=-1 MAINPID=x MAINPID= \
            MAINPID=99999999999 MAINPID=4194304 READY=1
        started
        assert pidfile "$pid" "$(cat first)"
        assert records "$(ls -A "$DZ_STATE_DIR")" "$pid"
        kill "$pid"
        alive $stranger
    done
}

@test "EXTEND_TIMEOUT_USEC gives more time, again and again" {
    for way in $WAYS; do
        before=$(milliseconds)
        # Ready long behind the time-out, and no extension reaches so far.
        more="EXTEND_TIMEOUT_USEC=3000000 sleep:1"
        # shellcheck disable=SC2086
        notifies "$way" 3 $more $more $more $more $more READY=1
        started
        [ $(($(milliseconds) - before)) -ge 5000 ]
        kill "$pid"
        # Without another one it is over; it does not shorten the time that is left.
        before=$(milliseconds)
        notifies "$way" 3 EXTEND_TIMEOUT_USEC=4500000
        failed 124 "wait: $PYTHON: not ready within *"
        elapsed=$(($(milliseconds) - before))
        [ $elapsed -ge 4500 ] && [ $elapsed -lt 15000 ] || fail "after $elapsed ms"
        notifies "$way" 20 EXTEND_TIMEOUT_USEC=1 sleep:0.3 EXTEND_TIMEOUT_USEC= EXTEND_TIMEOUT_USEC=-5 \
            EXTEND_TIMEOUT_USEC=1x sleep:0.3 READY=1
        started
        kill "$pid"
        notifies "$way" 20 EXTEND_TIMEOUT_USEC=9223372036854775807 EXTEND_TIMEOUT_USEC=99999999999999999999 \
            sleep:0.3 READY=1
        started
        kill "$pid"
    done
}

@test "what a stranger sends is not believed" {
    cat >liar <<'END'
import array, os, socket, sys
with open(f"/proc/{sys.argv[1]}/environ", "rb") as file:
    address = dict(v.split(b"=", 1) for v in file.read().split(b"\0") if b"=" in v)[b"NOTIFY_SOCKET"]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(b"\0" + address[1:])
ends = os.pipe()
s.sendmsg([b"READY=1\nMAINPID=%d\nEXTEND_TIMEOUT_USEC=60000000" % os.getpid()],
          [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [ends[1]]))])
os.close(ends[1])
os.read(ends[0], 1)
print("read")
END
    for way in $WAYS; do
        setup_client
        rm -f target lied
        # Only by dznohup its environment is shown in /proc: the library changes
        # the copy that the program has.
        (
            await is_file target
            if [ "$way" = launcher ]; then
                "$PYTHON" liar "$(cat target)" >lied 2>&1
            else
                NOTIFY_SOCKET=$(cat address) && export NOTIFY_SOCKET
                env "$PYTHON" - <<'END' >lied 2>&1
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
s.send(b"READY=1\nEXTEND_TIMEOUT_USEC=60000000")
print("read")
END
            fi
        ) 3>&- 4>&- &
        helper=$!
        by "$way" DZ_WAIT=notify DZ_TIMEOUT=2 -- bash -c \
            "echo \$NOTIFY_SOCKET >'$PWD/address'; echo \$\$ >'$PWD/target'; exec '$SLEEPER' 60"
        wait $helper
        holds_line lied read
        failed 124 "wait: bash: not ready within 2 s: notify"
    done
}

@test "a huge datagram, hundreds of datagrams, descriptors that come along" {
    for way in $WAYS; do
        notifies "$way" 1.5 huge:5000 huge:100000
        failed 124 "wait: $PYTHON: not ready within 1.5 s: notify"
        notifies "$way" 30 huge:100000 times:500 closed:1 closed:253 READY=1
        started
        assert log "$(cat log)" $'end of file b\'\'\nend of file b\'\''
        kill "$pid"
    done
}

@test "the program is executed anew, where its constructors have threads: all settings hold" {
    # The environment's first entries are the ones that could get lost.
    setup_client
    for first in DZ_OUTPUT=log DZ_PIDFILE=pid DZ_UMASK=077 DZ_CHDIR="$HOME"; do
        rm -rf pid log "$DZ_STATE_DIR"
        try closed env -i "$first" DZ_OUTPUT=log DZ_PIDFILE=pid DZ_UMASK=077 DZ_CHDIR="$HOME" \
            DZ_STATE_DIR="$DZ_STATE_DIR" DZ_WAIT=notify DZ_TIMEOUT=30 \
            LD_PRELOAD="$SHIM $TARGETS/initfirst.so" "$PYTHON" "$PWD/send" closed:1 READY=1 </dev/null
        assert status "$status" 0 || fail "$stderr"
        assert output "$output" ""
        await is_file pid
        pid=$(cat pid)
        track "$pid"
        assert log "$(cat log)" "end of file b''"
        assert cwd "$(cwd_of "$pid")" "$HOME"
        assert umask "$(status_field "$pid" Umask)" 0077
        assert records "$(ls -A "$DZ_STATE_DIR")" "$pid"
        kill "$pid"
    done
}

@test "our own manager is told, with the PID, and read before we end; what fails is said" {
    cat >manager <<'END'
import os, socket, subprocess, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1] if sys.argv[1][0] == "/" else "\0" + sys.argv[1][1:])
s.settimeout(20)
process = subprocess.Popen(sys.argv[2:], env=dict(os.environ, NOTIFY_SOCKET=sys.argv[1]), stdin=subprocess.DEVNULL)
for i in range(2):
    data, fds, _, _ = socket.recv_fds(s, 4096, 8)
    running = process.poll() is None
    print(data.decode().replace("\n", " "), len(fds), running)
    for fd in fds:
        os.close(fd)
print(process.wait())
END
    for way in $WAYS; do
        start=("$DZ" -d)
        [ "$way" = launcher ] || start=(env LD_PRELOAD="$SHIM")
        for address in "$PWD/socket" "@$$.$BATS_TEST_NUMBER"; do
            rm -rf pid socket "$DZ_STATE_DIR"
            try closed env DZ_OUTPUT=log DZ_PIDFILE=pid "$PYTHON" manager "$address" "${start[@]}" "$SLEEPER" 60
            pid=$(cat pid)
            track "$pid"
            assert "what was told" "$(grep -vx "$pid" <<<"$output")" \
                "READY=1 MAINPID=$pid 0 True"$'\n'"BARRIER=1 1 True"$'\n'0
            kill "$pid"
        done
        by "$way" NOTIFY_SOCKET="$PWD/nobody" -- "$SLEEPER" 60
        started
        assert_match stderr "$stderr" "*: note: NOTIFY_SOCKET: No such file or directory"
        kill "$pid"
    done
}

@test "a manager gets the job as the manager's own child before it reads MAINPID" {
    cat >reaper <<'END'
import ctypes, os, socket, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER, as systemd --user
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("socket")
s.settimeout(20)
process = subprocess.Popen(sys.argv[1:], env=dict(os.environ, NOTIFY_SOCKET=os.getcwd() + "/socket"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
words = s.recv(4096).decode().split("\n")
if len(words) > 1:
    with open(f"/proc/{words[1][8:]}/stat") as file:
        words[1] = "child" if file.read().rsplit(")", 1)[1].split()[1] == str(os.getpid()) else "stranger"
for fd in socket.recv_fds(s, 4096, 8)[1]:
    os.close(fd)
print(*words, process.wait())
END
    for way in $WAYS; do
        start=("$DZ" -d)
        [ "$way" = launcher ] || start=(env LD_PRELOAD="$SHIM")
        rm -rf pid socket "$DZ_STATE_DIR"
        try closed env DZ_OUTPUT=log DZ_PIDFILE=pid "$PYTHON" reaper "${start[@]}" "$SLEEPER" 60
        pid=$(cat pid)
        track "$pid"
        assert "what the manager saw" "$output" "READY=1 child 0"
        kill "$pid"
        await gone "$pid"
        # Of one that has ended well there is no PID to tell.
        rm -rf socket "$DZ_STATE_DIR"
        try closed env DZ_OUTPUT=log DZ_PIDFILE=pid "$PYTHON" reaper "${start[@]}" true
        assert "what the manager saw" "$output" "READY=1 0"
    done
}

@test "MAINPID of one that has ended is not followed" {
    cat >ends <<'END'
import os, socket, time
child = os.fork()
if child == 0:
    os._exit(0)
while " Z " not in open(f"/proc/{child}/stat").read():
    time.sleep(0.01)
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
s.send(b"MAINPID=%d\nREADY=1" % child)
time.sleep(60)
END
    for way in $WAYS; do
        by "$way" DZ_WAIT=notify DZ_TIMEOUT=20 -- "$PYTHON" "$PWD/ends"
        started
        assert_match command "$(command_of "$pid")" "$PYTHON *"
        kill "$pid"
    done
}

@test "endless datagrams do not keep it from its time-out" {
    cat >flood <<'END'
import os, socket
for i in range(40):
    if os.fork() == 0:
        break
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
while True:
    s.send(b"X=1\n")
END
    for way in $WAYS; do
        before=$(milliseconds)
        BEFORE="timeout -s KILL 15"
        by "$way" DZ_WAIT=notify DZ_TIMEOUT=1 -- "$PYTHON" "$PWD/flood"
        BEFORE=
        failed 124 "wait: *: not ready within 1 s: notify"
        [ $(($(milliseconds) - before)) -lt 6000 ] || fail "it took $(($(milliseconds) - before)) ms"
    done
}

@test "NOTIFY_SOCKET takes the place of none of the caller's variables" {
    for way in $WAYS; do
        by "$way" LAST=1 DZ_WAIT=notify DZ_TIMEOUT=1 -- bash -c "env >'$PWD/variables'; exec '$SLEEPER' 60"
        failed 124 "wait: bash: not ready within 1 s: notify"
        grep -q '^NOTIFY_SOCKET=@' variables
        for name in LAST $(compgen -e | grep -v '^DZ_\|^_$'); do
            grep -q "^$name=" variables || fail "$name is lost"
        done
    done
}
