# What a start waits for, and what becomes of one that fails: by dznohup -d and
# by the preload alike.  listen.bats and notify.bats have two conditions of
# their own.

load helpers
load waiting

# ---- early death ---------------------------------------------------------------

# alive:25 is over with the program; the default of 100 ms a busy machine may let pass
# before that has ended.

@test "a program that fails at once: its status, how long it lived, what it said" {
    for way in $WAYS; do
        start "$way" DZ_WAIT=alive:25 -- bash -c 'echo words; sleep 0.02; exit 3'
        failed 3 "start: bash: exited with status 3 after *([0-9]) ms"
        assert_shown log words
        start "$way" DZ_WAIT=alive:25 -- bash -c "kill -SEGV \$\$"
        failed 139 "start: bash: killed by SIGSEGV after *([0-9]) ms"
        start "$way" DZ_WAIT=alive:25 -- bash -c "kill -KILL \$\$"
        failed 137 "start: bash: killed by SIGKILL after *([0-9]) ms"
        rm log
    done
}

@test "the time that is told is the program's" {
    for way in $WAYS; do
        before=$(milliseconds)
        start "$way" DZ_WAIT=alive:25 -- bash -c 'sleep 0.4; exit 7'
        elapsed=$(($(milliseconds) - before))
        failed 7 "start: bash: exited with status 7 after *([0-9]) ms"
        [[ $stderr =~ after\ ([0-9]+)\ ms ]]
        [ "${BASH_REMATCH[1]}" -ge 300 ]
        [ "${BASH_REMATCH[1]}" -le "$elapsed" ]
    done
}

@test "a shared library that is missing" {
    need gcc
    echo 'int there(void) { return 0; }' | gcc -shared -fPIC -x c - -o libgone.so
    echo 'int there(void); int main(void) { return there(); }' |
        gcc -x c - -o lacks -L. -lgone
    rm libgone.so
    try dz -d -o log -p pid "$PWD/lacks"
    says=dznohup
    failed 127 "start: $PWD/lacks: exited with status 127 after *([0-9]) ms"
    assert_match "what is shown" "$(shown)" "*  $PWD/lacks: error while loading shared libraries: libgone.so: *"
}

@test "a server whose port is taken" {
    need redis-server nginx
    port=$(free_port)
    beside "$TARGETS/server" "$port" >taker &
    track $!
    await holds_line taker ready
    cat >nginx.conf <<END
daemon off;
pid $PWD/nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
    uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5;
    server { listen 127.0.0.1:$port; }
}
END
    for way in $WAYS; do
        start "$way" DZ_WAIT=listen -- "$PYTHON" -m http.server --bind 127.0.0.1 "$port"
        failed 1 "start: $PYTHON: exited with status 1 after *([0-9]) ms"
        assert_match "what is shown" "$(shown)" "*OSError: *Address already in use"
        start "$way" DZ_WAIT=listen -- redis-server --port "$port" --save "" --bind 127.0.0.1
        failed 1 "start: redis-server: exited with status 1 after *([0-9]) ms"
        assert_match "what is shown" "$(shown)" "*Address already in use*"
        start "$way" DZ_WAIT=listen -- nginx -c "$PWD/nginx.conf"
        failed 1 "start: nginx: exited with status 1 after *([0-9]) ms"
        assert_match "what is shown" "$(shown)" "*Address already in use*"
        rm log
    done
}

@test "of the log, all that this run wrote, up to 25 lines" {
    for way in $WAYS; do
        start "$way" DZ_WAIT=alive:25 -- bash -c 'for i in {1..25}; do echo "line $i"; done; exit 3'
        failed 3 "*"
        assert_shown log "line "{1..25}
        # Not those of an earlier run.
        start "$way" DZ_WAIT=alive:25 -- bash -c 'echo one; echo; echo two; exit 3'
        assert_shown log one "" two
        start "$way" DZ_WAIT=alive:25 -- bash -c 'exit 3'
        assert "what is shown" "$(shown)" ""
        assert "lines in the log" "$(wc -l <log)" 28
        rm log
    done
}

@test "of a longer log, the first 8 and the last 16 lines of this run" {
    for way in $WAYS; do
        echo earlier >log
        start "$way" DZ_WAIT=alive:25 -- bash -c 'for i in {1..26}; do echo "line $i"; done; exit 3'
        failed 3 "*"
        assert_shown log "line "{1..8} "... (2 lines left out)" "line "{11..26}
        start "$way" DZ_WAIT=alive:25 -- bash -c 'seq 100000; printf end; exit 3'
        assert_shown log {1..8} "... (99977 lines left out)" {99986..100000} end
        rm log
    done
}

@test "of the error log, where there is one" {
    for way in $WAYS; do
        start "$way" DZ_ERROR=err DZ_WAIT=alive:25 -- bash -c 'echo out; echo oh no >&2; exit 3'
        failed 3 "*"
        assert_shown err "oh no"
        start "$way" DZ_ERROR=err DZ_WAIT=alive:25 -- bash -c 'echo out; exit 3'
        assert_shown log out
        rm log err
    done
}

@test "lines without an end, control characters, lines that are too long" {
    for way in $WAYS; do
        start "$way" DZ_WAIT=alive:25 -- bash -c 'printf "one\ntwo"; exit 3'
        assert_shown log one two
        assert "last byte" "$(tail -c 1 "$BATS_TEST_TMPDIR/.err" | od -An -c | tr -d ' ')" '\n'
        start "$way" DZ_WAIT=alive:25 -- bash -c "printf 'a\033[31mb\007c\rd\te\177f\0g é\n'; exit 3"
        assert_shown log $'a?[31mb?c?d\te?f?g é'
        start "$way" DZ_WAIT=alive:25 -- bash -c 'head -c 1000000 /dev/zero | tr "\0" x; echo; echo end; exit 3'
        x=$(printf %2048s "" | tr " " x)
        assert_shown log "$x ... (997952 bytes left out)" end
        # Not within a character.
        start "$way" DZ_WAIT=alive:25 -- bash -c 'for i in {1..1024}; do printf é; done; printf "€€x\n"; exit 3'
        assert_shown log "$(printf 'é%.0s' {1..1024}) ... (7 bytes left out)"
        start "$way" DZ_WAIT=alive:25 -- bash -c 'printf a; for i in {1..1024}; do printf é; done; echo; exit 3'
        assert_shown log "a$(printf 'é%.0s' {1..1023}) ... (2 bytes left out)"
        rm log
    done
}

