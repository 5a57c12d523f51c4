# --watchdog: a program that falls silent is ended; and what the program says goes on to
# the keeper's own service manager.
#
# shellcheck disable=SC2016,SC2154

load helpers
load ctl
load keeper

SPEAKS=("$PYTHON" "$PROGRAMS/speaks.py")
LONG=3 # seconds in which a program speaks on the busiest machine, tens of times on another

# web_is WORDS: the words that dzctl status has of it.
web_is() {
    ctl status web
    # shellcheck disable=SC2053
    [[ $output == $1 ]]
}
beats_more() { [ -e beats ] && [ "$(wc -c <beats)" -ge "$1" ]; }
# say MESSAGE: have the program say it; returns when that is done.
say() {
    echo "$1" >say.new
    mv say.new say
    await said
}
said() { [ ! -e say ]; }
# end STATUS: have it exit.
end() {
    echo "$1" >end.new
    mv end.new end
}

@test "watchdog: who falls silent is ended and started again, which log, record and status tell" {
    ulimit -c 0
    kept --restart --restart-delay=0 --watchdog=1 -- "${SPEAKS[@]}"
    first=$pid
    : >silent
    await runs_again "$first"
    rm silent
    await web_is "web: running, *, restarted *, last: watchdog, SIGABRT, log *"
    ctl status --json web
    assert json "$(get "['watchdog']")" true
    assert "line in the log" "$(grep -m 1 watchdog log)" \
        "dznohup: watchdog: no WATCHDOG=1 for 1 s; ending the program by SIGABRT"
    assert "the line behind it" "$(grep -m 1 -A 1 watchdog log | tail -n 1 | sed 's/after .* s;/after T s;/')" \
        "dznohup: ended by SIGABRT after T s; starting again"
    ctl stop web
    assert "status of stop" "$status" 0
    # A stop is no silence.
    web_is "web: ended (SIGTERM), *" || fail "$output"
}

@test "watchdog: who speaks lives; its variables name it; -w notify and the end are as ever" {
    kept --watchdog=$LONG --wait=notify -- "${SPEAKS[@]}" READY=1
    # Longer than the time, whatever the machine does.
    sleep $((LONG + 1))
    await beats_more 10
    assert "PID on the record" "$(recorded web pid)" "$pid"
    alive "$pid" || fail "$(<log)"
    assert log "$(<log)" $'told NOTIFY_SOCKET WATCHDOG_PID WATCHDOG_USEC\nwithin '"${LONG}000000 True"
    end 5
    ctl wait web
    assert "status of wait" "$status" 5
    assert "watchdog on the record" "$(recorded web watchdog)" 0
    web_is "web: ended (status 5), *" || fail "$output"
}

@test "watchdog: a program that never begins; without a restart the job is over" {
    ulimit -c 0
    status=0
    dz --mode=stay --watchdog=0.3 --name=web -C . -o log sleep 1000 || status=$?
    assert status "$status" 134
    web_is "web: ended (SIGABRT, watchdog), *" || fail "$output"
    assert log "$(<log)" "dznohup: watchdog: no WATCHDOG=1 for 0.3 s; ending the program by SIGABRT"
    ctl status --json web
    assert json "$(get "['watchdog']" "['signal']")" $'true\nABRT'
}

@test "watchdog: its end is a failure, however the program ends; KILL follows" {
    # It catches ABRT, and says that all is well.
    kept --restart=on-failure --restart-delay=0 --watchdog=0.3 --quiet -- \
        perl -e '$SIG{ABRT} = sub { exit 0 }; sleep 1000 while 1'
    await runs_again "$pid"
    await web_is "web: *, last: watchdog, exit status 0, log *"
    ctl stop web
    # It ignores ABRT.
    status=0
    dz --mode=stay --watchdog=0.3 -C . -q -o - perl -e '$SIG{ABRT} = "IGNORE"; sleep 1000 while 1' || status=$?
    assert "status of one that ignores it" "$status" 137
}

