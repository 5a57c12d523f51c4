# The other word size: each build is without a warning and does the main jobs.  Which of
# them ran is what the names of the tests say; what cannot be built here is skipped.

load helpers
load platforms

# -m32 needs the other libgcc; gcc-multilib has a link /usr/include/asm as well, but
# conflicts with the cross compilers.
need_multilib() {
    echo 'int main(void) { return 0; }' >probe.c
    gcc -m32 -o probe probe.c 2>/dev/null || lacking "needs gcc-12-multilib"
    CPPFLAGS="-idirafter /usr/include/$(gcc -print-multiarch)"
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
