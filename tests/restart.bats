# dzctl restart and start: a job again, as it was started.
#
# shellcheck disable=SC2154

load helpers
load ctl
load keeper

# What a program sees of its start.
SEES='umask; pwd; echo "$word: $0 $1"; readlink /proc/self/fd/2; exec sleep 1000'

@test "restart: same words, directory, umask, log and environment; without a keeper" {
    mkdir sub
    printf 'umask 027; cd sub; export word=first; exec "$@"' >wrap
    try closed sh wrap "$DZ" -d -C . --name=web --pidfile=../pid -o ../log sh -c "$SEES" zero $'a b\n\\'
    assert status "$status" 0
    pid=$output
    track "$pid"
    await runs_program "$pid" "$SLEEP"
    ctl_in_other_place restart web
    assert "status of restart" "$status" 0 || fail "$stderr"
    new=$(recorded web pid)
    track "$new"
    assert output "$output" "web: restarted, PID $new"
    gone "$pid" || fail "the old one runs"
    await runs_program "$new" "$SLEEP"
    assert pidfile "$(<pid)" "$new"
    expected=$'0027\n'"$PWD/sub"$'\nfirst: zero a b\n\\\n'"$PWD/log"
    assert log "$(<log)" "$expected"$'\n'"$expected"
    refute grep -qz ^DZ_ "/proc/$new/environ"
    ctl stop web
}
# From another directory, with another umask and environment.
ctl_in_other_place() { try closed env word=second sh -c 'umask 077; cd /; exec "$@"' sh "$CTL" "$@"; }

@test "start: a named job that has ended, with the caller's environment" {
    export word=first
    kept --keep -- sh -c "$SEES"
    ctl start web
    assert "status for a job that runs" "$status" 1
    assert message "$stderr" "dzctl: start: web: already running as PID $pid"
    ctl stop web
    rm log
    ctl_in_other_place start web
    assert status "$status" 0 || fail "$stderr"
    pid=$(recorded web pid)
    track "$(keeper_of web)" "$pid"
    assert output "$output" "web: started, PID $pid"
    await at_least 4 log
    assert "environment" "$(sed -n 3p log)" "second: sh "
    assert "directory" "$(sed -n 2p log)" "$PWD"
    ctl stop web
    ctl start nobody
    assert "status without a job" "$status" 3
    assert message "$stderr" "dzctl: start: nobody: no such job"
}
at_least() { [ -e "$2" ] && [ "$(wc -l <"$2")" -ge "$1" ]; }

@test "restart: by the keeper, which stays; a stay job keeps its \$!" {
    : >wanted
    exec 7<wanted
    stays --restart=no --keep --keep-fd=7 -o log -- sh -c 'readlink /proc/self/fd/7; exec sleep 1000'
    pid=$(recorded web pid)
    track "$pid"
    ctl restart web
    assert status "$status" 0 || fail "$stderr"
    new=$(recorded web pid)
    track "$new"
    assert output "$output" "web: restarted, PID $new"
    gone "$pid" || fail "the old one runs"
    alive "$keeper" || fail "the keeper has ended"
    await at_least 2 log
    assert log "$(<log)" "$PWD/wanted"$'\n'"$PWD/wanted"
    ctl status web
    assert_match status "$output" "web: running, PID $new, *, restarted 1 time, last: SIGTERM, *"
    ctl stop web
    status=0
    wait "$keeper" || status=$?
    assert "status of \$!" "$status" 143
}

@test "keeper killed: the program goes on, status says so, restart mends it" {
    kept --restart --restart-delay=0 --pidfile=pid -- sleep 1000
    kill -KILL "$keeper"
    await gone "$keeper"
    alive "$pid" || fail "the program has ended"
    ctl status web
    assert "status of status" "$status" 0
    assert_match status "$output" "web: running, PID $pid, *, keeper gone, log *"
    try dz -d --name=web sleep 1000
    assert "status of another start" "$status" 122
    ctl restart web
    assert status "$status" 0 || fail "$stderr"
    keeper=$(keeper_of web)
    track "$keeper"
    gone "$pid" || fail "the old one runs"
    pid=$(recorded web pid)
    kill -KILL "$pid"
    await runs_again "$pid"
    ctl stop web
    assert "status of stop" "$status" 0
    gone "$keeper" || fail "the keeper runs"
    # What a keeper leaves that is killed together with its program.
    kept --restart --pidfile=pid -- sleep 1000
    kill -KILL "$keeper" "$pid"
    await gone "$keeper"
    ctl status web
    assert "status of status" "$status" 1
    assert_match status "$output" "web: ended (status unknown), *"
    kept --keep --pidfile=pid -- sleep 1000
    ctl stop -t 1 web
}

@test "restart: several jobs; what cannot be started again" {
    for name in one two; do
        try dz -d --name=$name -o log sleep 1000
        track "$output"
    done
    ctl restart one two
    assert status "$status" 0
    assert output "$output" "one: restarted, PID $(recorded one pid)"$'\n'"two: restarted, PID $(recorded two pid)"
    track "$(recorded one pid)" "$(recorded two pid)"
    ctl stop one two
    exec 8</dev/null
    try dz -d --name=one --keep-fd=8 -o log sleep 1000
    track "$output"
    ctl restart one
    assert "status with --keep-fd" "$status" 1
    assert message "$stderr" \
        "dzctl: restart: one: the descriptors of --keep-fd cannot be opened again; start it yourself"
    alive "$(recorded one pid)" || fail "it was stopped"
    ctl stop one
}
