# Under a real systemd, booted as PID 1 of namespaces of its own.

load helpers

# boot UNIT... : write units first by unit NAME <<END.  The probe script of the
# test runs after them, and its end powers the machine off.
unit() {
    # A unit of the machine's own would take precedence, with all that it needs.
    [ ! -e "/etc/systemd/system/$1" ] && [ ! -e "/lib/systemd/system/$1" ] ||
        fail "$1 is a unit of this machine" || return
    mkdir -p units
    { echo "[Unit]"; echo "DefaultDependencies=no"; cat; } >"units/$1"
}

boot() {
    need_root
    need unshare systemctl
    [ -x /lib/systemd/systemd ] || lacking "needs systemd"
    unit probe.service <<END
[Service]
Type=oneshot
WorkingDirectory=$PWD
ExecStart=/bin/bash $PWD/probe.sh
ExecStopPost=/bin/systemctl --no-block poweroff -ff
END
    unit test.target <<END
Wants=probe.service
END
    cat >boot.sh <<END
set -e
mount --make-rprivate /
# Mounted anew, a control group filesystem shows the namespace's groups alone.
if [ -d /sys/fs/cgroup/systemd ]; then
    for part in 'unified cgroup2 rw' 'systemd cgroup none,name=systemd'; do
        set -- \$part
        [ -d /sys/fs/cgroup/\$1 ] || continue
        umount -l /sys/fs/cgroup/\$1
        mount -t \$2 -o \$3 cgroup /sys/fs/cgroup/\$1
    done
else
    umount -l /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
# A /tmp of its own, but for the directories of the test: a unit with the usual
# dependencies would have systemd-tmpfiles(8) empty it.
mount -t tmpfs tmpfs /mnt
number=0
for kept in '$BATS_TEST_TMPDIR' '$ROOT' '$BUILD'; do
    mkdir /mnt/\$((number += 1))
    mount --bind "\$kept" /mnt/\$number
done
mount -t tmpfs -o mode=1777 tmpfs /tmp
number=0
for kept in '$BATS_TEST_TMPDIR' '$ROOT' '$BUILD'; do
    mkdir -p "\$kept"
    mount --move /mnt/\$((number += 1)) "\$kept"
done
umount /mnt
# It writes its log to a terminal or nowhere.
mount --bind "\$(readlink /proc/self/fd/0)" /dev/console
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system &&
    cp units/* /run/systemd/system/ && mkdir -p /run/outside &&
    ln -s /dev/null /run/systemd/system/sysinit.target &&
    ln -s /dev/null /run/systemd/system/systemd-tmpfiles-setup.service && exec env -i \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin container=other /lib/systemd/systemd --system \
    --unit=test.target --log-target=console
END
    # Control groups of its own: two suites at once must not share a unit's.
    cat >enter.sh <<'END'
groups=$(cat /proc/self/cgroup) # as it is before we move
while IFS=: read -r _ controllers path; do
    case $controllers in
    name=systemd) root=/sys/fs/cgroup/systemd ;;
    '') root=/sys/fs/cgroup; [ -d $root/unified ] && root=$root/unified ;;
    *) continue ;;
    esac
    mkdir "$root$path/dz-test.$$" && echo $$ >"$root$path/dz-test.$$/cgroup.procs" &&
        echo "$root$path/dz-test.$$" >>cgroups
done <<<"$groups"
exec unshare --pid --fork --kill-child --mount --uts --ipc --cgroup --mount-proc bash boot.sh
END
    within script -qfc "bash enter.sh" systemd.log </dev/null >/dev/null 2>&1 || true
    while read -r group; do
        find "$group" -depth -type d -exec rmdir {} +
    done <cgroups
    cat systemd.log result >&2 || true
    holds_line result end
}

# What a probe does with a unit: start it, show it, stop it.
probe() {
    cat >probe.sh <<'END'
exec >result 2>&1
for unit in units/*.service; do
    unit=${unit#units/}
    [ "$unit" = probe.service ] && continue
    systemctl start "$unit"
    echo "$unit start $?"
    pid=$(systemctl show "$unit" -p MainPID --value)
    echo "$unit state $(systemctl show "$unit" -p ActiveState --value)"
    echo "$unit main $(cat /proc/$pid/comm 2>/dev/null || echo none)"
    if [ "$pid" != 0 ]; then
        read -r line </proc/$pid/stat
        set -- ${line##*) }
        echo "$unit tty $5 own session $([ "$4" != 1 ] && echo yes || echo no)"
        systemctl stop "$unit"
        echo "$unit stop $? $(systemctl show "$unit" -p ActiveState --value)"
        [ ! -d /proc/$pid ] && echo "$unit gone"
    fi
done
echo end
END
}

assert_good() {
    local unit
    for unit; do
        holds_line result "$unit start 0"
        holds_line result "$unit state active"
        holds_line result "$unit main redis-server"
        holds_line result "$unit tty 0 own session yes"
        holds_line result "$unit stop 0 inactive"
        holds_line result "$unit gone"
    done
}

@test "Type=forking and Type=simple, by dznohup and by the preload: MainPID is the program" {
    need redis-server
    server="/usr/bin/redis-server --bind 127.0.0.1 --save \"\" --port"
    unit forking.service <<END
[Service]
Type=forking
ExecStart=$DZ -d -o - -e - $server $(free_port)
END
    unit forking-preload.service <<END
[Service]
Type=forking
Environment=LD_PRELOAD=$SHIM DZ_OUTPUT=- DZ_ERROR=-
ExecStart=$server $(free_port)
END
    unit simple.service <<END
[Service]
Type=simple
ExecStart=$DZ $server $(free_port)
END
    unit simple-preload.service <<END
[Service]
Type=simple
Environment=LD_PRELOAD=$SHIM DZ_MODE=stay
ExecStart=$server $(free_port)
END
    probe
    # A simple unit is active from the fork on: wait until the program runs.
    sed -i 's|^    pid=|    until pid=$(systemctl show "$unit" -p MainPID --value) \&\& grep -qs redis /proc/$pid/comm \&\& [ "$(readlink /proc/$pid/cwd)" = / ]; do :; done\n&|' probe.sh
    boot
    assert_good forking.service forking-preload.service simple.service simple-preload.service
}

@test "Type=oneshot: what it has started lives with RemainAfterExit=yes, and not without" {
    for remain in yes no; do
        unit oneshot-$remain.service <<END
[Service]
Type=oneshot
RemainAfterExit=$remain
Environment=DZ_STATE_DIR=$PWD/state
ExecStart=$DZ -d -o - -e - --name=$remain /usr/bin/sleep 3600
END
    done
    { ask_unit; echo "ctl='$CTL' DZ_STATE_DIR=$PWD/state; export DZ_STATE_DIR"; cat <<'END'; } >probe.sh
for unit in yes no; do
    systemctl start oneshot-$unit
    echo "$unit start $? $(show oneshot-$unit ActiveState) $(show oneshot-$unit Result)"
done
runs() { "$ctl" status $1 >/dev/null; echo "$1 runs $?"; }
runs yes
"$ctl" wait no
runs no
systemctl stop oneshot-yes
runs yes
echo end
END
    boot
    holds_line result "yes start 0 active success"
    assert_match "start without it" "$(grep '^no start' result)" "no start 0 *active success"
    assert "which run" "$(grep ' runs ' result | paste -sd ,)" "yes runs 0,no runs 1,yes runs 1"
}

@test "Type=notify in stay mode: active once a condition holds, told by a process beside it" {
    need redis-server
    server="/usr/bin/redis-server --bind 127.0.0.1 --save \"\" --port"
    port=$(free_port)
    unit notify.service <<END
[Service]
Type=notify
ExecStart=$DZ --wait=listen:$port $server $port
END
    probe
    boot
    assert_good notify.service
}

@test "a start that fails makes the unit fail" {
    unit missing.service <<END
[Service]
Type=forking
ExecStart=$DZ -d /no/such/server
END
    unit dies.service <<END
[Service]
Type=forking
ExecStart=$DZ -d -o - sh -c "exit 3"
END
    unit chdir.service <<END
[Service]
Type=forking
Environment=LD_PRELOAD=$SHIM DZ_OUTPUT=- DZ_CHDIR=/no/such
ExecStart=/usr/bin/sleep 3600
END
    unit simple.service <<END
[Service]
Type=simple
RemainAfterExit=no
ExecStart=$DZ -C /no/such /usr/bin/sleep 3600
END
    probe
    # What a simple unit starts fails after systemd has called it started.
    sed -i 's|^    pid=|    until [ "$(systemctl show "$unit" -p ActiveState --value)" = failed ]; do :; done\n&|' probe.sh
    boot
    for unit in missing dies chdir; do
        holds_line result "$unit.service start 1"
    done
    for unit in missing dies chdir simple; do
        holds_line result "$unit.service state failed"
        holds_line result "$unit.service main none"
    done
}

# ---- a start that waits --------------------------------------------------------

# What the probes of these tests begin with.
ask_unit() {
    cat <<'END'
exec >result 2>&1
show() { systemctl show "$1" -p "$2" --value; }
# How much later than the file the unit was active: at least 0, in microseconds.
after_listening() {
    local active=$(show "$1" ActiveEnterTimestampMonotonic)
    [ "$active" -ge "$(cat "$2")" ] && echo "$1 was active behind its listening" ||
        echo "$1 was active $active, listened $(cat "$2")"
}
END
}

# A server that listens late and notes when: NAME PORT STATE-FILE.
late_server() {
    cat >late <<END
#!/bin/bash
sleep 0.7
# Noted before it listens: the unit must not have been active by then.
read -r up _ </proc/uptime
echo "\${up/./}0000" >"$PWD/\$1.listened"
systemctl show "\$1.service" -p ActiveState --value >"$PWD/\$1.before"
exec redis-server --bind 127.0.0.1 --save "" --port "\$2"
END
    chmod +x late
}

notify_units() {
    need redis-server
    late_server
    one=$(free_port)
    two=$(free_port)
    unit one.service <<END
[Service]
Type=notify
Environment=DZ_STATE_DIR=$PWD/state
ExecStart=$DZ -d -o - -e - --wait=listen:$one $PWD/late one $one
END
    unit two.service <<END
[Service]
Type=notify
Environment=DZ_STATE_DIR=$PWD/state LD_PRELOAD=$SHIM DZ_OUTPUT=- DZ_ERROR=- DZ_WAIT=listen:$two
ExecStart=/bin/bash $PWD/late two $two
END
    { ask_unit; cat <<'END'; } >probe.sh
for unit in one two; do
    systemctl start $unit
    echo "$unit start $?"
    pid=$(show $unit MainPID)
    (exec 9<>/dev/tcp/127.0.0.1/$(cat $unit.port)) && echo "$unit answers"
    echo "$unit before: $(cat $unit.before)"
    after_listening $unit.service $unit.listened
    echo "$unit main $(cat /proc/$pid/comm)"
    echo "$unit parent $(awk '{ print $4 }' /proc/$pid/stat)"
    # The launcher has ended, as MainPID was another one when it did.
    echo "$unit state $(show $unit ActiveState) $(show $unit SubState) $(show $unit NRestarts)"
    echo "$unit processes $(wc -l <$(find /sys/fs/cgroup -path "*/$unit.service/cgroup.procs" | head -n 1))"
    systemctl stop $unit
    echo "$unit stop $? $(show $unit ActiveState) $(show $unit Result)"
    [ -d /proc/$pid ] || echo "$unit gone"
done
echo end
END
    echo "$one" >one.port
    echo "$two" >two.port
    boot
}

