# A keeper that was killed, and the one that takes its place.
#
# shellcheck disable=SC2016,SC2154

load helpers
load ctl
load keeper

NUMBERS=$BUILD/targets/numbers
# How often a keeper is killed at a random moment.
KILLS=${KEEPER_KILLS:-12}

# Kill the keeper of web.
kill_keeper() {
    keeper=$(keeper_of web)
    kill -KILL "$keeper" && await gone "$keeper"
}
# And put another in its place.
kept_again() {
    ctl keep "${1:-web}"
    assert "status of keep" "$status" 0 || fail "$stderr"
    keeper=$(keeper_of web)
    track "$keeper"
}

@test "keep: keepers killed at random moments: every line once, in order, none torn" {
    kept --restart --timestamps --rotate=1M,1000 --quiet -- "$NUMBERS" go last
    try within "$PYTHON" "$PROGRAMS/kill-keeper.py" "$CTL" "$KILLS"
    assert lines "$output$stderr" "0 lines too many"
    assert "what is left" "$(ls -A "$DZ_STATE_DIR")" web
}

@test "keep: the new keeper waits for the program, records its end and starts it again" {
    kept --restart --restart-delay=0 --pidfile=pid --timestamps -- \
        sh -c 'trap "echo caught; exit 7" USR1; echo $$; while :; do sleep 0.01; done'
    first=$pid
    began=$(recorded web began)
    kill_keeper
    ctl status web
    assert_match status "$output" "*, keeper gone, *"
    ctl keep web
    assert output "$output" "web: PID $first has a new keeper, PID $(keeper_of web)"
    keeper=$(keeper_of web)
    track "$keeper"
    assert pidfile "$(<pid)" "$first"
    ctl status web
    assert_match status "$output" "web: running, PID $first, *, started *, log *"
    refute grep -q gone <<<"$output"
    # Signals are passed on to it.
    kill -USR1 "$keeper"
    await runs_again "$first"
    pid=$(recorded web pid)
    track "$pid"
    assert pidfile "$(<pid)" "$pid"
    assert began "$(recorded web began)" "$began"
    assert "exit status" "$(recorded web last)" $((7 << 8))
    await logged "$pid"
    assert log "$(sed 's/^[^ ]* //; s/ after .*//' log)" \
        "$first"$'\n'caught$'\ndznohup: ended with status 7\n'"$pid"
    ctl stop web
    assert "status of stop" "$status" 0
    gone "$keeper" || fail "the keeper runs"
    [ ! -e pid ] || fail "a pidfile is left"
}
logged() { grep -q " $1\$" log; }

@test "keep: what the program leaves behind is ended, its status is told, by stop and wait too" {
    own_sleeper
    kept --keep -- sh -c '"$0" 1000 & exec "$0" 1001' "$sleeper"
    await runs_program "$pid" "$SLEEP"
    kill_keeper
    kept_again
    kill -TERM "$pid"
    ctl wait web
    assert "status of wait" "$status" 143
    assert_none_with "$sleeper"
    kept --keep -- sh -c '"$0" 1000 & exec "$0" 1001' "$sleeper"
    kill_keeper
    kept_again
    ctl stop web
    assert "status of stop" "$status" 0
    gone "$keeper" || fail "the keeper runs"
    assert_none_with "$sleeper"
    assert "status on the record" "$(recorded web status)" 15
}

@test "keep: a job without a name; all jobs; what is refused" {
    start leave --keep --output=log --chdir=. --timestamps -- \
        sh -c 'echo one; until [ -e go ]; do sleep 0.01; done; echo two; exec sleep 1000'
    file=$(cd "$DZ_STATE_DIR" && echo -*)
    keeper=$(keeper_of "$file")
    await logged one
    ctl keep "$pid"
    assert output "$output" "$pid: its keeper is running, PID $keeper"
    kill -KILL "$keeper"
    await gone "$keeper"
    : >go
    try dz -d --name=plain -o other sleep 1000
    plain=$output
    track "$plain"
    ctl keep -a
    assert "status of keep -a" "$status" 0 || fail "$stderr"
    keeper=$(keeper_of "$file")
    track "$keeper"
    assert output "$output" "$pid: PID $pid has a new keeper, PID $keeper"
    await logged two
    assert "records" "$(ls -A "$DZ_STATE_DIR")" "$file
.$file.ring.1
plain"
    ctl keep plain
    assert "status without a keeper" "$status" 1
    assert message "$stderr" "dzctl: keep: plain: was started without a keeper; see --keep of dznohup"
    ctl stop plain "$pid"
    assert "status of stop" "$status" 0
    gone "$keeper" || fail "the keeper runs"
    ctl keep plain
    assert "status of a job that has ended" "$status" 1
    assert message "$stderr" "dzctl: keep: plain: has ended; dzctl start starts it again"
    ctl keep nobody
    assert "status without a job" "$status" 3
    assert message "$stderr" "dzctl: keep: nobody: no such job"
    for options in --resume=$$ "-d --resume=$$" "-d --keep --resume=$$" "-d --keep --resume=0"; do
        # shellcheck disable=SC2086
        try dz $options true
        assert "status of $options" "$status" 125
        assert "lines of $options" "$(wc -l <<<"$stderr")" 1
    done
}

