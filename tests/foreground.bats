# --no-daemon: programs that make themselves daemons stay the process that was
# started, and those that fork for something else notice nothing.

load helpers
WAYS="stay shim-stay"
START_OPTIONS=(--shim="$SHIM" --no-daemon --quiet --chdir=. --output=log)

# tests/targets/daemonizes in MODE, until it has written all.
watch() {
    rm -f seen log daemon.pid
    start "$1" -- "${@:2}"
    await holds_line seen done
}

seen() { # what the target found: NAME VALUE
    assert "$1" "$(sed -n "s/^$1 //p" seen)" "$2"
}

# What holds for one that has stayed, whatever it did before.
assert_stayed() {
    seen pid "$pid"
    assert_own_session "$pid" stay
    assert children "$(pgrep -P "$pid")" ""
}

# Its workers, the second fork and the third, are as ever.
assert_workers() {
    seen "worker's own pid" $'1\n1'
    seen "worker's parent" $'1\n1'
    seen first 7
    seen second 7
    seen before 0
    seen after 1
    seen "at last" 2
    seen left -10 # ECHILD
    assert "what the parent does" "$(grep -c '^parent goes on' log)" 2
}

@test "daemon(3) does its chdir and its redirection, in the same process" {
    for no_chdir in 0 1; do
        for no_close in 0 1; do
            watch stay "$TARGETS/daemonizes" "$PWD/seen" daemon $no_chdir $no_close
            seen daemon 0
            assert_stayed
            [ $no_chdir = 1 ] && cwd=$PWD || cwd=/
            assert cwd "$(cwd_of "$pid")" "$cwd"
            assert stdin "$(fd_of "$pid" 0)" /dev/null
            assert stdout "$(fd_of "$pid" 1)" "$PWD/log"
            assert stderr "$(fd_of "$pid" 2)" "$PWD/log"
            assert descriptors "$(fds_of "$pid")" "0 1 2 3" # 3 is seen
            kill_started
        done
    done
}

@test "--no-daemon=quiet: what a daemon sends to /dev/null goes there" {
    for way in $WAYS; do
        rm -f log seen
        start "$way" --no-daemon=quiet -- "$TARGETS/daemonizes" "$PWD/seen" daemon 1 0
        await holds_line seen done
        assert_stayed
        for fd in 0 1 2; do
            assert "descriptor $fd by $way" "$(fd_of "$pid" $fd)" /dev/null
        done
        kill_started
        for how in dup2 freopen one; do
            rm -f log seen
            start "$way" --no-daemon=quiet -- "$TARGETS/silences" $how
            await is_file seen
            assert "PID of $how by $way" "$(<seen)" "$pid"
            assert "log of $how by $way" "$(<log)" ""
            kill_started
        done
    done
}

# What silences prints, but for its worker's.
SPOKEN="daemon on 1
daemon on 2
again on 1
again on 2"

@test "what a daemon sends to /dev/null goes on to the log, by whatever call" {
    for program in silences silences-musl; do
        [ -x "$TARGETS/$program" ] || lacking "needs musl-gcc"
        for how in dup2 dup3 freopen fclose one dup close closefrom close_range; do
            rm -f log seen
            start stay -- "$TARGETS/$program" $how
            await is_file seen
            assert "$program $how: PID" "$(<seen)" "$pid"
            assert "$program $how: log" "$(<log)" "$SPOKEN"
            assert "$program $how: descriptors" "$(fds_of "$pid")" "0 1 2"
            assert "$program $how: stdin" "$(fd_of "$pid" 0)" /dev/null
            kill_started
        done
    done
}

@test "a stream on which the daemon puts a file of its own is its own" {
    for way in $WAYS; do
        rm -f log seen own
        start "$way" -- "$TARGETS/silences" log
        await is_file seen
        assert "log by $way" "$(<log)" ""
        assert "its own by $way" "$(<own)" "$SPOKEN"
        kill_started
    done
}

@test "fork, setsid, fork in C stays the process that was started, glibc and musl" {
    for program in daemonizes daemonizes-musl; do
        [ -x "$TARGETS/$program" ] || lacking "needs musl-gcc"
        for way in $WAYS; do
            for how in twice quick; do
                watch "$way" "$TARGETS/$program" "$PWD/seen" $how
                assert_stayed
                assert_workers
                seen setsid 1
                assert cwd "$(cwd_of "$pid")" /tmp
                assert umask "$(status_field "$pid" Umask)" 0027
                assert descriptors "$(fds_of "$pid")" "0 1 2 3"
                kill_started
            done
        done
    done
}

