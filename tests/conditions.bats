# --wait=log:TEXT and --wait=cmd:COMMAND: by dznohup -d, by the preload, by a keeper.

load helpers
load waiting

# A program that says what is waited for after a time, and runs on.
says_later() { echo "sleep 0.2; echo $1; exec '$SLEEPER' 60"; }

@test "log:TEXT: a line of this run contains it" {
    for way in $WAYS; do
        echo "it is ready" >log
        start "$way" DZ_WAIT=log:'is ready' DZ_TIMEOUT=0.5 -- "$SLEEPER" 60
        failed 124 "wait: $SLEEPER: stopped after 0.5 s: has not written 'is ready'"
        start "$way" DZ_WAIT=log:'is ready' -- bash -c "$(says_later '"well, it is ready now"')"
        started
        assert "the log" "$(tail -n 1 log)" "well, it is ready now"
        kill "$pid"
        rm log
    done
}

@test "log:TEXT: in stderr's own log; in pieces; behind much else; in a log renamed meanwhile" {
    for way in $WAYS; do
        start "$way" DZ_ERROR=err DZ_WAIT=log:ready -- bash -c "echo out; echo ready >&2; exec '$SLEEPER' 60"
        started
        kill "$pid"
        start "$way" DZ_WAIT=log:ready -- bash -c "printf 're'; sleep 0.1; printf 'ad'; sleep 0.1; $(says_later y)"
        started
        kill "$pid"
        start "$way" DZ_WAIT=log:12345ready -- bash -c "seq 100000; printf 1234; sleep 0.1; $(says_later 5ready)"
        started
        kill "$pid"
        start "$way" DZ_WAIT=log:moved -- bash -c "mv '$PWD/log' '$PWD/log.1'; echo >'$PWD/log'; $(says_later moved)"
        started
        kill "$pid"
        rm log*
    done
}

@test "log:TEXT: commas in the text; with other conditions" {
    for way in $WAYS; do
        start "$way" DZ_WAIT='log:one, two,three' -- bash -c "$(says_later '"one, two,three"')"
        started
        kill "$pid"
        start "$way" DZ_WAIT='log:one, two,alive:0.1,path:there' DZ_TIMEOUT=0.5 -- bash -c "$(says_later two)"
        failed 124 "wait: bash: stopped after 0.5 s: has not written 'one, two', there has not appeared"
    done
}

@test "log:TEXT: a program that ends without it has failed; no log is an error" {
    for way in $WAYS; do
        start "$way" DZ_WAIT=log:ready -- bash -c 'echo no; exit 3'
        failed 3 "start: bash: exited with status 3 after *([0-9]) ms"
        start "$way" DZ_WAIT=log:ready -- bash -c 'echo no'
        failed 125 "start: bash: exited with status 0 after *([0-9]) ms, and left no process to wait for"
        start "$way" DZ_WAIT=log:ready DZ_OUTPUT=/dev/null -- "$SLEEPER" 60
        failed 125 "wait: log: the output goes to no log file; name one by -o"
        start "$way" DZ_WAIT=log: -- "$SLEEPER" 60
        failed 125 "DZ_WAIT: log:: log takes a text of one line"
    done
}

@test "log:TEXT: a log that a keeper writes, and each run of a job by itself" {
    try dz -d -q --timestamps -o log -p pid -w log:'s ready' bash -c "echo this; $(says_later '"it is ready"')"
    assert status "$status" 0 || fail "$stderr"
    track "$output"
    assert_match "the log" "$(<log)" "*this*it is ready"
    kill "$output"
    await gone "$output"
    rm -f pid
    : >log
    try dz -d -q --restart --name=twice -o log -w log:ready \
        bash -c "[ -e '$PWD/once' ] || { : >'$PWD/once'; echo ready; sleep 0.5; exit 1; }; sleep 0.1; echo ready; exec '$SLEEPER' 60"
    assert status "$status" 0 || fail "$stderr"
    track "$(recorded twice keeper | cut -d' ' -f1)"
    await holds "$DZ_STATE_DIR/twice" "restarts 1"
    closed "$CTL" stop twice
}

