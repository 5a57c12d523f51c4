# dzctl log: the last lines, and -f over rotations until the end of the job.

load helpers
load ctl

@test "log: the last lines" {
    shell_job web 'seq 25; echo up >up; exec sleep 1000'
    await is_file up
    ctl log web
    assert status "$status" 0
    assert stderr "$stderr" ""
    assert "last 10" "$output" "$(seq 16 25)"
    for words in "-n 3" -n3 --lines=3; do
        # shellcheck disable=SC2086
        ctl log $words web
        assert "$words" "$output" "$(seq 23 25)"
    done
    ctl log web -n 0
    assert status "$status" 0
    assert "-n 0" "$output" ""
    ctl log -n 25 web
    assert "-n 25" "$output" "$(seq 25)"
    ctl log -n 1000000 web
    assert "-n 1000000" "$output" "$(seq 25)"
    ctl log -n 3 "$pid"
    assert "by PID" "$output" "$(seq 23 25)"
    for words in "-n x" "-n -1" "--lines=" "-n 99999999999" "-n 3x"; do
        # shellcheck disable=SC2086
        ctl log $words web
        assert "status of $words" "$status" 125
        assert_match "stderr of $words" "$stderr" "dzctl: log: *not a number of lines"
    done
}

@test "log: without a last newline, empty, of empty lines, of long ones, big" {
    job --name=web --output=log -- sleep 1000
    ctl log web
    assert status "$status" 0
    assert empty "$output" ""
    show() { closed "$CTL" log "$@" web >shown && cmp shown expected; }
    printf 'a\nb\nc' >log
    printf 'b\nc' >expected
    show -n 2
    printf c >expected
    show -n 1
    printf '\n\n\n' >log
    printf '\n\n' >expected
    show -n 2
    cp log expected
    show
    head -c 200000 /dev/zero | tr '\0' x >log
    cp log expected
    show -n 1
    { seq 60000; cat expected; echo; seq 3; } >log
    tail -n 5 log >expected
    show -n 5
    # Lines that end where blocks do.
    for size in 65534 65535 65536 65537; do
        { seq 4; head -c "$size" /dev/zero | tr '\0' x; echo; } >log
        tail -n 1 log >expected
        show -n 1
        tail -n 2 log >expected
        show -n 2
    done
    head -c 300000 /dev/urandom >log
    tail -n 7 log >expected
    show -n 7
}

# dzctl log -f looks each second where nothing tells it.  That it is told is seen from
# how its polls end, and not from the time, which on a busy machine may be any.
POLLS=(-qq -o polls -e "trace=poll,ppoll")
polled_follow() {
    rm -f polls
    beside strace "${POLLS[@]}" "$CTL" log -f "$@" >shown 2>shown.err &
    follower=$!
    track "$follower"
}
is_polling() { [ -s polls ]; }
# The last poll that has ended was ended by an event.
was_told() { grep ' = ' polls | tail -n 1 | grep -q ' = [1-9]'; }

@test "log -f: what is appended is shown at once" {
    need strace
    job --name=web --output=log -- sleep 1000
    echo first >log
    read -ra times <<<"$(closed "$PYTHON" "$PROGRAMS/follow.py" "$PWD/log" 21 strace "${POLLS[@]}" "$CTL" log -f web)"
    assert rounds "${#times[@]}" 21
    echo "# log -f: a line is shown after ${times[10]} ms (at most ${times[20]}), under strace" >&3
    # On a machine that is busy the second may pass before one of them is written.
    [ "$(grep -vc Timeout polls)" -gt 10 ] || fail "it looks each second alone: $(<polls)"
}

# Follow in the background, into the file shown.
follow() {
    beside "$CTL" log -f "$@" >shown 2>shown.err &
    follower=$!
    track "$follower"
}
# Wait for its end, and set status.
followed() {
    await gone "$follower"
    status=0
    wait "$follower" || status=$?
}

@test "log -f: ends with the job, and all that it wrote is there" {
    for round in 1 2 3; do
        rm -f web.log web.go
        shell_job web 'echo begun; until [ -e web.go ]; do sleep 0.01; done; seq 20000; printf end'
        await holds web.log begun
        follow web
        await holds shown begun
        : >web.go
        followed
        gone "$pid"
        assert "status" "$status" 0
        assert stderr "$(<shown.err)" ""
        { echo begun; seq 20000; printf end; } | cmp - shown
    done
    # Of a job that has ended it shows what there is.
    follow -n 2 web
    followed
    assert "of an ended job" "$(<shown)" $'20000\nend'
}

