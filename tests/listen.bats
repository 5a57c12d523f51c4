# --wait=listen: which socket counts, and which process the job then is.

load helpers
load waiting

@test "nginx that daemonizes itself: the PID is its master's, when the caller waits for that too" {
    need nginx
    nginx_conf ""
    for way in $WAYS; do
        port=$(free_port)
        sed "s/@/$port/" nginx.conf >this.conf
        start "$way" DZ_WAIT=listen,path:nginx.pid,alive:0.5 -- nginx -c "$PWD/this.conf"
        started
        await is_file nginx.pid
        assert "PID" "$pid" "$(cat nginx.pid)"
        http
        [ -e "$DZ_STATE_DIR/$pid" ] || fail "no record: $(ls "$DZ_STATE_DIR")"
        assert records "$(ls -A "$DZ_STATE_DIR")" "$pid"
        stops_on_term "$pid"
    done
}

@test "a script that ends: the job is the server that it left" {
    for way in $WAYS; do
        port=$(free_port)
        # It may be found listening before the script has ended.
        start "$way" DZ_WAIT="listen:$port,alive:0.5" -- bash -c "(setsid '$TARGETS/server' $port &); exit 0"
        started
        hello
        assert PID "$pid" "${answer#hello }"
        assert records "$(ls -A "$DZ_STATE_DIR")" "$pid"
        stops_on_term "$pid"
    done
}

@test "a script that ends and leaves several: the job is the one that listens" {
    for way in $WAYS; do
        port=$(free_port)
        start "$way" DZ_WAIT="listen:$port,alive:0.5" -- bash -c \
            "(setsid '$TARGETS/server' $port &); (setsid '$SLEEPER' 60 &); exit 0"
        started
        other=$(pgrep -f "^$SLEEPER 60")
        track "$other"
        hello
        assert PID "$pid" "${answer#hello }"
        assert records "$(ls -A "$DZ_STATE_DIR")" "$pid"
        kill "$other"
        stops_on_term "$pid"
    done
}

# ---- which socket --------------------------------------------------------------

# waits_for RESULT CONDITION WORD...: RESULT is listens or not.
waits_for() {
    local want=$1 condition=$2 way
    shift 2
    for way in $WAYS; do
        if [ "$want" = listens ]; then
            start "$way" DZ_WAIT="$condition" DZ_TIMEOUT="$DEADLINE" -- "$PYTHON" "$PROGRAMS/listening.py" "$@"
            started
            kill "$pid"
            await gone "$pid"
        else
            for time in $TIMES; do
                rm -f log socket socket.too
                start "$way" DZ_WAIT="$condition" DZ_TIMEOUT="$time" -- "$PYTHON" "$PROGRAMS/listening.py" "$@"
                ! holds_line log listens || break
            done
            failed 124 "wait: $PYTHON: stopped after $time s: does not listen*"
            # It was there to be seen.
            assert "log" "$(cat log)" listens
        fi
        rm -f log socket socket.too
    done
}

@test "listen:PORT: another port of the job does not count, nor a socket that is no listener" {
    one=$(free_port)
    two=$(free_port)
    waits_for not "listen:$one" "TCP=('127.0.0.1', $two)" "UDP=('127.0.0.1', $one)" "UNIX='@$one'"
    waits_for not listen "UDP=('127.0.0.1', $one)" "BOUND='@$one'"
    waits_for listens "listen:$one" "TCP=('127.0.0.1', $two)" "TCP=('127.0.0.1', $one)"
    waits_for listens "listen:$one,listen:$two" "TCP=('127.0.0.1', $two)" "TCP=('0.0.0.0', $one)"
    waits_for listens listen "TCP=('127.0.0.1', $two)"
}

@test "listen: the listener of another job, or of a stranger, on that port does not count" {
    port=$(free_port)
    beside "$TARGETS/server" "$port" >stranger &
    track $!
    await holds_line stranger ready
    for way in $WAYS; do
        for condition in listen listen:$port; do
            start "$way" DZ_WAIT="$condition" DZ_TIMEOUT=0.7 -- "$SLEEPER" 60
            failed 124 "wait: $SLEEPER: stopped after 0.7 s: does not listen*([ on0-9])"
        done
        other=$(free_port)
        # One that has sockets, which are no such listeners.
        start "$way" DZ_WAIT=listen:"$port" DZ_TIMEOUT=0.7 -- "$PYTHON" "$PROGRAMS/listening.py" "UDP=('127.0.0.1', $other)"
        failed 124 "wait: $PYTHON: stopped after 0.7 s: does not listen on $port"
        start "$way" DZ_WAIT=listen -- "$TARGETS/server" "$other"
        started
        first=$pid
        start "$way" DZ_WAIT=listen:"$other" DZ_TIMEOUT=0.7 -- "$SLEEPER" 60
        failed 124 "wait: $SLEEPER: stopped after 0.7 s: does not listen on $other"
        kill "$first"
    done
    # The port of both, by SO_REUSEPORT: ours counts.
    two=$(free_port)
    beside "$PYTHON" "$PROGRAMS/listening.py" "TCP=('127.0.0.1', $two)" >stranger &
    track $!
    await holds_line stranger listens
    waits_for listens listen:"$two" "TCP=('127.0.0.1', $two)"
}

