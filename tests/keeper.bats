# The keeper: --keep and --restart.  It starts the program again, and knows how a run and
# the job have ended.
#
# shellcheck disable=SC2154

load helpers
load ctl
load keeper

@test "keep: every exit status, and 128 plus each signal, in stay mode" {
    for code in {0..255}; do
        status=0
        dz --keep -q sh -c "exit $code" || status=$?
        [ $status = "$code" ] || fail "exit $code gave $status"
    done
    ulimit -c 0
    for number in 1 2 3 4 6 9 10 11 13 15 24 34 64; do
        status=0
        within "$DZ" --keep -q perl -e '$SIG{HUP} = "DEFAULT"; kill $ARGV[0], $$; sleep 1000' $number || status=$?
        [ $status = $((128 + number)) ] || fail "signal $number gave $status"
    done
}

@test "keep: how and when the job has ended is recorded; the pidfile goes; wait tells it" {
    before=$(date +%s)
    kept --keep --pidfile=pid -- bash -c 'until [ -e go ]; do sleep 0.01; done; exit 7'
    assert pidfile "$(<pid)" "$pid"
    assert "parent of the program" "$(stat_field "$pid" 4)" "$keeper"
    assert "session of the keeper" "$(stat_field "$keeper" 6)" "$keeper"
    assert "group of the program" "$(stat_field "$pid" 5)" "$pid"
    waiter web
    : >go
    await is_file web.status
    assert "status of wait" "$(<web.status)" 7
    await gone "$keeper"
    assert recorded "$(recorded web status)" $((7 << 8))
    [ "$(recorded web ended)" -ge "$before" ] || fail "ended: $(recorded web ended)"
    refute test -e pid
    ctl status web
    assert "status of status" "$status" 1
    assert_match status "$output" "web: ended (status 7), PID $pid, started *, ended *, log *"
    ctl wait web
    assert "status of wait" "$status" 7
    assert files "$(ls -A)" $'go\nlog\nweb.err\nweb.out\nweb.status'
}

@test "restart: pidfile, record and status name the new process; the keeper stays" {
    kept --restart --pidfile=pid -- sleep 1000
    assert_signals "$pid"
    ctl status web
    assert_match status "$output" "web: running, PID $pid,*started ????-??-?? ??:??:??, log *"
    first=$pid
    kill -KILL "$pid"
    await runs_again "$pid"
    pid=$(recorded web pid)
    track "$pid"
    assert pidfile "$(<pid)" "$pid"
    assert keeper "$(keeper_of web)" "$keeper"
    ctl status web
    assert "status of status" "$status" 0
    assert_match status "$output" \
        "web: running, PID $pid,*started *, restarted 1 time, last: SIGKILL, log *"
    ctl status --json web
    assert json "$(get "['restarts']" "['keeper']")" $'1\n'"$keeper"
    # The PID that was printed, the keeper's and the present one are names of the job.
    for word in "$first" "$keeper" "$pid" ./pid; do
        ctl status "$word"
        assert "status of $word" "$status" 0
        assert_match "words for $word" "$output" "web: running, PID $pid, *"
    done
    assert log "$(<log)" "dznohup: ended by SIGKILL after $(sed 's/.*after \(.*\) s;.*/\1/' log) s; starting again in 0.1 s"
    # Nor can another start take the name or the pidfile.
    for option in --name=web --pidfile=pid; do
        try dz -d "$option" sleep 1000
        assert "status with $option" "$status" 122
        assert_match "message of $option" "$stderr" "*: already running as PID $pid"
    done
    ctl stop web
    assert "status of stop" "$status" 0
    assert words "$output" "web: stopped, PID $pid"
    gone "$keeper" && gone "$pid" || fail "something runs"
    refute test -e pid
    assert "status recorded" "$(recorded web status)" 15
}

