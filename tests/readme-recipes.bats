# README's recipes, run as they are printed; only ports, names of users and the place of the
# programs are this test's.
#
# shellcheck disable=SC2016,SC2089,SC2090

load helpers
load readme

needs() { set_up_programs; }

@test "README: time stamps and rotation" {
    program app 'yes "a line of the program, which is rather long, so that there are few" | head -c 11000000; sleep 1000'
    started "$(printed 'dznohup -d --timestamps --rotate=10M,9')"
    await test -s app.log.1
    [[ $(head -n 1 app.log.1) =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+[+-][0-9:]+' a line of' ]] ||
        fail "$(head -n 1 app.log.1)"
}

# own_mounts CODE: where /dev and the journal's directory are the test's.
own_mounts() {
    need_root
    need unshare
    try within unshare --mount bash -euc 'mkdir -p dev
        mount -t tmpfs dev dev
        for node in null zero tty urandom; do : >dev/$node; mount --bind /dev/$node dev/$node; done
        ln -s /proc/self/fd dev/fd
        mount --move dev /dev
        mount -t tmpfs run /run
        mkdir -p /run/systemd/journal
        PATH=$PWD/bin:$PATH
        eval "$1"' own_mounts "$1"
    [ "$status" = 0 ] || fail "$output$stderr"
}
# Receives so many datagrams at the socket.
RECEIVE='import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
for _ in range(int(sys.argv[2])):
    print(receiver.recv(65536).decode(errors="replace").rstrip("\n"), flush=True)'
# The two datagrams that a line of README sends to a socket, sorted.
sent_by() { # LINE SOCKET
    LINE=$1 SOCKET=$2 own_mounts '
        "$PYTHON" -c "$RECEIVE" "$SOCKET" 2 >got &
        receiver=$!
        until [ -S "$SOCKET" ]; do sleep 0.01; done
        eval "$LINE" >/dev/null
        wait $receiver
        dzctl stop web'
    sort got
}
@test "README: to syslog and to the journal, under the job's name" {
    program server 'echo words; echo error >&2; exec sleep 1000'
    export PYTHON RECEIVE
    sent_by "$(printed 'dznohup -d --name=web -o syslog:')" /dev/log >syslog
    assert "to syslog" "$(sed 's/>.* web\[[0-9]*\]/> web/' syslog)" $'<155> web: error\n<158> web: words'
    sent_by "$(printed 'dznohup -d --name=web -o journal:')" /run/systemd/journal/socket >journal
    assert "to the journal" "$(grep -c '^SYSLOG_IDENTIFIER=web$' journal)" 2 || fail "$(<journal)"
    grep -qa 'words$' journal
    grep -qa 'error$' journal
}

@test "README: to a command" {
    need gzip
    program app 'echo words; exec sleep 1000'
    started "$(printed "dznohup -d -o '|gzip")"
    stops_on_term "$pid"
    await eval 'gzip -dc app.log.gz 2>/dev/null | grep -qx words'
}

# Reads all of what a command writes to its pipes, as an agent's tool and a CI's runner do.
RUN_TOOL='import subprocess, sys
done = subprocess.run(["bash", "-c", sys.argv[1]], stdout=subprocess.PIPE,
                      stderr=subprocess.STDOUT, timeout=float(sys.argv[2]))
sys.stdout.buffer.write(done.stdout)
sys.exit(done.returncode)'
@test "README: an agent's or CI's shell: returns at once, with the end of the file on its pipes" {
    line=$(printed 'pid=$(dznohup -d -C . -o app.log')
    [ -n "$line" ]
    try closed env PATH="$PWD/bin:$PATH" "$PYTHON" -c "$RUN_TOOL" "$line; echo \"PID \$pid\"" "$DEADLINE" </dev/null
    assert_match output "$output" "PID +([0-9])"
    track "${output#PID }"
    alive "${output#PID }"
    listens "$port"
}