@test "listen: TCP6 alone" {
    [ -e /proc/net/tcp6 ] || lacking "needs IPv6"
    port=$(free_port)
    waits_for listens listen "TCP6=('::1', $port)"
    waits_for listens "listen:$port" "TCP6=('::1', $port)"
}

@test "listen:PATH, listen:@NAME" {
    name="@$$.$BATS_TEST_NUMBER a b"
    waits_for listens "listen:$PWD/socket" "UNIX='$PWD/socket'"
    waits_for listens "listen:$name" "UNIX='$name'"
    waits_for listens listen "UNIX='$name'"
    waits_for not "listen:$PWD/socket" "UNIX='$PWD/socket.too'" "BOUND='$PWD/socket'"
    waits_for not "listen:$name" "UNIX='$name.too'" "BOUND='$name'"
    waits_for not "listen:$PWD/socket" "UNIX='@$PWD/socket'"
}

@test "listen: a socket that was inherited counts if it is kept" {
    for way in $WAYS; do
        start=("$DZ" -d)
        [ "$way" = leave ] || start=(env LD_PRELOAD="$SHIM")
        rm -rf pid "$DZ_STATE_DIR"
        try closed env DZ_OUTPUT=log DZ_PIDFILE=pid DZ_KEEP_FD=20 DZ_TIMEOUT="$DEADLINE" \
            "$PYTHON" "$PROGRAMS/inherit.py" "${start[@]}" "$PYTHON" "$PROGRAMS/accepts.py" </dev/null
        pid=$(cat pid)
        track "$pid"
        started
        port=$(cat port)
        hello
        assert PID "$pid" "${answer#hello }"
        stops_on_term "$pid"
        rm pid
        try closed env DZ_OUTPUT=log DZ_PIDFILE=pid DZ_TIMEOUT=0.7 \
            "$PYTHON" "$PROGRAMS/inherit.py" "${start[@]}" "$SLEEPER" 60 </dev/null
        assert status "$status" 124
        rm -f log
    done
}

@test "listen: in a network namespace of its own" {
    need_root
    need unshare
    # Nothing says that it is there; it must not be the one outside.
    port=$(free_port)
    for way in $WAYS; do
        start "$way" DZ_WAIT=listen:"$port" DZ_TIMEOUT="$DEADLINE" -- unshare --net "$TARGETS/server" "$port"
        started
        refute listens "$port"
        kill "$pid"
        await gone "$pid"
        # And where the job's first process is outside, and nothing happens there.
        BEFORE="unshare --net"
        start "$way" DZ_WAIT=listen:"$port" -- \
            bash -c "sleep 0.3; unshare --net '$TARGETS/server' $port & wait"
        started
        server=$(pgrep -P "$pid")
        track "$server"
        assert command "$(command_of "$server")" "$TARGETS/server $port "
        BEFORE=
        kill "$server"
        await gone "$pid"
        beside "$TARGETS/server" "$port" >outside &
        outside=$!
        track $outside
        await holds outside ready
        start "$way" DZ_WAIT=listen:"$port" DZ_TIMEOUT=0.7 -- unshare --net "$SLEEPER" 60
        failed 124 "wait: unshare: stopped after 0.7 s: does not listen on $port"
        kill $outside
        await gone $outside
    done
}

@test "listen: among many descriptors, many sockets, many processes" {
    port=$(free_port)
    for way in $WAYS; do
        start "$way" DZ_WAIT=listen:"$port" DZ_TIMEOUT="$DEADLINE" -- bash -c "ulimit -n 1024; exec '$PYTHON' '$PROGRAMS/many.py' $port"
        started
        listens "$port" || fail "too early"
        session=$(stat_field "$pid" 6)
        members=$(pgrep -s "$session")
        # shellcheck disable=SC2086
        track $members
        assert members "$(wc -w <<<"$members")" 21
        # shellcheck disable=SC2086
        kill $members
        await gone "$pid"
    done
}

@test "listen: a connection is no listener, whoever tells" {
    port=$(free_port)
    beside "$TARGETS/server" "$port" >stranger &
    track $!
    await holds_line stranger ready
    for way in $WAYS; do
        for time in $TIMES; do
            rm -f log
            start "$way" DZ_WAIT=listen DZ_TIMEOUT="$time" -- "$PYTHON" "$PROGRAMS/connects.py" "$port"
            ! holds_line log connected || break
        done
        failed 124 "wait: *: stopped after $time s: does not listen"
        assert log "$(<log)" connected
        rm log
    done
}

