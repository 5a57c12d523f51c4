# Real, unmodified programs: each by LD_PRELOAD alone and by dznohup -d.  They
# answer a request afterwards and stop on TERM.

load helpers

WAYS="shim-leave leave"

# start, of a server that listens on $port, with its output in log.
serve() {
    local mode=$1
    shift
    start "$mode" --output=log -- "$@"
    await listens "$port"
    [ "$mode" = leave ] || {
        pid=$(listener "$port")
        track "$pid"
    }
}

# A TCP server in both ways: ASK is a function that makes the request.
both_ways() {
    local ask=$1 checks=$2 mode
    shift 2
    for mode in $WAYS; do
        port=$(free_port)
        serve "$mode" "${@//PORT/$port}"
        assert_own_session "$pid" leave
        assert "stdout" "$(fd_of "$pid" 1)" "$PWD/log"
        "$checks" "$pid"
        "$ask" "$port" || fail "no answer in mode $mode"
        stops_on_term "$pid" || fail "mode $mode: still there after TERM"
        rm -f log
    done
}

cwd_is_root() { assert "cwd" "$(cwd_of "$1")" /; }
# What a server that installs handlers of its own may change is not asserted.
hangup_ignored() {
    local bits
    cwd_is_root "$1"
    bits=$((0x$(status_field "$1" SigIgn)))
    ((bits & 1)) || fail "SIGHUP is not ignored: $bits"
    ((bits & 1 << 20)) && ((bits & 1 << 21)) || fail "TTIN, TTOU: $bits"
}
no_check() { cwd_is_root "$1"; }

asks_redis() { assert redis "$(redis-cli -p "$1" ping)" PONG; }
asks_memcached() {
    exec 9<>"/dev/tcp/127.0.0.1/$1"
    printf 'version\r\nquit\r\n' >&9
    read -r answer <&9
    exec 9>&-
    assert_match memcached "$answer" "VERSION *"
}
asks_http() { curl -sf --max-time "$DEADLINE" "http://127.0.0.1:$1/" >answer; }
asks_hello() {
    exec 9<>"/dev/tcp/127.0.0.1/$1"
    read -r answer <&9
    exec 9>&-
    assert "answer" "$answer" "hello $pid"
}

@test "redis-server" {
    need redis-server redis-cli
    # It ignores HUP and PIPE itself, and installs handlers for TERM and INT.
    both_ways asks_redis hangup_ignored redis-server --port PORT --save "" --bind 127.0.0.1
}

@test "nginx, daemon off, with its master and worker" {
    need nginx curl
    nginx_conf "daemon off;"
    chmod 777 .
    for mode in $WAYS; do
        port=$(free_port)
        sed "s/@/$port/" nginx.conf >this.conf
        serve "$mode" nginx -c "$PWD/this.conf"
        await is_file nginx.pid
        track "$(cat nginx.pid)"
        pid=$(cat nginx.pid)
        assert_own_session "$pid" leave
        cwd_is_root "$pid"
        asks_http "$port"
        assert answer "$(cat answer)" fine
        stops_on_term "$pid"
    done
}

@test "memcached" {
    need memcached
    both_ways asks_memcached no_check memcached -u nobody -l 127.0.0.1 -p PORT
}

@test "python3 -m http.server" {
    need curl
    both_ways asks_http hangup_ignored python3 -m http.server --bind 127.0.0.1 PORT
}

@test "node: it sets every disposition back itself, the rest holds" {
    need node curl
    cat >server.js <<'END'
require("http").createServer((q, a) => a.end("fine")).listen(process.argv[2], "127.0.0.1");
END
    both_ways asks_http cwd_is_root node "$PWD/server.js" PORT
}

@test "java" {
    need java javac curl
    cat >Fine.java <<'END'
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
public class Fine {
    public static void main(String[] words) throws Exception {
        HttpServer server = HttpServer.create(
            new InetSocketAddress("127.0.0.1", Integer.parseInt(words[0])), 0);
        server.createContext("/", x -> { x.sendResponseHeaders(200, -1); x.close(); });
        server.start();
    }
}
END
    javac Fine.java
    both_ways asks_http hangup_ignored java -cp "$PWD" Fine PORT
}

@test "perl" {
    need perl curl
    cat >server.pl <<'END'
use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0],
    Listen => 5, ReuseAddr => 1) or die "no socket: $!";
while (my $c = $s->accept) { <$c>; print $c "HTTP/1.0 200 OK\r\n\r\nfine"; close $c; }
END
    both_ways asks_http hangup_ignored perl "$PWD/server.pl" PORT
}

@test "a bash script, given by a relative path too" {
    cat >script <<'END'
#!/bin/bash
echo "$0 $* in $PWD, PID $$"
trap 'exit 0' TERM
while sleep 0.05; do :; done
END
    chmod +x script
    mkdir sub
    for way in "$PWD/script" ./script ../"$(basename "$PWD")"/script; do
        for mode in $WAYS; do
            rm -f log
            if [ "$mode" = shim-leave ]; then
                LD_PRELOAD=$SHIM DZ_OUTPUT=log closed "$way" a b
            else
                dz -d -q -o log "$way" a b >/dev/null
            fi
            await is_file log
            assert_match words "$(cat log)" "/*script a b in /, PID *"
            pid=$(sed 's/.* PID //' log)
            track "$pid"
            assert_own_session "$pid" leave
            hangup_ignored "$pid" # bash itself ignores QUIT
            stops_on_term "$pid"
        done
    done
}

