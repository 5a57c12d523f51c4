# --no-daemon where the parent waits for its child's word: the parent stands in for the
# daemon, and ends with it.

load helpers
START_OPTIONS=(--shim="$SHIM" --no-daemon --quiet --chdir=. --output=log)

# tests/targets/PROGRAM in MODE until its parent stands in for the daemon.
# watch_waits MODE PROGRAM WAY
watch_waits() {
    rm -f seen log there own
    start "$1" -- "$TARGETS/$2" "$3"
    await is_file seen
    daemon=$(<seen)
    track "$daemon"
    await stands_in "$4"
}
stands_in() {
    holds_line log "libdz.so: no-daemon: PID $daemon goes on in the background, and PID $pid stands in for it: its parent $1" &&
        [ "$(fd_of "$pid" 1)" = /dev/null ] && [ "$(fds_of "$pid")" = "0 1 2" ] && [ "$(cwd_of "$pid")" = / ]
}
# What that line says of each way.
reason() {
    local call
    case $1 in
    file)
        echo "ran for more than a second before it exited"
        return
        ;;
    libdaemon | waits) call=wait4 ;;
    signal) call=rt_sigsuspend ;;
    *) call=read ;;
    esac
    echo "called $call(2) before it exited"
}
asks_daemon() { # SIGNAL WORD: its signal to the one that stands in comes to it
    kill -"$1" "$pid"
    await holds_line log "$2"
}

@test "a word over a pipe, a signal, waitpid, a file: the parent stands in, and ends with the daemon" {
    for program in waits waits-musl; do
        [ -x "$TARGETS/$program" ] || lacking "needs musl-gcc"
        for how in pipe exits double lingers libdaemon signal file; do
            watch_waits stay $program $how "$(reason $how)"
            assert "$program $how: parent of the daemon" "$(stat_field "$daemon" 4)" "$pid"
            assert "$program $how: what the parent has printed" "$(grep -c '^begins$' log)" 1
            asks_daemon HUP hup
            stops_on_term "$pid"
            ended
            assert "$program $how: status" "$status" 143
            await gone "$daemon"
        done
    done
}

@test "it stands in below libdz.so alone and with -d, too" {
    for way in shim-stay leave; do
        watch_waits $way waits double "$(reason double)"
        asks_daemon HUP hup
        stops_on_term "$pid"
        await gone "$daemon"
    done
}

@test "the status of one that stands in is the daemon's, by exit and by signal" {
    watch_waits stay waits pipe "$(reason pipe)"
    kill -USR1 "$pid"
    ended
    assert status "$status" 5
    watch_waits stay waits pipe "$(reason pipe)"
    kill -KILL "$daemon"
    ended
    assert status "$status" 137
}

@test "a signal of the daemon's to its parent, and the parent's timer, do not come back to it" {
    watch_waits stay waits signal "$(reason signal)"
    asks_daemon WINCH winch # it has sent USR1, by which it would end with 5
    asks_daemon HUP hup
    stops_on_term "$pid"
    ended
    assert status "$status" 143
    watch_waits stay waits timer "$(reason timer)"
    asks_daemon HUP hup
    stops_on_term "$pid"
    ended
    assert status "$status" 143
    refute holds_line log alarm
}

@test "a successor, to which the daemon leaves its place, is stood in for" {
    watch_waits stay waits pipe "$(reason pipe)"
    before=$daemon
    kill -USR2 "$pid"
    await eval '[ "$(<seen)" != "$before" ]'
    daemon=$(<seen)
    track "$daemon"
    await eval '[ "$(stat_field "$daemon" 4)" = "$pid" ]'
    await gone "$before"
    # Only now its signals go to the successor.
    await eval '[ "$(stat_field "$pid" 3)" = S ] && [ ! -e "/proc/$before" ]'
    asks_daemon HUP hup
    stops_on_term "$pid"
    await gone "$daemon"
}

@test "a parent that fails ends, and one with other threads leaves and says so" {
    rm -f seen log
    start stay -- "$TARGETS/waits" fails
    await is_file seen
    track "$(<seen)"
    ended
    assert status "$status" 3
    rm seen log
    start stay -- "$TARGETS/waits" threads
    await is_file seen
    track "$(<seen)"
    ended
    assert status "$status" 0
    holds_line log "libdz.so: no-daemon: PID $(<seen) goes on in the background: its parent called read(2) before it exited; it has other threads"
}

@test "a worker that has ended is nothing to stand in for" {
    start stay -- sh -c '/bin/true; exit 0'
    ended
    assert status "$status" 0
    assert log "$(<log)" ""
}

@test "what is started by another program than fork(3) is stood in for" {
    # Its first child is made by vfork(2), and exits before the daemon does.
    cat >starts.py <<'PY'
import subprocess
subprocess.run(["sh", "-c", "{ echo $$; exec >/dev/null 2>&1; } >seen; while :; do sleep 0.05; done & exit 0"])
PY
    start stay -- "$PYTHON" starts.py
    await is_file seen
    await holds log "stands in for it"
    stops_on_term "$pid"
    ended
    assert status "$status" 143
}

@test "what such a daemon sends to /dev/null goes on to the log" {
    for how in dup2 freopen one dup; do
        rm -f seen log
        start stay -- "$TARGETS/silences" $how child
        await is_file seen
        track "$(<seen)"
        await holds log "stands in for it"
        assert "log of $how" "$(grep -v libdz.so log)" "daemon on 1
daemon on 2
again on 1
again on 2"
        stops_on_term "$pid"
    done
}

# ---- daemons from Debian ---------------------------------------------------------

# served PORT NAME [STATUS]: it answers there, its pidfile names it, and it ends on TERM.
served() {
    await listens "$1"
    await is_file "$2.pid"
    daemon=$(<"$2.pid")
    track "$daemon"
    await holds_line log "libdz.so: no-daemon: PID $daemon goes on in the background, and PID $pid stands in for it: its parent called read(2) before it exited"
    assert "the listener's PID" "$(listener "$1")" "$daemon"
    stops_on_term "$pid"
    ended
    assert "status of $2" "$status" "${3:-0}"
    await gone "$daemon"
}

@test "lighttpd, whose parent waits for a word over a pipe" {
    need lighttpd
    port=$(free_port)
    cat >lighttpd.conf <<CONF
server.document-root = "$PWD"
server.bind = "127.0.0.1"
server.port = $port
server.pid-file = "$PWD/lighttpd.pid"
CONF
    # Some releases end with 1 on TERM.
    beside lighttpd -D -f lighttpd.conf 2>/dev/null &
    pid=$!
    track "$pid"
    await listens "$port"
    kill -TERM "$pid"
    alone=0
    wait "$pid" || alone=$?
    start stay -- lighttpd -f lighttpd.conf
    served "$port" lighttpd "$alone"
}

@test "dnsmasq, likewise" {
    need_root
    need dnsmasq
    port=$(free_port)
    start stay -- dnsmasq --conf-file=/dev/null --no-resolv --port="$port" --user=root \
        --listen-address=127.0.0.1 --bind-interfaces --pid-file="$PWD/dnsmasq.pid"
    served "$port" dnsmasq
}