@test "restart and stop without a keeper: what the program has written, and writes at its end, is kept" {
    kept --restart --timestamps --quiet -- \
        sh -c 'trap "echo ended; exit 3" TERM; echo $$; while :; do sleep 0.01; done'
    first=$pid
    await logged "$first"
    kill_keeper
    ctl restart web
    assert "status of restart" "$status" 0 || fail "$stderr"
    pid=$(recorded web pid)
    track "$pid" "$(keeper_of web)"
    assert output "$output" "web: restarted, PID $pid"
    await logged "$pid"
    kill_keeper
    ctl stop web
    assert "status of stop" "$status" 0 || fail "$stderr"
    assert log "$(sed 's/^[^ ]* //' log)" "$first"$'\n'ended$'\n'"$pid"$'\n'ended
    assert "status on the record" "$(recorded web status)" $((3 << 8))
}

@test "keep: a program that hangs in its pipe goes on" {
    kept --keep --timestamps --quiet -- sh -c 'until [ -e go ]; do sleep 0.01; done; seq 200000; exec sleep 1000'
    kill_keeper
    : >go
    kept_again
    await logged 200000
    assert lines "$(sed 's/^[^ ]* //' log | cksum)" "$(seq 200000 | cksum)"
    ctl stop web
}

@test "keep: the descriptors of --keep-fd, for the runs to come; one that is closed is told" {
    mkfifo pipe
    exec 7>fdout 8<>pipe
    kept --restart --restart-delay=0 --keep-fd=7,8 --timestamps --quiet -- \
        sh -c 'echo "$$" >&7; readlink /proc/self/fd/8 >>eight; exec sleep 1000'
    exec 7>&- 8>&-
    await is_file eight
    kill_keeper
    kept_again
    kill -KILL "$pid"
    await runs_again "$pid"
    await two_lines eight
    assert "what both runs wrote to 7" "$(<fdout)" "$pid"$'\n'"$(recorded web pid)"
    assert "the pipe of both" "$(sort -u eight | wc -l)" 1
    # dzctl restart puts a keeper in its place first.
    pid=$(recorded web pid)
    kill_keeper
    ctl restart web
    assert "status of restart" "$status" 0 || fail "$stderr"
    track "$(keeper_of web)" "$(recorded web pid)"
    await three_lines fdout
    ctl stop web
    # The program has closed it.
    exec 7>fdout
    kept --restart --keep-fd=7 --quiet -- sh -c 'exec 7>&-; : >closed; exec sleep 1000'
    exec 7>&-
    await test -e closed
    kill_keeper
    ctl keep web
    assert "status of keep" "$status" 1
    assert message "$stderr" "dzctl: keep-fd: 7: the program does not have it any more"
    alive "$pid" || fail "the program has ended"
    kill -KILL "$pid"
    await gone "$pid"
}
two_lines() { [ "$(wc -l <"$1")" = 2 ]; }
three_lines() { [ "$(wc -l <"$1")" = 3 ]; }

@test "keep: streams that the caller gave, to one file or to several" {
    for streams in '>out 2>err' '>both 2>&1' '>/dev/null 2>err' '>out 2>/dev/null'; do
        rm -f out err both web.log
        eval "closed '$DZ' -d --keep --restart --restart-delay=0 --name=web -C . sh -c 'echo \"out \$\$\"; echo \"err \$\$\" >&2; exec sleep 1000' $streams </dev/null"
        pid=$(recorded web pid)
        track "$pid"
        before=$(fd_of "$pid" 1)$'\n'$(fd_of "$pid" 2)
        kill_keeper
        kept_again
        kill -KILL "$pid"
        await runs_again "$pid"
        await runs_program "$(recorded web pid)" "$SLEEP"
        new=$(recorded web pid)
        assert "streams of $streams" "$(fd_of "$new" 1)"$'\n'"$(fd_of "$new" 2)" "$before"
        [ ! -e web.log ] || fail "$streams: $(<web.log)"
        ctl stop web
        ctl clear web
    done
}
