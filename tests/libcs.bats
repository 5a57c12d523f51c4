# Other libcs: each build is without a warning and does the main jobs.  Which of
# them ran is what the names of the tests say; what cannot be built here is skipped.

load helpers
load platforms

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
