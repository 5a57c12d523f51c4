# supervisord: a program in stay mode, and one with --keep-session.

load ../helpers
load engines

needs() { need supervisord supervisorctl; }

# boot RECIPE: supervisord with that program.
boot() {
    new_app
    cat >supervisord.conf <<CONF
[supervisord]
nodaemon=true
logfile=$PWD/supervisord.log
pidfile=$PWD/supervisord.pid
childlogdir=$PWD
environment=DZ_STATE_DIR="$DZ_STATE_DIR"
[unix_http_server]
file=$PWD/socket
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://$PWD/socket
CONF
    recipe "$1" >>supervisord.conf
    engine supervisord -n -c supervisord.conf
    await is_state RUNNING
}
ask() { supervisorctl -c supervisord.conf "$@"; }
runs_as() { [[ $(ask status app) == *"RUNNING   pid $1,"* ]]; }
is_state() { [[ $(ask status app) == *" $1 "* ]]; }

works() { # MODE
    serving
    await runs_as "$app"
    "$CTL" ready -t "$DEADLINE" app listen:"$port"
    [[ $("$CTL" status app) == "app: running, PID $app,"* ]]
    # The log is live: the server does not flush.
    await holds_line app.log listening
    # What ends by itself is started again.
    kill -KILL "$app"
    await serves_again "$app"
    serving
    await runs_as "$app"
    ask stop app
    assert "the last line" "$(tail -n 1 app.log)" stopped
    is_state STOPPED
    assert_nothing_left
    # A start that fails is one of supervisord's, with the program's status and words.
    break_app
    try ask start app
    assert_match start "$output$stderr" "app: ERROR (*)"
    await is_state FATAL
    holds supervisord.log "exit status 3; not expected"
    await holds_line app.log "app: no such database"
    rm app/server
    try ask start app
    assert_match start "$output$stderr" "app: ERROR (*)"
    await holds_line app.log "dznohup: command: $PWD/app/server: No such file or directory"
    mend_app
    assert_nothing_left
}

@test "supervisord, stay mode: status, log, restart, stop, failing start" {
    boot supervisord
    works
}

@test "supervisord, --keep-session with stopasgroup: the same" {
    boot supervisord-group
    works
}
