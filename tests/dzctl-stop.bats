# dzctl stop: TERM, KILL after the timeout, and what is left of the session.

load helpers
load ctl

@test "stop: TERM; the pidfile goes, the record stays; it says so" {
    job --name=web --pidfile=web.pid --chdir=. --output=log -- bash -c 'trap "echo got TERM; exit 0" TERM
echo up; while :; do sleep 0.01; done'
    await holds log up
    ctl stop web
    assert status "$status" 0
    assert stderr "$stderr" ""
    assert stdout "$output" "web: stopped, PID $pid"
    gone "$pid"
    assert log "$(<log)" $'up\ngot TERM'
    ended_records web
    ctl log web
    assert "log of an ended job" "$output" $'up\ngot TERM'
    ctl clear
    [ ! -e web.pid ] || fail "the pidfile is left"
    # Beside it too.
    assert files "$(ls -A)" log
    for word in pid pidfile; do
        job --pidfile=web.pid --output=log -- sleep 1000
        [ "$word" = pid ] && word=$pid || word=./web.pid
        ctl stop "$word"
        assert "stop $word" "$status" 0
        assert stdout "$output" "$pid: stopped, PID $pid"
        gone "$pid"
        ended_records "$pid"
        ctl clear
        [ ! -e web.pid ] || fail "the pidfile is left"
    done
}

@test "stop: what ignores TERM is killed after the time, with the rest of its session" {
    shell_job web 'trap "" TERM; sleep 1001 & echo $! >kid; echo up; while :; do sleep 0.02; done'
    kids kid
    kid=$(<kid)
    await holds web.log up
    began=$(milliseconds)
    ctl stop --timeout=0.4 web
    took=$(($(milliseconds) - began))
    assert status "$status" 0
    assert stdout "$output" "web: stopped, PID $pid, by SIGKILL after 0.4 s"
    gone "$pid"
    gone "$kid"
    [ "$took" -ge 400 ] || fail "killed after $took ms"
    [ "$took" -lt 60000 ] || fail "killed after $took ms"
    ended_records web
}

@test "stop: children in its session go too; the caller's do not" {
    sleep 1009 3>&- 4>&- &
    stranger=$!
    track "$stranger"
    shell_job web 'sleep 1001 & echo $! >one; (sleep 1002 & echo $! >two); echo up; wait'
    kids one two
    ctl stop web
    assert status "$status" 0
    gone "$pid"
    gone "$(<one)"
    gone "$(<two)"
    alive "$stranger"
}

