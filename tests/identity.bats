# Whether a job runs: proven ended, running, or not to be told.  From other namespaces,
# behind a hidden /proc, after a step of the clock.  What no start may do is in jobs.bats
# and pidfiles.bats.

load helpers
load ctl

@test "random starts, ends, used PIDs, namespaces, machines and clocks: never a wrong end" {
    need_root
    need unshare setpriv
    try closed timeout -s KILL 240 "$PYTHON" "$TESTS/identity" "$BUILD" 30
    echo "# $output" >&3
    assert "status ($output)" "$status" 0
}

@test "a step of the clock: the record says which process a pidfile means" {
    job --pidfile=one.pid --output=log -- sleep 1000
    # As if the clock had gone forward by a day since.
    touch -d yesterday one.pid
    ctl status ./one.pid
    assert status "$status" 0
    try closed "$DZ" -d -p one.pid -o log sleep 1000
    assert_match "a second start" "$stderr" "dznohup: pidfile: one.pid: already running as PID $pid"
    ctl stop ./one.pid
    assert "$output" "$output" "$pid: stopped, PID $pid"
    gone "$pid"
}

@test "a step of the clock: a stranger that has the PID of a dead job lives" {
    need_root
    need unshare
    # shellcheck disable=SC2016
    try closed timeout -s KILL 60 "${NEW_PIDS[@]}" bash -c '
        job=$("$1" -d -q -w exec --name=job -p pid -C . -o log sleep 3600)
        kill -KILL "$job"
        until [ ! -e /proc/$job ]; do sleep 0.01; done
        sleep 0.05
        echo $((job - 1)) >/proc/sys/kernel/ns_last_pid
        sleep 3600 &
        [ $! = "$job" ] || echo "the stranger is $!"
        # As if the clock had gone back: the file is younger than the process.
        touch -d tomorrow pid
        "$2" status ./pid >/dev/null; echo "status $?"
        "$2" stop -t 1 ./pid >/dev/null; echo "stop $?"
        grep -q "^State:.[SR]" /proc/$job/status && echo "lives"' - "$DZ" "$CTL"
    assert output "$output" $'status 1\nstop 0\nlives'
}

@test "a process that /proc hides may run" {
    need_root
    need unshare setpriv
    sleep 1000 3>&- 4>&- &
    track $!
    mkdir shared
    mkdir -m 700 their
    echo $! >shared/pid
    chown 65432 shared shared/pid their
    # shellcheck disable=SC2016
    try closed unshare --mount sh -c '
        mount -t proc -o hidepid=2 proc /proc || exit 9
        cd shared
        as() { DZ_STATE_DIR=$PWD/../their setpriv --reuid=65432 --regid=65432 --clear-groups "$@"; }
        as "$1" status ./pid; echo "status $?"
        as "$1" stop ./pid; echo "stop $?"
        as "$1" clear ./pid; echo "clear $?"
        as "$1" status "$3"; echo "status $?"
        as "$2" -d -p pid -o ../their/log sleep 1000; echo "start $?"' - "$CTL" "$DZ" $! 2>&1
    why="/proc hides the process"
    assert output "$output" "./pid: unknown ($why), PID $!
status 4
stop 1
clear 1
$!: unknown ($why), PID $!
status 4
start 125"
    assert_match stderr "$stderr" "*dznohup: pidfile: pid: cannot tell whether PID $! runs: $why"
    assert pidfile "$(<shared/pid)" $!
    alive $!
}

@test "a job of a time namespace is the same job outside of it, and the other way round" {
    need_root
    unshare -T --boottime 5 true || lacking "needs time namespaces"
    shifted() { closed unshare -T --boottime "$@"; }
    pid=$(shifted 100000 "$DZ" -d -q -w exec --name=inside -o log sleep 1000)
    track "$pid"
    ctl status inside
    assert status "$status" 0
    assert start "$(recorded inside start)" "$(start_time "$pid")"
    try closed "$DZ" -d --name=inside -o log sleep 1000
    assert_match "a second start" "$stderr" "dznohup: name: inside: already running as PID $pid"
    ctl stop inside
    assert stopped "$output" "inside: stopped, PID $pid"
    gone "$pid"
    job --name=outside --pidfile=pid --output=log -- sleep 1000
    for word in outside "$pid" ./pid; do
        try shifted -7 "$CTL" status "$word"
        assert "status of $word" "$status" 0
    done
    # Without a record a file's time is compared with a shifted clock.
    echo "$pid" >own.pid
    try shifted 100000 "$CTL" status ./own.pid
    assert "status of a pidfile" "$status" 0
    try shifted 100000 "$CTL" stop outside
    assert stopped "$output" "outside: stopped, PID $pid"
    gone "$pid"
}

@test "a pidfile of a job in another PID namespace, whose PID is nobody's here" {
    need_root
    need unshare
    # shellcheck disable=SC2016
    beside "${NEW_PIDS[@]}" bash -c '
        echo 31000 >/proc/sys/kernel/ns_last_pid
        "$1" -d -q -w exec -p pid -C . -o log sleep 3600 >new; mv new made
        until [ -e over ]; do sleep 0.01; done' - "$DZ" &
    outer=$!
    track "$outer"
    await is_file made
    pid=$(<made)
    for word in ./pid "$pid"; do
        ctl status "$word"
        assert "status of $word" "$status" 4
        ctl stop "$word"
        assert "stop $word" "$status" 1
        ctl clear "$word"
        assert "clear $word" "$status" 1
    done
    try closed "$DZ" -d -p pid -o log sleep 1000
    assert "second start" "$status" 125
    ctl clear
    assert pidfile "$(<pid)" "$pid"
    assert records "$(records)" "$pid"
    : >over
    wait "$outer" || true
}

@test "two jobs without a name that have one PID in two namespaces have a record each" {
    need_root
    need unshare
    for number in 1 2; do
        # shellcheck disable=SC2016
        beside "${NEW_PIDS[@]}" bash -c '
            echo 31000 >/proc/sys/kernel/ns_last_pid
            "$1" -d -q -w exec -C . -o log$2 sleep 3600 >new$2; mv new$2 made$2
            until [ -e over ]; do sleep 0.01; done
            "$3" status "$(cat made$2)" >status$2
            "$3" stop "$(cat made$2)" >stop$2
            : >done$2' - "$DZ" "$number" "$CTL" &
        track $!
        await is_file "made$number"
    done
    assert PIDs "$(<made1)" "$(<made2)"
    ctl list --json
    assert jobs "$(get "sorted(job['log'] for job in it)")" "[\"$PWD/log1\", \"$PWD/log2\"]"
    : >over
    for number in 1 2; do
        await exists "done$number"
        assert_match "status in $number" "$(<status$number)" "$(<made1): running, PID $(<made1), *, log $PWD/log$number"
        assert "stop in $number" "$(<stop$number)" "$(<made1): stopped, PID $(<made1)"
    done
    assert records "$(records | wc -l)" 2
}
exists() { [ -e "$1" ]; }

@test "status by PID does not depend on how many records there are" {
    need strace
    job --output=log -- sleep 1000
    calls() {
        closed strace -f -qq -e trace=statx -o calls "$CTL" status "$pid" >/dev/null
        wc -l <calls
    }
    few=$(calls)
    text=$(<"$DZ_STATE_DIR/$pid")
    umask 077
    for number in {5000000..5000500}; do
        echo "$text" >"$DZ_STATE_DIR/$number"
        echo "$text" >"$DZ_STATE_DIR/n$number"
    done
    assert "calls for 1,000" "$(calls)" "$few"
}
