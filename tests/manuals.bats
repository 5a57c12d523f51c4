# Each example line of the manuals, run as it is printed, where the programs, files and
# ports that they name are there: in namespaces of its own.
#
# shellcheck disable=SC2016

load helpers

needs() {
    need_root
    need unshare setpriv curl jq flock nohup timeout make ip
}

# The example lines of a page; a line "--" between those that do not follow each other.
example_lines() {
    awk '/^\.Dl /{ if (NR != last + 1) print "--"; last = NR; print substr($0, 5) }' "$ROOT/man/$1" |
        sed 's/\\(dq/"/g; s/\\&//g; s/\\e/\\/g'
}

# What runs in the namespaces.
inside() {
    cat <<'SH'
mount --make-rprivate /
for folder in /run /opt /srv /var/log /etc/systemd/system; do
    mkdir -p $folder
    mount -t tmpfs examples $folder
done
mkdir dev
mount -t tmpfs dev dev
for node in null zero tty urandom; do : >dev/$node; mount --bind /dev/$node dev/$node; done
ln -s /proc/self/fd dev/fd
mount --move dev /dev
ip link set lo up
mkdir -p /run/systemd/journal /srv/www build bin main /opt/app /opt/vendor /opt/static
cp "$DZ" "$CTL" "$SHIM" bin
cp "$SHIM" build
export PATH=$PWD/bin:/usr/sbin:/usr/bin:/sbin:/bin LD_LIBRARY_PATH=$PWD/build
unset DZ_STATE_DIR
for name in bin/server bin/redis-server bin/java bin/node bin/npm bin/memcached bin/train.py \
    server app app.py train.py job mud simulate backup.sh progress-dots nightly.sh poll-once spawner serve \
    /opt/app/server /opt/vendor/server /opt/vendor/vendord /srv/train.py; do
    cp "$PROGRAMS/any-program.py" $name
done
printf '#!/bin/sh\n' >prepare
chmod +x prepare
cp "$STATIC" /opt/static/server
cp "$SLEEP" bin/sshd
printf '#!/bin/sh\n/opt/vendor/vendord\n' >/opt/vendor/start.sh
printf '#!/bin/sh\nexec sh -c "$2"\n' >bin/ssh
printf '#!/bin/sh\nexec kill -0 "$2"\n' >bin/gdb
printf 'all:\n\t@sleep 1000\n' >Makefile
chmod +x bin/* /opt/vendor/start.sh
: >commands.txt
# Readers of what goes to syslog and to the journal.
for socket in /dev/log /run/systemd/journal/socket; do
    "$PYTHON" -c 'import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
while True: receiver.recv(65536)' $socket &
    until [ -S $socket ]; do sleep 0.01; done
    spared="$spared $!"
done

wrong() { echo "$line: $*"; failed=1; }
# Ends all but the readers.
clean() {
    for file in /proc/[0-9]*; do
        pid=${file#/proc/}
        case " 1 $$ $spared " in *" $pid "*) ;; *) kill -KILL $pid 2>/dev/null ;; esac
    done
    rm -rf /run/dz /run/app.pid lock log *.log
}
# What a line needs that another one has started.
prepare() {
    case $line in
    *\$!* | *"pgrep -nf train.py"*) setsid train.py >out 2>&1 & until grep -q Started out; do sleep 0.02; done ;;
    *"pgrep -n make"*) setsid make >out 2>&1 & until pgrep -x make >/dev/null; do sleep 0.02; done ;;
    *"pgrep -o sshd"*) dznohup -d -q -o sshd.log sshd 1000 >/dev/null ;;
    "dznohup -d "*" --name=web "*) dzctl stop -a >/dev/null 2>&1 ;;
    "dzctl wait train"*) dznohup -d -q --keep -w alive:0.1 --name=train -o train.log sleep 0.3 >/dev/null ;;
    "dzctl log -f"*) dzctl stop -a >/dev/null; dznohup -d -q --name=web -w exec -o web.log sleep 0.5 >/dev/null ;;
    "dzctl start"* | "dzctl clear web") dznohup -d -q --name=web -o web.log server >/dev/null; dzctl stop web >/dev/null ;;
    "dzctl stop"*run*) dznohup -d -q -p /run/db.pid -o db.log server >/dev/null ;;
    "dzctl keep"*)
        dznohup -d -q --keep --name=web -o web.log server >/dev/null
        kill -KILL "$(dzctl status --json web | jq .keeper)"
        until dzctl status web | grep -q "keeper gone"; do sleep 0.02; done
        ;;
    "dzctl "* | gdb* | kill*)
        dznohup -d -q --if-not-running --rotate=1M --name=web -w listen:8080 -o web.log server >/dev/null
        [[ $line != *" db" ]] || dznohup -d -q --name=db -o db.log server >/dev/null
        ;;
    esac
}
failed=0
while IFS= read -r line <&7; do
    case $line in
    --) clean; continue ;;
    # Words of units and of an image, which the engines' tests run; forms of messages.
    Type=* | ENTRYPOINT* | "dznohup: "* | "dzctl: "* | "libdz.so: "*) continue ;;
    ExecStart=*) line=${line#ExecStart=} ;;
    esac
    count=$((count + 1))
    prepare
    echo "$line" >line.sh
    wanted=0
    case $line in
    # It stays, so it is there when its time is over; a pipe to tee is as long as it.
    *" &" | "dznohup /opt/"* | *"| tee log" | "timeout 600 "* | "dznohup --keep "* | *ready-fd* | "dznohup --line-buffered "*) wanted=124 ;;
    esac
    [ "$line" != "wait \$!" ] || continue # of the line before it
    if [[ $line == *"--ready-fd=3"* ]]; then
        exec 3>ready
    elif [[ $line == *" &" ]]; then
        echo "wait \$!" >>line.sh
    elif [[ $line == *"\$!"* ]]; then
        sed -i "s/\\\$!/$!/" line.sh
    fi
    # www, a user of other systems.
    sed -i "s/=www/=nobody/g; s/--regid=nobody/--regid=$(id -g nobody)/" line.sh
    limit=$DEADLINE
    [ $wanted = 0 ] || limit=0.7
    timeout $limit bash line.sh >out 2>err </dev/null 3>&3
    status=$?
    [ $status = $wanted ] || wrong "status $status: $(cat out err)"
    exec 3>&-
done 7<examples
clean
echo "$count lines"
exit $failed
SH
}

# examples_run PAGE LEAST: all of its examples, at least so many.
examples_run() {
    example_lines "$1" >examples
    echo 'int pause(void); int main(void) { return pause(); }' >static.c
    gcc -static -o static static.c
    export STATIC=$PWD/static DZ CTL SHIM PYTHON PROGRAMS SLEEP
    inside >inside.sh
    try closed unshare --mount --net --pid --fork --kill-child --mount-proc bash inside.sh </dev/null
    [ "$status" = 0 ] || fail "$output$stderr"
    [ "${output% lines}" -ge "$2" ] || fail "$output: $stderr"
}

@test "dznohup(1): each example runs as it is printed" { examples_run dznohup.1 60; }
@test "dzctl(1): each example runs as it is printed" { examples_run dzctl.1 22; }
@test "libdz(7): each example runs as it is printed" { examples_run libdz.7 8; }
