# What the tests of the engines share: the recipes of dz-engines(7), and the program that
# they start.
#
# shellcheck shell=bash disable=SC2034

PATH=$PATH:/usr/sbin:/sbin

# The recipe of that name as the manual has it, with the places and the port of this test.
recipe() {
    local text
    text=$(sed -n "/^\.\\\\\" recipe $1\$/,/^\.Ed\$/p" "$ROOT/man/dz-engines.7" |
        sed '/^\./d; s/\\e/\\/g; s/\\&//g')
    [ -n "$text" ] || fail "dz-engines(7) has no recipe $1" || return
    sed "s,/usr/local/bin/dznohup,$DZ,g; s,/usr/local/bin/dzctl,$CTL,g
        s,/opt/app,$PWD/app,g; s,/var/log,$PWD,g; s,/run/,$PWD/,g; s,8080,$port,g" <<<"$text"
}

# The program: app/server, on a port of this test; app/broken makes it fail.
new_app() {
    port=$(free_port)
    mkdir -p app
    chmod 755 . app
    mend_app
}
break_app() { : >app/broken; }
mend_app() {
    rm -f app/broken
    printf '#!/bin/sh\nexec %s %s %s %s\n' "$PYTHON" "$TESTS/engines/server.py" "$port" "$PWD/app" >app/server
    chmod +x app/server
}

# The engine, in the background; it is ended with the test.
engine() {
    beside "$@" </dev/null >engine.log 2>&1 &
    engine=$!
    track "$engine"
}

# The PID of the server that listens, once it does; ended with the test.
serving() {
    await listens "$port"
    app=$(listener "$port")
    track "$app"
}
# Another process than PID listens.
serves_again() { listens "$port" && [ "$(listener "$port")" != "$1" ]; }

# Nothing is left: neither the program, nor a process of ours, nor the port.
assert_nothing_left() {
    await none_of_app
    refute listens "$port"
}
none_of_app() { [ -z "$(processes_with "$PWD/app")" ]; }