@test "cmd:COMMAND: tried until it succeeds, in the caller's folder, with DZ_PID" {
    for way in $WAYS; do
        start "$way" DZ_WAIT='cmd:echo "$DZ_PID" >>tries; test -e there' DZ_CHDIR=/tmp -- \
            bash -c "sleep 0.3; : >'$PWD/there'; exec '$SLEEPER' 60"
        started
        [ -e there ]
        assert "PIDs" "$(sort -u tries)" "$pid"
        [ "$(wc -l <tries)" -ge 2 ] || fail "tried only once"
        kill "$pid"
        rm there tries
        start "$way" DZ_WAIT='cmd:kill -0 $DZ_PID && exit 3' DZ_TIMEOUT=0.5 -- "$SLEEPER" 60
        failed 124 "wait: $SLEEPER: stopped after 0.5 s: 'kill -0 \$DZ_PID && exit 3' has not succeeded"
    done
}

@test "cmd:COMMAND: a server is asked over http" {
    need curl
    for way in $WAYS; do
        port=$(free_port)
        start "$way" DZ_WAIT="cmd:curl -fsS http://127.0.0.1:$port/" -- \
            bash -c "sleep 0.2; exec '$PYTHON' -m http.server --bind 127.0.0.1 --directory '$PWD' $port"
        started
        assert_match answer "$(curl -fsS "http://127.0.0.1:$port/")" "*Directory listing*"
        kill "$pid"
        await gone "$pid"
    done
}

@test "cmd:COMMAND: what it runs is no part of the job, and ends with the wait" {
    for way in $WAYS; do
        # It sleeps in a process of its own; the program's end is found out all the same.
        start "$way" DZ_WAIT="cmd:'$SLEEPER' 61 & '$SLEEPER' 62" -- bash -c 'sleep 0.2; exit 4'
        failed 4 "start: bash: exited with status 4 after *([0-9]) ms"
        start "$way" DZ_WAIT="cmd:'$SLEEPER' 61 & '$SLEEPER' 62" DZ_TIMEOUT=0.5 -- "$SLEEPER" 60
        failed 124 "wait: $SLEEPER: stopped after 0.5 s: * has not succeeded"
        start "$way" DZ_WAIT="cmd:'$SLEEPER' 61 & '$SLEEPER' 62" -- bash -c 'sleep 0.2'
        failed 125 "start: bash: exited with status 0 after *([0-9]) ms, and left no process to wait for"
        # What it leaves in its group when it succeeds is ended, too.
        start "$way" DZ_WAIT="cmd:'$SLEEPER' 61 & true" -- "$SLEEPER" 60
        started
        await none_left "$SLEEPER"$'\0'61
        kill "$pid"
        # A program that daemonizes itself leaves one process: the daemon.
        start "$way" DZ_WAIT="cmd:test -e '$PWD/there'" -- \
            bash -c "(sleep 0.3; : >'$PWD/there'; exec '$SLEEPER' 60) & exit 0"
        started
        assert command "$(command_of "$pid")" "$SLEEPER 60 "
        kill "$pid"
        rm there
    done
}

@test "cmd:COMMAND: it has no terminal, input or output, and the caller's environment" {
    for way in $WAYS; do
        start "$way" DZ_WAIT='cmd:{ readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2; env; } >seen' MINE=yes -- "$SLEEPER" 60
        started
        assert streams "$(head -n 3 seen)" "/dev/null
$PWD/seen
/dev/null"
        assert variables "$(grep -E '^(DZ_|LD_PRELOAD|MINE)' seen)" "MINE=yes
DZ_PID=$pid" || assert variables "$(grep -E '^(DZ_|LD_PRELOAD|MINE)' seen)" "DZ_PID=$pid
MINE=yes"
        kill "$pid"
    done
}

@test "cmd:COMMAND: one alone, and below a keeper" {
    try dz -d -w cmd:true -w cmd:false -o log "$SLEEPER" 60
    assert status "$status" 125
    assert stderr "$stderr" "dznohup: -w: cmd:false: more than one cmd:COMMAND; join them with &&"
    try dz -d -w cmd: -o log "$SLEEPER" 60
    assert stderr "$stderr" "dznohup: -w: cmd:: cmd takes a shell command"
    try dz -d -q --restart --name=kept -o '|cat >log' -w "cmd:test -e there" \
        bash -c "sleep 0.2; : >'$PWD/there'; echo out; exec '$SLEEPER' 60"
    assert status "$status" 0 || fail "$stderr"
    track "$output" "$(recorded kept keeper | cut -d' ' -f1)"
    [ -e there ]
    closed "$CTL" stop kept
    await gone "$output"
}
