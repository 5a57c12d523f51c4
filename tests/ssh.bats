# Over a real sshd on loopback: the caller's connection ends at once, while the
# server goes on, with and without a terminal.

load helpers
load readme

setup_file() {
    [ "$(id -u)" = 0 ] && command -v sshd ssh ssh-keygen >/dev/null || return 0
    cd "$BATS_FILE_TMPDIR" || return
    ssh-keygen -q -t ed25519 -N '' -f host
    ssh-keygen -q -t ed25519 -N '' -f user
    cp user.pub authorized
    chmod 600 authorized
    free_port >port
    mkdir -p /run/sshd
    "$(command -v sshd)" -D -e -f /dev/null -p "$(cat port)" -h "$PWD/host" \
        -o ListenAddress=127.0.0.1 -o AuthorizedKeysFile="$PWD/authorized" \
        -o PermitRootLogin=yes -o StrictModes=no -o PidFile=none -o UsePAM=no -o "SetEnv=DZ_STATE_DIR=$BATS_FILE_TMPDIR/state" \
        2>sshd.log 3>&- 4>&- &
    echo $! >sshd.pid
}

teardown_file() {
    [ ! -e "$BATS_FILE_TMPDIR/sshd.pid" ] || kill "$(cat "$BATS_FILE_TMPDIR/sshd.pid")"
}

sshd_listens() {
    need_root
    need sshd ssh
    await listens "$(cat "$BATS_FILE_TMPDIR/port")"
}
remote() {
    sshd_listens
    within ssh -F /dev/null -p "$(cat "$BATS_FILE_TMPDIR/port")" \
        -i "$BATS_FILE_TMPDIR/user" -o StrictHostKeyChecking=no -o LogLevel=ERROR \
        -o UserKnownHostsFile=/dev/null "$@"
}

# Both commands are the same but for the way.  The server never ends by itself: a
# connection that waits for it does not end within the deadline.
returns_while_it_runs() { # SSH-OPTION MODE-WORDS
    local option=$1 words=$2
    port=$(free_port)
    # shellcheck disable=SC2086
    remote $option 127.0.0.1 "cd $PWD && $words $TARGETS/server $port" </dev/null >out 2>err
    await listens "$port"
    pid=$(listener "$port")
    track "$pid"
    assert_daemon "$pid" leave
    assert stdout "$(fd_of "$pid" 1)" "$PWD/nohup.out"
    stops_on_term "$pid"
}

@test "ssh host 'dznohup -d server'" {
    returns_while_it_runs "" "'$DZ' -d"
    assert PID "$(cat out)" "$pid"
}

@test "ssh -tt host 'dznohup -d server'" {
    returns_while_it_runs -tt "'$DZ' -d"
}

@test "ssh host 'LD_PRELOAD=libdz.so server'" {
    returns_while_it_runs "" "LD_PRELOAD='$SHIM'"
}

@test "ssh -tt host 'LD_PRELOAD=libdz.so server'" {
    returns_while_it_runs -tt "LD_PRELOAD='$SHIM'"
}

@test "ssh host 'dznohup server >log 2>&1 &': stay mode outlives the connection" {
    port=$(free_port)
    remote 127.0.0.1 "'$DZ' $TARGETS/server $port >$PWD/log 2>&1 </dev/null &" </dev/null >out 2>err
    await listens "$port"
    pid=$(listener "$port")
    track "$pid"
    assert_daemon "$pid" stay
}

@test "README: ssh returns at once, with and without a terminal" {
    sshd_listens
    mkdir -p bin
    ln -sf "$DZ" bin/dznohup
    line=$(printed "ssh host 'dznohup -d")
    [ -n "$line" ]
    printf '#!/bin/sh\nexec %s %s\n' "$TARGETS/server" '"$(cat port)"' >server
    chmod +x server
    words=${line#"ssh host '"}
    for option in -T -tt; do
        free_port >port
        remote "$option" 127.0.0.1 "cd $PWD; PATH=$PWD/bin:\$PATH; ${words%"'"}" </dev/null >out 2>err
        await listens "$(<port)"
        pid=$(listener "$(<port)")
        track "$pid"
        assert_own_session "$pid" leave
        assert log "$(fd_of "$pid" 1)" "$PWD/app.log"
        stops_on_term "$pid"
    done
}