@test "Type=notify in front of an unmodified server: active when it listens, not before" {
    notify_units
    for unit in one two; do
        holds_line result "$unit start 0"
        holds_line result "$unit answers"
        holds_line result "$unit before: activating"
        holds_line result "$unit.service was active behind its listening"
        holds_line result "$unit main redis-server"
        holds_line result "$unit parent 1"
        holds_line result "$unit state active running 0"
        holds_line result "$unit processes 1"
        holds_line result "$unit gone"
    done
}

# One that is not its child when it is told of it is alien to systemd: it says
# that it will not notice its end, and does not wait for it where it cannot watch
# the control group.
@test "Type=notify: the server is systemd's own child, and stops cleanly" {
    notify_units
    refute holds systemd.log "not our child"
    for unit in one two; do
        holds_line result "$unit stop 0 inactive success"
    done
}

# Each of them listens in, or forks to, another process than the one that is started.
@test "Type=notify: a server that daemonizes itself is the unit's main process, and lives" {
    need redis-server nginx memcached rsync sshd ssh-keygen cron atd
    chmod 755 .
    names=(redis-server nginx memcached rsync sshd cron atd)
    ports=()
    for name in "${names[@]}"; do
        ports+=("$(free_port)")
    done
    printf 'pid %s/nginx.pid;\nevents {}\nhttp { access_log off; server { listen 127.0.0.1:%s; } }\n' "$PWD" "${ports[1]}" >nginx.conf
    printf 'pid file = /run/rsyncd.pid\nuse chroot = no\n' >rsync.conf
    ssh-keygen -q -t ed25519 -N "" -f key
    printf 'HostKey %s/key\nListenAddress 127.0.0.1\nUsePAM no\n' "$PWD" >sshd.conf
    words=("redis-server --bind 127.0.0.1 --save \"\" --daemonize yes --port ${ports[0]}"
        "nginx -c $PWD/nginx.conf"
        "memcached -d -u nobody -l 127.0.0.1 -p ${ports[2]}"
        "rsync --daemon --config=$PWD/rsync.conf --address=127.0.0.1 --port=${ports[3]}"
        "$(command -v sshd) -f $PWD/sshd.conf -p ${ports[4]}" cron atd)
    for i in "${!names[@]}"; do
        condition=listen:${ports[i]}
        [ "$i" -lt 5 ] || condition=alive:0.2
        unit "dz-${names[i]}.service" <<END
[Service]
Type=notify
RuntimeDirectory=sshd
Environment=DZ_STATE_DIR=$PWD/state
ExecStart=$DZ -d -o - -e - --wait=$condition ${words[i]}
END
    done
    { ask_unit; echo "units='${names[*]}' starts=${STARTS:-5}"; cat <<'END'; } >probe.sh
for ((round = 1; round <= starts; round++)); do
    for unit in $units; do
        systemctl restart dz-$unit
        status=$?
        pid=$(show dz-$unit MainPID)
        echo "$unit start $status $(show dz-$unit ActiveState) $(cat /proc/$pid/comm) parent $(awk '{ print $4 }' /proc/$pid/stat)"
    done
done
sleep 1
for unit in $units; do
    echo "$unit $(show dz-$unit ActiveState) $(show dz-$unit NRestarts)"
    systemctl stop dz-$unit
    echo "$unit stop $(show dz-$unit Result)"
done
echo end
END
    boot
    for name in "${names[@]}"; do
        assert "starts of $name" "$(grep -c "^$name start 0 active $name parent 1\$" result)" "${STARTS:-5}"
        holds_line result "$name active 0"
        holds_line result "$name stop success"
    done
}