@test "watchdog: WATCHDOG=trigger asks for the end; WATCHDOG_USEC is another time, or none" {
    ulimit -c 0
    kept --restart --restart-delay=0 --watchdog=$LONG -- "${SPEAKS[@]}"
    say WATCHDOG=trigger
    await runs_again "$pid"
    assert "line in the log" "$(grep watchdog log)" \
        "dznohup: watchdog: the program asked for its end; ending the program by SIGABRT"
    pid=$(recorded web pid)
    await is_up
    # What is no number, and no WATCHDOG of ours, changes nothing.
    say $'WATCHDOG_USEC=x\nWATCHDOG=0\nWATCHDOG=11\nWATCHDOG_USEC='"$(printf %05000d 1)"
    say WATCHDOG_USEC=0
    : >silent
    sleep $((LONG + 1))
    assert "PID on the record" "$(recorded web pid)" "$pid"
    say WATCHDOG_USEC=200000
    await holds log "no WATCHDOG=1 for 0.2 s"
    rm silent
    await runs_again "$pid"
    ctl stop web
}
is_up() { [ "$(grep -c within log)" = 2 ]; }

@test "watchdog: a stranger's words do not count" {
    ulimit -c 0
    kept --restart --watchdog=2 --quiet -- "${SPEAKS[@]}"
    beside "$PYTHON" -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
while True:
    s.sendto(b"WATCHDOG=1", "\0" + sys.argv[1][1:])
    print(flush=True)
    time.sleep(0.05)' "$(environment_of "$pid" | sed -n 's/^NOTIFY_SOCKET=//p')" >sent &
    stranger=$!
    track "$stranger"
    await is_file sent
    : >silent
    count=$(wc -l <sent)
    await runs_again "$pid"
    [ "$(wc -l <sent)" -gt $((count + 5)) ] || fail "the stranger has said nothing meanwhile"
    kill "$stranger" 2>/dev/null || true
    rm silent
    ctl stop web
}

@test "watchdog: another keeper, in the place of one that was killed, hears the program" {
    ulimit -c 0
    kept --restart --restart-delay=0 --watchdog=$LONG -- "${SPEAKS[@]}"
    kill -KILL "$keeper"
    await gone "$keeper"
    ctl keep web
    assert "status of keep" "$status" 0 || fail "$stderr"
    track "$(keeper_of web)"
    sleep $((LONG + 1))
    assert "PID on the record" "$(recorded web pid)" "$pid"
    : >silent
    await runs_again "$pid"
    rm silent
    await web_is "web: running, *, last: watchdog, * log *"
    ctl stop web
    assert "status of stop" "$status" 0
    # Where the name of the socket is taken, it says so, and lets the program live.
    kept --restart --restart-delay=0 --watchdog=0.3 --output=second -- "${SPEAKS[@]}"
    name=$(environment_of "$pid" | sed -n 's/^NOTIFY_SOCKET=//p')
    kill -KILL "$keeper"
    await gone "$keeper"
    "$PYTHON" -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("\0" + sys.argv[1][1:]); print(flush=True); time.sleep(1000)' "$name" >taken 3>&- 4>&- &
    track $!
    await is_file taken
    ctl keep web
    track "$(keeper_of web)"
    await holds second "dznohup: watchdog: cannot hear this run: Address already in use"
    assert "PID on the record" "$(recorded web pid)" "$pid"
    ctl stop web
}

@test "watchdog: dzctl restart and start hand it on; unit has WatchdogSec=; -n; bad values" {
    kept --restart --watchdog=$LONG -- "${SPEAKS[@]}"
    assert option "$(recorded web option | grep watchdog)" "watchdog=$LONG"
    ctl unit web
    holds_line <(echo "$output") "WatchdogSec=$LONG"
    holds_line <(echo "$output") NotifyAccess=all
    refute grep -q 'Environment=\(WATCHDOG\|NOTIFY\)' <<<"$output"
    ctl stop web
    ctl start web
    assert "status of start" "$status" 0 || fail "$stderr"
    track "$(keeper_of web)" "$(recorded web pid)"
    await is_up
    assert "what the second run was told" "$(tail -n 1 log)" "within ${LONG}000000 True"
    ctl stop web
    for value in x -1 1x "" 99999999999; do
        try dz --watchdog="$value" true
        assert "status of $value" "$status" 125
        assert "lines of $value" "$(wc -l <<<"$stderr")" 1
    done
    try dz --keep-session --watchdog=1 true
    assert_match message "$stderr" "dznohup: keep-session: cannot be combined with --keep, *"
    try closed env LD_PRELOAD="$SHIM" DZ_WATCHDOG=1 true
    assert message "$stderr" "libdz.so: environment: DZ_WATCHDOG: only dznohup uses this variable"
    DZ_WATCHDOG=$LONG kept --keep -- "${SPEAKS[@]}"
    assert "option by the variable" "$(recorded web option | grep watchdog)" "watchdog=$LONG"
    ctl stop web
}