@test "what the parent prints, and its pidfile, are there once and name the process" {
    watch stay "$TARGETS/daemonizes" "$PWD/seen" pidfile
    assert pidfile "$(cat daemon.pid)" "$pid"
    assert "children named" "$(grep -c "^child $pid\$" log)" 2
    assert "exit handlers" "$(grep -c '^exit handler' log)" 2
    kill_started
}

@test "SIGCHLD ignored: no zombie, and nothing to wait for" {
    watch stay "$TARGETS/daemonizes" "$PWD/seen" ignoring
    assert_stayed
    seen first -10
    seen second -10
    seen "at last" 0
    kill_started
}

@test "a first fork for a worker is made, and its parent does nothing twice" {
    for program in daemonizes daemonizes-musl; do
        [ -x "$TARGETS/$program" ] || lacking "needs musl-gcc"
        for way in worker pipe shared maps protects atfork threads; do
            watch stay "$TARGETS/$program" "$PWD/seen" $way
            assert_stayed
            assert_workers
            [ $way != worker ] ||
                assert "lines of the parent" "$(grep -c '^parent wrote' seen)" 2
            case $way in shared | maps | protects) seen shared 2 ;; esac
            [ $way != atfork ] || seen prepared 2
            [ $way != threads ] || seen threads 0
            kill_started
        done
    done
}

@test "a fork behind unshare, whose first child is its PID namespace's" {
    need_root
    need unshare
    run closed "$DZ" --shim="$SHIM" --no-daemon -q -o log unshare --pid --fork \
        sh -c 'echo "pid $$"' </dev/null
    assert status "$status" 0
    assert log "$(cat log)" "pid 1"
}

@test "a parent that fails is one, and its status the program's" {
    run closed "$DZ" --shim="$SHIM" --no-daemon -q -o log sh -c 'true & exit 3' </dev/null
    assert status "$status" 3
}

@test "a parent that hears from its child before it exits is a real one" {
    rm -f daemon.pid
    start stay -- "$PYTHON" "$PROGRAMS/parent-waits.py"
    ended
    assert status "$status" 3
    await is_file daemon.pid
    track "$(cat daemon.pid)"
    [ "$(cat daemon.pid)" != "$pid" ]
}

# tests/targets/parents in MODE, until its child has written seen.
watch_parents() {
    rm -f seen log
    start "$1" -- "$TARGETS/$2" "$3"
    await is_file seen
    track "$(<seen)" # another process, if it leaves
}

@test "a pidfile that the parent writes in any of the usual ways" {
    for program in parents parents-musl; do
        [ -x "$TARGETS/$program" ] || lacking "needs musl-gcc"
        for way in open creat fdopen umask ftruncate fchmod fsync rename unlink excl; do
            rm -f daemon.pid daemon.new
            # One of an earlier run, longer than the new one.
            case $way in excl) ;; *) echo "of before, and long" >daemon.pid ;; esac
            [ $way != umask ] || rm daemon.pid
            watch_parents stay $program $way
            assert "$program $way: PID" "$(<seen)" "$pid"
            assert "$program $way: pidfile" "$(<daemon.pid)" "$pid"
            case $way in umask | fchmod) mode=600 ;; *) mode=644 ;; esac
            assert "$program $way: mode" "$(stat -c %a daemon.pid)" $mode
            assert "$program $way: umask" "$(status_field "$pid" Umask)" "$(umask)"
            kill_started
        done
    done
}

@test "a second instance does not pass its own lock: its parent's open with O_EXCL fails" {
    watch_parents stay parents excl
    first=$pid
    run within "$DZ" "${START_OPTIONS[@]}" -o second "$TARGETS/parents" excl </dev/null
    assert status "$status" 1
    assert "its words" "$(<second)" "daemon.pid: File exists"
    assert pidfile "$(<daemon.pid)" "$first"
    alive "$first"
}

@test "the child's setpgid and setpgrp, and its parent's of it, succeed" {
    for way in $WAYS; do
        watch_parents "$way" parents group
        assert "$way" "$(<seen)" "$pid"
        kill_started
    done
}

@test "another thread that holds stdout holds up neither the fork nor the parent's words" {
    for program in parents parents-musl; do
        [ -x "$TARGETS/$program" ] || lacking "needs musl-gcc"
        watch_parents stay $program locked
        assert "$program" "$(<seen)" "$pid"
        assert "$program: log" "$(<log)" leaving
        kill_started
    done
}