@test "a start that times out makes the unit failed, and leaves no process" {
    for type in notify forking; do
        unit $type.service <<END
[Service]
Type=$type
Environment=DZ_STATE_DIR=$PWD/state
StandardError=append:$PWD/said
ExecStart=$DZ -d -o - -e - -t 0.5 --wait=listen /usr/bin/sleep 3600
END
        unit $type-preload.service <<END
[Service]
Type=$type
Environment=DZ_STATE_DIR=$PWD/state LD_PRELOAD=$SHIM DZ_OUTPUT=- DZ_ERROR=- DZ_WAIT=listen DZ_TIMEOUT=0.5
StandardError=append:$PWD/said
ExecStart=/usr/bin/sleep 3600
END
    done
    { ask_unit; cat <<'END'; } >probe.sh
for unit in notify notify-preload forking forking-preload; do
    systemctl start $unit
    echo "$unit start $?"
    echo "$unit $(show $unit ActiveState) $(show $unit Result) $(show $unit ExecMainStatus)"
done
pgrep -x sleep && echo "something runs"
echo end
END
    boot
    for unit in notify notify-preload forking forking-preload; do
        holds_line result "$unit start 1"
        assert_match "result of $unit" "$(grep "^$unit failed" result)" "$unit failed exit-code *"
    done
    refute holds result "something runs"
    assert "messages" "$(grep -c 'stopped after 0.5 s: does not listen$' said)" 4
}

