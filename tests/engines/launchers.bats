# Programs that start programs, and are large or of other users: npm, sudo.

load ../helpers
load ../readme

needs() { need npm node sudo; }

package() {
    cat >package.json <<'JSON'
{"name": "app", "version": "1.0.0", "scripts": {"start": "node server.js", "printer": "./prints"}}
JSON
    cp "$TARGETS/prints" .
    cat >server.js <<'JS'
const server = require("net").createServer((client) => client.on("error", () => {}).end("hello\n"));
server.listen(process.argv[2], "127.0.0.1", () => console.log("listens"));
JS
}

@test "npm run: a node server is waited for, its log is live, and all of it is stopped" {
    package
    port=$(free_port)
    pid=$(dz -d -q --shim="$SHIM" --line-buffered --name=app -C . -o log -w "listen:$port" -t 60 \
        npm run start -- "$port")
    track "$pid"
    await holds_line log listens
    pids=$(pgrep -s "$(stat_field "$pid" 6)")
    for each in $pids; do track "$each"; done
    [ "$(wc -l <<<"$pids")" -gt 1 ] || fail "npm has started nothing: $pids"
    run "$CTL" stop app
    assert stop "$output" "app: stopped, PID $pid"
    for each in $pids; do gone "$each" || fail "PID $each runs"; done
}

@test "README: npm run dev is waited for; stop ends npm, its shell and node" {
    package
    sed -i 's/"start":/"dev": "node server.js $PORT", "start":/' package.json
    PORT=$(free_port)
    export PORT
    port=$PORT
    line=$(printed 'dznohup -d --name=dev -C . -o dev.log -w listen:8080 npm run dev')
    [ -n "$line" ]
    mkdir -p bin
    ln -sf "$DZ" bin/dznohup
    pid=$(closed env PATH="$PWD/bin:$PATH" bash -c "$line")
    track "$pid"
    pids=$(pgrep -s "$(stat_field "$pid" 6)")
    for each in $pids; do track "$each"; done
    run "$CTL" stop dev
    assert stop "$output" "dev: stopped, PID $pid"
    for each in $pids; do gone "$each" || fail "PID $each runs"; done
}

# err: how long the log is when the program has printed "line\n", "part", and the rest.
@test "npm run: a C program's lines are in the log when it prints them" {
    package
    try closed "$DZ" -q --shim="$SHIM" --line-buffered -C . -o log -e err npm run -s printer </dev/null
    assert status "$status" 0
    assert "lengths of the log" "$(sed 's/.* //' err | tr '\n' ' ')" "0 5 5 10 "
}

@test "sudo: powers that cannot follow are refused, or end with a word behind a script" {
    need_root
    user=$(getent passwd 65534 | cut -d : -f 1)
    why="it is setuid, setgid or has file capabilities"
    try dz -q --shim="$SHIM" --line-buffered -o log sudo -E -u "$user" id -un
    assert status "$status" 125
    assert stderr "$stderr" "dznohup: preload: $(command -v sudo): $why"
    [ ! -e log ]
    # Without a power it is a program as any.
    try dz -q -o log sudo -E -u "$user" id -un
    assert status "$status" 0
    assert log "$(<log)" "$user"
    # shellcheck disable=SC2016
    try dz -q --shim="$SHIM" --line-buffered --reopen -o log.2 \
        sh -c 'exec sudo -E -u "$0" env' "$user"
    assert status "$status" 0
    assert "the first line" "$(head -n 1 log.2)" \
        "libdz.so: buffer=line,reopen: $(command -v sudo): ends here: $why"
    refute grep -q 'DZ_\|LD_PRELOAD' <(tail -n +2 log.2)
}