@test "the parent's words to a pipe that nobody reads: SIGTERM ends the program" {
    mkfifo pipe
    exec 9<>pipe
    "$DZ" -q --shim="$SHIM" --no-daemon -C . "$TARGETS/parents" full >pipe </dev/null 3>&- 4>&- &
    pid=$!
    track "$pid"
    waits_in_write() { [[ $(<"/proc/$pid/syscall") == 1\ * || $(<"/proc/$pid/wchan") == *pipe_write ]]; } 2>/dev/null
    await waits_in_write
    stops_on_term "$pid"
}

@test "a call by the machine's other interface is the parent's own" {
    [ "$(uname -m)" = x86_64 ] || skip "x86-64 has two"
    watch_parents stay parents int80
    refute [ "$(<seen)" = "$pid" ]
    await holds_line log "libdz.so: no-daemon: PID $(<seen) goes on in the background, and PID $pid stands in for it: its parent called a system call of another architecture before it exited"
    holds_line log "made 0"
    [ -d made ]
}

@test "a program that daemonizes itself again and again" {
    for ways in d 1 2 "d d" "2 2" "d 2" "2 d" "1 1 1" "2 w d w 2"; do
        : >log
        # shellcheck disable=SC2086
        start stay -- "$TARGETS/again" $ways
        await eval '[ -s log ]'
        track "$(<log)" # another process, if it leaves
        assert "$ways" "$(<log)" "$pid"
        assert "children of $ways" "$(pgrep -P "$pid")" ""
        kill_started
    done
}

# A script's own account: "pid PID worker STATUS cwd CWD umask MASK session 1".
assert_script() {
    await is_file seen
    assert "$1" "$(cat seen)" "pid $pid worker 7 setsid 1"
    assert_own_session "$pid" stay
    assert cwd "$(cwd_of "$pid")" /tmp
    assert umask "$(status_field "$pid" Umask)" 0027
    assert stdin "$(fd_of "$pid" 0)" /dev/null
    assert stdout "$(fd_of "$pid" 1)" "$PWD/out"
    assert children "$(pgrep -P "$pid")" ""
    assert pidfile "$(cat daemon.pid)" "$pid"
    assert "what the parents say" "$(grep -c "^leaving $pid\$" log)" 2
    assert "what is said before" "$(grep -c "^begins" log)" 1
    kill_started
    rm -f seen log out daemon.pid
}

@test "killed while its parent's branch is tried, it leaves no copy that goes on" {
    # No system call is let through but a few: this is the copy that tries, and neither
    # a child nor who hears the library's answer.
    is_tried() {
        copy=$(pgrep -P "$pid") &&
            [ "$(status_field "$copy" Seccomp_filters)" -gt "$(status_field "$pid" Seccomp_filters)" ]
    } 2>/dev/null
    # It gives up after a second.  Where this shell has slept through that, once more.
    for try in {1..100}; do
        start stay -- "$PYTHON" "$PROGRAMS/parent-computes.py"
        until=$(($(milliseconds) + 1500))
        until is_tried || [ "$(milliseconds)" -ge $until ]; do :; done
        ! is_tried || kill -STOP "$pid" # so that it does not give up now
        is_tried && break
        kill_started
    done
    track "$copy"
    kill_started
    await gone "$copy"
}

@test "fork, setsid, fork in Perl" {
    cat >twice.pl <<'PL'
use POSIX;
my ($seen, $out) = @ARGV;
sub leave { my $pid = fork // die; return unless $pid; print "leaving $pid\n";
    open my $file, ">", "daemon.pid" or exit 1; print $file "$pid\n"; close $file; exit 0 }
print "begins\n";
leave();
my $session = POSIX::setsid() > 0 ? 1 : 0;
leave();
chdir "/tmp"; umask 027;
open STDIN, "<", "/dev/null"; open STDOUT, ">>", $out;
my $worker = fork // die;
exit 7 unless $worker;
waitpid $worker, 0;
my $status = $? >> 8;
open my $file, ">", "$seen.new"; print $file "pid $$ worker $status setsid $session\n";
close $file; rename "$seen.new", $seen;
sleep 3600;
PL
    for way in $WAYS; do
        start "$way" -- perl twice.pl "$PWD/seen" "$PWD/out"
        assert_script "by $way"
    done
}

@test "fork, setsid, fork in Python, whose parents end by os._exit and sys.exit" {
    for way in $WAYS; do
        for how in exit _exit; do
            start "$way" -- "$PYTHON" "$PROGRAMS/twice.py" "$PWD/seen" "$PWD/out" $how
            assert_script "$how by $way"
        done
    done
}

# ---- daemons from Debian, that fork by default ----------------------------------