@test "Type=forking with PIDFile=: it is there, whole, each time" {
    need redis-server
    for number in 1 2 3 4 5; do
        way="$DZ -d -o - -e - -p $PWD/$number.pid"
        environment=
        if [ $((number % 2)) = 0 ]; then
            way=
            environment="LD_PRELOAD=$SHIM DZ_OUTPUT=- DZ_ERROR=- DZ_PIDFILE=$PWD/$number.pid"
        fi
        unit forking$number.service <<END
[Service]
Type=forking
PIDFile=$PWD/$number.pid
Environment=DZ_STATE_DIR=$PWD/state $environment
ExecStart=$way /usr/bin/redis-server --bind 127.0.0.1 --save "" --port $(free_port)
END
    done
    # What says nothing of the others says it of this one.
    unit control.service <<END
[Service]
Type=forking
PIDFile=$PWD/control.pid
TimeoutStartSec=1
ExecStart=/usr/bin/setsid --fork /usr/bin/sleep 60
END
    { ask_unit; cat <<'END'; } >probe.sh
systemctl start control
for round in 1 2 3; do
    for number in 1 2 3 4 5; do
        unit=forking$number
        systemctl restart $unit
        pid=$(show $unit MainPID)
        echo "$round $unit start $? $(show $unit ActiveState) $(cat /proc/$pid/comm) $([ "$pid" = "$(cat $number.pid)" ] && echo same)"
    done
done
for number in 1 2 3 4 5; do
    systemctl stop forking$number
    echo "forking$number $(show forking$number Result)"
done
echo end
END
    boot
    assert starts "$(grep -c '^[123] forking[1-5] start 0 active redis-server same$' result)" 15
    assert stops "$(grep -c '^forking[1-5] success$' result)" 5
    holds systemd.log "control.service: Can't open PID file"
    refute grep -qi "forking.*\(pid file\|pidfile\)" systemd.log
}