@test "log -f: ends at once where the job writes nothing before" {
    need strace
    told=0
    for round in 1 2 3; do
        job --name=web --output=log -- sleep 1000
        polled_follow web
        await is_polling
        echo "round $round" >>log
        await holds shown "round $round"
        kill "$pid"
        followed
        ! was_told || told=$((told + 1))
    done
    [ $told -gt 0 ] || fail "it was told of no end of three"
}

# Follow where each look at a file takes its time.
slow_follow() {
    need strace
    # stat(2) of the log's name comes behind each read of it.
    closed strace -qq -o trace -e "trace=?stat,?newfstatat" \
        -e "inject=?stat,?newfstatat:delay_enter=500000" "$CTL" log -f "$@" >shown &
    follower=$!
    track "$follower"
}

@test "log -f: a line written between its last look and the end is not lost" {
    job --name=web --output=log -- sleep 1000
    echo first >>log
    slow_follow web
    await holds shown first
    echo a >>log
    await holds shown a
    echo b >>log
    kill "$pid"
    followed
    assert shown "$(<shown)" $'first\na\nb'
    delayed trace
}

@test "log -f: follows through a rotation by a move" {
    need strace
    job --name=web --output=log -- sleep 1000
    echo one >>log
    polled_follow web
    await holds shown one
    mv log log.1
    echo two >>log.1
    await holds shown two
    echo three >log
    await holds shown three
    echo four >>log
    await holds shown four
    # Once more, and where another file is moved to its name.
    echo five >other
    mv other log
    await holds shown five
    echo six >>log
    await holds shown six
    # At once.  Nothing is written over, which would be an event of the old file.
    told=0
    for round in 1 2 3 4; do
        mv log "old.$round"
        echo "round $round" >log
        await holds shown "round $round"
        ! was_told || told=$((told + 1))
    done
    [ $told -gt 0 ] || fail "it was told of no new file of four"
    kill "$pid"
    followed
    assert status "$status" 0
    assert shown "$(<shown)" $'one\ntwo\nthree\nfour\nfive\nsix\nround 1\nround 2\nround 3\nround 4'
}

@test "log -f: follows through a copytruncate" {
    job --name=web --output=log -- sleep 1000
    seq 100 >>log
    follow -n 1 web
    await holds_line shown 100
    cp log log.1
    : >log
    await shorter
    echo after >>log
    await holds shown after
    kill "$pid"
    followed
    assert shown "$(<shown)" $'100\nafter'
}
# The follower has seen the end of the file that was cut.
shorter() { [ "$(sed -n 's/^pos:[[:space:]]*//p' "/proc/$follower/fdinfo/3")" = 0 ]; }

@test "log -f: a line written just before the move is not lost" {
    job --name=web --output=log -- sleep 1000
    echo first >>log
    # Between its last read and its look at the name another line is written, and
    # the file is moved.
    slow_follow web
    await holds shown first
    echo a >>log
    await holds shown a
    echo b >>log
    mv log log.1
    echo c >log
    await holds shown c
    kill "$pid"
    followed
    assert shown "$(<shown)" $'first\na\nb\nc'
    delayed trace
}

@test "log: a path with odd characters" {
    mkdir $'a dir\\with "all"'
    path=$'a dir\\with "all"/l\\n\no\tg é'
    job --name=web --chdir=. --output="$path" -- bash -c 'echo one; until [ -e go ]; do sleep 0.01; done; echo two'
    await holds "$path" one
    ctl log web
    assert status "$status" 0
    assert log "$output" one
    follow web
    await holds shown one
    : >go
    followed
    assert shown "$(<shown)" $'one\ntwo'
}

@test "log: none, removed, no file, or no such job: an error" {
    "$DZ" -d -q -w exec --name=piped -o - sleep 1000 3>&- 4>&- | cat >pid &
    await is_file pid
    track "$(<pid)"
    for words in "" -f; do
        # shellcheck disable=SC2086
        ctl log $words piped
        assert status "$status" 1
        assert stdout "$output" ""
        assert stderr "$stderr" "dzctl: log: piped: its output does not go to a file"
    done
    job --name=web --output=log -- sleep 1000
    rm log
    for words in "" -f; do
        # shellcheck disable=SC2086
        try within "$CTL" log $words web
        assert status "$status" 1
        assert stdout "$output" ""
        assert stderr "$stderr" "dzctl: log: $PWD/log: No such file or directory"
    done
    for kind in "mkfifo log" "mkdir log"; do
        $kind
        try within "$CTL" log web
        assert "status of $kind" "$status" 1
        assert stderr "$stderr" "dzctl: log: $PWD/log: not a regular file"
        rm -r log
    done
    ctl log nobody
    assert status "$status" 3
    assert stderr "$stderr" "dzctl: log: nobody: no such job"
    job --name=null --output=/dev/null -- sleep 1000
    ctl log null
    assert "status of /dev/null" "$status" 1
    assert stderr "$stderr" "dzctl: log: /dev/null: not a regular file"
}

