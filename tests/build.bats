# The build: compilers, flags, installation, the library's symbols, the help.

load helpers

# The build that most of these tests copy.
COPIED=(CFLAGS=-O0 PREFIX=/opt LIBDIR=/opt/lib64)
setup_file() {
    unset CC LAUNCHER_CC
    build BUILD="$BATS_FILE_TMPDIR/b" "${COPIED[@]}" all >/dev/null
}
copy_of_build() {
    unset CC LAUNCHER_CC
    cp -a "$BATS_FILE_TMPDIR/b" b
}

# What each build must be able to do, in this libc and in the other.
works() {
    local dir=$1 pid
    pid=$("$dir/dznohup" -d -q sleep 3600 3>&- 4>&-)
    track "$pid"
    assert_daemon "$pid" leave
    for program in environment environment-musl; do
        [ -x "$TARGETS/$program" ] || continue
        rm -f seen
        LD_PRELOAD=$dir/libdz.so DZ_OUTPUT=log closed "$TARGETS/$program" "$PWD/seen"
        await holds_line seen done
        pid=$(sed -n 's/^session .* pid //p' seen)
        track "$pid"
        assert_daemon "$pid" leave
    done
}

# Of gcc and musl-gcc: libcs.bats.
@test "clang builds without a warning, and what it builds works" {
    need clang
    try build -j2 BUILD="$PWD/b" CC=clang CFLAGS="-O1 -Werror" all
    assert "status" "$status" 0
    assert "warnings" "$stderr" ""
    works "$PWD/b"
}

@test "distribution flags: stack protector, FORTIFY, hardening; the shim stays free" {
    build -j2 BUILD="$PWD/b" CFLAGS="-O1 -fstack-protector-strong -D_FORTIFY_SOURCE=2 -Wformat" \
        LDFLAGS="-Wl,-z,relro -Wl,-z,now" all >/dev/null
    nm -D "$PWD/b/libdz.so" >symbols
    refute grep -q _chk symbols
    works "$PWD/b"
}

# chooses WORDS [VARIABLE=VALUE...]: what make says of dznohup and dzctl.
chooses() {
    run build BUILD="$PWD/c" "${@:2}" "$PWD/c/launcher.mk"
    assert "with ${*:2}" "$output" "dznohup and dzctl: $1"
}

@test "musl-gcc builds the launcher where it can, else the compiler: static, dynamic" {
    need musl-gcc gcc
    unset CC LAUNCHER_CC
    chooses "static, by gcc" CC=gcc
    chooses "static, by gcc -O1" LAUNCHER_CC="gcc -O1"
    # musl-gcc that cannot link.
    mkdir bin
    printf '#!/bin/sh\nexit 1\n' >bin/musl-gcc
    chmod +x bin/musl-gcc
    PATH=$PWD/bin:$PATH chooses "static, by cc"
    chooses "static, by musl-gcc"
    copy_of_build
    for program in dznohup dzctl; do
        assert "interpreter of $program" "$(readelf -lW "b/$program" | grep INTERP || true)" ""
        assert "glibc in $program" "$(strings "b/$program" | grep -c GLIBC_ || true)" 0
    done
    works "$PWD/b"

    chooses "dynamic, by cc" STATIC=0
    build BUILD="$PWD/c" CFLAGS=-O0 STATIC=0 all >/dev/null
    readelf -l c/dznohup | grep -q INTERP
    works "$PWD/c"
    # Dynamic, it can itself be preloaded: the shim acts, then the launcher.
    LD_PRELOAD=$SHIM DZ_OUTPUT=log closed "$PWD/c/dznohup" -q sh -c 'echo words $$; exec sleep 3600'
    await holds log words
    track "$(sed -n 's/words //p' log)"
}

@test "nothing is rebuilt without reason; flags and headers are reasons" {
    copy_of_build
    touch stamp
    build BUILD="$PWD/b" "${COPIED[@]}" all >/dev/null
    assert "rebuilt" "$(find b -newer stamp -name '*.o' | wc -l)" 0
    build BUILD="$PWD/b" CFLAGS=-O1 "$PWD/b/core/base/text.o" >/dev/null
    assert "rebuilt for other flags" "$(find b -newer stamp -name '*.o')" b/core/base/text.o
    grep -q 'core/start/start.h' b/core/start/streams.d
}