@test "stop: children that ignore TERM are killed" {
    shell_job web '(trap "" TERM; exec sleep 1001) & echo $! >kid; wait'
    kids kid
    await ignores_term "$(<kid)"
    ctl stop -t 1 web
    assert status "$status" 0
    gone "$pid"
    gone "$(<kid)"
}
ignores_term() { (((16#$(status_field "$1" SigIgn) >> 14) & 1)); }

@test "stop: what is left in the session has its time too" {
    shell_job web '
bash -c "trap \"sleep 0.3; echo kid done; exit\" TERM; echo kid up; while :; do sleep 0.01; done" &
echo $! >kid; while :; do sleep 0.01; done'
    kids kid
    await holds web.log "kid up"
    ctl stop -t 0 web
    assert status "$status" 0
    gone "$pid"
    gone "$(<kid)"
    # Between them bash tells of its sleep, which got the signal too.
    assert_match log "$(<web.log)" "kid up*kid done"
}

@test "stop: a stay job leads its session; its children go too" {
    "$DZ" -q -C . --name=web -o log bash -c 'sleep 1001 & echo $! >kid; wait' 3>&- 4>&- &
    pid=$!
    track "$pid"
    kids kid
    assert session "$(stat_field "$(<kid)" 6)" "$pid"
    ctl stop web
    assert status "$status" 0
    gone "$pid"
    gone "$(<kid)"
    ended_records web
}

@test "stop: a child with a session of its own is left alone" {
    shell_job web 'setsid sleep 1001 & echo $! >kid; wait'
    kids kid
    leads() { [ "$(stat_field "$1" 6)" = "$1" ]; }
    await leads "$(<kid)"
    ctl stop web
    assert status "$status" 0
    gone "$pid"
    alive "$(<kid)"
}

@test "stop: a stopped process gets its TERM" {
    shell_job web 'trap "echo got TERM; exit" TERM; echo up; while :; do sleep 0.01; done'
    await holds web.log up
    kill -STOP "$pid"
    is_stopped() { [ "$(stat_field "$1" 3)" = T ]; }
    await is_stopped "$pid"
    ctl stop -t 5 web
    assert status "$status" 0
    gone "$pid"
    assert log "$(<web.log)" $'up\ngot TERM'
}

@test "stop --signal: by name and number" {
    for words in --signal=INT --signal=SIGUSR1 "-s USR2" "-s 10" "-s RTMIN+1" --signal=2; do
        rm -f web.log
        # bash calls 35 RTMIN+1 too.
        shell_job web 'for s in INT USR1 USR2 RTMIN+1 TERM; do
trap "echo got $s; exit" $s; done; echo up; while :; do sleep 0.01; done'
        await holds web.log up
        # shellcheck disable=SC2086
        ctl stop $words -t 60 web
        assert "status of $words" "$status" 0
        gone "$pid"
        case $words in
        *INT | *2) expected=INT ;;
        *USR1 | *10) expected=USR1 ;;
        *RTMIN+1) expected=RTMIN+1 ;;
        esac
        [ "$words" != "-s USR2" ] || expected=USR2
        assert "log of $words" "$(<web.log)" $'up\n'"got $expected"
    done
    job --name=web --output=log -- sleep 1000
    for words in "-s 0" "-s 65" "-s -1" "--signal=FOO" "--signal=" "-s 15x"; do
        # shellcheck disable=SC2086
        ctl stop $words web
        assert "status of $words" "$status" 125
        assert_match "stderr of $words" "$stderr" "dzctl: stop: *not a signal"
    done
    alive "$pid"
}

@test "stop: one that takes its time is not killed" {
    shell_job web 'trap "sleep 0.7; echo done; exit" TERM; echo up; while :; do sleep 0.01; done'
    await holds web.log up
    ctl stop web
    assert status "$status" 0
    assert log "$(<web.log)" $'up\ndone'
    gone "$pid"
}

@test "stop --timeout=0: TERM, and KILL at once" {
    shell_job web 'trap "sleep 600" TERM; echo up; while :; do sleep 0.01; done'
    await holds web.log up
    began=$(milliseconds)
    ctl stop --timeout=0 web
    assert status "$status" 0
    assert stdout "$output" "web: stopped, PID $pid, by SIGKILL after 0 s"
    gone "$pid"
    [ $(($(milliseconds) - began)) -lt 60000 ] || fail "took $(($(milliseconds) - began)) ms"
}

@test "stop: several, one of which fails" {
    job --name=one --output=log -- sleep 1000
    one=$pid
    job --name=two --output=log -- sleep 1000
    sleep 1003 3>&- 4>&- &
    track $!
    ctl stop one $! nobody two
    assert status "$status" 3
    assert stdout "$output" "one: stopped, PID $one
two: stopped, PID $pid"
    assert stderr "$stderr" \
        "dzctl: stop: PID $! is not one of your jobs; use kill(1)
dzctl: stop: nobody: no such job"
    gone "$one"
    gone "$pid"
    alive $!
    ended_records one two
}

# Stop, and expect no signal: unsignalled WORD.
unsignalled() {
    try closed strace -f -qq -o trace -e trace=kill,tkill,tgkill,pidfd_send_signal \
        -e signal=none "$CTL" stop "$@"
    assert "signals of stop $*" "$(<trace)" ""
}

@test "stop: what is gone is a success, said, and no one is signalled" {
    need strace
    # What is looked for is what a stop does.
    job --name=web --output=log -- sleep 1000
    closed strace -f -qq -o trace -e trace=pidfd_send_signal -e signal=none "$CTL" stop web
    assert_match trace "$(<trace)" "*pidfd_send_signal(*, SIGTERM, NULL, 0) = 0*"

    # It stays as ended, and may be stopped again.
    unsignalled web
    assert status "$status" 0
    assert_match stdout "$output" "web: nothing to stop: ended (*)"
    unsignalled ./no.pid
    assert status "$status" 0
    # An ended one, whose pidfile goes.
    ended_job --name=web --pidfile=web.pid --output=log
    unsignalled web
    assert status "$status" 0
    assert stdout "$output" "web: nothing to stop: ended (status unknown)"
    ended_records web
    [ ! -e web.pid ] || fail "the pidfile is left"
    # Its PID has passed to another process by now.
    job --name=web --output=log -- sleep 1000
    sed -i "s/^start .*/start $(($(recorded web start) - 1))/" "$DZ_STATE_DIR/web"
    unsignalled web
    assert status "$status" 0
    alive "$pid"
    ended_records web
    echo "$pid" >old.pid
    touch -d yesterday old.pid
    unsignalled ./old.pid
    assert status "$status" 0
    assert_match stdout "$output" "./old.pid: nothing to stop: ended*stale, of PID $pid"
    alive "$pid"
    [ ! -e old.pid ] || fail "the pidfile is left"
}

@test "stop: a PID without a record is refused, a pidfile is not" {
    sleep 1000 3>&- 4>&- &
    pid=$!
    track "$pid"
    ctl stop "$pid"
    assert status "$status" 1
    assert stdout "$output" ""
    assert stderr "$stderr" \
        "dzctl: stop: PID $pid is not one of your jobs; use kill(1)"
    alive "$pid"
    echo "$pid" >own.pid
    ctl stop ./own.pid
    assert status "$status" 0
    assert stdout "$output" "./own.pid: stopped, PID $pid"
    gone "$pid"
}

@test "stop: the pidfile by which a job is stopped goes, also without a record" {
    sleep 1000 3>&- 4>&- &
    track $!
    echo $! >own.pid
    ctl stop ./own.pid
    assert status "$status" 0
    [ ! -e own.pid ] || fail "the pidfile is left"
}

@test "stop: a job of another user lives, with an error" {
    need_root
    need setpriv
    job --name=web --pidfile=web.pid --output=log -- sleep 1000
    chmod 777 .
    try as_other "$CTL" stop "$PWD/web.pid"
    assert status "$status" 1
    assert stderr "$stderr" "dzctl: stop: $pid: Operation not permitted"
    assert stdout "$output" ""
    alive "$pid"
    assert pidfile "$(<web.pid)" "$pid"
    try as_other "$CTL" stop web
    assert "by name" "$status" 1
    assert_match stderr "$stderr" "dzctl: state: $DZ_STATE_DIR: *"
    chmod 755 "$DZ_STATE_DIR"
    try as_other "$CTL" stop web
    assert "by name, with a directory that all may read" "$status" 1
    assert stderr "$stderr" \
        "dzctl: state: $DZ_STATE_DIR: another user owns it, or others may write to it"
    alive "$pid"
    # Nor does a user make root stop what is not his.
    echo "$pid" >theirs.pid
    chown 65432 theirs.pid
    ctl stop ./theirs.pid
    assert status "$status" 1
    assert stderr "$stderr" \
        "dzctl: pidfile: ./theirs.pid: its owner is not the user of the process"
    alive "$pid"
}

@test "stop: a user's own job, by root and by its user" {
    need_root
    need setpriv
    chmod 777 .
    for who in closed as_other; do
        pid=$(as_other env -u DZ_STATE_DIR HOME=/nowhere \
            "$DZ" -d -q -w exec -p "$PWD/web.pid" -o /dev/null sleep 1000)
        track "$pid"
        try "$who" env -u DZ_STATE_DIR HOME=/nowhere "$CTL" stop "$PWD/web.pid"
        assert "status for $who" "$status" 0
        gone "$pid"
        rm -f web.pid # root may not claim what is in a user's hands
    done
}

@test "stop: by a pidfile, from the same session, whose others live" {
    cat >caller.sh <<'END'
sleep 1001 & echo $! >sibling
sleep 1002 & echo $! >victim.pid
until [ -e leaderless ]; do sleep 0.01; done
"$1" stop ./victim.pid >res 2>&1
echo "status $?" >>res
mv res result
exec sleep 1003
END
    closed setsid bash -c 'bash caller.sh "$1" & echo $! >caller; echo $$ >leader' - "$CTL"
    kids caller sibling victim.pid
    await gone "$(<leader)"
    pid=$(<victim.pid)
    : >leaderless
    await is_file result
    assert result "$(<result)" "./victim.pid: stopped, PID $pid
status 0"
    gone "$pid"
    alive "$(<sibling)"
    alive "$(<caller)"
}

@test "stop: by a pidfile of what we did not start, others of its session live" {
    # As "server & " and "editor &" of a shell that has ended since.
    closed setsid bash -c 'sleep 1001 & echo $! >sibling; sleep 1002 & echo $! >victim.pid
echo $$ >leader'
    kids sibling victim.pid
    await gone "$(<leader)"
    pid=$(<victim.pid)
    ctl stop ./victim.pid
    assert status "$status" 0
    gone "$pid"
    alive "$(<sibling)"
}

@test "stop: from within the job it ends the job, and not itself" {
    # With a handler bash waits for its child, which waits for it: KILL ends that.
    for trap in : 'trap "exit 3" TERM'; do
        # The job does not get to see DZ_STATE_DIR.
        shell_job me "$trap
until [ -e go ]; do sleep 0.01; done
DZ_STATE_DIR='$DZ_STATE_DIR' bash -c '\"$CTL\" stop -t 1 me >res 2>&1; echo \"status \$?\" >>res; mv res result'
sleep 60"
        : >go
        await is_file result
        how=
        [ "$trap" = : ] || how=", by SIGKILL after 1 s"
        assert result "$(<result)" "me: stopped, PID $pid$how
status 0"
        gone "$pid"
        ended_records me
        rm result go
    done
}

@test "stop: a job of another PID namespace is not forgotten while it runs" {
    need_root
    need unshare
    beside "${NEW_PIDS[@]}" bash -c \
        '"$1" -d -q -w exec --name=inner -o /dev/null sleep 1000 >started
until [ -e over ]; do sleep 0.01; done' - "$DZ" 3>&- 4>&- &
    outer=$!
    track "$outer"
    await is_file started
    ctl status inner
    assert status "$status" 4
    assert_match words "$output" "inner: unknown (it was started in another PID namespace), PID *"
    ctl clear
    assert "records after clear" "$(records)" inner
    ctl stop inner
    : >over
    wait "$outer"
    assert records "$(records)" inner
    refute [ "$status" = 0 ]
}

@test "stop: what was in the session before the job lives, and what that has started" {
    # A script leads the session, starts a server with a worker, and becomes the job.
    # shellcheck disable=SC2016
    closed setsid bash -c '
        bash -c "sleep 1001 & echo \$! >worker; wait" & echo $! >server
        until [ -s worker ]; do sleep 0.01; done
        exec "$1" -q --name=web -C . -o log bash -c "sleep 1002 & echo \$! >kid; wait"' - "$DZ" \
        </dev/null >/dev/null 2>&1 &
    kids server worker kid
    pid=$(recorded web pid)
    track "$pid"
    assert session "$(stat_field "$(<worker)" 6)" "$pid"
    ctl stop web
    assert status "$status" 0
    gone "$pid"
    gone "$(<kid)"
    alive "$(<server)"
    alive "$(<worker)"
}

@test "stop: a process that forks and ends again and again is caught" {
    need strace
    shell_job web "'$PYTHON' '$PROGRAMS/comet.py' & exec sleep 1000"
    await is_file beat
    # Each read of /proc takes so long that the next child is made meanwhile.
    try closed timeout -s KILL 60 strace -f -qq -o trace -e trace=getdents64 \
        -e inject=getdents64:delay_exit=20000 "$CTL" stop -t 0.2 web
    delayed trace
    one=$(stat -c %y beat)
    sleep 0.3
    two=$(stat -c %y beat)
    : >over
    # Either all is ended, or it is said that something is left.
    if [ "$status" = 0 ]; then
        assert "last beat" "$two" "$one"
    else
        assert status "$status" 1
        assert_match stderr "$stderr" "dzctl: stop: *: still runs"
    fi
}