@test "dzctl unit: the same words, directory, umask, log and restarts" {
    need systemd-analyze
    export DZ_STATE_DIR=$PWD/state
    mkdir sub
    # shellcheck disable=SC2016
    words=(sh -c 'echo "<$0 $1>"; pwd; umask; exec sleep 1000' 'a b' '$x ${y} 50% "q" \ ;')
    (
        umask 027
        dz -d --name=plain --restart --restart-delay=0.2 -C sub -o plain.log -- "${words[@]}"
        dz -d --name=pumped --keep -u 077 -C . --timestamps=%Y -o pumped.log -- "${words[@]}"
        dz -d --name=ready -o ready.log -w path:there -C . -- sh -c 'echo go; >there; exec sleep 1000'
    ) >pids
    # shellcheck disable=SC2046
    track $(<pids)
    for name in plain pumped ready; do
        await is_file $name.log
        "$CTL" unit $name >made.service
        within systemd-analyze verify ./made.service >verified 2>&1 || fail "$(<verified)"
        # systemd 247 says this where it cannot move itself to a control group.
        assert "words of verify" "$(grep -v "Couldn't move remaining userspace" verified)" ""
        unit dz-$name.service <made.service
        "$CTL" stop $name
        mv $name.log expected-$name
    done
    rm there
    { ask_unit; cat <<'END'; } >probe.sh
lines() { until [ -e $1.log ] && [ "$(wc -l <$1.log)" = $2 ]; do sleep 0.05; done; }
for name in plain pumped ready; do
    systemctl start dz-$name
    echo "start $?"
done
lines plain 3
kill -KILL $(show dz-plain MainPID)
lines plain 6
lines pumped 3
echo "restarts $(show dz-plain NRestarts)"
echo "ready $(cat there ready.log) $(show dz-ready Type)"
for name in plain pumped ready; do
    systemctl stop dz-$name
    echo "$name $(show dz-$name Result)"
done
echo end
END
    boot
    assert "restarts" "$(grep -c '^start 0$' result) $(grep ^restarts result)" "3 restarts 1"
    assert "plain log" "$(<plain.log)" "$(cat expected-plain expected-plain)"
    assert "pumped log" "$(<pumped.log)" "$(sed "s/^[0-9]* /$(date +%Y) /" expected-pumped)"
    holds_line result "ready go notify"
    for name in plain pumped ready; do
        holds_line result "$name success"
    done
}