@test "install and uninstall, with DESTDIR, PREFIX and the folders; the library's path is compiled in" {
    copy_of_build
    where=(BUILD="$PWD/b" "${COPIED[@]}" DESTDIR="$PWD/root")
    build "${where[@]}" install >/dev/null
    assert "installed" "$(cd root && find . -type f | sort | tr '\n' ' ')" \
        "./opt/bin/dzctl ./opt/bin/dznohup ./opt/lib64/libdz.so ./opt/share/bash-completion/completions/dzctl ./opt/share/bash-completion/completions/dznohup ./opt/share/fish/vendor_completions.d/dzctl.fish ./opt/share/fish/vendor_completions.d/dznohup.fish ./opt/share/man/man1/dzctl.1 ./opt/share/man/man1/dznohup.1 ./opt/share/man/man7/dz-engines.7 ./opt/share/man/man7/libdz.7 ./opt/share/zsh/site-functions/_dzctl ./opt/share/zsh/site-functions/_dznohup "
    mkdir alone
    cp b/dznohup alone
    run alone/dznohup -n true
    [[ $output == *"library   /opt/lib64/libdz.so,"* ]]
    run b/dznohup -n --shim=/elsewhere/libdz.so true
    [[ $output == *"library   /elsewhere/libdz.so,"* ]]
    build "${where[@]}" uninstall
    assert "left" "$(cd root && find . -type f)" ""
}

library_of() { run "$1" -n true && sed -n 's/.*library   \([^,]*\),.*/\1/p' <<<"$output"; }

@test "a copied tree: the library beside the launcher, or in ../lib" {
    mkdir -p tree/bin tree/lib flat elsewhere
    cp "$DZ" tree/bin
    cp "$SHIM" tree/lib
    cp "$DZ" "$SHIM" flat
    ln -s "$PWD/tree/bin/dznohup" elsewhere/dznohup
    assert "in ../lib" "$(library_of tree/bin/dznohup)" "$PWD/tree/bin/../lib/libdz.so"
    assert "by a link" "$(library_of elsewhere/dznohup)" "$PWD/tree/bin/../lib/libdz.so"
    assert "beside" "$(library_of flat/dznohup)" "$PWD/flat/libdz.so"
    try closed tree/bin/dznohup -d -q -o log --line-buffered -w exec "$TARGETS/prints" line
    assert status "$status" 0 || fail "$stderr"
    # Not from the current directory, not from another user's hand, not of another kind.
    cp "$SHIM" elsewhere
    mkdir lone
    cp "$DZ" lone
    assert "for the current directory" "$(cd elsewhere && library_of ../lone/dznohup)" "$(library_of_installed)"
    echo text >lone/libdz.so
    assert "a text" "$(library_of lone/dznohup)" "$(library_of_installed)"
    cp "$SHIM" lone
    chmod 666 lone/libdz.so
    assert "anybody's" "$(library_of lone/dznohup)" "$(library_of_installed)"
    chmod 644 lone/libdz.so
    assert "one's own" "$(library_of lone/dznohup)" "$PWD/lone/libdz.so"
    need_root
    chown 65432 lone/libdz.so
    assert "another user's" "$(library_of lone/dznohup)" "$(library_of_installed)"
    # A setuid launcher: of the caller's copy nothing is taken.
    chown 0 lone/libdz.so
    chmod 4755 lone/dznohup
    chmod 711 "$BATS_TEST_TMPDIR" "$PWD"
    run setpriv --reuid=65432 --clear-groups env HOME=/ "$PWD/lone/dznohup" -n true
    [[ $output != *"$PWD/lone/libdz.so"* ]] || fail "a setuid launcher has taken it"
    [[ $output == *"$(library_of_installed)"* ]] || fail "$output"
}
library_of_installed() {
    strings -n 8 "$DZ" | grep -m 1 '^/.*/libdz\.so$'
}

@test "libdz.so exports what it interposes and needs nothing" {
    assert exported "$(nm -D --defined-only "$SHIM" | awk '{ print $3 }' | sort)" \
        "$(sed 's,/\*.*\*/,,; /local:/d' "$ROOT/shim/libdz.map" | grep -o '[A-Za-z_0-9]\+;' | tr -d ';' | sort)"
    assert needed "$(readelf -d "$SHIM" | grep NEEDED || true)" ""
    readelf -d "$SHIM" | grep -q INITFIRST
}