@test "a log that was renamed, or removed, meanwhile" {
    for way in $WAYS; do
        start "$way" DZ_WAIT=alive:25 -- bash -c "echo one; mv '$PWD/log' '$PWD/log.1'; echo other >'$PWD/log'; echo two; exit 3"
        failed 3 "*"
        assert_shown log one two
        start "$way" DZ_WAIT=alive:25 -- bash -c "echo three; rm '$PWD/log'; exit 3"
        failed 3 "*"
        assert_shown log three
        rm log.1
    done
}

@test "what a dying program leaves is stopped, also in sessions of its own" {
    for way in $WAYS; do
        start "$way" DZ_WAIT=alive:25 -- bash -c "setsid '$SLEEPER' 61 & setsid bash -c 'setsid \"$SLEEPER\" 62 & \"$SLEEPER\" 63' & '$SLEEPER' 64 & exit 3"
        failed 3 "start: bash: exited with status 3 *"
        # Only when they are there for certain.
        start "$way" DZ_WAIT=alive:25 -- bash -c "setsid '$SLEEPER' 61 >/dev/null & (setsid '$SLEEPER' 62 &)
            until [ \$(pgrep -fc '^$SLEEPER 6[12]') = 2 ]; do :; done; exit 4"
        failed 4 "start: bash: exited with status 4 *"
    done
}