@test "restart: which ends are followed by another run" {
    # Words of --restart, the end, and how often the program runs.
    while read -r restart end runs; do
        rm -f runs
        status=0
        dz --restart="$restart" --restart-delay=0 --chdir=. -q bash -c \
            'echo >>runs; [ $(wc -l <runs) -lt 3 ] || exit 0; ulimit -c 0; eval "$1"; exec sleep 0' run "$(sed 's/kill_\(.*\)/kill -\1 $$/; s/_/ /' <<<"$end")" || status=$?
        assert "runs of $restart behind $end" "$(wc -l <runs)" "$runs"
    done <<<'on-failure exit_1 3
on-failure exit_0 1
on-failure kill_TERM 1
on-failure kill_INT 1
on-failure kill_PIPE 1
on-failure kill_KILL 3
on-failure kill_SEGV 3
on-failure:2 exit_1 2
always:2 exit_1 2' 3<&-
}

@test "restart=always: after exit status 0 too, until it is stopped" {
    kept --restart=always --restart-delay=0 -- bash -c 'echo run >>runs; exit 0'
    await at_least 5 runs
    ctl stop web
    assert "status of stop" "$status" 0
    await gone "$keeper"
    count=$(wc -l <runs)
    await is_over
    assert "runs after the stop" "$(wc -l <runs)" "$count"
}
at_least() { [ "$(wc -l <"$2")" -ge "$1" ]; }

@test "restart: after MAX failures in a row the job is over, with the last status" {
    status=0
    dz --restart=on-failure:3 --restart-delay=0.01 --name=web --chdir=. -o log bash -c 'echo >>runs; exit 9' || status=$?
    assert status "$status" 9
    assert runs "$(wc -l <runs)" 3
    assert "status recorded" "$(recorded web status)" $((9 << 8))
    assert "last line" "$(tail -n 1 log | sed 's/after .* s;/after T s;/')" \
        "dznohup: ended with status 9 after T s; 3 failures in a row, giving up"
    assert "delays" "$(sed -n 's/.*again in//p' log)" $' 0.01 s\n 0.02 s'
}

@test "a first start that fails: told as without a keeper, and nothing is left" {
    own_sleeper
    for words in "/no/such" "$ROOT/README.md" "sh -c 'echo out; exit 3'" \
        "sh -c 'kill -KILL \$\$'" "-w listen -t 0.3 $sleeper 1001" "-C /no/such true"; do
        for keep in "" --keep --restart; do
            rm -rf log "$DZ_STATE_DIR"
            eval "try dz -d --name=web --pidfile=pid -o log $keep $words"
            assert "output of $keep $words" "$output" ""
            # shellcheck disable=SC2001
            said="$status $(sed 's/after [0-9]* ms/after N ms/' <<<"$stderr")"
            [ -n "$keep" ] || expected=$said
            assert "$keep $words" "$said" "$expected"
            assert "records of $keep $words" "$(records 2>/dev/null)" ""
            refute test -e pid
        done
    done
    assert_none_with "$sleeper 1001"
    # In stay mode, what does not run at all.
    try dz --keep --name=web --pidfile=pid /no/such
    assert "status" "$status" 127
    try dz --keep --name=web --pidfile=pid -C /no/such true
    assert "status" "$status" 125
    assert stderr "$stderr" "dznohup: chdir: /no/such: No such file or directory"
    assert records "$(records)" ""
    refute test -e pid
}

@test "restart: a stop in the delay, and one in the wait for readiness" {
    kept --restart --restart-delay=1000,1000 --pidfile=pid -- bash -c 'until [ -e go ]; do sleep 0.01; done; exit 1'
    : >go
    await grep -q '^ended' "$DZ_STATE_DIR/web"
    ctl status web
    assert "status of status" "$status" 0
    assert_match status "$output" "web: restarting, PID $pid, *, last: exit status 1, log *"
    # The job runs: its name and its pidfile are taken.
    for option in --name=web --pidfile=pid; do
        try dz -d "$option" sleep 1000
        assert "status with $option" "$status" 122
    done
    ctl stop web
    assert "status of stop" "$status" 0
    gone "$keeper" || fail "the keeper runs"
    refute test -e pid
    rm go
    kept --restart --restart-delay=0 --wait=path:ready --timeout=1000 -- bash -c '[ -e first ] || { : >first; : >ready; exec sleep 1000; }; echo again; exec sleep 1001'
    kill -KILL "$pid"
    await holds_line log again
    ctl stop web
    assert "status of stop" "$status" 0
    gone "$keeper" || fail "the keeper runs"
    assert runs "$(grep -cx again log)" 1
}

