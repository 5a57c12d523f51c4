# dzctl ready: the conditions of --wait, asked of a job that runs.

load helpers
load ctl

says_twice() { [ "$(grep -c "$2" "$1")" = 2 ]; }

# asked STATUS MESSAGE WORD...: what dzctl ready says; no message for status 0.
asked() {
    local want=$1 message=$2
    shift 2
    ctl ready "$@"
    assert "status of ready $*" "$status" "$want" || fail "$stderr"
    assert output "$output" ""
    [ -z "$message" ] || message="dzctl: ready: $message"
    assert_match "stderr of ready $*" "$stderr" "$message"
}

@test "ready: listen, by the process, a child, in stay mode and below a keeper" {
    port=$(free_port)
    other=$(free_port)
    job --name=own --output=log -- "$TARGETS/server" "$port"
    await listens "$port"
    asked 0 "" own listen
    asked 0 "" own "listen:$port"
    asked 1 "own: does not listen on $other (it listens on $port)" own "listen:$other"
    kill "$pid"
    await gone "$pid"
    asked 1 "own: is not running" own listen
    port=$(free_port)
    job --name=child --output=log -- bash -c "'$TARGETS/server' $port & wait"
    await listens "$port"
    asked 0 "" child "listen:$port"
    closed "$CTL" stop child
    start stay --name=stays --output=log -- bash -c "('$TARGETS/server' $port &); sleep 100"
    await listens "$port"
    track "$(listener "$port")"
    asked 0 "" stays "listen:$port"
    closed "$CTL" stop stays
    job --keep --name=kept --output=log -- bash -c "setsid '$TARGETS/server' $port & wait"
    await listens "$port"
    asked 0 "" kept "listen:$port"
    closed "$CTL" stop kept
}

@test "ready: path, log, cmd and alive" {
    echo "it is ready" >a.log
    shell_job a 'echo begun; sleep 100 & echo $! >kid; until [ -e go ]; do sleep 0.01; done; echo it is ready >&2; wait'
    kids kid
    asked 1 "a: has not written 'is ready'" a "log:is ready"
    asked 1 "a: go has not appeared" a path:go
    asked 1 "a: 'test -e go' has not succeeded" a "cmd:test -e go"
    asked 1 "a: has not lived for 3600 s" a alive:3600
    : >go
    await says_twice a.log ready
    asked 0 "" a "log:is ready,path:go,cmd:test -e go,alive:0"
    asked 0 "" a 'cmd:test $DZ_PID = '"$pid"
    asked 0 "" a exec,settle,main
}

@test "ready: the conditions of its start, in its folder" {
    mkdir sub
    shell_job b "exec sleep 100"
    asked 0 "" b
    start_in_sub() {
        cd sub || return
        start leave --quiet --name=d --output=d.log --chdir=. --wait=path:there,cmd:'test -e there',notify \
            -- "$PYTHON" -c "import os, socket, time
open('there', 'w').close()
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b'READY=1', chr(0) + os.environ['NOTIFY_SOCKET'][1:])
time.sleep(100)"
    }
    (start_in_sub && assert status "$status" 0) || fail "$stderr"
    asked 0 "" d
    rm sub/there
    asked 1 "d: there has not appeared" d
}

@test "ready: -t asks until it holds; one try is ended at that time" {
    shell_job e "until [ -e go ]; do sleep 0.01; done; sleep 0.3; : >there; sleep 100 & echo \$! >kid; wait"
    asked 1 "e: there has not appeared" -t 0.2 e path:there
    asked 1 "e: 'sleep 123.5' has not succeeded" -t 0.2 e "cmd:sleep 123.5"
    assert_none_with "sleep 123.5 "
    : >go
    asked 0 "" -t 60 e path:there
    kids kid
    kill "$pid"
    await gone "$pid"
    asked 1 "e: is not running" -t 60 e path:there
}

@test "ready: no such job, a condition that nobody can ask, a bad one" {
    asked 3 "typo: no such job" typo
    shell_job f "exec sleep 100"
    asked 3 "ff: no such job; did you mean f[?]" ff
    asked 125 "notify: only a start can wait for notify and fd:N" f notify
    asked 125 "fd:3: only a start can wait for notify and fd:N" f fd:3
    asked 125 "listen:x: listen takes a port from 1 to 65535, an absolute path or @NAME" f listen:x
    asked 125 "needs a JOB*" -t 1
    ctl ready f exec more
    assert status "$status" 125
    # A PID that is nobody's job, and a pidfile.
    beside sleep 100 &
    track $!
    asked 0 "" $!
    asked 1 "$!: has not written 'x'" $! log:x
    echo "$pid" >f.pid
    asked 0 "" ./f.pid exec
}
