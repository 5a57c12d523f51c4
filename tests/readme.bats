# README's examples, run as they are printed; only ports, names of users and the place of
# the programs are this test's.

load helpers

# The line of README.md that begins so, without a prompt or a comment behind it.
printed() { grep -m 1 -- "^\(\$ \)\?$1" "$ROOT/README.md" | sed 's/^\$ //; s/  *#.*//'; }
# Run such a line where dznohup and dzctl are programs of the build.
run_printed() {
    mkdir -p bin
    ln -sf "$DZ" bin/dznohup
    ln -sf "$CTL" bin/dzctl
    try closed env PATH="$PWD/bin:$PATH" bash -c "$1"
}

@test "README: a server that is waited for, stopped by its name; not twice" {
    need redis-server
    port=$(free_port)
    line=$(printed 'dznohup -d --name=cache -C . -o cache.log --wait=listen:6380')
    [ -n "$line" ]
    run_printed "${line//6380/$port}"
    assert status "$status" 0 || fail "$stderr"
    track "$output"
    listens "$port"
    run_printed "dznohup -d --name=cache redis-server; echo \$?"
    assert "a second one" "$stderr" "dznohup: name: cache: already running as PID $(dz_pid)"
    assert "its status" "$output" 122
    run_printed "dzctl status cache"
    assert_match "status" "$output" "cache: running, PID $(dz_pid), started 20*, * s of CPU time (*% since the start), *M of memory, log $PWD/cache.log"
    run_printed "dzctl stop cache"
    assert "stop" "$output" "cache: stopped, PID $(dz_pid)"
}
dz_pid() { recorded cache pid; }

@test "README: a training run with a live log" {
    echo 'import time
print("epoch 1")
time.sleep(1000)' >train.py
    line=$(printed 'dznohup -d --name=train')
    run_printed "$line"
    assert status "$status" 0 || fail "$stderr"
    track "$output"
    await holds_line train.log "epoch 1"
    run_printed "dzctl log train"
    assert log "$output" "epoch 1"
    run_printed "dzctl stop train"
}

@test "README: a failing start, as it is shown" {
    printf '#!/bin/sh\necho bind: Permission denied\nexit 1\n' >server
    chmod +x server
    run_printed "$(printed 'dznohup -d -C . -o web.log')"
    assert status "$status" 1
    assert "stderr" "$(sed "s/after [0-9]* ms/after 6 ms/; s,$PWD/,/srv/," <<<"$stderr")" \
        "$(sed -n '/^dznohup: start: .srv.server/,/^  bind/p' "$ROOT/README.md")"
}

@test "README: the line for cron, with cron's PATH" {
    mkdir -p home/bin
    printf '#!/bin/sh\necho "in $PWD"\nexec sleep 1000\n' >home/bin/app
    chmod +x home/bin/app
    line=$(printed '@reboot ')
    line=${line#@reboot }
    # cron runs it in the user's home.
    try closed env -i -C home HOME="$PWD/home" DZ_STATE_DIR="$DZ_STATE_DIR" PATH=/usr/bin:/bin \
        sh -c "${line//\/usr\/local\/bin\/dznohup/$DZ}" </dev/null
    assert "status" "$status" 0 || fail "$stderr"
    assert "what cron would mail" "$output$stderr" ""
    await holds_line home/app.log "in $PWD/home"
    track "$(sed -n 's/^pid //p' "$DZ_STATE_DIR"/*)"
}

@test "README: another user, without root's groups" {
    need_root
    need setpriv prlimit
    line=$(printed 'dznohup -d nice -n 10 setpriv')
    line=${line//www/nobody}
    line=${line/regid=nobody/regid=nogroup}
    run_printed "${line/% server/ sleep 1000} 2>err"
    assert status "$status" 0 || fail "$(<err)"
    track "$output"
    await runs_program "$output" "$(realpath "$(command -v sleep)")"
    assert groups "$(status_field "$output" Groups | tr -d ' ')" "$(id -G nobody | tr -d ' ')"
    assert uid "$(status_field "$output" Uid | cut -f 1)" "$(id -u nobody)"
    assert gid "$(status_field "$output" Gid | cut -f 1)" "$(id -g nobody)"
}