# serves ASK STATUS WORD...: started in the three ways it stays who was started,
# answers, and ends on TERM, with what the program itself gives.
serves() {
    local ask=$1 expected=$2 way status
    shift 2
    for way in $WAYS; do
        port=$(free_port)
        configure
        start "$way" -- "${@//PORT/$port}"
        served "$ask"
        stops_on_term "$pid"
        ended
        assert "status by $way" "$status" "$expected"
    done
    port=$(free_port)
    configure
    start leave --wait="listen:$port" -- "${@//PORT/$port}"
    assert "status of the start" "$status" 0
    served "$ask"
    stops_on_term "$pid"
}
served() {
    await listens "$port"
    holds_port || fail "it is not $pid that listens"
    assert "tty_nr" "$(stat_field "$pid" 7)" 0
    "$1"
}
holds_port() {
    local inode
    inode=$(awk -v p="$(printf ':%04X$' "$port")" '$2 ~ p && $4 == "0A" { print $10 }' /proc/net/tcp)
    readlink "/proc/$pid/fd/"* | grep -qxF "socket:[$inode]"
}
# shellcheck disable=SC2317 # nginx has its own
configure() { :; }

asks_nginx() { assert answer "$(curl -sf --max-time "$DEADLINE" "http://127.0.0.1:$port/")" fine; }
asks_redis() { assert answer "$(redis-cli -p "$port" ping)" PONG; }
asks_sshd() { ssh-keyscan -p "$port" 127.0.0.1 2>/dev/null | grep -qF "$(cut -d ' ' -f 2 host.pub)"; }
asks_rsync() { rsync -q "rsync://127.0.0.1:$port/here/words" got && assert answer "$(cat got)" words; }
asks_memcached() {
    exec 9<>"/dev/tcp/127.0.0.1/$port"
    printf 'version\r\nquit\r\n' >&9
    read -r answer <&9
    exec 9>&-
    assert_match answer "$answer" "VERSION *"
}

asks_redis_log() { asks_redis && await holds log "Ready to accept connections"; }
asks_memcached_log() { asks_memcached && await holds log "server listening"; }

@test "nginx, with its workers" {
    need nginx curl
    chmod 777 .
    configure() {
        cat >nginx.conf <<CONF
pid $PWD/nginx.pid;
error_log $PWD/error.log;
worker_processes 2;
events {}
http {
    access_log off;
    client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
    uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5;
    server { listen 127.0.0.1:$port; location / { return 200 "fine"; } }
}
CONF
    }
    two_workers() { [ "$(pgrep -c -P "$pid")" = 2 ]; }
    asks() {
        await is_file nginx.pid
        assert pidfile "$(cat nginx.pid)" "$pid"
        await two_workers
        # shellcheck disable=SC2046
        track $(pgrep -P "$pid")
        asks_nginx
    }
    serves asks 0 nginx -c "$PWD/nginx.conf"
}

@test "redis-server, daemonize yes" {
    need redis-server redis-cli
    configure() { rm -f log; }
    serves asks_redis_log 0 redis-server --port PORT --save "" --bind 127.0.0.1 \
        --daemonize yes --pidfile "$PWD/redis.pid"
}

@test "memcached -d, and its own words with -vv" {
    need memcached
    serves asks_memcached 0 memcached -d -u nobody -l 127.0.0.1 -p PORT
    configure() { rm -f log; }
    serves asks_memcached_log 0 memcached -d -vv -u nobody -l 127.0.0.1 -p PORT
}

@test "sshd" {
    need_root
    need sshd ssh-keygen ssh-keyscan
    mkdir -p /run/sshd
    ssh-keygen -q -t ed25519 -N "" -f host
    serves asks_sshd 0 "$(command -v sshd)" -f /dev/null -h "$PWD/host" -p PORT \
        -o ListenAddress=127.0.0.1 -o PidFile="$PWD/sshd.pid"
}

@test "rsync --daemon" {
    need rsync
    echo words >words
    printf '[here]\npath = %s\nuse chroot = no\n' "$PWD" >rsyncd.conf
    # Who is named here may change the groups, or is refused.
    [ "$(id -u)" != 0 ] || printf 'uid = 0\ngid = 0\n' >>rsyncd.conf
    serves asks_rsync 0 rsync --daemon --config="$PWD/rsyncd.conf" --port=PORT \
        --address=127.0.0.1
}

@test "a parent that writes to a file which was open before" {
    for way in $WAYS; do
        rm -f seen daemon.pid
        start "$way" -- "$PYTHON" "$PROGRAMS/open-before.py"
        await holds_line seen done
        assert "PID in its pidfile" "$(<daemon.pid)" "$pid"
        kill_started
    done
}
