# Under a real systemd, booted as PID 1 of namespaces of its own.

load helpers

# boot UNIT... : write units first by unit NAME <<END.  The probe script of the
# test runs after them, and its end powers the machine off.
unit() {
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
mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system &&
    cp units/* /run/systemd/system/ && mkdir -p /run/outside && exec env -i \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin container=other /lib/systemd/systemd --system \
    --unit=test.target --log-target=console >systemd.log 2>&1
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
    closed timeout -s KILL 60 bash enter.sh </dev/null >/dev/null 2>&1 || true
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
