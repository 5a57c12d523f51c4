# dzctl status: what it says of a job, a pidfile, a PID, and its exit status.

load helpers
load ctl

@test "status: running, by name, PID and pidfile: 0" {
    job --name=web --pidfile=web.pid --output=log -- sleep 1000
    for word in web "$pid" ./web.pid "$PWD/web.pid"; do
        ctl status "$word"
        assert "status $word" "$status" 0
        assert_match "words of $word" "$output" \
            "web: running, PID $pid, started $(since_of web), 0.? s of CPU time (*% since the start), *[KM] of memory, log $PWD/log"
        assert "stderr of $word" "$stderr" ""
        ctl status --json "$word"
        assert "status --json $word" "$status" 0
        assert "name by $word" "$(get "['name']")" web
        assert "pid by $word" "$(get "['pid']")" "$pid"
        assert "state by $word" "$(get "['state']")" running
    done
    # Without a record.
    sleep 1000 3>&- 4>&- &
    track $!
    ctl status $!
    assert status "$status" 0
    assert_match words "$output" "$!: running, PID $!, *"
    ctl status --json $!
    assert "since, unknown" "$(get "['since']")" null
    assert "command, unknown" "$(get "['command']")" "[]"
    echo $! >own.pid
    ctl status ./own.pid
    assert status "$status" 0
    assert_match words "$output" "./own.pid: running, PID $!, *"
}

@test "status: dead with a record or a pidfile: 1" {
    job --name=web --pidfile=web.pid --output=log -- sleep 1000
    since=$(since_of web)
    kill -KILL "$pid"
    await gone "$pid"
    for word in web "$pid"; do
        ctl status "$word"
        assert "status $word" "$status" 1
        assert "words of $word" "$output" \
            "web: ended (status unknown), PID $pid, started $since, log $PWD/log"
        ctl status --json "$word"
        assert "status --json $word" "$status" 1
        assert "state by $word" "$(get "['state']")" ended
    done
    ctl status ./web.pid
    assert status "$status" 1
    assert_match words "$output" "web: ended (status unknown), PID $pid,*, pidfile stale, of PID $pid"
    rm "$DZ_STATE_DIR/web"
    ctl status ./web.pid
    assert "status by the pidfile alone" "$status" 1
    assert words "$output" "./web.pid: ended (status unknown), PID $pid, pidfile stale, of PID $pid"
    ctl status --json ./web.pid
    assert pidfile "$(get "['pidfile']")" "$PWD/web.pid"
}

@test "status: no such job: 3" {
    (exit 0) &
    none=$!
    wait "$none"
    # With a state directory, and without one.
    job --name=web --output=log -- sleep 1000
    no_such
    export DZ_STATE_DIR=$PWD/none
    no_such
}
no_such() {
    for word in nobody "$none" ./no.pid "$PWD/no/no.pid"; do
        ctl status "$word"
        assert "status $word" "$status" 3
        assert_match "words of $word" "$output" "$word: no*"
        assert "stderr of $word" "$stderr" ""
        ctl status --json "$word"
        assert "status --json $word" "$status" 3
        assert "state of $word" "$(get "['state']")" "not running"
    done
}

@test "status: it cannot be told: 4" {
    job --name=web --output=log -- sleep 1000
    echo "$pid" >good.pid
    : >empty.pid
    echo "$pid x" >garbage.pid
    printf '%s\n%s\n' "$pid" "$pid" >two.pid
    echo 1 >init.pid
    echo -5 >minus.pid
    cp good.pid writable.pid
    chmod 622 writable.pid
    ln -s good.pid link.pid
    mkdir folder.pid
    mkfifo fifo.pid
    for word in empty garbage two init minus writable link folder fifo; do
        try within "$CTL" status "./$word.pid"
        assert "status $word" "$status" 4
        assert_match "stderr of $word" "$stderr" "dzctl: pidfile: ./$word.pid: *"
        assert "stdout of $word" "$output" ""
        # And no orders are taken from it.
        try within "$CTL" stop "./$word.pid"
        assert "stop $word" "$status" 1
        alive "$pid"
    done
    chmod 777 "$DZ_STATE_DIR"
    ctl status web
    assert "status with an open directory" "$status" 4
    assert stderr "$stderr" \
        "dzctl: state: $DZ_STATE_DIR: another user owns it, or others may write to it"
    ctl list
    assert "list with an open directory" "$status" 1
    assert stdout "$output" ""
    ctl stop web
    assert "stop with an open directory" "$status" 1
    alive "$pid"
    DZ_STATE_DIR=state ctl status web
    assert "status with a relative directory" "$status" 4
    assert stderr "$stderr" "dzctl: DZ_STATE_DIR: state: not an absolute path"
}

@test "status: of another user's state directory: 4" {
    need_root
    need setpriv
    job --name=web --output=log -- sleep 1000
    chmod 755 "$DZ_STATE_DIR"
    try as_other "$CTL" status web
    assert status "$status" 4
    assert_match stderr "$stderr" "dzctl: state: $DZ_STATE_DIR: another user*"
    try as_other "$CTL" list
    assert list "$status" 1
    # Nor root that of a user.
    chown 65432 "$DZ_STATE_DIR"
    ctl status web
    assert status "$status" 4
    ctl stop web
    assert stop "$status" 1
    alive "$pid"
}

@test "status: the words are one line, whatever the log is called" {
    job --name=web --output=$'odd\e[31m\nlog' -- sleep 1000
    ctl status web
    assert status "$status" 0
    assert lines "$(wc -l <<<"$output")" 1
    assert "control characters" "$(grep -c $'\e' <<<"$output")" 0
}

@test "status: a pidfile of an older process says nothing of a job with its PID now" {
    job --name=web --output=log -- sleep 1000
    echo "$pid" >old.pid
    touch -d yesterday old.pid
    ctl status ./old.pid
    assert status "$status" 1
    assert words "$output" "./old.pid: ended (status unknown), PID $pid, pidfile stale, of PID $pid"
}
