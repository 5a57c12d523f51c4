# dzctl wait: the end of a job and its status, and what others are told of it.

load helpers
load ctl

@test "wait: the status of a job, for who waited before its end; list shows it" {
    ending zero 0
    zero=$pid
    ending seven 7
    seven=$pid
    job --name=killed --output=log -- sleep 1000
    killed=$pid
    for name in zero seven killed; do
        waiter "$name"
    done
    tell zero
    tell seven
    kill -KILL "$killed"
    for name in zero seven killed; do
        await is_file "$name.status"
        assert "stdout of $name" "$(<"$name.out")" ""
        assert "stderr of $name" "$(<"$name.err")" ""
    done
    assert zero "$(<zero.status)" 0
    assert seven "$(<seven.status)" 7
    assert killed "$(<killed.status)" 137
    # It is known from now on.
    ctl wait seven
    assert "status of a second wait" "$status" 7
    assert stderr "$stderr" ""
    ctl wait "$killed"
    assert "status of a second wait" "$status" 137
    ctl status seven
    assert status "$status" 1
    assert_match words "$output" "seven: ended (status 7), PID $seven,*"
    ctl list
    assert list "$(cells | cut -d '|' -f 1,2,3)" "NAME|PID|STATE
killed|$killed|ended (SIGKILL)
seven|$seven|ended (status 7)
zero|$zero|ended (status 0)"
    ctl status --json killed
    assert signal "$(get "['signal']")" KILL
    assert status "$(get "['status']")" null
    ctl status --json seven
    assert signal "$(get "['signal']")" null
    assert status "$(get "['status']")" 7
}

@test "wait: two of them, and by PID and pidfile" {
    job --name=web --pidfile=web.pid --chdir=. --output=log -- bash -c 'until [ -e go ]; do sleep 0.01; done; exit 5'
    waiter web
    waiter "$pid"
    cp web.pid other.pid
    : >go
    await is_file web.status
    await is_file "$pid.status"
    assert "by name" "$(<web.status)" 5
    assert "by PID" "$(<"$pid.status")" 5
    ctl wait ./other.pid
    assert "by pidfile" "$status" 5
}

@test "wait: where nobody waited the status is unknown, and never 0" {
    for code in 0 7; do
        ending web "$code"
        tell web
        await gone "$pid"
        rm web.go
        for word in web "$pid"; do
            ctl wait "$word"
            assert status "$status" 125
            assert stderr "$stderr" "dzctl: wait: $word: has ended; its exit status is unknown"
        done
        ctl status web
        assert_match words "$output" "web: ended (status unknown), *"
        ctl status --json web
        assert json "$(get "['status']")" null
        ctl list
        assert_match list "$output" "*ended (status unknown)*"
    done
}

@test "wait: a parent that does not reap" {
    "$PYTHON" "$PROGRAMS/never-reaps.py" "$DZ" -q --name=web -C . -o log \
        bash -c 'until [ -e go ]; do sleep 0.01; done; exit 6' 3>&- 4>&- &
    track $!
    kids pid
    await is_file "$DZ_STATE_DIR/web"
    waiter web
    : >go
    await is_file web.status
    assert state "$(stat_field "$(<pid)" 3)" Z
    assert status "$(<web.status)" 6
    ctl status web
    assert_match words "$output" "web: ended (status 6),*"
}

@test "wait: of a job that is reaped before anybody looks" {
    ending web 7
    waiter web
    child=$(pgrep -P "$!" -x dzctl)
    track "$child"
    kill -STOP "$child"
    tell web
    is_reaped() { [ ! -e "/proc/$pid" ]; }
    await is_reaped
    kill -CONT "$child"
    await is_file web.status
    # The kernel tells since 6.15.
    expected=7
    [ "$(printf '%s\n' 6.15 "$(uname -r)" | sort -V | head -n 1)" = 6.15 ] || expected=125
    assert status "$(<web.status)" "$expected"
}

@test "wait --timeout: 124, and the job lives" {
    job --name=web --output=log -- sleep 1000
    for words in "-t 0" "--timeout=0.3" "-t 0.01"; do
        began=$(milliseconds)
        # shellcheck disable=SC2086
        ctl wait $words web
        took=$(($(milliseconds) - began))
        assert "status of $words" "$status" 124
        assert "stderr of $words" "$stderr" "dzctl: wait: web: still running"
        [ "$took" -lt 60000 ] || fail "$words took $took ms"
        [ "$words" != --timeout=0.3 ] || [ "$took" -ge 300 ] || fail "$words took $took ms"
    done
    alive "$pid"
    for words in "-t x" "--timeout=-1" "-t 1s" "--timeout=" "-t"; do
        # shellcheck disable=SC2086
        ctl wait web $words
        assert "status of $words" "$status" 125
    done
}

@test "wait: no such job: 125" {
    ctl wait nobody
    assert status "$status" 125
    assert stderr "$stderr" "dzctl: wait: nobody: no such job"
    ctl wait ./no.pid
    assert status "$status" 125
    ctl wait
    assert status "$status" 125
    ctl wait one two
    assert status "$status" 125
    assert stderr "$stderr" "dzctl: wait: one: no such job
dzctl: wait: two: no such job"
}

@test "wait: what cannot be told is 125 too, not a job's 1" {
    job --name=web --output=log -- sleep 1000
    echo garbage >"$DZ_STATE_DIR/broken"
    chmod 600 "$DZ_STATE_DIR/broken"
    ctl wait broken
    assert "status of a broken record" "$status" 125
    : >empty.pid
    ctl wait ./empty.pid
    assert "status of an empty pidfile" "$status" 125
    chmod 777 "$DZ_STATE_DIR"
    ctl wait web
    assert "status with an open directory" "$status" 125
}

@test "wait: as an unprivileged user for one's own job" {
    need_root
    need setpriv
    chmod 777 .
    export DZ_STATE_DIR=$PWD/theirs
    pid=$(as_other "$DZ" -d -q -w exec -C "$PWD" --name=web -o log \
        bash -c 'until [ -e go ]; do sleep 0.01; done; exit 9')
    track "$pid"
    (
        status=0
        as_other "$CTL" wait web 2>web.err || status=$?
        echo "$status" >web.new
        mv web.new web.status
    ) 3>&- 4>&- &
    track $!
    await has_pidfd $!
    : >go
    await is_file web.status
    assert stderr "$(<web.err)" ""
    assert status "$(<web.status)" 9
    try as_other "$CTL" status web
    assert_match words "$output" "web: ended (status 9),*"
    assert owner "$(stat -c '%u %a' theirs/web)" "65432 600"
}