left_status_alone() {
    assert "end of the record" "$(tail -qn 1 "$DZ_STATE_DIR"/*)" "status 0"
    rm "$DZ_STATE_DIR"/*
    left_nothing
}

@test "a program that ends with 0 within the wait was started; its record says so" {
    for way in $WAYS; do
        for code in true 'sleep 0.05' 'echo words'; do
            start "$way" DZ_WAIT=alive:25 -- bash -c "$code"
            assert status "$status" 0
            assert stderr "$stderr" ""
            left_status_alone
        done
        start "$way" DZ_WAIT=alive:0.5 -- bash -c 'sleep 0.1'
        assert status "$status" 0
        left_status_alone
        # Of two that it leaves none is the daemon.
        start "$way" DZ_WAIT=alive:0.5 -- bash -c "'$SLEEPER' 60 & '$SLEEPER' 61 &"
        assert status "$status" 0
        pids=$(pgrep -f "^$SLEEPER 6[01]")
        # shellcheck disable=SC2086
        track $pids
        # shellcheck disable=SC2086
        kill $pids
        for pid in $pids; do
            await gone "$pid"
        done
        left_status_alone
        start "$way" DZ_WAIT=listen -- true
        failed 125 "start: true: exited with status 0 after *([0-9]) ms, and left no process to wait for"
    done
}

# ---- conditions ----------------------------------------------------------------

@test "exec: back at once, whatever the program does next" {
    for way in $WAYS; do
        start "$way" DZ_WAIT=exec -- bash -c "until [ -e '$PWD/go' ]; do sleep 0.01; done; exit 3"
        started
        : >go
        await gone "$pid"
        rm go
    done
    start leave DZ_WAIT=exec -- /etc/passwd
    failed 126 "command: /etc/passwd: Permission denied"
}

@test "exec: that the program has ended since makes no difference" {
    need strace
    # The caller is late to look: by then the end is told.
    for code in 0 3; do
        for words in "-w exec" "-w exec,exec"; do
            # shellcheck disable=SC2086
            try closed strace -qq -o trace -e trace=poll -e inject=poll:delay_exit=300000 \
                "$DZ" -d $words -o log sh -c "exit $code"
            delayed trace
            assert "status for $code with $words" "$status" 0
            assert "stderr for $code with $words" "$stderr" ""
        done
    done
    try closed strace -qq -o trace -e trace=poll -e inject=poll:delay_exit=300000 \
        "$DZ" -d -w exec,alive:25 -o log sh -c "exit 3"
    assert "status with alive" "$status" 3
}

# How long a start took, in milliseconds: took WAY ...
took() {
    local before
    before=$(milliseconds)
    start "$@"
    took=$(($(milliseconds) - before))
}

@test "settle: a program that sleeps has settled; one that computes has at MAX" {
    for way in $WAYS; do
        for wait in "" DZ_WAIT=settle; do
            # shellcheck disable=SC2086
            took "$way" $wait -- "$SLEEPER" 60
            started
            [ "$took" -ge 100 ] || fail "settled after $took ms"
            kill "$pid"
        done
        took "$way" DZ_WAIT=settle:0.6 -- bash -c 'while :; do :; done'
        started
        [ "$took" -ge 600 ] || fail "settled after $took ms"
        kill "$pid"
        took "$way" DZ_WAIT=settle:60 -- bash -c 'end=$((SECONDS + 2)); until [ $SECONDS = $end ]; do :; done; exec "$0" 60' "$SLEEPER"
        started
        [ "$took" -ge 1000 ] && [ "$took" -lt 30000 ] || fail "settled after $took ms"
        kill "$pid"
        # Another thread, a child: the program works still.
        for words in "import threading, time; threading.Thread(target=lambda: [i for i in range(10**11)], daemon=True).start(); time.sleep(60)" \
            "import os, time; os.fork() or [i for i in range(10**11)]; time.sleep(60)"; do
            took "$way" DZ_WAIT=settle:1.5 -- "$PYTHON" -c "$words"
            started
            [ "$took" -ge 1500 ] || fail "settled after $took ms"
            pkill -P "$pid" || true
            kill "$pid"
        done
    done
}

@test "settle: an interpreter that still loads is still starting" {
    for way in $WAYS; do
        # As the default; it takes longer than alive:0.1 would give it.
        start "$way" -- bash -c 'for i in {1..3}; do end=$(($(date +%s%N) + 120000000)); until [ "$(date +%s%N)" -ge $end ]; do :; done; done; echo no; exit 3'
        failed 3 "start: bash: exited with status 3 *"
        assert_shown log no
        rm log
        start "$way" -- "$PYTHON" -c "import json, urllib.request, no_such_module"
        failed 1 "start: $PYTHON: exited with status 1 *"
        assert_match "what is shown" "$(shown)" "*No module named 'no_such_module'"
        rm log
    done
}

@test "settle: node with a port that is taken, while the machine is busy" {
    need node
    port=$(free_port)
    beside "$TARGETS/server" "$port" >stranger &
    track $!
    await holds_line stranger ready
    for i in 1 2 3 4 5 6; do
        beside bash -c 'while :; do :; done' &
        track $!
    done
    for i in 1 2 3 4 5; do
        start leave -- node -e "require('http').createServer(() => 0).listen($port, '127.0.0.1')"
        failed 1 "start: node: exited with status 1 *"
        assert_match "what is shown" "$(shown)" "*EADDRINUSE*"
        rm log
    done
}

@test "settle: a program that daemonizes itself, one that ends, a time-out before MAX" {
    for way in $WAYS; do
        # The first process computes until it ends, the daemon sleeps.
        start "$way" DZ_WAIT=settle:60 -- bash -c "'$SLEEPER' 60 & end=\$((\$(date +%s%N) + 300000000)); until [ \$(date +%s%N) -ge \$end ]; do :; done"
        started
        assert command "$(command_of "$pid")" "$SLEEPER 60 "
        kill "$pid"
        start "$way" DZ_WAIT=settle -- true
        assert status "$status" 0
        start "$way" DZ_TIMEOUT=0.5 -- bash -c 'while :; do :; done'
        started
        kill "$pid"
    done
}

@test "settle: without /proc it is alive:0.1" {
    need_root
    export DZ SLEEPER
    before=$(milliseconds)
    # shellcheck disable=SC2016
    try closed unshare --mount bash -c \
        'mount -t tmpfs none /proc && exec "$DZ" -d -q -C . -o log -w settle:60 -- "$SLEEPER" 60'
    assert status "$status" 0
    track "$output"
    took=$(($(milliseconds) - before))
    [ "$took" -ge 100 ] && [ "$took" -lt 20000 ] || fail "settled after $took ms"
    try closed unshare --mount bash -c \
        'mount -t tmpfs none /proc && exec "$DZ" -d -q -C . -o log -w settle:60 -- bash -c "exit 3"'
    assert status "$status" 3
}

@test "alive:SEC" {
    for way in $WAYS; do
        start "$way" DZ_WAIT=alive:25 -- bash -c 'sleep 0.3; exit 5'
        failed 5 "start: bash: exited with status 5 *"
        before=$(milliseconds)
        start "$way" DZ_WAIT=alive:0.35 -- "$SLEEPER" 60
        [ $(($(milliseconds) - before)) -ge 350 ]
        started
        kill "$pid"
        # As long as that is the default.
        before=$(milliseconds)
        start "$way" -- "$SLEEPER" 60
        [ $(($(milliseconds) - before)) -ge 100 ]
        started
        kill "$pid"
    done
}

@test "fd:N: a newline, on whatever number" {
    for way in $WAYS; do
        # Numbers that are ours, that are the caller's, that nobody has.
        for n in 3 4 5 6 7 8 9 10 11 12 40 99; do
            echo mine >mine
            exec 9<>mine
            status=0
            start "$way" DZ_WAIT=fd:$n -- bash -c "printf 'part, ' >&$n; echo whole >&$n
                exec $n>&-; exec '$SLEEPER' 60" || fail "fd:$n"
            exec 9>&-
            started || fail "fd:$n"
            assert "the caller's file" "$(cat mine)" mine
            await runs_program "$pid" "$(readlink -f "$SLEEPER")"
            assert "descriptors" "$(fds_of "$pid")" "0 1 2"
            kill "$pid"
        done
    done
}

@test "fd:N: the caller's own descriptor of that number is not written to" {
    echo mine >mine
    for way in $WAYS; do
        exec 9<>mine
        rm -f pid
        if [ "$way" = leave ]; then
            "$DZ" -d -q -o log -p pid -w fd:9 bash -c "echo ok >&9; exec '$SLEEPER' 60" 3>&- 4>&- >/dev/null
        else
            LD_PRELOAD=$SHIM DZ_OUTPUT=log DZ_PIDFILE=pid DZ_WAIT=fd:9 \
                bash -c "echo ok >&9; exec '$SLEEPER' 60" 3>&- 4>&-
        fi
        exec 9>&-
        track "$(cat pid)"
        assert "the caller's file" "$(cat mine)" mine
    done
}

@test "fd:N: the caller is killed while it waits: the program's word does not end it" {
    mkfifo go
    DZ_WAIT=fd:7 "$DZ" -d -q -o log -p pid bash -c "read -r <'$PWD/go'
        echo word >&7; echo status \$?; exec '$SLEEPER' 60" 3>&- 4>&- >/dev/null &
    caller=$!
    track "$caller"
    await test -s pid
    track "$(<pid)"
    kill -KILL "$caller"
    wait "$caller" || true
    echo >go
    await holds_line log "status 0"
}

@test "fd:N: closed without a newline is the end of it, at once" {
    for way in $WAYS; do
        for code in "exec 7>&-" "printf unfinished >&7; exec 7>&-"; do
            start "$way" DZ_WAIT=fd:7 DZ_TIMEOUT=0 -- bash -c "$code; exec '$SLEEPER' 60"
            failed 125 "wait: fd: closed without a newline"
        done
        # Not closed while another process of the job has it.
        start "$way" DZ_WAIT=fd:7 DZ_TIMEOUT=25 -- bash -c "(sleep 0.2; echo >&7) & exec 7>&-; exec '$SLEEPER' 60"
        started
        kill "$pid"
        start "$way" DZ_WAIT=fd:2000000000 -- "$SLEEPER" 60
        failed 125 "wait: 2000000000: *"
    done
}

@test "path:FILE: appears, in the caller's folder; is replaced; is touched" {
    mkdir sub
    for way in $WAYS; do
        start "$way" DZ_WAIT=path:sub/ready -- bash -c "sleep 0.2; echo >'$PWD/sub/ready'; exec '$SLEEPER' 60"
        started
        [ -e sub/ready ]
        kill "$pid"
        start "$way" DZ_WAIT=path:sub/ready -- bash -c "sleep 0.2; echo new >'$PWD/new'; mv '$PWD/new' '$PWD/sub/ready'; exec '$SLEEPER' 60"
        started
        assert "the file" "$(cat sub/ready)" new
        kill "$pid"
        # By one that looks as old.
        start "$way" DZ_WAIT=path:sub/ready -- bash -c "echo other >'$PWD/new'; touch -r '$PWD/sub/ready' '$PWD/new'
            sleep 0.2; mv '$PWD/new' '$PWD/sub/ready'; exec '$SLEEPER' 60"
        started
        assert "the file" "$(cat sub/ready)" other
        kill "$pid"
        start "$way" DZ_WAIT=path:"$PWD"/sub/ready -- bash -c "sleep 0.2; echo again >>'$PWD/sub/ready'; exec '$SLEEPER' 60"
        started
        assert "the file" "$(tail -n 1 sub/ready)" again
        kill "$pid"
        rm sub/ready
    done
}

@test "path:FILE: what was there before and is not touched does not count" {
    echo >there
    for way in $WAYS; do
        start "$way" DZ_WAIT=path:there DZ_TIMEOUT=0.5 -- "$SLEEPER" 60
        failed 124 "wait: $SLEEPER: stopped after 0.5 s: there has not appeared"
        start "$way" DZ_WAIT=path:nowhere/there DZ_TIMEOUT=0.5 -- "$SLEEPER" 60
        failed 124 "wait: $SLEEPER: stopped after 0.5 s: nowhere/there has not appeared"
    done
}

@test "main: the library answers from inside, preloaded by us or by the user" {
    try dz --shim="$SHIM" -d -q -o log -w main "$SLEEPER" 3600
    assert status "$status" 0
    track "$output"
    assert "descriptors" "$(fds_of "$output")" "0 1 2"
    try dz --shim="$SHIM" -d -q -o env.log -w main,exec env LD_PRELOAD=
    assert status "$status" 0
    refute grep -q '^DZ_' env.log
    try closed env LD_PRELOAD="$SHIM" DZ_WAIT=main DZ_PIDFILE=pid DZ_OUTPUT=log sleep 3600
    assert status "$status" 0
    track "$(cat pid)"
    # Where it cannot be had nothing runs, and the reason is said.
    try dz --shim="$SHIM" -d -o none -w main "$TARGETS/server-static" 1
    assert status "$status" 125
    assert stderr "$stderr" "dznohup: preload: $TARGETS/server-static: it is statically linked"
    try dz --shim=/no/such -d -o none -w main sleep 3600
    assert status "$status" 125
    assert stderr "$stderr" "dznohup: preload: /no/such: No such file or directory"
    # Another library by that name: not taken for one that has answered.
    cp "$TARGETS/initfirst.so" libdz.so
    try dz --shim="$PWD/libdz.so" -d -q -o none -w main -t 1 sleep 3600
    [ "$status" != 0 ]
}

# A dynamic dznohup, as the sanitizers have it, loads what is preloaded itself.
# bats test_tags=unsanitized
@test "main: a library that is not loaded, a path that cannot be, others beside it" {
    # Those of the user stay, before ours.
    LD_PRELOAD=$TARGETS/initfirst.so try dz --shim="$SHIM" -d -q -o log -w main "$SLEEPER" 60
    assert status "$status" 0 || fail "$stderr"
    track "$output"
    grep -qF "$TARGETS/initfirst.so" "/proc/$output/maps"
    grep -qF "$SHIM" "/proc/$output/maps"
    assert preload "$(environment_of "$output" | grep ^LD_PRELOAD=)" "LD_PRELOAD=$TARGETS/initfirst.so"
    kill "$output"
    # Of one that holds no descriptor of ours open, by which it might still come.
    cp "$TARGETS/initfirst.so" libdz.so
    try dz --shim="$PWD/libdz.so" -d -q -o /dev/null -w main bash -c \
        'for fd in /proc/$$/fd/*; do [ ${fd##*/} -lt 3 ] || eval "exec ${fd##*/}>&-"; done; exec "$1" 60' bash "$SLEEPER"
    assert status "$status" 125
    assert stderr "$stderr" "dznohup: preload: libdz.so: was not loaded"
    assert_none_with "$SLEEPER 60"
    for folder in 'a b' a:b; do
        mkdir "$folder"
        cp "$SHIM" "$folder"
        try dz --shim="$PWD/$folder/libdz.so" -d -q -o /dev/null -w main "$SLEEPER" 60
        assert status "$status" 125
        assert stderr "$stderr" "dznohup: preload: $PWD/$folder/libdz.so: LD_PRELOAD takes no path with a space or a colon"
    done
}