@test "README: a probe as condition" {
    need curl
    program server "import http.server, time
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == '/health' and time.monotonic() > late else 503)
        self.end_headers()
    def log_message(self, *words):
        open('asked', 'a').write(self.path + '\n')
late = time.monotonic() + 0.3
http.server.HTTPServer(('127.0.0.1', $port), Health).serve_forever()"
    line=$(printed "dznohup -d -w cmd:'curl")
    started "${line/dznohup -d/dznohup -d -C .}"
    [ "$(grep -cx /health asked)" -gt 1 ] || fail "ready at the first answer"
}

@test "README: SIGHUP stays ignored in node" {
    need node
    echo 'console.log("up"); setInterval(() => {}, 1000)' >app.js
    started "$(printed 'dznohup -d --pin-signals')"
    await holds_line app.log up
    kill -HUP "$pid"
    ((0x$(status_field "$pid" SigIgn) & 1)) || fail "SIGHUP is not ignored"
    alive "$pid"
}

@test "README: nginx that does not fork away: \$! stays right" {
    need nginx
    nginx_conf ''
    sed -i "s,@,$port," nginx.conf
    program bin/nginx "exec -a nginx $(command -v nginx) -c '$PWD/nginx.conf'"
    line=$(printed 'dznohup --no-daemon nginx')
    [ -n "$line" ]
    try closed env PATH="$PWD/bin:$PATH" bash -c "$line
        echo \$!" </dev/null
    pid=$output
    track "$pid"
    await listens "$port"
    alive "$pid"
    assert_match "command" "$(command_of "$pid")" "nginx: master*"
    stops_on_term "$pid"
    await eval '! listens "$port"'
}

@test "README: a vendor's start script: only the named program is detached" {
    cp "$TARGETS/server" vendord
    program start.sh "echo begins; ./vendord $port; echo \$? >status; echo ends"
    line=$(printed 'DZ_ONLY=vendord')
    run_printed "export DZ_CHDIR=. DZ_OUTPUT=log; ${line/libdz.so/$SHIM}"
    assert "status: $stderr" "$status" 0
    assert "what the script printed" "$output" $'begins\nends'
    assert "status of vendord" "$(<status)" 0
    await listens "$port"
    pid=$(listener "$port")
    track "$pid"
    assert_own_session "$pid" leave
}

@test "README: live lines below timeout, in its process group" {
    program simulate "import os
print('line', os.getpgid(0) == os.getpgid(os.getppid()))
os.kill(os.getpid(), 19)"
    line=$(printed 'timeout 600 dznohup --keep-session')
    [ -n "$line" ]
    beside env PATH="$PWD/bin:$PATH" bash -c "$line" </dev/null >out 2>err &
    shell=$!
    track "$shell"
    # It is stopped, and the line is in the log.
    await holds_line log "line True"
    pid=$(pgrep -f "$PWD/simulate")
    track "$pid"
    kill -CONT "$pid"
    await gone "$shell"
    assert output "$(cat out err)" "line True"
}

