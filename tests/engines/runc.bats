# A container by runc as a kubelet has it: postStart, a probe by exec, preStop, TERM and
# then KILL; user 65534, a read-only root.

load ../helpers
load engines

needs() {
    need_root
    need runc busybox script
    [ -x "$TARGETS/server-static" ] || lacking "needs server-static"
}

# container_of [NAME=VALUE]...: a bundle with the command of the pod in the manual, and
# what these say instead, by python.
bundle() {
    port=$(free_port)
    id=dz-test-$$-$BATS_TEST_NUMBER
    mkdir -p rootfs/{bin,opt/app,usr/local/bin,proc,sys,dev,tmp}
    chmod 1777 rootfs/tmp
    cp "$(command -v busybox)" rootfs/bin/
    ln -sf busybox rootfs/bin/sh
    cp "$DZ" "$CTL" rootfs/usr/local/bin/
    cp "$TARGETS/server-static" rootfs/opt/app/server
    rm -f config.json
    runc spec
    recipe_in_root pod >pod.yaml
    set_up "$@"
}
# The places of the manual are those of the container.
recipe_in_root() {
    local DZ=/usr/local/bin/dznohup CTL=/usr/local/bin/dzctl
    recipe "$1" | sed "s,$PWD/app,/opt/app,g"
}
set_up() {
    "$PYTHON" - "$(grep -m 1 '^ *command:' pod.yaml | sed 's/^ *command: //')" "$@" <<'PY'
import json, sys
config = json.load(open("config.json"))
process = config["process"]
process["terminal"] = False
process["args"] = json.loads(sys.argv[1])
process["user"] = {"uid": 65534, "gid": 65534}
config["root"]["readonly"] = True
config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmp",
                         "options": ["nosuid", "nodev", "mode=1777"]})
# The host's network: the test's ports are free there.
config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"]
                                 if n["type"] != "network"]
for change in sys.argv[2:]:
    exec(change)