# ---- our own manager ---------------------------------------------------------------

# service [VARIABLE=VALUE]... WORD...: below a manager, in the background; sets keeper.
service() {
    rm -f socket told fed service up
    beside env "$@" </dev/null >out 2>err &
    manager=$!
    track "$manager"
    await is_file service
    keeper=$(<service)
    track "$keeper"
    await test -e up
}
managed() { service "$PYTHON" "$PROGRAMS/service.py" "$DZ" --mode=stay --name=web -C . -q -o log "$@"; }
over() {
    wait "$manager"
    assert "what the manager was told" "$(<told)" "$1"
}

@test "manager: what the program says goes on to it; not what is the keeper's alone" {
    managed --keep "${SPEAKS[@]}" 'READY=1\nSTATUS=it is up\nMAINPID=OWN' \
        'X_MORE=1\nFDSTORE=1\nNOTIFYACCESS=all\nMAINPID=1' EXTEND_TIMEOUT_USEC=5
    await holds_line told EXTEND_TIMEOUT_USEC=5
    say $'RELOADING=1\nMONOTONIC_USEC=17'
    say READY=1
    say WATCHDOG=trigger
    say STOPPING=1
    end 3
    over 'READY=1 STATUS=it is up
X_MORE=1
EXTEND_TIMEOUT_USEC=5
RELOADING=1 MONOTONIC_USEC=N
READY=1
WATCHDOG=trigger
STOPPING=1
over 3'
    [ "$(grep -c WATCHDOG=1 fed)" -gt 0 ] || fail "WATCHDOG=1 did not come"
    assert "variables of the program" "$(head -n 2 log)" $'told NOTIFY_SOCKET\nwithin None False'
}

@test "manager: RELOADING and READY of a restart; STOPPING only of the last run" {
    managed --restart=always --restart-delay=0 --wait=notify "${SPEAKS[@]}" READY=1
    for i in 1 2; do
        await is_ready $i
        rm up
        say STOPPING=1
        end 0
        await test -e up
    done
    await is_ready 3
    kill -TERM "$keeper"
    over 'READY=1 MAINPID=OURS
RELOADING=1 MONOTONIC_USEC=N
READY=1 MAINPID=OURS
RELOADING=1 MONOTONIC_USEC=N
READY=1 MAINPID=OURS
over 143'
    # A program that says so itself: likewise.
    managed --restart=always --restart-delay=0 "${SPEAKS[@]}" READY=1
    await is_ready 1
    kill -KILL "$(recorded web pid)"
    await is_ready 2
    kill -TERM "$keeper"
    over 'READY=1
RELOADING=1 MONOTONIC_USEC=N
READY=1
over 143'
}
is_ready() { [ "$(grep -c ^READY=1 told)" = "$1" ]; }

@test "manager: its watchdog is fed by the program, and by the keeper between two runs" {
    service WITHIN=400000 "$PYTHON" "$PROGRAMS/service.py" "$DZ" --mode=stay --name=web -C . -q -o log \
        --restart --restart-delay=1000,1000 "${SPEAKS[@]}"
    assert "variables of the program" "$(head -n 2 log)" \
        $'told NOTIFY_SOCKET WATCHDOG_PID WATCHDOG_USEC\nwithin 400000 True'
    await fed_more 20
    : >silent
    sleep 0.2
    count=$(wc -l <fed)
    sleep 0.6
    [ "$(wc -l <fed)" -le $((count + 1)) ] || fail "the keeper speaks for a silent program"
    end 1
    await grep -q '^ended' "$DZ_STATE_DIR/web"
    await fed_more $((count + 5))
    kill -TERM "$keeper"
    over "over 1"
    rm silent
    # ABRT, by which the manager ends it, is a stop then.
    ulimit -c 0
    service WITHIN=400000 "$PYTHON" "$PROGRAMS/service.py" "$DZ" --mode=stay --name=web -C . -q -o log \
        --restart --restart-delay=0 "${SPEAKS[@]}"
    kill -ABRT "$keeper"
    over "over 134"
}
fed_more() { [ "$(wc -l <fed)" -ge "$1" ]; }