@test "several conditions: all are to hold, and those that do not are named" {
    for way in $WAYS; do
        port=$(free_port)
        for time in $TIMES; do
            start "$way" DZ_WAIT="exec,path:one,listen:$port,path:two" DZ_TIMEOUT="$time" -- \
                bash -c "echo >'$PWD/one'; exec '$TARGETS/server' $port"
            [[ $stderr == *listen* ]] || break
        done
        failed 124 "wait: bash: stopped after $time s: two has not appeared"
        rm one
        start "$way" DZ_WAIT="path:one,listen:$port,alive:0.2,fd:5" -- \
            bash -c "echo >&5; (sleep 0.3; echo >'$PWD/one') & exec '$TARGETS/server' $port"
        started
        [ -e one ]
        listens "$port"
        kill "$pid"
        rm one
    done
}

@test "an option that is repeated adds to the first; the variable gives way to both" {
    says=dznohup
    DZ_WAIT=path:zero DZ_TIMEOUT=60 try dz -d -o log -p pid -t 0.5 -w path:one --wait=path:two,exec "$SLEEPER" 60
    failed 124 "wait: $SLEEPER: stopped after 0.5 s: one has not appeared, two has not appeared"
    DZ_WAIT=path:zero try dz -d -o log -p pid -t 29 -w exec "$SLEEPER" 60
    assert status "$status" 0
    pid=$(cat pid)
    track "$pid"
    assert output "$output" "$pid"
}

