# What a build for another word size, machine or libc must be able to do.
# shellcheck disable=SC2154 # set by the helpers and by bats

CPPFLAGS=

# without_warning FOLDER CC [VARIABLE=VALUE...]
without_warning() {
    try build -j2 BUILD="$PWD/$1" CC="$2" CPPFLAGS="$CPPFLAGS" CFLAGS="-O1 -Werror" "${@:3}" all
    assert "status of $2" "$status" 0
    assert "warnings of $2" "$stderr" ""
    # What `make lint` asks of the first build's library.
    nm -D --undefined-only "$1/libdz.so" | awk '{ sub(/@.*/, "", $2); print $2 }' | sort -u >used
    sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$ROOT/shim/imports" | sort >allowed
    assert "imports of $2" "$(comm -13 allowed used)" ""
    assert "libraries of $2" "$(readelf -d "$1/libdz.so" | grep -E 'NEEDED|TEXTREL')" ""
}

# The server that answers, by that compiler.
server_of() { # WORD...
    # shellcheck disable=SC2086
    "$@" $CPPFLAGS -D_GNU_SOURCE "$TESTS/targets/server.c"
}

# What the programs in that folder must be able to do with that server.
main_jobs() {
    local dir=$1 server=$2 port pid code=0
    port=$(free_port)
    rm -f log
    "$dir/dznohup" --mode=stay -o log "$server" "$port" </dev/null 3>&- 4>&- &
    pid=$!
    track "$pid"
    await holds log ready
    assert_daemon "$pid" stay
    assert_answers "$port" "$pid"
    kill "$pid"
    wait "$pid" || code=$?
    assert "its status" "$code" 143

    pid=$(closed "$dir/dznohup" -d -q -p pid --name=main -o log --wait=listen:"$port" "$server" "$port")
    track "$pid"
    assert_daemon "$pid" leave
    assert pidfile "$(cat pid)" "$pid"
    assert_answers "$port" "$pid"
    try closed "$dir/dznohup" -d --name=main "$server" "$port"
    assert "status of a second one" "$status" 122
    assert "words of a second one" "$stderr" "dznohup: name: main: already running as PID $pid"
    try "$dir/dzctl" list
    assert_match list "$output" "*main * $pid * running * $server $port*"
    try "$dir/dzctl" inspect main
    assert_match inspect "$output" "*verdict: a proper daemon"
    try "$dir/dzctl" stop main
    assert stop "$output" "main: stopped, PID $pid"
    try "$dir/dzctl" status main
    assert "status when it is stopped" "$status" 1

    try closed "$dir/dznohup" -d -o words sh -c 'echo its words; exit 7'
    assert "status of a start that fails" "$status" 7
    assert_match "words of a start that fails" "$stderr" "*: exited with status 7 after *"$'\n'"  its words"
}

# The same of the library in it, preloaded into that server.
library_jobs() {
    local dir=$1 server=$2 port pid
    port=$(free_port)
    try within env LD_PRELOAD="$dir/libdz.so" DZ_OUTPUT=log DZ_NAME=inside \
        DZ_WAIT=listen:"$port" "$server" "$port" </dev/null
    assert "status of the server's caller" "$status" 0
    pid=$(sed -n 's/^pid //p' "$DZ_STATE_DIR/inside")
    track "$pid"
    assert_daemon "$pid" leave
    assert_answers "$port" "$pid"
    try "$dir/dzctl" stop inside
    assert stop "$output" "inside: stopped, PID $pid"
    # The launcher's handshake with it, on another libc and word size as well.
    for launcher in "$DZ" "$dir/dznohup"; do
        pid=$(closed "$launcher" --shim="$dir/libdz.so" -d -q -o log -w main "$server" "$port")
        track "$pid"
        kill "$pid"
        await gone "$pid"
    done
}