@test "listen: where the kernel does not tell by sock_diag(7), /proc/net does" {
    need strace
    [ -e /proc/net/tcp6 ] || lacking "needs IPv6"
    one=$(free_port)
    two=$(free_port)
    # Of the launcher alone, not of the program.
    BEFORE="strace -qq -o trace -e trace=socket,pidfd_getfd -e inject=socket:error=EPROTONOSUPPORT -e inject=pidfd_getfd:error=EPERM"
    for words in "TCP=('127.0.0.1',$one)" "TCP6=('::1',$one)"; do
        start leave DZ_WAIT="listen:$one" DZ_TIMEOUT="$DEADLINE" -- "$PYTHON" "$PROGRAMS/listening.py" "UDP=('127.0.0.1',$two)" "$words"
        started
        kill "$pid"
        await gone "$pid"
        start leave DZ_WAIT="listen:$two" DZ_TIMEOUT=1 -- "$PYTHON" "$PROGRAMS/listening.py" "$words"
        failed 124 "wait: *: stopped after 1 s: does not listen on $two (it listens on $one)"
    done
    grep -q "socket.*INJECTED" trace
    beside "$TARGETS/server" "$two" >stranger &
    track $!
    await holds_line stranger ready
    start leave DZ_WAIT=listen DZ_TIMEOUT=1 -- "$PYTHON" "$PROGRAMS/connects.py" "$two"
    failed 124 "wait: *: stopped after 1 s: does not listen"
    BEFORE=
}

@test "listen: where descriptors cannot be asked, the kernel's lists tell" {
    need strace
    one=$(free_port)
    two=$(free_port)
    for call in pidfd_getfd:error=EPERM pidfd_getfd:error=ENOSYS pidfd_open:error=ENOSYS; do
        # Of the launcher alone, not of the program.
        BEFORE="strace -qq -o trace -e trace=${call%:*} -e inject=$call"
        start leave DZ_WAIT="listen:$one" DZ_TIMEOUT=30 -- "$PYTHON" "$PROGRAMS/listening.py" "UDP=('127.0.0.1',$two)" "TCP=('127.0.0.1',$one)"
        started
        kill "$pid"
        await gone "$pid"
        grep -q INJECTED trace
        start leave DZ_WAIT="listen:$PWD/socket" DZ_TIMEOUT=30 -- "$PYTHON" "$PROGRAMS/listening.py" "UNIX='$PWD/socket'"
        started
        kill "$pid"
        await gone "$pid"
        rm -f socket
        start leave DZ_WAIT="listen:$two" DZ_TIMEOUT=1 -- "$PYTHON" "$PROGRAMS/listening.py" "TCP=('127.0.0.1',$one)"
        failed 124 "wait: *: stopped after 1 s: does not listen on $two (it listens on $one)"
    done
    BEFORE=
}

@test "listen: a thread with descriptors of its own; one that outlives the first" {
    for way in $WAYS; do
        for kind in unshare leader; do
            port=$(free_port)
            start "$way" DZ_WAIT="listen:$port" DZ_TIMEOUT=30 -- "$PYTHON" "$PROGRAMS/own-files.py" $kind "$port"
            started
            listens "$port"
            kill -KILL "$pid"
            await gone "$pid"
        done
    done
}

@test "listen: a time-out says on what the job listens" {
    one=$(free_port)
    two=$(free_port)
    never=$(free_port)
    for way in $WAYS; do
        start "$way" DZ_WAIT="listen:$never,notify" DZ_TIMEOUT=2 -- "$PYTHON" "$PROGRAMS/listening.py" \
            "TCP=('127.0.0.1', $one)" "TCP=('0.0.0.0', $one)" "UNIX='$PWD/socket'" "UDP=('127.0.0.1', $never)" "UNIX='@$two'"
        failed 124 "wait: $PYTHON: stopped after 2 s: does not listen on $never, has not sent READY=1 (it listens on $one, $PWD/socket, @$two)"
        rm -f log socket
        # Workers inherit the socket: it is named once.
        start "$way" DZ_WAIT="listen:$never" DZ_TIMEOUT=2 -- "$TARGETS/server" "$one"
        failed 124 "wait: $TARGETS/server: stopped after 2 s: does not listen on $never (it listens on $one)"
        rm -f log
    done
}

@test "listen: among hundreds of listeners of strangers" {
    need_root
    need unshare
    beside unshare --net "$PYTHON" "$PROGRAMS/strangers.py" >strange &
    strangers=$!
    track $strangers
    await holds_line strange ready
    words=() ports=
    for port in 10001 10002 10003 10004 10005 10006 10007 10008; do
        words+=("TCP=('0.0.0.0',$port)")
        ports+=,listen:$port
    done
    BEFORE="nsenter --target $strangers --net"
    for way in $WAYS; do
        start "$way" DZ_WAIT="${ports#,}" DZ_TIMEOUT="$DEADLINE" -- "$PYTHON" "$PROGRAMS/listening.py" "${words[@]}"
        started
        kill "$pid"
        await gone "$pid"
    done
    BEFORE=
}