json.dump(config, open("config.json", "w"))
PY
}
engine_of() { closed timeout -s KILL "$DEADLINE" runc --root "$PWD/state" "$@"; }
create() {
    engine_of run -d --pid-file init.pid --bundle "$PWD" "$id" </dev/null >log 2>&1
    init=$(<init.pid)
    track "$init"
}
# hook KEY: runs what the pod has there, in the container.
hook() {
    local words
    mapfile -t words < <("$PYTHON" -c 'import json, sys
print("\n".join(json.loads(sys.argv[1])))' "$(sed -n "s/^ *$1: {exec: {command: \(\[.*\]\)}}.*/\1/p" pod.yaml)")
    [ ${#words[@]} -gt 1 ]
    try engine_of exec "$id" "${words[@]}"
}
state_is() { [ "$(engine_of state "$id" | sed -n 's/.*"status": "\(.*\)".*/\1/p')" = "$1" ]; }
delete() {
    engine_of delete --force "$id"
    assert containers "$(engine_of list -q)" ""
    refute listens "$port"
    gone "$init"
}
clean_up() {
    [ ! -d state ] || engine_of delete --force "$id" 2>/dev/null || true
}

@test "a pod's container: postStart waits, the probe answers, preStop, TERM ends it" {
    bundle
    create
    hook postStart
    assert "status of postStart: $stderr, $(<log)" "$status" 0
    listens "$port"
    hook readinessProbe
    assert "status of the probe: $stderr" "$status" 0
    assert "user" "$(status_field "$init" Uid | cut -f 1)" 65534
    assert "root" "$(awk '$5 == "/" { print substr($6, 1, 2) }' "/proc/$init/mountinfo")" ro
    try engine_of exec "$id" /usr/local/bin/dzctl status app
    assert_match status "$output" "app: running, PID *"
    assert "log" "$(<log)" ready
    hook preStop
    assert "status of preStop: $stderr" "$status" 0
    engine_of kill "$id" TERM
    await state_is stopped
    delete
}

@test "an image's ENTRYPOINT and CMD, put together as docker does; docker stop ends it" {
    bundle
    recipe_in_root image >image.txt
    entry=$("$PYTHON" -c 'import json
parts = [json.loads(line.split(" ", 1)[1]) for line in open("image.txt")]
print(parts[0] + parts[1])')
    set_up "process['args'] = $entry"
    create
    await listens "$port"
    assert "words of PID 1" "$(command_of "$init")" "/usr/local/bin/dznohup --keep -- /opt/app/server $port "
    assert log "$(<log)" ready
    engine_of kill "$id" TERM
    await state_is stopped
    delete
}

@test "a container's end is the program's: status, restart inside, orphans reaped" {
    bundle 'process["args"][1:1] = ["--restart=always", "--restart-delay=0.1"]'
    create
    hook postStart
    assert "status of postStart: $stderr, $(<log)" "$status" 0
    first=$(listener "$port")
    kill -KILL "$first"
    await serves_again "$first"
    assert "init" "$(<init.pid)" "$init"
    hook readinessProbe
    assert "status of the probe: $stderr" "$status" 0
    try engine_of exec "$id" /usr/local/bin/dzctl status app
    assert_match status "$output" "*restarted 1 time*"
    engine_of kill "$id" TERM
    await state_is stopped
    delete
    # In the foreground the engine sees the status.
    for code in 0 7; do
        set_up "process['args'] = ['/usr/local/bin/dznohup', '--keep', '/bin/sh', '-c', 'exit $code']"
        try engine_of run --bundle "$PWD" "$id" </dev/null
        assert "status: $stderr" "$status" $code
    done
}

@test "TERM, then KILL: a program that ignores TERM ends after the grace period" {
    bundle 'process["args"] = ["/usr/local/bin/dznohup", "--keep", "/bin/sh", "-c", "trap \"echo spared\" TERM; echo up; while :; do busybox sleep 0.1; done"]'
    create
    await holds_line log up
    engine_of kill "$id" TERM
    await holds_line log spared
    state_is running
    engine_of kill "$id" KILL
    await state_is stopped
    delete
}

@test "nothing may be written: the program runs; with a name, one line says what is missing" {
    bundle 'config["mounts"].pop()' 'process["args"] = ["/usr/local/bin/dznohup", "--keep", "/opt/app/server", process["args"][-1]]'
    create
    await listens "$port"
    assert log "$(<log)" ready
    engine_of kill "$id" TERM
    await state_is stopped
    delete
    set_up 'config["mounts"].pop(); config["mounts"].pop()'
    try engine_of run --bundle "$PWD" "$id" </dev/null
    assert status "$status" 125
    assert_match "with a name" "$stderr" "dznohup: state: *Read-only file system*"
}

@test "a start that fails in a container: one line in its log, the status, no container left" {
    bundle
    rm rootfs/opt/app/server
    try engine_of run --bundle "$PWD" "$id" </dev/null
    assert status "$status" 127
    assert log "$stderr" "dznohup: command: /opt/app/server: No such file or directory"
    assert containers "$(engine_of list -q)" ""
}

on_console() { # WORD...: python's list of words to run with a terminal
    bundle 'process["terminal"] = True' "process['args'] = ['/usr/local/bin/dznohup', $1]"
    # Ctrl-C from the keyboard, once it is on the screen.
    cat >keys <<'SH'
until grep -qs "on a terminal" screen; do sleep 0.05; done
printf '\003'
SH
    status=0
    within sh keys 3>&- 4>&- |
        within script -qefc "runc --root '$PWD/state' run --bundle '$PWD' '$id'" screen >/dev/null 2>&1 || status=$?
    holds screen "on a terminal"
    assert containers "$(engine_of list -q)" ""
    rm screen
}

@test "a container with a terminal: the program has it, with its keyboard if there is a keeper" {
    on_console '"--keep", "/bin/sh", "-c", "test -t 0 && test -t 1 && echo on a terminal; exec busybox sleep 3600"'
    assert "status at Ctrl-C" "$status" 130
    on_console '"/bin/sh", "-c", "test -t 0 && test -t 1 && echo on a terminal; busybox sleep 0.5; exit 7"'
    assert "status without a keeper" "$status" 7
}