@test "README: another user, without root's groups" {
    need_root
    need setpriv
    program server 'exec sleep 1000'
    line=$(printed 'dznohup -d nice -n 10 setpriv')
    line=${line//www/nobody}
    line=${line/regid=nobody/regid=$(id -gn nobody)}
    started "$line 2>err"
    await runs_program "$pid" "$SLEEP"
    assert groups "$(status_field "$pid" Groups | tr -d ' ')" "$(id -G nobody | tr -d ' ')"
    assert uid "$(status_field "$pid" Uid | cut -f 1)" "$(id -u nobody)"
    assert gid "$(status_field "$pid" Gid | cut -f 1)" "$(id -g nobody)"
    want=$(($(nice) + 10))
    assert nice "$(stat_field "$pid" 19)" $((want < 19 ? want : 19))
}

# What is on a terminal of its own, adopted as README says it: log and program.
adopted() { # SHELL LINE
    screen=$(on_terminal --shell "$1" "./counts &" "$2" exit)
    pid=$(recorded_pid)
    track "$pid"
    assert "command" "$(command_of "$pid")" "/bin/bash ./counts " || fail "$screen"
    before=$(stat -c %s app.log)
    await eval '[ "$(stat -c %s app.log)" -gt "$before" ]'
    kill -KILL "$pid"
    rm -f app.log "$DZ_STATE_DIR"/*
}
recorded_pid() { sed -n 's/^pid //p' "$DZ_STATE_DIR"/*; }
@test "README: adopted by the last PID, and by the number of a job in zsh" {
    need zsh fish
    program counts 'while :; do echo tick; sleep 0.1; done'
    export PATH="$PWD/bin:$PATH"
    adopted 'bash --norc --noprofile --noediting -i' "$(printed 'dznohup --adopt=$! ')"
    adopted 'zsh -f -i +Z' "$(printed 'dznohup --adopt=$! ')"
    adopted 'zsh -f -i +Z' "$(printed 'dznohup --adopt=${${jobstates')"
    # fish's word, from the comment.
    program fish 'exec /usr/bin/env fish -i -C "function fish_prompt; printf \"@ready@ \"; end"'
    word=$(blocks | sed -n 's/^dznohup --adopt=\$! .*fish: \(.*\)$/\1/p')
    line=$(printed 'dznohup --adopt=$! ')
    adopted ./fish "${line/\$!/$word}"
}

@test "README: make and its jobs are adopted" {
    need make
    printf 'all: a b\na b:\n\t@while :; do echo $@; sleep 0.1; done\n' >Makefile
    # The newest make of the machine may be another test's.
    program bin/pgrep '[ "$*" = "-n make" ] && exec cat make.pid'
    export PATH="$PWD/bin:$PATH"
    screen=$(on_terminal 'make -j2 & echo $! >make.pid' 'until [ "$(ps -o pid= --ppid $! | wc -l)" = 2 ]; do sleep 0.02; done' \
        "$(printed 'dznohup --adopt=$(pgrep -n make)')" exit)
    pid=$(<make.pid)
    track "$pid"
    children=$(ps -o pid= --ppid "$pid")
    [ -n "$children" ] || fail "$screen"
    for each in $pid $children; do
        track "$each"
        assert "tty_nr of $each" "$(stat_field "$each" 7)" 0
    done
    await holds_line make.log b
    run_printed "dzctl stop $pid"
    assert "status: $stderr" "$status" 0
    for each in $pid $children; do gone "$each"; done
}

@test "README: a Makefile: make dev twice is one server, make stop ends it" {
    need make
    block 'dev:' >Makefile
    for _ in 1 2; do
        run_printed "make -s dev"
        assert "status: $stderr" "$status" 0
        pids+=("$output")
        track "$output"
    done
    assert "the second" "${pids[1]}" "${pids[0]}"
    listens "$port"
    assert log "$(<dev.log)" ready
    run_printed "make -s stop"
    assert output "$output" "dev: stopped, PID ${pids[0]}"
    gone "${pids[0]}"
}

@test "README: a git hook, for which the commit does not wait" {
    need git make
    git init -q repository
    cd repository
    block '#!/bin/sh' >.git/hooks/post-commit
    chmod +x .git/hooks/post-commit
    # It ends when the commit is there to see that it goes on.
    printf 'all:\n\t@echo begins; until [ -e ../go ]; do sleep 0.02; done; echo ends >../ended\n' >Makefile
    git add Makefile
    ln -s ../bin bin
    try within env PATH="$PWD/bin:$PATH" git -c user.name=you -c user.email=you@localhost commit -qm first </dev/null
    assert "status: $stderr" "$status" 0
    assert output "$output$stderr" ""
    track "$(recorded_pid)"
    await holds_line build.log begins
    : >../go
    await holds_line ../ended ends
}

@test "README: the line for cron, with cron's PATH" {
    mkdir -p home/bin
    program home/bin/app 'echo "in $PWD"; exec sleep 1000'
    line=$(printed '@reboot ')
    line=${line#@reboot }
    [ -n "$line" ]
    # cron runs it in the user's home.
    try closed env -i -C home HOME="$PWD/home" DZ_STATE_DIR="$DZ_STATE_DIR" PATH=/usr/bin:/bin \
        sh -c "$line" </dev/null
    assert "status" "$status" 0 || fail "$stderr"
    assert "what cron would mail" "$output$stderr" ""
    await holds_line home/app.log "in $PWD/home"
    track "$(recorded_pid)"
}

@test "README: at boot, by a unit that runs the job as it is" {
    need_root
    need systemctl systemd-analyze
    mkdir -p /etc/systemd/system # where it is mounted over
    started "dznohup -d --name=web -C . -o web.log -w listen:$port ./server"
    block 'dzctl unit web' >lines
    [ -s lines ]
    overlaid "PATH=$PWD/bin:\$PATH SYSTEMD_OFFLINE=1 bash -e '$PWD/lines'
        systemd-analyze verify /etc/systemd/system/web.service
        cp /etc/systemd/system/web.service '$PWD'
        readlink /etc/systemd/system/multi-user.target.wants/web.service" /etc/systemd >out 2>err ||
        fail "$(cat err)"
    assert "link" "$(tail -n 1 out)" /etc/systemd/system/web.service
    grep -q "$PWD/server" web.service
    grep -qx "WorkingDirectory=$PWD" web.service
}

@test "README: logrotate with copytruncate: the program goes on in the emptied log" {
    need logrotate
    chmod 755 .
    program app 'echo begins; until [ -e go ]; do sleep 0.02; done; echo goes on; exec sleep 1000'
    started "dznohup -d -C . -o app.log ./app"
    await holds_line app.log begins
    block '/var/log/app.log {' >conf
    chmod 644 conf
    grep -q copytruncate conf
    # Rotated for its size alone; 10 MiB are not written for that.
    sed -i 's/size 10M/size 1/' conf
    logrotate -s "$PWD/state" conf
    assert "log" "$(<app.log)" ""
    assert "the old log" "$(<app.log.1)" begins
    : >go
    await holds_line app.log "goes on"
    assert "size of the log" "$(stat -c %s app.log)" 8 # no hole in front
}

# The words of the container's ENTRYPOINT, as PID 1.
@test "README: a container's init, with a terminal and without one" {
    need_root
    need unshare script
    read -ra words < <(sed -n 's/.*`ENTRYPOINT \[\([^]]*\)]`.*/\1/p' "$ROOT/README.md" | tr -d '",')
    [ "${words[2]}" = server ]
    program bin/server 'test -t 0 && test -t 1 && echo on a terminal || echo on none; exec sleep 1000'
    container=("${NEW_PIDS[@]}" env PATH="$PWD/bin:$PATH")
    # Without: TERM from the engine ends it, and the status is the program's.
    beside "${container[@]}" "${words[@]}" </dev/null >out 2>err &
    outer=$!
    track "$outer"
    await holds_line out "on none"
    init=$(pgrep -P "$outer")
    kill -TERM "$init"
    status=0
    wait "$outer" || status=$?
    assert "status at TERM: $(<err)" "$status" 143
    # With one: Ctrl-C ends it.
    printf 'until grep -qs "on a terminal" screen; do sleep 0.05; done; printf "\\003"\n' >keys
    status=0
    within sh keys | within script -qefc "${container[*]} setsid -c ${words[*]}" screen >/dev/null 2>&1 || status=$?
    holds screen "on a terminal"
    assert "status at Ctrl-C: $(<screen)" "$status" 130
}
