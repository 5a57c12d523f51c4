# runit: runsv, sv and svlogd, with a check that asks for readiness.

load ../helpers
load engines

needs() { need runsv sv svlogd; }

boot() {
    new_app
    mkdir -p service/log main
    for file in run check finish; do
        recipe "runit-$file" >service/$file
    done
    recipe runit-log >service/log/run
    chmod +x service/run service/check service/finish service/log/run
    engine runsv service
    await test -p service/supervise/ok
}

@test "runit: status, readiness by ./check, log, restart, stop, failing start" {
    boot
    # sv start waits for ./check.
    within sv -w "$DEADLINE" start ./service
    listens "$port"
    serving
    [[ $(sv status ./service) == "run: ./service: (pid $app) "* ]]
    [[ $("$CTL" status app) == "app: running, PID $app,"* ]]
    await holds main/current listening
    kill -KILL "$app"
    await serves_again "$app"
    serving
    [[ $(sv status ./service) == "run: ./service: (pid $app) "* ]]
    await holds_line finished "-1 9"
    within sv -w "$DEADLINE" stop ./service
    assert_match status "$(sv status ./service)" "down: *"
    await holds_line finished "0 0"
    holds main/current stopped
    assert_nothing_left
    break_app
    try sv -w 1 start ./service
    assert "status of sv start" "$status" 1
    await holds_line finished "3 0"
    await holds main/current "app: no such database"
    sv -w 0 down ./service || true
    rm app/server
    sv once ./service
    await holds_line finished "127 0"
    await holds main/current "dznohup: command: $PWD/app/server: No such file or directory"
    closed sv -w "$DEADLINE" exit ./service
    await gone "$engine"
    assert_nothing_left
}
