# What dznohup(1) shows of kept jobs, and of their logs, run as it stands there; only the
# places are this test's.
#
# shellcheck disable=SC2154

load helpers
load keeper

# The lines of that example in the manual, without mdoc's own words.
example() {
    awk -v begins=".\\\\\" example $1" '
        /^\.\\"/ { on = $0 == begins; block = 0; next }
        on && /^\.Bd / { block = 1; next }
        on && block && !/^\.Ed/ { print; next }
        on && sub(/^\.Dl /, "") { print; next }
        { on = 0 }' "$ROOT/man/dznohup.1" | sed 's/\\(dq/"/g; s/\\&//g' | grep . ||
        fail "dznohup(1) has no example $1"
}
# A line of it, as a shell runs it that finds the programs of the build; its stdout is a
# pipe.
run_line() {
    mkdir -p bin
    ln -sf "$DZ" bin/dznohup
    ln -sf "$CTL" bin/dzctl
    status=0
    output=$(closed env PATH="$PWD/bin:$PATH" bash -c "$1" </dev/null 2>err) || status=$?
}
# line N EXAMPLE: the Nth line of it, run.
line() {
    local text
    text=$(example "$2" | sed -n "$1p")
    [ -n "$text" ] || fail "$2 has no line $1" || return
    run_line "$text"
    assert "status of $text" "$status" 0 || fail "$(<err)"
}
# program NAME CODE: one in this folder.
program() {
    printf '#!/bin/sh\n%s\n' "$2" >"$1"
    chmod +x "$1"
}
of_web() {
    pid=$(recorded web pid)
    keeper=$(keeper_of web)
    track "$keeper" "$pid"
}

@test "page: pm2's words, by a node that ends with 0" {
    need node
    cat >app.js <<'END'
const fs = require("fs");
console.log("up");
const timer = setInterval(() => { if (fs.existsSync("end")) { fs.unlinkSync("end"); process.exit(0); } }, 20);
END
    line 1 pm2
    pid=$output
    of_web
    assert PID "$output" "$pid"
    : >end
    await runs_again "$pid"
    holds err "starting again"
    line 2 pm2
    assert_match list "$output" "*web *running*node*app.js*"
    await is_up_again
    line 3 pm2
    assert_match log "$output" "*up*"
    line 4 pm2
    of_web
    assert restarted "$output" "web: restarted, PID $pid"
    line 5 pm2
    assert stopped "$output" "web: stopped, PID $pid"
    line 6 pm2
    assert records "$(ls -A "$DZ_STATE_DIR")" ""
}

is_up_again() { [ "$(grep -cx up web.log)" = 2 ]; }

@test "page: supervisord's settings" {
    program server 'echo run >>runs; until [ -e end ]; do sleep 0.01; done; exit 1'
    line 1 supervisord
    of_web
    : >end
    await is_over
    assert runs "$(wc -l <runs)" 3
    holds web.log "3 failures in a row, giving up"
    assert rotation "$(recorded web option | grep rotate)" "rotate=$((10 << 20)),9"
}

@test "page: FreeBSD's daemon" {
    program app 'echo run; until [ -e end ]; do sleep 0.01; done; rm end; exit 0'
    line 1 daemon
    pid=$output
    track "$pid" "$(stat_field "$pid" 4)"
    assert pidfile "$(<app.pid)" "$pid"
    : >end
    await holds app.log "starting again in 1 s"
    await another_pid
    keeper=$(stat_field "$(<app.pid)" 4)
    kill -TERM "$keeper"
    await gone "$keeper"
    [ ! -e app.pid ] || fail "a pidfile is left"
}
another_pid() { [ "$(<app.pid)" != "$pid" ] && alive "$(<app.pid)"; }

@test "page: tini and dumb-init, with and without the process group" {
    program server 'echo got >first; (trap "echo child >>got; exit" USR1; : >child; while :; do sleep 0.02; done) &
        trap "echo parent >>got" USR1; until [ -e child ]; do sleep 0.01; done; : >up; while :; do sleep 0.02; done'
    for number in 1 2; do
        rm -f up got child
        text=$(example tini | sed -n "${number}p")
        mkdir -p bin
        ln -sf "$DZ" bin/dznohup
        beside env PATH="$PWD/bin:$PATH" bash -c "exec $text" </dev/null >out 2>err &
        keeper=$!
        track "$keeper"
        await test -e up
        kill -USR1 "$keeper"
        await holds got parent
        [ $number = 1 ] || await holds got child
        kill -TERM "$keeper"
        status=0
        wait "$keeper" || status=$?
        assert "status of $text" "$status" 143
        assert "who got it: $text" "$(sort got | paste -sd ' ')" "$([ $number = 1 ] && echo parent || echo child parent)"
    done
}

@test "page: svlogd" {
    mkdir main
    # shellcheck disable=SC2016
    program server 'echo "line $$"; echo error >&2; exec sleep 1000'
    line 1 svlogd
    pid=$output
    keeper=$(stat_field "$pid" 4)
    track "$keeper" "$pid"
    await holds main/current error
    assert lines "$(sed 's/^20[0-9-]*T[0-9:.]*[+Z][0-9:]* //' main/current)" "line $pid"$'\n'error
    kill -TERM "$keeper"
    await gone "$keeper"
}

@test "page: logrotate beside the keeper: every line once, in the old log or the new one" {
    need logrotate jq
    program server 'i=0; while [ $i -lt 400 ]; do i=$((i + 1)); echo "$i"; sleep 0.005; done; : >all; exec sleep 1000'
    example logrotate | sed "s,/var/log/,$PWD/," >conf
    chmod 755 .
    chmod 644 conf
    mkdir -p bin
    ln -sf "$CTL" bin/dzctl
    start leave --name=web --output=web.log --chdir=. --timestamps --quiet -- ./server
    of_web
    for i in 1 2 3; do
        await at_least $((i * 100))
        closed env PATH="$PWD/bin:$PATH" logrotate -f -s "$PWD/state.logrotate" conf
    done
    await test -e all
    await all_there
    assert "rotated logs" "$(echo web.log*)" "web.log web.log.1 web.log.2.gz web.log.3.gz"
    "$CTL" stop web
}
lines() { for file in web.log.3.gz web.log.2.gz; do zcat "$file" 2>/dev/null; done; cat web.log.1 web.log 2>/dev/null; }
at_least() { [ "$(lines | wc -l)" -ge "$1" ]; }
all_there() { lines | sed 's/^[^ ]* //' | cmp -s - <(seq 400); }

@test "page: the image's ENTRYPOINT" {
    need_root
    need unshare "$PYTHON"
    mkdir -p bin opt
    ln -sf "$DZ" bin/dznohup
    program opt/server 'echo "$$ $1"; exit 6'
    example image | sed "s/^ENTRYPOINT //; s,/opt/app,$PWD/opt," >words.json
    mapfile -t words < <("$PYTHON" -c 'import json; print("\n".join(json.load(open("words.json"))))')
    [ ${#words[@]} = 4 ]
    try closed env PATH="$PWD/bin:$PATH" "${NEW_PIDS[@]}" "${words[@]}" word </dev/null
    assert status "$status" 6
    assert output "$output" "2 word"
}
