# Other word sizes, machines and libcs: each build is without a warning and does the
# main jobs.  Which of them ran is what the names of the tests say; what cannot be
# built here is skipped.

load helpers

CPPFLAGS=
QEMU=(qemu-aarch64-static -L /usr/aarch64-linux-gnu)

# -m32 needs the other libgcc; gcc-multilib has a link /usr/include/asm as well, but
# conflicts with the cross compilers.
need_multilib() {
    echo 'int main(void) { return 0; }' >probe.c
    gcc -m32 -o probe probe.c 2>/dev/null || lacking "needs gcc-12-multilib"
    CPPFLAGS="-idirafter /usr/include/$(gcc -print-multiarch)"
}

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

assert_answers() { # PORT PID
    local answer
    exec 9<>"/dev/tcp/127.0.0.1/$1"
    read -r answer <&9
    exec 9>&-
    assert "answer of the server" "$answer" "hello $2"
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

@test "i386, gcc -m32 and clang -m32: builds, 32-bit and 64-bit programs, the library" {
    need gcc clang
    need_multilib
    server_of gcc -m32 -o server
    server_of gcc -m32 -static -o server-static
    for cc in gcc clang; do
        without_warning "$cc" "$cc -m32"
        readelf -h "$cc/dznohup" | grep -q ELF32
        main_jobs "$PWD/$cc" "$PWD/server"
        library_jobs "$PWD/$cc" "$PWD/server"
    done
    for server in "$PWD/server-static" "$TARGETS/server" "$TARGETS/server-static"; do
        main_jobs "$PWD/gcc" "$server"
    done
}

# assert_library NAMED PROGRAM WORDS: what -n says of the library for it.
assert_library() {
    run closed "$DZ" --shim="$1" -n "$2"
    assert "library for $2" "$(sed -n 's/^library   //p' <<<"$output")" "$3"
}

# The libdz.so that the process has loaded.
loaded_by() { sed -n 's|^.* \(/.*/libdz.so\)$|\1|p' "/proc/$1/maps" | sort -u; }

# With the library that is so named the program is refused, and nothing is left.
refused() { # NAMED PROGRAM WORDS
    try dz --shim="$1" -d -o none -w main "$2" 1
    assert status "$status" 125
    assert stderr "$stderr" "dznohup: preload: $3"
    [ ! -e none ]
}

@test "i386: a 32-bit program gets the 32-bit library by \$LIB, or is refused" {
    need gcc
    need_multilib
    server_of gcc -m32 -o server
    tree=$PWD/tree
    mkdir -p tree/lib tree/lib32 tree/lib64
    cp "$SHIM" tree/lib64
    cp "$SHIM" tree/lib32 # a wrong one is not taken for it
    none="no 32-bit library with lib/i386-linux-gnu, lib32 or lib as \$LIB"
    refused "$tree/lib64/libdz.so" "$PWD/server" "$tree/\$LIB/libdz.so: $none"
    refused "$tree/\$LIB/libdz.so" "$PWD/server" "$tree/\$LIB/libdz.so: $none"
    assert_library "$tree/lib64/libdz.so" ./server "$tree/lib64/libdz.so, not needed: $none"

    rm tree/lib32/libdz.so
    build -j2 BUILD="$PWD/b" CC="gcc -m32" CPPFLAGS="$CPPFLAGS" CFLAGS=-O0 DESTDIR="$tree" LIBDIR=/lib32 \
        install-library >/dev/null
    assert installed "$(cd tree && find . -type f | sort | tr '\n' ' ')" \
        "./lib32/libdz.so ./lib64/libdz.so "
    for row in "lib64 $PWD/server lib32" "\$LIB $PWD/server lib32" "\$LIB $TARGETS/server lib64" \
        "lib32 $TARGETS/server lib64"; do
        read -r named program chosen <<<"$row"
        port=$(free_port)
        pid=$(dz --shim="$tree/$named/libdz.so" -d -q -o log -w main,listen:"$port" "$program" "$port")
        track "$pid"
        assert "library of $program by $named" "$(loaded_by "$pid")" "$tree/$chosen/libdz.so"
        assert_answers "$port" "$pid"
    done
    # Without the launcher: by the dynamic linker's own $LIB.
    port=$(free_port)
    within env LD_PRELOAD="$tree/\$LIB/libdz.so" DZ_OUTPUT=log DZ_PIDFILE=pid \
        ./server "$port" </dev/null
    track "$(cat pid)"
    assert "library by ld.so" "$(loaded_by "$(cat pid)")" "$tree/lib32/libdz.so"

    mv tree/lib32 tree/lib/i386-linux-gnu
    assert_library "$tree/lib64/libdz.so" ./server "$tree/lib/i386-linux-gnu/libdz.so, not needed"
    # In no such folder there is none beside it.
    refused "$PWD/b/libdz.so" "$TARGETS/server" \
        "$PWD/b/libdz.so: the program is for another machine or word size"
    # Nor is everything a library that is of the right machine.
    cp "$TARGETS/server-static" libdz.so
    refused "$PWD/libdz.so" "$TARGETS/server" "$PWD/libdz.so: not a shared library"
}

# Not emulated by qemu 7.2: PR_SET_CHILD_SUBREAPER, so that leave mode has to refuse;
# and the start time in an emulated process's own /proc/self/stat, so that the jobs
# looked at here are the native launcher's.  What it executes is of this machine.
@test "aarch64 under qemu-user: builds, stay mode, the library in it, dzctl" {
    need aarch64-linux-gnu-gcc "${QEMU[0]}"
    server_of aarch64-linux-gnu-gcc -o server
    without_warning b aarch64-linux-gnu-gcc
    readelf -h b/libdz.so | grep -q AArch64
    # A program of this machine shows what it was given; one in qemu is known by its deeds.
    for server in "$TARGETS/server" "${QEMU[*]} $PWD/server"; do
        port=$(free_port)
        rm -f log
        # shellcheck disable=SC2086
        "${QEMU[@]}" b/dznohup --mode=stay -o log $server "$port" 7</dev/null </dev/null 3>&- 4>&- &
        pid=$!
        track "$pid"
        await holds log ready
        assert_own_session "$pid" stay
        assert stdout "$(fd_of "$pid" 1)" "$PWD/log"
        kill -HUP "$pid"
        assert_answers "$port" "$pid"
        [ "$server" != "$TARGETS/server" ] || {
            # qemu keeps 32 and 33 for itself: ignored by our caller they stay so.
            assert SigIgn "$(printf '%016x' $((0x$(status_field "$pid" SigIgn) & ~0x180000000)))" \
                "$DAEMON_IGNORES"
            assert cwd "$(cwd_of "$pid")" /
            assert descriptors "$(fds_of "$pid")" "0 1 2 3"
        }
        kill "$pid"
        await gone "$pid"
    done

    try closed "${QEMU[@]}" b/dznohup -d -o none --name=left -p pid sleep 3600
    assert status "$status" 125
    assert stderr "$stderr" "dznohup: report: subreaper: Invalid argument"
    [ ! -e none ] && [ ! -e pid ] && [ ! -e "$DZ_STATE_DIR/left" ]

    # The library in it: what it takes out, where it goes.
    aarch64-linux-gnu-gcc -D_GNU_SOURCE -o environment "$TESTS/targets/environment.c"
    closed "${QEMU[@]}" -E LD_PRELOAD="$PWD/b/libdz.so" -E DZ_MODE=stay -E DZ_OUTPUT=out environment
    refute grep -q '^main \(LD_PRELOAD\|DZ_\)' out
    assert_match session "$(grep ^session out)" "session * pid *"
    read -r _ session _ pid <<<"$(grep ^session out)"
    assert session "$session" "$pid"

    pid=$(dz -d -q --name=native -o log sleep 3600)
    track "$pid"
    try "${QEMU[@]}" b/dzctl list
    assert_match list "$output" "*native * $pid * running * sleep 3600*"
    try "${QEMU[@]}" b/dzctl inspect native
    assert_match inspect "$output" "*verdict: a proper daemon"
    try "${QEMU[@]}" b/dzctl stop native
    assert stop "$output" "native: stopped, PID $pid"
    gone "$pid"
    # --adopt is in it, up to ptrace(2), which qemu lacks; programs of 32 bits are refused.
    for program in "$SLEEP 3600" "$TARGETS/adoptee-32 vfork"; do
        # shellcheck disable=SC2086
        beside $program </dev/null >/dev/null 2>&1 &
        pid=$!
        track "$pid"
        await has_executed "$pid"
        why="Function not implemented"
        [[ $program != *-32* ]] || why="is a program of 32 bits, *"
        try "${QEMU[@]}" b/dznohup -n --adopt="$pid"
        assert_match stderr "$stderr" "dznohup: adopt: $pid: $why"
    done
}

# The static one is the default build.
@test "musl, dynamic launcher: builds, musl and glibc programs, the library in them" {
    need musl-gcc
    without_warning b musl-gcc STATIC=0
    readelf -l b/dznohup | grep -q 'interpreter: /lib/ld-musl'
    # What its libc does otherwise: getopt(3) has wide letters, execvp(3) no shell.
    try b/dznohup -é
    assert stderr "$stderr" "dznohup: options: -é: unknown option; see dznohup --help"
    echo 'echo "$0 $1"' >script
    chmod +x script
    PATH=$PWD:$PATH try b/dznohup --nohup script words </dev/null
    assert script "$output" "$PWD/script words"
    try b/dznohup --nohup ./script words </dev/null
    assert script "$output" "./script words"

    for server in server server-musl server-musl-static; do
        main_jobs "$PWD/b" "$TARGETS/$server"
    done
    library_jobs "$PWD/b" "$TARGETS/server"
    library_jobs "$PWD/b" "$TARGETS/server-musl"
}

@test "glibc, static launcher: glibc and musl programs, the library in them" {
    need gcc musl-gcc
    without_warning b gcc
    assert interpreter "$(readelf -l b/dznohup | grep INTERP || true)" ""
    strings b/dznohup | grep -q GLIBC_ || fail "no glibc in it"
    for server in server server-musl server-musl-static; do
        main_jobs "$PWD/b" "$TARGETS/$server"
    done
    library_jobs "$PWD/b" "$TARGETS/server-musl"
}
