# s6: s6-supervise, whose notification-fd is our --ready-fd.

load ../helpers
load engines

needs() { need s6-supervise s6-svc s6-svstat s6-svwait s6-log; }

boot() {
    new_app
    mkdir -p service main
    recipe s6-run >service/run
    recipe s6-notification-fd >service/notification-fd
    printf '#!/bin/sh\necho "$1 $2" >>%s/finished\n' "$PWD" >service/finish
    chmod +x service/run service/finish
    mkfifo lines
    s6-log n20 ./main <lines >/dev/null 2>&1 3>&- 4>&- &
    track $!
    beside s6-supervise service </dev/null >lines 2>&1 &
    engine=$!
    track "$engine"
    await s6-svok service
}
up_is() { [ "$(s6-svstat -o up,ready service 2>/dev/null)" = "$1" ]; }

@test "s6: ready when it listens, status, log, restart, stop, failing start" {
    boot
    within s6-svwait -U service
    listens "$port"
    serving
    assert "PID" "$(s6-svstat -o pid service)" "$app"
    [[ $("$CTL" status app) == "app: running, PID $app,"* ]]
    await holds main/current listening
    # Only the server is left of us.
    assert processes "$(processes_with "$PWD/app")" "/proc/$app/cmdline"
    kill -KILL "$app"
    await serves_again "$app"
    within s6-svwait -U service
    serving
    assert "PID" "$(s6-svstat -o pid service)" "$app"
    within s6-svc -wD -d service
    await up_is "false false"
    await holds_line finished "0 0"
    await holds main/current stopped
    assert_nothing_left
    break_app
    s6-svc -o service
    await holds_line finished "3 0"
    await holds main/current "app: no such database"
    await up_is "false false"
    rm app/server
    s6-svc -o service
    await holds_line finished "127 0"
    await holds main/current "dznohup: command: $PWD/app/server: No such file or directory"
    s6-svc -xd service
    await gone "$engine"
    assert_nothing_left
}

@test "s6: a server that never listens is stopped in time, and was never ready" {
    boot
    within s6-svc -wD -d service
    printf '#!/bin/sh\nexec sleep 3600\n' >app/server
    sed -i 's/--wait=/-t 1 --wait=/' service/run
    s6-svc -o service
    await holds_line finished "256 15"
    await up_is "false false"
    await holds main/current "stopped after 1 s: does not listen"
    s6-svc -xd service
    await gone "$engine"
    assert_nothing_left
}