@test "log -f: ends when its reader has, as more is written" {
    shell_job web 'echo one; while :; do echo more; sleep 0.05; done'
    await holds web.log more
    output=$(within "$CTL" log -f -n 1000 web | head -n 1)
    assert "what head shows" "$output" one
    # As tail(1), by SIGPIPE, or well: not when timeout is up, and in silence.
    set +e
    within "$CTL" log -f web 2>err | head -n 1
    statuses=("${PIPESTATUS[@]}")
    set -e
    assert_match status "${statuses[0]}" "@(0|141)"
    assert stderr "$(<err)" ""
}

@test "log -f: ends when its reader has, though nothing more is written" {
    job --name=web --output=log -- sleep 1000
    echo one >log
    set +e
    within "$CTL" log -f web | head -n 1
    statuses=("${PIPESTATUS[@]}")
    set -e
    assert_match status "${statuses[0]}" "@(0|141)"
}

@test "log: a symbolic link of another user is not followed, wherever it is in the path" {
    need_root
    need setpriv
    mkdir -p his/logs secret
    echo "for root alone" | tee secret/log >/dev/null
    chmod 700 secret
    ln -s his link # our own
    job --name=web --output=link/logs/log -- sleep 1000
    echo shown >his/logs/log
    ctl log web
    assert "through our own link" "$output" shown
    chown -R 65432 his
    rm his/logs/log
    as_other ln -s "$PWD/secret/log" his/logs/log
    for words in "log web" "log -f web"; do
        # shellcheck disable=SC2086
        try closed timeout 20 "$CTL" $words
        assert "status of $words" "$status" 1
        assert "stdout of $words" "$output" ""
        assert stderr "$stderr" "dzctl: log: $(recorded web log): another user's symbolic link leads there"
    done
    rm -r his/logs
    as_other ln -s "$PWD/secret" his/logs
    ctl log web
    assert "status of a directory's link" "$status" 1
    assert "stdout of a directory's link" "$output" ""
}

@test "log: this run's lines; --all-runs: those of earlier ones too" {
    job --name=web --output=web.log -- sh -c 'echo first; exec sleep 1000'
    await holds web.log first
    ctl stop web
    job --name=web --output=web.log -- sh -c 'echo second; exec sleep 1000'
    await holds web.log second
    ctl log web
    assert stdout "$output" second
    ctl log --all-runs web
    assert stdout "$output" $'first\nsecond'
    ctl log -n 1 --all-runs web
    assert stdout "$output" second
    # A log that was rotated is of this run, however long it is.
    mv web.log web.log.1
    printf 'rotated %s\n' 1 2 3 >web.log
    sed -i 's/^since .*/since 1000000000/' "$DZ_STATE_DIR/web"
    ctl log web
    assert "of a younger file" "$output" $'rotated 1\nrotated 2\nrotated 3'
    : >web.log
    echo cut >web.log
    sed -i "s/^since .*/since $(($(date +%s) + 100))/" "$DZ_STATE_DIR/web"
    ctl log web
    assert "of a shorter file" "$output" cut
}

@test "log: stderr's own log too, in one command and followed" {
    job --name=web --output=out.log --error=err.log --chdir=. -- bash -c 'echo out; echo err >&2
until [ -e go ]; do sleep 0.01; done; echo late >&2; until [ -e done ]; do sleep 0.01; done'
    await holds out.log out
    await holds err.log err
    ctl log web
    assert stdout "$output" $'out\nerr'
    beside "$CTL" log -f web >shown &
    track $!
    await holds shown err
    : >go
    await holds shown late
    : >done
    wait $!
    assert shown "$(<shown)" $'out\nerr\nlate'
}

@test "log of several: the name before each line, whole lines, until all have ended" {
    for name in one two; do
        shell_job "$name" "echo begin $name; until [ -e $name.go ]; do sleep 0.01; done
printf half; until [ -e $name.more ]; do sleep 0.01; done; echo ' full'; printf end"
        await holds "$name.log" begin
    done
    ctl log one two
    assert stdout "$output" $'one: begin one\ntwo: begin two'
    beside "$CTL" log -f one two >shown &
    follower=$!
    track "$follower"
    await holds shown "begin two"
    tell one
    await holds one.log half
    tell two
    await holds two.log half
    : >two.more
    await holds shown "two: end"
    alive "$follower"
    : >one.more
    wait "$follower"
    assert shown "$(<shown)" "one: begin one
two: begin two
two: half full
two: end
one: half full
one: end"
    job --name=three --output=three.log -- sh -c 'echo three; exec sleep 1000'
    await holds three.log three
    ctl log --all
    assert "of what runs" "$output" three
}
