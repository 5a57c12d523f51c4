# monit: starts, watches and stops by a pidfile.

load ../helpers
load engines

needs() { need monit; }

boot() {
    new_app
    cat >monitrc <<CONF
set daemon 1
set logfile $PWD/monit.log
set pidfile $PWD/monit.pid
set idfile $PWD/monit.id
set statefile $PWD/monit.state
set httpd unixsocket $PWD/socket
    allow localhost
CONF
    # monit waits until its time is over, also for a start that has failed.
    recipe monit | sed "s/timeout 40/timeout 3/" >>monitrc
    chmod 600 monitrc
    engine env DZ_STATE_DIR="$DZ_STATE_DIR" monit -I -c monitrc
}
ask() { monit -c monitrc "$@"; }
is_state() { [[ $(ask status app) == *status*"$1"* ]]; }

@test "monit: start, readiness, status, log, restart, stop, failing start" {
    boot
    serving
    await is_state OK
    [[ $(ask status app) =~ pid\ +$app ]]
    assert pidfile "$(<app.pid)" "$app"
    [[ $("$CTL" status ./app.pid) == *": running, PID $app,"* ]]
    kill -KILL "$app"
    await serves_again "$app"
    serving
    await is_state OK
    ask stop app
    await gone "$app"
    await is_state "Not monitored"
    assert "the last line" "$(tail -n 1 app.log)" stopped
    assert_nothing_left
    break_app
    ask start app
    await holds monit.log "failed to start (exit status 3)"
    holds monit.log "app: no such database"
    kill "$engine"
    await gone "$engine"
    assert_nothing_left
}
