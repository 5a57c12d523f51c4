# inetd: a program for each connection, and a daemon that the first connection starts.

load ../helpers
load engines

needs() {
    need_root
    need inetd
}

boot() { # RECIPE
    new_app
    [ "$1" != inetd-daemon ] || { server=$port; port=$(free_port); }
    {
        recipe "$1" | sed "s/8081/${server:-}/g"
    } >inetd.conf
    engine env DZ_STATE_DIR="$DZ_STATE_DIR" inetd -i -E "$PWD/inetd.conf"
    # A connection would start the program.
    await is_open
}
is_open() { [ -n "$(listener "$port")" ]; }

@test "inetd, nowait: the program has the connection, a session of its own and a log" {
    boot inetd-connection
    cat >app/handler <<'SH'
#!/bin/sh
echo "connected" >&2
echo "$$"
while read -r line; do echo "you said $line"; done
echo "over" >&2
SH
    chmod +x app/handler
    exec 9<>"/dev/tcp/127.0.0.1/$port"
    read -r app <&9
    track "$app"
    assert_daemon "$app" stay
    assert_match stdin "$(fd_of "$app" 0)" "socket:*"
    assert stdout "$(fd_of "$app" 1)" "$(fd_of "$app" 0)"
    assert stderr "$(fd_of "$app" 2)" "$PWD/app.log"
    echo hello >&9
    read -r line <&9
    assert answer "$line" "you said hello"
    exec 9>&-
    # The end of the connection is its stop.
    await gone "$app"
    assert log "$(<app.log)" $'connected\nover'
    # A failing start: the one who is connected sees why, as inetd has made that stderr.
    rm app/handler
    try cat </dev/tcp/127.0.0.1/"$port"
    assert "failing start" "$output" "dznohup: command: $PWD/app/handler: No such file or directory"
    await none_of_app
}

@test "inetd: a daemon that the first connection starts; the connection gets the PID when it is ready" {
    boot inetd-daemon
    inetd_port=$port port=$server
    refute listens "$port"
    try cat </dev/tcp/127.0.0.1/"$inetd_port"
    listens "$port"
    serving
    assert "what the connection gets" "$output" "$app"
    [[ $("$CTL" status app) == "app: running, PID $app,"* ]]
    assert descriptors "$(fds_of "$app")" "0 1 2 3"
    # Another connection starts no second one.
    try cat </dev/tcp/127.0.0.1/"$inetd_port"
    assert "what the connection gets" "$output" "$app"
    assert server "$(listener "$port")" "$app"
    "$CTL" stop app
    assert log "$(<app.log)" $'starting\nlistening\nstopped'
    assert_nothing_left
    break_app
    try cat </dev/tcp/127.0.0.1/"$inetd_port"
    assert_match "failing start" "$output" "dznohup: start: $PWD/app/server: exited with status 3*app: no such database"
    assert_nothing_left
}