# Both ways refuse it, with one line, and run nothing.
refused() {
    local message=$1 way
    shift
    for way in $WAYS; do
        start "$way" "$@" -- "$SLEEPER" 60
        failed 125 "$message"
        assert "lines for $*" "$(wc -l <<<"$stderr")" 1
        [ ! -s log ]
    done
}

@test "bad conditions and times are refused" {
    none="must be one of exec, settle\[:MAX\], alive:SEC, main, listen\[:PORT|:PATH\], notify, fd:N, path:FILE, log:TEXT, cmd:COMMAND"
    for value in "" foo execs Exec "exec," ",exec" "exec,,main" "exec main" :1; do
        refused "DZ_WAIT: *$none" DZ_WAIT="$value"
    done
    for value in alive alive: alive:x alive:1x alive:-1 alive:.5; do
        refused "DZ_WAIT: $value: alive takes a number of seconds" DZ_WAIT="$value"
    done
    for value in listen: listen:0 listen:65536 listen:99999999999 listen:http listen:80x \
        listen:rel/sock; do
        refused "DZ_WAIT: $value: listen takes a port from 1 to 65535, an absolute path or @NAME" \
            DZ_WAIT="$value"
    done
    for value in fd fd: fd:2 fd:-1 fd:x fd:3x; do
        refused "DZ_WAIT: $value: fd takes a number from 3" DZ_WAIT="$value"
    done
    for value in path path:; do
        refused "DZ_WAIT: $value: path takes the name of a file" DZ_WAIT="$value"
    done
    for value in exec:1 exec: main:1 notify:1; do
        refused "DZ_WAIT: $value: exec, main and notify take no value" DZ_WAIT="$value"
    done
    refused "DZ_WAIT: exec,fd:3,fd:4: more than one fd:N" DZ_WAIT=exec,fd:3,fd:4
    list=exec,exec,exec,exec,exec,exec,exec,exec
    refused "DZ_WAIT: *: more than 8 conditions" DZ_WAIT=$list,exec
    start leave DZ_WAIT=$list -- "$SLEEPER" 60
    started
    kill "$pid"
    await gone "$pid"
    rm log
    for value in "" x -1 1x 1e3 " 1" 99999999999 99999999999999999999 1,5; do
        refused "DZ_TIMEOUT: *not a number of seconds" DZ_TIMEOUT="$value"
    done
    refused "wait: alive:SEC is longer than the timeout" DZ_WAIT=alive:2 DZ_TIMEOUT=1.5
    says=dznohup
    for word in -w --wait -t --timeout; do
        try dz -d -o log -p pid $word bad "$SLEEPER" 60
        failed 125 "$word: bad: *"
    done
    try dz -d -o log -p pid -w exec -w $list "$SLEEPER" 60
    failed 125 "-w: *: more than 8 conditions"
}

@test "in stay mode a default from the environment is none" {
    for way in stay shim-stay; do
        start $way DZ_WAIT=main,fd:7,listen:80 -- "$PYTHON" -c 'import os, sys
try:
    os.fstat(7)
except OSError:
    sys.exit(7)'
        ended
        assert status "$status" 7 || fail "$stderr"
    done
}

@test "in stay mode nobody could wait: refused" {
    message="wait: needs -d, --keep or --restart; or a manager: NOTIFY_SOCKET or --ready-fd"
    says=dznohup
    try dz -w listen:80 "$SLEEPER" 60
    failed 125 "$message"
    try dz -d --mode=stay -w listen:80 "$SLEEPER" 60
    failed 125 "$message"
    [ ! -e log ]
    [ ! -e nohup.out ]
}

# ---- time-out ------------------------------------------------------------------

@test "a time-out: 124, what was awaited, and no process, pidfile or record" {
    for way in $WAYS; do
        before=$(milliseconds)
        start "$way" DZ_WAIT=listen DZ_TIMEOUT=0.3 -- "$SLEEPER" 60
        elapsed=$(($(milliseconds) - before))
        failed 124 "wait: $SLEEPER: stopped after 0.3 s: does not listen"
        assert "lines" "$(wc -l <<<"$stderr")" 1
        [ $elapsed -ge 300 ] && [ $elapsed -lt 25000 ] || fail "after $elapsed ms"
        [ ! -s log ]
        # A log that holds something stays, and is shown.
        for time in 1.25 5.25 25.25; do
            start "$way" DZ_WAIT=listen,path:/nowhere/at/all DZ_TIMEOUT=$time -- bash -c "echo words; exec '$SLEEPER' 60"
            [ ! -s log ] || break
        done
        failed 124 "wait: bash: stopped after $time s: does not listen, /nowhere/at/all has not appeared"
        assert_shown log words
        rm log
    done
}