@test "Type=notify with WatchdogSec=: a kept program feeds it, and is ended when it is silent" {
    mkdir fed kept
    unit fed.service <<END
[Service]
Type=notify
WatchdogSec=3
Environment=DZ_STATE_DIR=$PWD/state
WorkingDirectory=$PWD/fed
LimitCORE=0
ExecStart=$DZ --mode=stay --keep --name=fed -C . -o log $PYTHON $PROGRAMS/speaks.py READY=1 STATUS=speaking
END
    # The keeper's own watchdog, and its restarts: the unit stays active.
    unit kept.service <<END
[Service]
Type=notify
WatchdogSec=3
Environment=DZ_STATE_DIR=$PWD/state
WorkingDirectory=$PWD/kept
LimitCORE=0
ExecStart=$DZ --mode=stay --restart --restart-delay=5 --watchdog=0.5 -w notify --name=kept -C . -o log $PYTHON $PROGRAMS/speaks.py READY=1
END
    { ask_unit; echo "ctl='$CTL' DZ_STATE_DIR=$PWD/state; export DZ_STATE_DIR"; cat <<'END'; } >probe.sh
told() { echo "$1 $(show $1 ActiveState) $(show $1 SubState) $(show $1 Result) $(show $1 NRestarts)"; }
for unit in fed kept; do
    systemctl start $unit
    echo "$unit start $?"
    echo "$unit main $(cat /proc/$(show $unit MainPID)/comm)"
done
echo "fed says $(show fed StatusText)"
pid=$("$ctl" pid kept)
touch kept/silent
until [[ "$(show kept SubState)" = reload* ]]; do sleep 0.05; done # or reload-notify
# In its delay the keeper feeds the watchdog; then the next run does.
until grep -q "starting again in 5 s" kept/log; do sleep 0.05; done
rm kept/silent
until [ "$(show kept SubState)" = running ]; do sleep 0.05; done
told kept
[ "$("$ctl" pid kept)" != "$pid" ] && echo "another run"
told fed
touch fed/silent
until [ "$(show fed ActiveState)" = failed ]; do sleep 0.05; done
told fed
systemctl stop kept
told kept
echo end
END
    boot
    for unit in fed kept; do
        holds_line result "$unit start 0"
        holds_line result "$unit main dznohup"
    done
    holds_line result "fed says speaking"
    holds_line result "kept active running success 0"
    holds_line result "another run"
    holds_line result "fed active running success 0"
    holds_line result "fed failed failed watchdog 0"
    holds fed/log "told NOTIFY_SOCKET WATCHDOG_PID WATCHDOG_USEC"
}

@test "-o journal: to the real journal, which is stopped and started" {
    # shellcheck disable=SC2016
    writer='for i in 1 2 3; do until [ -e go.$i ]; do sleep 0.02; done
        seq $((i * 100 - 99)) $((i * 100)); done; printf "a\001b\nlast" >&2'
    cat >probe.sh <<END
exec >result 2>&1
journal() { systemctl \$1 systemd-journald.socket systemd-journald-dev-log.socket systemd-journald; }
lines() { [ "\$(journalctl -q -t web -p 6..6 -o cat | wc -l)" = \$1 ]; }
journal start
export DZ_STATE_DIR=$PWD/state
"$DZ" -d --keep --name=web -q -C . -o journal: -- sh -c '$writer'
: >go.1
until lines 100; do sleep 0.1; done
journal stop
rm -f /run/systemd/journal/socket
: >go.2
until "$CTL" status web | grep -q "/run/systemd/journal/socket: "; do sleep 0.05; done
journal start
until lines 200; do sleep 0.1; done
: >go.3
"$CTL" wait web
echo "status \$?"
until lines 300; do sleep 0.1; done
journalctl -q -t web -p 6..6 -o cat | cmp - <(seq 300) && echo "the same"
echo "errors \$(journalctl -q DZ_NAME=web -p 3 -o cat | tail -n 1)"
"$CTL" status web
echo end
END
    boot
    holds_line result "status 0"
    holds_line result "the same"
    holds_line result "errors last"
    refute holds result "journal/socket: "
}