@test "--help fits a screen, with --help=all for the rest; both programs name their neighbours" {
    for program in "$DZ" "$CTL"; do
        run "$program" --help
        assert status "$status" 0
        assert "lines of ${program##*/} --help" "$((${#lines[@]} <= 24))" 1
        assert "long lines" "$(awk 'length > 79' <<<"$output")" ""
        [[ $output == *--help=all*"See also "* ]] || fail "$output"
    done
    run "$DZ" --help
    [[ $output != *--reopen* ]]
    run "$CTL" --help
    grep -qx '  ready *JOB \[COND,\.\.\.\] .*' <<<"$output" || fail "no operands of ready: $output"
    for program in "$DZ" "$CTL"; do
        assert "long lines of ${program##*/} --help=all" "$("$program" --help=all | awk 'length > 79')" ""
    done
    run "$DZ" --help=some
    assert "status of --help=some" "$status" 125
    assert said "$output" "dznohup: --help: some: must be all"
    run "$CTL" --help=all
    assert status "$status" 0
    while read -r command; do
        [[ $output == *$'\n'"Usage: dzctl $command "* ]] || fail "no $command in: $output"
    done < <("$CTL" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
}

@test "--help=all has every option, its letter and its twin; -V has the version" {
    run dz --help=all
    for word in -d,\ --daemon -o,\ --output=FILE -e,\ --error=FILE -i,\ --input=FILE \
        -C,\ --chdir=DIR -u,\ --umask=MASK --ignore=SIG --keep-fd=N -n,\ --dry-run \
        -v,\ --verbose -q,\ --quiet --nohup --shim=PATH -h,\ "--help[=all]" -V,\ --version \
        --mode=stay DZ_MODE DZ_OUTPUT DZ_ERROR DZ_INPUT DZ_CHDIR DZ_UMASK DZ_IGNORE \
        DZ_KEEP_FD DZ_VERBOSE DZ_QUIET; do
        [[ $output == *"$word"* ]] || fail "no $word in --help=all"
    done
    run dz -V
    assert_match version "$output" "dznohup [0-9]*.[0-9]*.[0-9]*"
    run bash -c "'$DZ' --help >/dev/full"
    assert status "$status" 125
}

@test "each option is in the man page, with its twin" {
    for page in dznohup.1 libdz.7; do
        [ -s "$ROOT/man/$page" ]
    done
    "$DZ" --help=all | sed -n 's/^ *\(-., \)\?--\([a-z-]*\).*/\2/p' | while read -r option; do
        grep -q "Fl -${option//-/[\\\\]*-}" "$ROOT/man/dznohup.1" || fail "--$option is not in dznohup.1"
    done
    "$DZ" --help=all | sed -n 's/.*\[\(DZ_[A-Z_]*\)\].*/\1/p' | while read -r twin; do
        grep -q "$twin" "$ROOT/man/dznohup.1" || fail "$twin is not in dznohup.1"
    done
}

@test "-n says what would be done, and does nothing" {
    exec 5</dev/null
    run dz -n -o log --ignore=USR1 --keep-fd=5 -C /tmp -u 027 sleep 1
    assert status "$status" 0
    for line in "mode      stay: *" "command   */sleep" "target    glibc ELF, *" "preload   possible" \
        "stdout    * -> log" "stderr    * -> log" "keep-fd   descriptors 0-2, 5; all others are closed" "chdir     /tmp" \
        "umask     027" "signals   HUP USR1 TTIN TTOU ignored; *"; do
        [[ $output == *$line* ]] || fail "no '$line' in: $output"
    done
    [ ! -e log ]
    # What would be refused is so here, and it says why as the start does.
    touch file
    mkdir folder
    for words in "-C nope" "-C file" "-o nope/x" "-o folder" "-e folder" "-i nope" "-p nope/x" \
        "-p folder" "-o file/x"; do
        # shellcheck disable=SC2086
        try dz -n -d $words sleep 1
        assert "status for $words" "$status" 125
        refused=$(sed -n 's/^refused   //p' <<<"$output")
        # shellcheck disable=SC2086
        try dz -q -d $words sleep 1
        assert "status with $words" "$status" 125
        assert "what is refused for $words" "dznohup: $refused" "$stderr"
    done
    track "$(dz -d -q -p pid --name=job -o log.1 sleep 3600)"
    for words in "-p pid" --name=job; do
        # shellcheck disable=SC2086
        try dz -n -d $words sleep 1
        assert "status for $words" "$status" 125
        assert_match "$words" "$output" "*"$'\n'"refused   *: already running as PID $(<pid)"$'\n'"*"
    done
    assert files "$(echo *)" "file folder log.1 pid"
    try dz -n sleep file ./folder
    assert status "$status" 0
    assert_match "arguments" "$output" "*"$'\n'"arguments file ./folder"$'\n'"warning   file is a relative path, *"
    try dz -n --keep-fd=99 sleep 1
    assert "status for 99" "$status" 125
    assert_match "for 99" "$output" "*"$'\n'"refused   keep-fd: 99: Bad file descriptor"$'\n'"*"
    try dz -n --reopen --shim="$SHIM" -o - sleep 1
    assert "status for --reopen" "$status" 125
    assert_match "for --reopen" "$output" "*"$'\n'"refused   reopen: needs a log *"
    run dz -n "$TARGETS/server-static"
    [[ $output == *"target    static ELF, 64 bits"* ]]
    [[ $output == *"preload   impossible: it is statically linked"* ]]
    if [ -e "$TARGETS/server-musl" ]; then
        run dz -n "$TARGETS/server-musl"
        [[ $output == *"target    musl ELF, 64 bits"* ]]
    fi
    printf '#!/bin/sh\n' >script
    chmod +x script
    run dz -n -d ./script
    [[ $output == *"script    interpreter /bin/sh"* ]]
    [[ $output == *"mode      leave: "* ]]
    printf '#!/no/such -x\n' >script
    run dz -n ./script
    [[ $output == *"missing   /no/such"* ]]
    run on_terminal "'$DZ' -n sleep 1" "'$DZ' -n sleep 1 & wait" "'$DZ' -n sleep 1 | cat"
    [[ $output == *"leave: this is the terminal's foreground job"* ]]
    [[ $output == *"mode      stay: this PID"* ]]
    [[ $output == *"terminal -> nohup.out, here or else in"* ]]
    if [ "$(id -u)" = 0 ]; then
        cp "$TARGETS/environment" suid
        chown 65432 suid
        chmod 4755 suid
        run dz -n ./suid
        [[ $output == *"preload   impossible: it is setuid, setgid or has file capabilities"* ]]
    fi
}

@test "-v shows a row after each step" {
    try dz -d -v -o log true
    for row in "start * sid $(stat_field $$ 6) " "fork *" "setsid *" "signals *" "scrub *"; do
        # shellcheck disable=SC2053
        [[ $stderr == *"dznohup: "$row* ]] || fail "no row $row: $stderr"
    done
    # fork, setsid, fork: three processes, and the last does not lead.
    read -r first second third <<<"$(sed -n 's/^dznohup: \(start\|setsid\|scrub\) *pid \([0-9]*\) .*/\2/p' <<<"$stderr" | tr '\n' ' ')"
    [ "$first" != "$second" ]
    [ "$second" != "$third" ]
    [[ $stderr == *"scrub    pid $third ppid "*" pgid $second sid $second tty none"* ]]
    assert log "$(cat log)" ""
}

@test "dry run: programs for other machines, cut ones, and what would mislead a terminal" {
    others="not needed: the program is for another machine or word size"
    export DZ_SHIM=$SHIM
    "$PYTHON" "$PROGRAMS/elf.py" old 32 3 /lib/ld-linux.so.2
    try dz -n ./old
    [[ $output == *"target    glibc ELF, 32 bits, i386 (3), linker /lib/ld-linux.so.2"*"$others"* ]]
    "$PYTHON" "$PROGRAMS/elf.py" far 64 22 /lib/ld64.so.1
    try dz -n ./far
    [[ $output == *"target    glibc ELF, 64 bits, s390 (22), linker /lib/ld64.so.1"*"$others"* ]]
    "$PYTHON" "$PROGRAMS/elf.py" strange 64 4711 /no/such/linker
    try dz -n ./strange
    [[ $output == *"target    another libc ELF, 64 bits, machine (4711), linker /no/such/linker"* ]]
    [[ $output == *"missing   /no/such/linker"*"$others"* ]]
    # Its program header is not there: nothing says that it is dynamic.
    head -c 70 strange >short
    chmod +x short
    try dz -n ./short
    [[ $output == *"target    static ELF, 64 bits, machine (4711)"* ]]
    printf 'no program\n' >text
    chmod +x text
    try dz -n ./text
    [[ $output == *"preload   impossible: not an ELF program"* ]]
    "$PYTHON" "$PROGRAMS/elf.py" rude 64 62 $'/lib/\e[2J\nx'
    printf '#!/no/\e[2J\n' >ruder
    chmod +x ruder
    for file in rude ruder; do
        try dz -n ./$file
        assert status "$status" 0
        [[ $output == *'?[2J'* ]]
        refute grep -q $'\e' <<<"$output"
    done
}