@test "a time-out where /proc is not there: the program is stopped, at last by KILL" {
    need_root
    export DZ SLEEPER
    for words in '"$SLEEPER" 60' "bash -c 'trap \"\" TERM; echo >ready; while :; do sleep 0.05; done'"; do
        try closed unshare --mount bash -c \
            "mount -t tmpfs none /proc && exec \"\$DZ\" -d -C . -o log -w path:nothing -t 0.3 $words"
        assert "status of $words" "$status" 124
        assert_match stderr "$stderr" "*: stopped after 0.3 s: nothing* has not appeared"
        assert_none_with "$SLEEPER"
        assert_none_with "echo >ready"
        rm -f log
    done
}

@test "a time-out stops children and grandchildren, in sessions of their own too" {
    for way in $WAYS; do
        for time in 0.5 $TIMES; do
            start "$way" DZ_WAIT=listen DZ_TIMEOUT="$time" -- bash -c "'$SLEEPER' 61 & setsid '$SLEEPER' 62 &
                setsid bash -c 'setsid bash -c \"setsid \\\"$SLEEPER\\\" 63 & \\\"$SLEEPER\\\" 64\" & exit' &
                ('$SLEEPER' 65 & setsid '$SLEEPER' 66 & echo there; exit) & wait"
            [ ! -s log ] || break
        done
        failed 124 "wait: bash: stopped after $time s: does not listen"
        assert_shown log there
        # Each is asked to end first, by TERM.
        rm -f ended
        for time in 0.5 $TIMES; do
            rm -f log
            start "$way" DZ_WAIT=listen DZ_TIMEOUT="$time" -- bash -c "setsid bash -c 'setsid bash -c \"trap \\\"echo >>$PWD/ended; exit\\\" TERM; echo there; while :; do sleep 0.05; done\" & wait' & wait"
            [ ! -s log ] || break
        done
        failed 124 "wait: *"
        [ -e ended ] || fail "killed without being asked"
    done
}

# It takes five seconds from TERM to KILL.
ignoring_term() {
    # A grandchild in a session of its own is asked to end before its parent is killed.
    asked='$parent = getppid; sleep 1 while 1; BEGIN { $SIG{TERM} = sub {
        open F, ">", "'$PWD'/ended"; print F getppid == $parent ? "first" : "late"; exit } }'
    for time in $TIMES; do
        rm -f log
        before=$(milliseconds)
        start "$1" DZ_WAIT=listen DZ_TIMEOUT="$time" ASKED="$asked" -- bash -c "trap '' TERM; echo deaf; bash -c 'setsid perl -e \"\$ASKED\"; :' & setsid '$SLEEPER' 61 & kill -STOP \$! ; bash -c 'while :; do \"$SLEEPER\" 0.2; done' & '$SLEEPER' 62"
        elapsed=$(($(milliseconds) - before))
        [ ! -s log ] || break
    done
    failed 124 "wait: bash: stopped after $time s: does not listen"
    assert "asked to end" "$(<ended)" first
    [ "$elapsed" -ge $((time * 1000 + 5000)) ] && [ "$elapsed" -lt $((time * 1000 + 60000)) ] || fail "after $elapsed ms"
}

@test "a time-out kills what ignores TERM, what is stopped, what forks on: the launcher" {
    ignoring_term leave
}

@test "a time-out kills what ignores TERM, what is stopped, what forks on: the library" {
    ignoring_term shim-leave
}

@test "-t 0 is no limit; thirty seconds are the default" {
    for way in $WAYS; do
        start "$way" DZ_WAIT=path:ready DZ_TIMEOUT=0 -- bash -c "sleep 0.4; echo >'$PWD/ready'; exec '$SLEEPER' 60"
        started
        kill "$pid"
        rm ready
    done
    need strace
    # The wait itself says for how long it sleeps.
    for timeout in "" 0; do
        rm -f pid
        try closed env DZ_QUIET=1 DZ_WAIT=fd:9 ${timeout:+DZ_TIMEOUT=$timeout} strace -qq -o trace -e trace=poll \
            "$DZ" -d -o log -p pid bash -c "sleep 0.3; echo >&9; exec '$SLEEPER' 60" </dev/null
        assert status "$status" 0
        track "$(cat pid)"
        longest=$(sed -n 's/^poll(.*, \([0-9]*\)).*/\1/p' trace | sort -n | tail -n 1)
        if [ -z "$timeout" ]; then
            [ "$longest" -le 30000 ] && [ "$longest" -gt 25000 ] || fail "$longest ms"
        else
            [ "$longest" -gt 1000000 ] || fail "$longest ms"
        fi
    done
}

has_three() { [ "$(pgrep -fc "^$SLEEPER 61")" = 3 ]; }
@test "children from before the launcher are none of the job's" {
    for way in $WAYS; do
        for case in "124 DZ_WAIT=listen DZ_TIMEOUT=0.4 $SLEEPER 62" "3 DZ_WAIT=alive:25 DZ_TIMEOUT=29 bash -c exit\ 3"; do
            eval "words=($case)"
            rm -f before
            start=("$DZ" -d)
            [ "$way" = leave ] || start=(env LD_PRELOAD="$SHIM")
            try closed env DZ_OUTPUT=log DZ_PIDFILE=pid "${words[@]:1:2}" bash -c \
                "'$SLEEPER' 61 & setsid '$SLEEPER' 61 & (setsid '$SLEEPER' 61 & echo \$! >before); echo \$! >>before; echo \$\$ >launcher
                exec \"\$@\"" bash "${start[@]}" "${words[@]:3}" </dev/null
            await has_three
            pids=$(pgrep -f "^$SLEEPER 61")
            # shellcheck disable=SC2086
            track $pids
            assert status "$status" "${words[0]}"
            assert "children from before" "$(wc -w <<<"$pids")" 3
            for pid in $pids; do
                alive "$pid" || fail "$pid was ended"
                kill "$pid"
                await gone "$pid"
            done
            left_nothing
        done
    done
}