@test "restart: the conditions hold for each run" {
    own_sleeper
    kept --restart --restart-delay=0 --wait=path:ready --timeout=0.5 -- \
        bash -c 'rm -f ready; [ -e late ] || : >ready; echo run; exec "$0" 1002' "$sleeper"
    : >late
    kill -KILL "$pid"
    await holds log "dznohup: wait: bash: stopped after 0.5 s: ready has not appeared"
    rm late
    await is_ready
    ctl stop web
    assert "status of stop" "$status" 0
    assert_none_with "$sleeper 1002"
}
is_ready() { [ -e ready ] && has_program web; }

@test "restart: what a run leaves behind is ended before the next, or kept" {
    code='[ -e one ] || { setsid sleep 1003 & echo $! >one; (trap "" TERM; : >deaf; exec sleep 1004) & echo $! >two
        until [ -e deaf ]; do sleep 0.01; done; }
        echo run; [ $(grep -c run log) = 1 ] || { ls /proc/$(<one) /proc/$(<two) >seen 2>&1; exec sleep 1005; }; until [ -e go ]; do sleep 0.01; done; exit 1'
    kept --restart --restart-delay=0 -- bash -c "$code"
    kids one two
    : >go
    await at_least 2 log
    await is_file seen
    await has_program web
    gone "$(<one)" && gone "$(<two)" || fail "something runs"
    refute grep -q '^comm$' seen
    ctl stop web
    rm -f one two go deaf seen log
    kept --restart --restart-delay=0 --restart-keep-children -- bash -c "$code"
    kids one two
    : >go
    await is_file seen
    assert "processes that the second run saw" "$(grep -c '^comm$' seen)" 2
    alive "$(<one)" && alive "$(<two)" || fail "one was ended"
    # A stop ends them all the same.
    ctl stop -t 1 web
    gone "$(<one)" && gone "$(<two)" || fail "something runs"
}

@test "keeper: orphans are reaped" {
    kept --keep -- bash -c 'for i in {1..200}; do (setsid true &) ; done; sleep 1 & sleep 1000'
    await no_zombies
    ctl stop web
}
no_zombies() {
    local pid
    for pid in $(pgrep -P "$keeper"); do
        [ "$(stat_field "$pid" 3)" != Z ] || return 1
    done
}

@test "libdz.so alone refuses the keeper's variables" {
    for variable in DZ_KEEP=1 DZ_RESTART=always DZ_RESTART_DELAY=1; do
        try closed env LD_PRELOAD="$SHIM" "$variable" sleep 1000
        assert "status of $variable" "$status" 125
        assert message "$stderr" \
            "libdz.so: environment: ${variable%%=*}: only dznohup uses this variable"
    done
}

@test "keeper: bad values, and options that need it" {
    for word in --restart=maybe --restart=on-failure: --restart=always:0 --restart=no:3 \
        --restart-delay=x --restart-delay=1,x --restart-delay=2,1 "--restart --restart-delay="; do
        # shellcheck disable=SC2086
        try dz $word true
        assert "status of $word" "$status" 125
        assert_match "stderr of $word" "$stderr" "dznohup: --restart*: @(must be|MAX is less than) *"
    done
    for word in --restart-delay=1 --restart-keep-children; do
        try dz $word true
        assert "status of $word" "$status" 125
        assert_match message "$stderr" "dznohup: ${word:2:13}*: needs --restart"
    done
    try dz --signal-group true
    assert message "$stderr" "dznohup: signal-group: needs --keep or --restart"
}

@test "the keeper is killed during the first start: the caller says so, nothing is left" {
    own_sleeper
    beside "$DZ" -d --keep --pidfile=pid -o log -w listen "$sleeper" 1000 </dev/null >out 2>err &
    caller=$!
    track "$caller"
    await is_file pid
    pid=$(<pid)
    track "$pid"
    await runs_program "$pid" "$SLEEP"
    kill -KILL "$(stat_field "$pid" 4)"
    status=0
    wait "$caller" || status=$?
    assert status "$status" 125
    assert stderr "$(<err)" \
        "dznohup: report: the process that waited for the program was killed; the program was stopped"
    gone "$pid" || fail "the program runs"
    refute test -e pid
    assert records "$(records)" ""
}
