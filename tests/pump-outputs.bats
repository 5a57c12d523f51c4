# The pump's outputs come and go: a full disk, a real syslog daemon, the real journal.
#
# shellcheck disable=SC2016,SC2089,SC2090,SC2154

load helpers
load ctl
load keeper

# How often the disk is filled, and syslogd stopped.
ROUNDS=${KEEPER_ROUNDS:-3}
# Writes 100 lines each time that the file go.N appears, and ends after the last.
WRITER='for i in $(seq "$0"); do until [ -e go.$i ]; do sleep 0.02; done
    seq $((i * 100 - 99)) $((i * 100)); done; until [ -e end ]; do sleep 0.02; done; seq $((i * 100 + 1)) $((i * 100 + 9))'

# For scripts that run where mounts are their own.
in_own_mounts() {
    need_root
    need unshare busybox
    export WRITER ROUNDS DZ CTL
    {
        cat <<'END'
set -u
await() {
    local until=$((SECONDS + DEADLINE))
    until "$@"; do
        [ $SECONDS -lt $until ] || { echo "not within $DEADLINE s: $*"; exit 1; }
        sleep 0.03
    done
}
says() { "$CTL" status web | grep -qF -- "$1"; }
is_silent() { ! says "$1"; }
has() { [ "$(grep -c "$3" "$1")" = "$2" ]; }
keeper() { sed -n 's/^keeper \([0-9]*\) .*/\1/p' "$DZ_STATE_DIR/web"; }
# Hundredths of a second that the keeper has used.
used() { read -r line <"/proc/$(keeper)/stat"; set -- ${line##*) }; echo $((${12} + ${13})); }
stop_job() { "$CTL" stop -t 5 web >/dev/null; }
END
        cat
    } >script.sh
    try within timeout $((DEADLINE - 10)) unshare --mount bash script.sh
    [ "$status" = 0 ] || fail "$output$stderr"
    echo "$output$stderr"
}

@test "a full disk: the program waits, status says so and then no more, each line is there once" {
    in_own_mounts <<'END'
trap stop_job EXIT
mkdir disk
mount -t tmpfs -o size=1m disk disk
"$DZ" -d --keep --name=web --timestamps -q -C . -o disk/log -- sh -c "$WRITER" "$ROUNDS" >/dev/null
for i in $(seq "$ROUNDS"); do
    cat /dev/zero >disk/ballast 2>/dev/null
    before=$(used)
    # Some lines fit the log's last page.
    : >go.$i
    await says "log: No space left on device"
    sleep 2 # it looks again each second
    [ $(($(used) - before)) -lt 50 ] || echo "the keeper was busy: $(($(used) - before))"
    rm disk/ballast
    await has disk/log $((i * 100)) .
    await is_silent "No space left"
done
# What is wrong when the program ends, and is mended, is not told afterwards.
cat /dev/zero >disk/ballast 2>/dev/null
head -c 4096 /dev/zero >>disk/other 2>/dev/null
: >end
sleep 0.5
rm disk/ballast
"$CTL" wait -t 60 web
is_silent "No space left" || echo "told after the end: $("$CTL" status web)"
sed 's/^[^ ]* //' disk/log | cmp - <(seq $((ROUNDS * 100 + 9))) || cat disk/log
END
    assert "what is wrong" "$output$stderr" ""
}

@test "a real syslogd that is stopped and started: each line is there once" {
    in_own_mounts <<'END'
trap 'stop_job; kill $daemon' EXIT
mkdir dev
mount -t tmpfs dev dev
for node in null zero tty urandom; do : >dev/$node; mount --bind /dev/$node dev/$node; done
ln -s /proc/self/fd dev/fd
mount --move dev /dev
start_daemon() {
    busybox syslogd -n -O "$PWD/messages" </dev/null &
    daemon=$!
    await test -S /dev/log
}
start_daemon
"$DZ" -d --keep --name=web -q -C . -o syslog:local3 -- sh -c "$WRITER" "$ROUNDS" >/dev/null
for i in $(seq "$ROUNDS"); do
    kill $daemon
    wait $daemon
    rm -f /dev/log # as the daemon does, or its start
    before=$(used)
    : >go.$i
    await says "/dev/log: "
    sleep 2
    [ $(($(used) - before)) -lt 50 ] || echo "the keeper was busy: $(($(used) - before))"
    start_daemon
    await has messages $((i * 100)) 'web\['
    await is_silent "/dev/log: "
done
: >end
"$CTL" wait -t 60 web
await has messages $((ROUNDS * 100 + 9)) 'web\['
grep -o 'local3.info web\[[0-9]*\]: .*' messages | sed 's/.*: //' | cmp - <(seq $((ROUNDS * 100 + 9))) || cat messages
END
    assert "what is wrong" "$output$stderr" ""
}