# Our output, since bats has no terminal: the screen, with its control characters.
screen_of() { on_terminal --run env DZ_OUTPUT=log DZ_PIDFILE=pid "$@" | tr -d '\r'; }

@test "on a terminal a line says what is awaited, and goes" {
    clear=$'\033[K'
    for way in $WAYS; do
        start=("$DZ" -d)
        says=dznohup
        [ "$way" = leave ] || { start=(LD_PRELOAD="$SHIM"); says=libdz.so; }
        # What holds is no longer told.
        code="echo >'$PWD/one'; sleep 2.5; echo >'$PWD/two'; exec '$SLEEPER' 60"
        expected="$clear$says: waiting for path:two, 1 s$clear$says: waiting for path:two, 2 s$clear*"
        for _ in $TRIES; do
            rm -f one two pid
            screen=$(screen_of DZ_WAIT=path:one,path:two "${start[@]}" bash -c "$code")
            track "$(cat pid)"
            kill "$(cat pid)"
            # shellcheck disable=SC2053
            [[ $screen != $expected ]] || break
        done
        assert_match screen "$screen" "$expected"
        refute grep -q waiting <<<"${screen##*"$clear"}"
        # Nor is it left where the start fails.
        expected="$clear$says: waiting for path:none, 1 s$clear$says: wait: $SLEEPER: stopped after 1.5 s: none has not appeared"
        for _ in $TRIES; do
            rm -f one two
            screen=$(screen_of DZ_WAIT=path:none DZ_TIMEOUT=1.5 "${start[@]}" "$SLEEPER" 60) || true
            [ "$screen" != "$expected" ] || break
        done
        assert screen "$screen" "$expected"
    done
}

@test "no such line for -q, without a terminal, or before a second has passed" {
    for way in $WAYS; do
        start=("$DZ" -d)
        [ "$way" = leave ] || start=(LD_PRELOAD="$SHIM")
        screen=$(screen_of DZ_QUIET=1 DZ_WAIT=path:none DZ_TIMEOUT=1.3 "${start[@]}" "$SLEEPER" 60) || true
        assert_match screen "$screen" "*: wait: $SLEEPER: stopped after 1.3 s: none has not appeared"
        refute grep -q $'\033\|waiting' <<<"$screen"
        for _ in $TRIES; do
            screen=$(screen_of DZ_WAIT=alive:0.3 "${start[@]}" "$SLEEPER" 60)
            track "$(cat pid)"
            kill "$(cat pid)"
            await gone "$(cat pid)"
            rm pid
            grep -q $'\033\|waiting' <<<"$screen" || break
        done
        refute grep -q $'\033\|waiting' <<<"$screen"
        start "$way" DZ_WAIT=path:none DZ_TIMEOUT=1.3 -- "$SLEEPER" 60
        failed 124 "wait: *"
        assert lines "$(wc -l <<<"$stderr")" 1
    done
}

@test "without a terminal one line says after 3 seconds what is awaited" {
    for words in "-d" "-d --restart" "--ready-fd=9"; do
        rm -f pid
        # shellcheck disable=SC2086
        try dz $words -C . -o log -w path:none,path:two -t 3.5 bash -c "exec '$SLEEPER' 60" 9>ready
        line="dznohup: waiting for path:none, path:two, up to 3.5 s"
        [ "$words" = --ready-fd=9 ] && await holds "$BATS_TEST_TMPDIR/.err" "stopped after"
        read_streams
        # The shell says that what it waited for was terminated.
        assert "stderr with $words" "$(head -n 2 <<<"$stderr")" "$line
dznohup: wait: bash: stopped after 3.5 s: none has not appeared, two has not appeared"
    done
    try dz -d -q -C . -o log -w path:none -t 3.3 "$SLEEPER" 60
    assert "stderr with -q" "$stderr" "dznohup: wait: $SLEEPER: stopped after 3.3 s: none has not appeared"
}

@test "an interrupt while it waits ends the job and the launcher alike" {
    for way in $WAYS; do
        start=("$DZ" -d)
        [ "$way" = leave ] || start=(LD_PRELOAD="$SHIM")
        for signal in TERM INT; do
            rm -rf there pid "$DZ_STATE_DIR"
            # Not in the background of this shell, which would ignore INT.
            try closed "$PYTHON" "$PROGRAMS/signal-when-there.py" $signal env DZ_WAIT="${waits:-listen}" DZ_OUTPUT=log DZ_PIDFILE=pid "${start[@]}" \
                bash -c "setsid '$SLEEPER' 61 & echo >'$PWD/there'; exec '$SLEEPER' 60"
            assert "ended by" "$output" "-$(kill -l $signal)"
            assert_match stderr "$stderr" "*: wait: interrupted by SIG$signal"
            left_nothing
            [ ! -s log ]
        done
    done
}

# A start by the way, in the background, that waits for the file "there".
waits_for_file() {
    local way=$1
    shift
    rm -rf there pid log err "$DZ_STATE_DIR"
    if [ "$way" = leave ]; then
        beside "$@" "$DZ" -d -q -p pid -w path:there -C . -o log "$SLEEPER" 60 >out 2>err &
    else
        beside "$@" env LD_PRELOAD="$SHIM${more:+:$more}" DZ_QUIET=1 DZ_PIDFILE=pid DZ_WAIT=path:there DZ_CHDIR=. DZ_OUTPUT=log "$SLEEPER" 60 >out 2>err &
    fi
    launcher=$!
    await is_file pid
    pid=$(<pid)
    track "$launcher" "$pid"
    await runs_program "$pid" "$SLEEP"
    await is_blocked
}
# The launcher waits: it blocks what it reads itself.
is_blocked() { [ "$(status_field "$launcher" SigBlk)" != 0000000000000000 ]; }

