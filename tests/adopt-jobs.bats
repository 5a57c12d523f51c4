#!/usr/bin/env bats
# dzctl on a job that was adopted: all of its commands work as for one that was started.

load helpers
load adopting
load ctl

# adopted [OPTION]...: a script of its own directory, umask and environment, adopted from
# here as web.  Sets pid.
adopted() {
    mkdir -p sub
    # shellcheck disable=SC2016
    echo 'umask; pwd; echo "$word: $2 $3"; "$1" 3600; exit 7' >sub/script
    # shellcheck disable=SC2016
    on_terminal_job sh -c 'cd sub; umask 027; export word=first; exec sh ./script "$@"' sh "$SLEEP" $'b c\n\\' d
    await holds "$screen" first
    try dz --adopt="$pid" -o log --name=web "$@"
    assert "status of adopt" "$status" 0 || fail "$stderr"
}

@test "adopted job: list, status, pid, log, wait --any, signal and stop" {
    on_terminal_job "$ADOPTEE" count
    try dz --adopt="$pid" -o log --name=web
    assert "status of adopt" "$status" 0
    ctl list --json
    assert_match list "$output" "*\"name\": \"web\"*\"pid\": $pid,*\"state\": \"running\"*\"argv\": ?\"$ADOPTEE\", \"count\"]*"
    ctl status web
    assert_match status "$output" "web: running, PID $pid, *log $PWD/log"
    ctl pid web
    assert pid "$output" "$pid"
    await is_file log
    ctl log -n 1 web
    assert_match log "$output" "[0-9]*"
    ctl signal STOP web
    await in_state "$pid" T
    ctl signal CONT web
    await in_state "$pid" S
    waiter web
    ctl stop web
    assert "status of stop" "$status" 0
    await gone "$pid"
    await is_file web.status
    ctl status web
    assert "status of status" "$status" 1
    ctl clear web
    assert records "$(records)" ""
}

@test "adopted job: restart gives it its words, directory, umask, environment, log and pidfile again" {
    adopted -p web.pid -u 022
    try closed env word=second sh -c 'umask 077; cd /; exec "$@"' sh "$CTL" restart web
    assert "status of restart" "$status" 0 || fail "$stderr"
    new=$(recorded web pid)
    track "$new"
    assert output "$output" "web: restarted, PID $new"
    gone "$pid" || fail "the old one runs"
    assert pidfile "$(<web.pid)" "$new"
    refute test -e sub/web.pid
    await holds_line log "first: $(printf 'b c')"
    assert log "$(<log)" $'0022\n'"$PWD/sub"$'\nfirst: b c\n\\ d'
    hang_up
    alive "$new"
    ctl stop web
    refute test -e web.pid
}

@test "adopted job: one that has changed its command line is not stopped for a restart" {
    # shellcheck disable=SC2016
    on_terminal_job perl -e '$0 = "server: ready"; print "ready\n"; sleep 3600'
    await holds "$screen" ready
    try dz --adopt="$pid" -o log --name=web
    assert "status of adopt" "$status" 0
    ctl restart web
    assert status "$status" 1
    assert message "$stderr" "dzctl: restart: web: the program has changed its command line, so the original one is not known; start it yourself"
    alive "$pid"
    ctl list
    assert_match list "$output" "*server: ready*"
}

@test "adopted job: stop ends what was adopted with it, each in a session of its own" {
    # shellcheck disable=SC2016
    on_terminal_job bash -c 'set -m; "$0" count | (trap "" TERM; cat; exec "$1" 3600) & wait' \
        "$ADOPTEE" "$SLEEP"
    await has_children "$pid" 2
    mapfile -t parts < <(pgrep -P "$pid")
    track "${parts[@]}"
    await holds "$screen" 9
    try dz --adopt="${parts[0]}" --tree -o log --name=web
    assert "status of adopt" "$status" 0
    ctl stop web
    assert "status of stop" "$status" 0
    for part in "${parts[@]}"; do await gone "$part"; done
}
