# Containers by a dockerd of the test's own, without a network: the image of dz-engines(7).

bats_require_minimum_version 1.5.0
load ../helpers
load engines

needs() {
    need_root
    need docker dockerd busybox script
    [ -x "$TARGETS/server-static" ] || lacking "needs server-static"
    engine dockerd --iptables=false --bridge=none --storage-driver=vfs --data-root "$PWD/docker/data" \
        --exec-root "$PWD/docker/run" --pidfile "$PWD/docker.pid" -H "unix://$PWD/docker.sock"
    await serves
    # shellcheck disable=SC2046
    track $(pgrep -P "$engine") # containerd
}
serves() { docker_of version >/dev/null 2>&1; }
clean_up() {
    local left
    [ -n "${engine:-}" ] || return 0
    left=$(docker_of ps -aq)
    # shellcheck disable=SC2086
    [ -z "$left" ] || docker_of rm -f $left >/dev/null
    kill -TERM "$engine" && await gone "$engine"
    awk -v top="$PWD/docker/" 'index($5, top) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
        xargs -r umount
}
docker_of() { closed timeout -s KILL "$DEADLINE" docker -H "unix://$PWD/docker.sock" "$@"; }

# The image: the manual's file, on a root of busybox and our three programs.
image() {
    local line
    port=$(free_port)
    mkdir -p rootfs/{bin,opt/app,usr/local/bin,tmp}
    cp "$(command -v busybox)" rootfs/bin/
    for line in sh sleep true grep; do ln -s busybox "rootfs/bin/$line"; done
    cp "$DZ" "$CTL" rootfs/usr/local/bin/
    cp "$TARGETS/server-static" rootfs/opt/app/server
    local changes=()
    while read -r line; do changes+=(--change "$line"); done < <(
        DZ=/usr/local/bin/dznohup CTL=/usr/local/bin/dzctl recipe image | sed "s,$PWD/app,/opt/app,g")
    [ ${#changes[@]} -eq 4 ] || fail "the manual's image has other lines: ${changes[*]}" || return
    tar -C rootfs -c . | docker_of import "${changes[@]}" - app >/dev/null
}
# The same with this in place of the server.
busy() { docker_of run --network none --entrypoint /usr/local/bin/dznohup "$@"; }
health_is() { [ "$(docker_of inspect -f '{{.State.Health.Status}}' box)" = "$1" ]; }
ended_with() { assert "exit status" "$(docker_of inspect -f '{{.State.Status}} {{.State.ExitCode}}' box)" "exited $1"; }
logs() { docker_of logs box 2>&1; }
has_said() { [[ $(logs) == *"$1"* ]]; }

@test "docker: ENTRYPOINT and CMD of the manual: it serves, logs, is healthy, and stops" {
    image
    docker_of run -d --name box --network host --health-interval 1s \
        --health-cmd "/usr/local/bin/dzctl ready app listen:$port" \
        --entrypoint /usr/local/bin/dznohup app --keep --name=app /opt/app/server "$port" >/dev/null
    await health_is healthy
    try docker_of exec box /usr/local/bin/dzctl status app
    assert_match status "$output" "app: running, PID *"
    docker_of rm -f box >/dev/null
    docker_of run -d --name box --network host app >/dev/null
    await listens "$port"
    await has_said ready
    docker_of stop -t 300 box >/dev/null
    refute listens "$port"
    # By TERM: KILL would be 137.
    [ "$(docker_of inspect -f '{{.State.ExitCode}}' box)" -ne 137 ]
}

@test "docker: a program without a handler ends at docker stop; signals, statuses, orphans" {
    image
    busy -d --name box app --keep sleep 1000 >/dev/null
    await pid_of_sleep
    docker_of stop -t 300 box >/dev/null
    ended_with 143
    docker_of rm box >/dev/null
    for status in 0 1 255; do
        run busy --rm app --keep sh -c "exit $status"
        assert "status" "$status" "$status"
    done
    run busy --rm app --keep sh -c 'kill -9 $$'
    assert "status of a killed one" "$status" 137
    run -127 busy --rm app --keep /opt/app/missing
    assert "its reason" "$output" "dznohup: command: /opt/app/missing: No such file or directory"

    # shellcheck disable=SC2016
    busy -d --name box app --keep sh -c 'trap "echo got USR1" USR1
        i=0; while [ $i -lt 20 ]; do (true &); i=$((i+1)); done
        echo begun; while :; do sleep 0.1; done' >/dev/null
    await has_said begun
    docker_of kill -s USR1 box >/dev/null
    await has_said "got USR1"
    await no_zombie
}
pid_of_sleep() { docker_of top box 2>/dev/null | grep -q 'sleep 1000$'; }
no_zombie() { ! docker_of exec box sh -c 'grep -l "^State:.Z" /proc/[0-9]*/status' | grep -q .; }

@test "docker run -t: the program has the terminal; its keyboard interrupts it" {
    image
    run closed script -feqc "docker -H unix://$PWD/docker.sock run --rm -t --network none \
        --entrypoint /usr/local/bin/dznohup app --keep sh -c '[ -t 0 ] && [ -t 1 ] && exit 5'" /dev/null
    assert "status ($output)" "$status" 5
    mkfifo keys
    closed script -feqc "docker -H unix://$PWD/docker.sock run --rm -it --network none \
        --entrypoint /usr/local/bin/dznohup app --keep sh -c 'echo be\"\"gun; sleep 1000'" screen <keys >/dev/null &
    track $!
    terminal=$!
    exec 7>keys
    await holds screen begun
    printf '\003' >&7
    await gone "$terminal"
    exec 7>&-
    wait "$terminal" && interrupted=0 || interrupted=$?
    assert "status of the interrupted one" "$interrupted" 130
}