@test "an interrupt that was ignored or blocked when we were called ends no wait" {
    for way in $WAYS; do
        for before in "trap '' INT" "trap '' INT QUIT"; do
            waits_for_file "$way" bash -c "$before; exec \"\$@\"" bash
            kill -INT "$launcher"
            echo >there
            status=0
            wait "$launcher" || status=$?
            assert status "$status" 0
            alive "$pid"
            # One that is not ignored ends it still.
            waits_for_file "$way" bash -c "$before; exec \"\$@\"" bash
            kill -INT "$launcher"
            kill -TERM "$launcher"
            status=0
            wait "$launcher" || status=$?
            assert status "$status" 143
            await gone "$pid"
        done
        waits_for_file "$way" "$PYTHON" -c 'import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
os.execvp(sys.argv[1], sys.argv[1:])'
        kill -TERM "$launcher"
        echo >there
        status=0
        wait "$launcher" || status=$?
        assert status "$status" 0
        alive "$pid"
        assert_signals "$pid"
    done
}

@test "an interrupt of a caller with threads, which do not block it, ends the job too" {
    more=$TARGETS/initfirst.so
    for signal in INT QUIT TERM; do
        waits_for_file shim-leave bash -c "trap - INT QUIT; exec \"\$@\"" bash
        kill -$signal "$launcher"
        await gone "$pid"
        wait "$launcher" || true
        [ ! -e pid ]
        holds err "interrupted by SIG$signal"
    done
}

@test "a report that stops in its middle does not hold the caller beyond its time-out" {
    need strace
    before=$(milliseconds)
    # The target's process writes its PID, then that it has failed: stopped there.
    try closed timeout -s KILL 60 strace -f -qq -o trace -e trace=write -e inject=write:signal=SIGSTOP:when=2 \
        "$DZ" -d -q -t 1 -w exec -C /nonexistent -o log sleep 30
    grep -q "stopped by SIGSTOP" trace
    assert_match stderr "$stderr" "dznohup: wait: sleep: stopped after 1 s: was not executed"
    assert status "$status" 124
    [ $(($(milliseconds) - before)) -lt 40000 ]
}

@test "without pidfd_open(2) an end is seen while it waits" {
    need strace
    try within strace -f -qq -o trace -e trace=pidfd_open -e inject=pidfd_open:error=ENOSYS \
        "$DZ" -d -q -o log -w alive:3600 -t 0 sh -c 'exit 3'
    assert status "$status" 3
    grep -q INJECTED trace
}

# ---- the stand-in --------------------------------------------------------------

# stand_in WAY: start a job where the caller has a child from before, so that a
# stand-in waits; sets launcher, standin, and teller, which ends with the launcher
# and writes its status to the file ended.
stand_in() {
    local start=("$DZ" -d)
    [ "$1" = leave ] || start=(env LD_PRELOAD="$SHIM")
    rm -rf there pid launcher before "$DZ_STATE_DIR"
    # Not in the background of this shell, which would ignore INT.
    beside "$PYTHON" "$PROGRAMS/status-of.py" \
        env DZ_WAIT="${waits:-listen}" DZ_OUTPUT=log DZ_PIDFILE=pid bash -c "'$SLEEPER' 61 & echo \$! >before
            echo \$\$ >launcher; exec \"\$@\"" bash "${start[@]}" \
        bash -c "echo >'$PWD/there'; exec '$SLEEPER' 60" >ended 2>err &
    teller=$!
    track $teller
    await is_file there
    launcher=$(<launcher)
    track "$launcher" "$(<before)" "$(<pid)"
    standin=$(pgrep -P "$launcher" | grep -vx "$(<before)")
    track "$standin"
    ppid=$(stat_field "$(<pid)" 4)
    assert "parent of the job" "$ppid" "$standin"
}

@test "a stand-in waits: an interrupt of the caller alone ends the job and both" {
    for way in $WAYS; do
        for signal in TERM INT; do
            stand_in "$way"
            kill -$signal "$launcher"
            await gone "$teller"
            assert "ended by" "$(<ended)" "-$(kill -l $signal)"
            assert_match stderr "$(<err)" "*: wait: interrupted by SIG$signal"
            await gone "$standin"
            alive "$(<before)"
            kill "$(<before)"
            await gone "$(<before)"
            left_nothing
        done
    done
}

@test "the waiter is killed: the job is stopped, and the caller says so" {
    for way in $WAYS; do
        stand_in "$way"
        kill -KILL "$standin"
        await gone "$teller"
        assert "ended with" "$(<ended)" 125
        assert_match stderr "$(<err)" "*: report: the process that waited for the program was killed; the program was stopped"
        kill "$(<before)"
        await gone "$(<before)"
        left_nothing
    done
}

# The caller's own deadline is twenty seconds after the waiter's.
@test "the waiter is stopped: the caller gives up in time, and stops the job" {
    waits=path:never,alive:1
    export DZ_TIMEOUT=1
    stand_in leave
    kill -STOP "$standin"
    until=$(($(milliseconds) + 40000))
    until gone "$teller"; do
        [ "$(milliseconds)" -lt $until ] || fail "the caller waits on"
        sleep 0.1
    done
    assert "ended with" "$(<ended)" 125
    assert_match stderr "$(<err)" "*: report: the process that waited for the program did not answer in time; the program was stopped"
    kill "$(<before)"
    await gone "$(<before)"
    left_nothing
}

@test "a stand-in waits: what fails before the program reaches the caller" {
    need_root
    need setpriv
    chmod 777 . "$HOME"
    for words in "'$DZ' -d $SLEEPER 60" "LD_PRELOAD='$SHIM' exec $SLEEPER 60"; do
        # Two processes, of which the caller is one: only the stand-in's fork fails.
        try closed setpriv --reuid="$(lonely_user)" --clear-groups bash -c "ulimit -u 2
            export DZ_OUTPUT=log NOTIFY_SOCKET=$PWD/nobody; $words"
        assert "status of $words" "$status" 125
        assert_match "stderr of $words" "$stderr" "*: fork: Resource temporarily unavailable"
        [ ! -s log ]
    done
}