@test "a script behind #!/usr/bin/env python3, by a relative path" {
    cp "$PROGRAMS/script.py" script
    chmod +x script
    LD_PRELOAD=$SHIM DZ_OUTPUT=one closed ./script word
    dz -d -q -o two ./script word
    for log in one two; do
        await is_file $log
        assert_match "$log" "$(cat $log)" "\['word'\] / None *"
        pid=$(sed 's/.* //' $log)
        track "$pid"
        assert_own_session "$pid" leave
        hangup_ignored "$pid" # python itself ignores PIPE and XFSZ
    done
}

@test "a C++ program with static constructors" {
    need g++
    DZ_VERBOSE=1 LD_PRELOAD=$SHIM DZ_OUTPUT=one closed "$TARGETS/statics" 2>/dev/null
    dz -d -q -o two "$TARGETS/statics"
    for log in one two; do
        await is_file $log
        # Constructed after our constructor: in the daemon's session already.
        session=$(sed -n 's/^main in \([0-9]*\):.*/\1/p' $log)
        assert $log "$(cat $log)" "constructed in $session"$'\n'"main in $session: constructed in $session"
        [ "$session" != "$(stat_field $$ 6)" ]
    done
    count=0
    for pid in $(pgrep -x statics); do
        [[ $(fd_of "$pid" 1) == "$PWD"/* ]] || continue
        track "$pid"
        count=$((count + 1))
        # Nothing of ours is left open: not the pipe, nor the copy of stderr.
        assert descriptors "$(fds_of "$pid")" "0 1 2"
    done
    assert daemons "$count" 2
}

@test "OpenBLAS, whose constructor starts threads: they live in the daemon" {
    [ -x "$TARGETS/blas" ] || lacking "needs libopenblas0-pthread"
    [ "$(nproc)" -gt 1 ] || lacking "needs two processors for OpenBLAS to use threads"
    DZ_VERBOSE=1 LD_PRELOAD=$SHIM DZ_OUTPUT=one closed "$TARGETS/blas" 2>rows
    # It was done once, in this image: ours ran before that constructor.  Until glibc 2.34
    # libpthread has that place: then the daemon is executed once more.
    images=1
    printf '%s\n' "glibc 2.34" "$(getconf GNU_LIBC_VERSION)" | sort -VC || images=2
    assert "images" "$(grep -c ' guard ' rows)" $images
    dz -d -q -o two "$TARGETS/blas"
    for log in one two; do
        await is_file $log
        assert_match $log "$(cat $log)" "sum 125000000 threads [2-9]*"
    done
    for pid in $(pgrep -x blas); do
        # One of another test's may be the last.
        [[ $(fd_of "$pid" 1) != "$PWD"/* ]] || track "$pid"
    done
}

# Run with 0, 1 and 2 alone: a further descriptor is another reason to execute twice.
with_three() {
    local entry
    for entry in /proc/"$BASHPID"/fd/*; do
        [ "${entry##*/}" -lt 3 ] || eval "exec ${entry##*/}>&-"
    done
    exec "$@"
}
@test "a second preload that is initfirst itself, before and after ours" {
    for list in "$TARGETS/initfirst.so $SHIM" "$SHIM:$TARGETS/initfirst.so"; do
        rm -f log
        (with_three env LD_PRELOAD="$list" DZ_OUTPUT=log "$TARGETS/asks-initfirst" word "two words")
        await is_file log
        assert_match log "$(cat log)" "PID *: thread lives, words 3, last two words"
        pid=$(sed 's/PID //; s/:.*//' log)
        track "$pid"
        assert_daemon "$pid" leave
        assert name "$(cat "/proc/$pid/comm")" asks-initfirst
        assert descriptors "$(fds_of "$pid")" "0 1 2"
    done
}

@test "a musl program, dynamic and static; a static glibc one" {
    need musl-gcc
    both_ways asks_hello assert_signals "$TARGETS/server-musl" PORT
    for program in server-musl-static server-static; do
        port=$(free_port)
        serve leave "$TARGETS/$program" "$port"
        assert_daemon "$pid" leave
        asks_hello "$port"
        stops_on_term "$pid"
    done
}

@test "busybox-static, by dznohup" {
    need busybox curl
    mkdir www
    echo fine >www/index.html
    port=$(free_port)
    serve leave busybox httpd -f -p "127.0.0.1:$port" -h "$PWD/www"
    assert_own_session "$pid" leave
    asks_http "$port"
    stops_on_term "$pid"
}

@test "a setuid program, by dznohup" {
    need_root
    need setpriv
    chmod 777 .
    cp "$SLEEP" suid
    chmod 4755 suid
    pid=$(closed setpriv --reuid=65432 --clear-groups "$DZ" -d -q "$PWD/suid" 3600)
    track "$pid"
    await runs_program "$pid" "$PWD/suid"
    assert "effective user" "$(status_field "$pid" Uid | cut -f 1,2)" $'65432\t0'
    assert_daemon "$pid" leave
}
