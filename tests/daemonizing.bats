# Servers that daemonize themselves, started many times: the job is the process that
# serves, each time.  STARTS is the number of starts of each, 30 by default.

load helpers
load waiting

STARTS=${STARTS:-30}

# daemonized PIDFILE COMM WORD...: half of the starts each way.  PORT in the words is the
# port.  The PID is that of the server's own pidfile; record, pidfile and dzctl agree.
daemonized() {
    local file=$1 comm=$2 i way
    shift 2
    rounds=0
    for ((i = 1; i <= STARTS / 2; i++)); do
        for way in $WAYS; do
            port=$(free_port)
            rm -f "$file"
            start "$way" DZ_WAIT="${condition:-listen:$port}" DZ_TIMEOUT=60 -- "${@//PORT/$port}"
            started || fail "start $i by the $way"
            assert "program of start $i" "$(cat "/proc/$pid/comm")" "$comm"
            seen=$file
            [ -z "$BEFORE" ] || seen=/proc/$pid/root$file
            await is_file "$seen"
            assert "PID of start $i" "$pid" "$(<"$seen")"
            assert "parent of start $i" "$(stat_field "$pid" 4)" 1
            assert "records of start $i" "$(ls -A "$DZ_STATE_DIR")" "$pid"
            assert "status of start $i" "$("$CTL" status "$pid" >/dev/null; echo $?)" 0
            assert_match "stop of start $i" "$("$CTL" stop "$pid")" "$pid: stopped, PID $pid*"
            gone "$pid"
            "$CTL" clear "$pid" # the record outlives the stop
            rounds=$((rounds + 1))
        done
    done
    assert rounds $rounds $((STARTS / 2 * 2))
}

# own_run [FOLDER]: each start has a /run of its own, with that folder in it.
own_run() {
    printf '#!/bin/sh\nmount -t tmpfs tmpfs /run && mkdir -p "/run/%s" && exec "$@"\n' "$1" >own-run
    chmod 755 own-run
    BEFORE="unshare --mount $PWD/own-run"
}

@test "redis-server that daemonizes itself: the right PID" {
    need redis-server
    daemonized "$PWD/redis.pid" redis-server redis-server --port PORT --save "" --bind 127.0.0.1 --daemonize yes --pidfile "$PWD/redis.pid"
}

@test "memcached that daemonizes itself: the right PID" {
    need memcached
    chmod 777 .
    daemonized "$PWD/memcached.pid" memcached memcached -d -P "$PWD/memcached.pid" -u nobody -l 127.0.0.1 -p PORT
}

@test "nginx that daemonizes itself: the right PID" {
    need nginx
    nginx_conf ""
    daemonized "$PWD/nginx.pid" nginx bash -c "sed s/@/PORT/ '$PWD/nginx.conf' >'$PWD/PORT.conf' && exec nginx -c '$PWD/PORT.conf'"
}

@test "rsync that daemonizes itself: the right PID" {
    need rsync
    printf 'pid file = %s\nuse chroot = no\n' "$PWD/rsync.pid" >rsync.conf
    daemonized "$PWD/rsync.pid" rsync rsync --daemon --config="$PWD/rsync.conf" --address=127.0.0.1 --port=PORT
}

@test "sshd that daemonizes itself: the right PID" {
    need_root
    need sshd ssh-keygen
    ssh-keygen -q -t ed25519 -N "" -f key
    printf 'HostKey %s\nListenAddress 127.0.0.1\nUsePAM no\n' "$PWD/key" >sshd.conf
    own_run sshd
    daemonized /run/sshd.pid sshd "$(command -v sshd)" -f "$PWD/sshd.conf" -o PidFile=/run/sshd.pid -p PORT
}

# They listen nowhere: they are up when they have not failed for a moment.
@test "cron and atd that daemonize themselves: the right PID" {
    need_root
    need cron atd
    own_run
    condition=alive:0.2
    daemonized /run/crond.pid cron cron
    daemonized /run/atd.pid atd atd
}
