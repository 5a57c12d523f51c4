# The Debian package: what lintian says, what is installed and removed, how it
# runs where it is installed; and the completions that are in it, in each shell.

load helpers

needs() { need dpkg-buildpackage dh lintian; }
setup_file() {
    type -P dpkg-buildpackage dh lintian >/dev/null || return 0
    # As a package is built, whatever the other build is by.
    env -u MAKEFLAGS -u MAKELEVEL -u CC -u LAUNCHER_CC make -C "$ROOT" BUILD="$BATS_FILE_TMPDIR" deb \
        >"$BATS_FILE_TMPDIR/log" 2>&1 3>&- 4>&- || fail "$(tail -n 20 "$BATS_FILE_TMPDIR/log")"
    dpkg-deb -x "$BATS_FILE_TMPDIR"/deb/*.deb "$BATS_FILE_TMPDIR/root"
}

package() { echo "$BATS_FILE_TMPDIR"/deb/*.deb; }
library() { echo "/usr/lib/$(dpkg-architecture -q DEB_HOST_MULTIARCH)/libdz.so"; }

# The database of a machine that has libc and nothing else.
scratch_root() {
    mkdir -p root/var/lib/dpkg/info root/var/lib/dpkg/updates
    dpkg-query -W -f 'Package: libc6\nStatus: install ok installed\nMaintainer: x\nVersion: ${Version}\nArchitecture: ${Architecture}\nDescription: x\n' \
        "libc6:$(dpkg --print-architecture)" >root/var/lib/dpkg/status
    : >root/var/lib/dpkg/available
}
scratch_dpkg() { closed dpkg --root="$PWD/root" --log=/dev/null "$@"; }
files_in_root() { (cd root && find . -path ./var -prune -o ! -type d -print | sort); }

# ---- the package ---------------------------------------------------------------

@test "make deb: one package that lintian has nothing against" {
    assert packages "$(package | wc -w)" 1
    try lintian --allow-root --fail-on error,warning "$(package)"
    # Lintian of Debian 11 tells how many are overridden, too.
    assert lintian "$(grep -v '^N: .* overridden' <<<"$output$stderr")" ""
    assert status "$status" 0
    assert version "dznohup $(dpkg-deb -f "$(package)" Version)" "$("$DZ" -V)"
    assert depends "$(dpkg-deb -f "$(package)" Depends)" ""
    assert_match built-using "$(dpkg-deb -f "$(package)" Built-Using)" "musl (= *)"
    # The tree that it was made from is as it was.
    [ ! -e "$ROOT/debian/files" ]
    [ ! -e "$ROOT/debian/dznohup" ]
}

@test "installed into an empty root, and removed: nothing is left" {
    need_root
    scratch_root
    scratch_dpkg -i "$(package)"
    files_in_root >files
    for file in /usr/bin/dznohup /usr/bin/dzctl "$(library)" /usr/share/man/man1/dznohup.1.gz \
        /usr/share/man/man1/dzctl.1.gz /usr/share/man/man7/{libdz,dz-engines}.7.gz \
        /usr/share/{bash-completion/completions/,zsh/vendor-completions/_}{dznohup,dzctl} \
        /usr/share/fish/vendor_completions.d/{dznohup,dzctl}.fish; do
        holds_line files ".$file" || fail "no $file"
    done
    assert_match library "$(root/usr/bin/dznohup -n true | sed -n 's/^library *//p')" "$(library), *"
    pid=$(closed root/usr/bin/dznohup -d -q --name=packaged sleep 3600)
    track "$pid"
    assert_daemon "$pid" leave
    root/usr/bin/dzctl stop packaged
    scratch_dpkg --purge dznohup
    assert left "$(files_in_root)" ""
}

@test "where it is installed the launcher finds its library, and LD_PRELOAD the bare name" {
    need_root
    for start in "dznohup -d --wait=main -o log -p pidfile sleep 3600" \
        "timeout $DEADLINE env LD_PRELOAD=libdz.so DZ_OUTPUT=log DZ_PIDFILE=pidfile sleep 3600"; do
        overlaid "cp -a '$BATS_FILE_TMPDIR/root/usr/.' /usr/; $start" /usr
        track "$(cat pidfile)"
        assert_daemon "$(cat pidfile)" leave
        rm pidfile
    done
}

# ---- the tarball ---------------------------------------------------------------

# What make install leaves, from the package's files.
install_root() {
    local from=$BATS_FILE_TMPDIR/root/usr
    mkdir -p "$1/usr/local/lib"
    cp -R "$from/bin" "$from/share" "$1/usr/local"
    cp "$from"/lib/*/libdz.so "$1/usr/local/lib"
}
unpack() {
    install_root made
    "$TESTS/dist" pack made dznohup-1-linux-x.tar.gz 1000000000
    tar -xzf dznohup-1-linux-x.tar.gz
    tree=$PWD/dznohup-1-linux-x
}

@test "make dist: the same bytes whenever and wherever it is packed" {
    unpack
    mkdir other
    install_root other/made
    find other/made -exec touch -d 2001-01-01 {} +
    (umask 077 && cd other && TZ=Asia/Tokyo "$TESTS/dist" pack made dznohup-1-linux-x.tar.gz 1000000000)
    cmp dznohup-1-linux-x.tar.gz other/dznohup-1-linux-x.tar.gz
    assert owners "$(tar --numeric-owner -tvzf dznohup-1-linux-x.tar.gz | awk '{ print $2 }' | sort -u)" 0/0
    (cd "$tree" && find . -type f ! -name SHA256SUMS | sort) >files
    for file in bin/dznohup bin/dzctl lib/libdz.so install LICENSE README.md \
        share/bash-completion/completions/dzctl; do
        holds_line files "./$file" || fail "no $file"
    done
    assert "files in SHA256SUMS" "$(sed 's/^[^ ]*  //' "$tree/SHA256SUMS")" "$(<files)"
}

@test "make dist: it works where it is unpacked, for any user" {
    need_root
    need setpriv
    unpack
    chmod 755 .
    install -d -o 65432 -m 700 user
    as_user() { closed setpriv --reuid=65432 --regid=65432 --clear-groups env -u DZ_STATE_DIR HOME="$PWD/user" "$@"; }
    assert_match library "$(as_user "$tree/bin/dznohup" -n true | sed -n 's/^library *//p')" "$tree/bin/../lib/libdz.so, *"
    pid=$(as_user "$tree/bin/dznohup" -d -q --wait=main --line-buffered --name=there -o user/log sleep 3600)
    track "$pid"
    assert_daemon "$pid" leave
    as_user "$tree/bin/dzctl" stop there
    gone "$pid"
}

@test "make dist: ./install copies it to a prefix, and nothing if a file is not what it was" {
    unpack
    "$tree/install" "$PWD/prefix"
    assert_match library "$(prefix/bin/dznohup -n true | sed -n 's/^library *//p')" "$PWD/prefix/bin/../lib/libdz.so, *"
    cmp "$tree/bin/dzctl" prefix/bin/dzctl
    echo >>"$tree/lib/libdz.so"
    try "$tree/install" "$PWD/refused"
    refute test "$status" = 0
    [ ! -e refused ]
}

# ---- completions ---------------------------------------------------------------

# What each line is completed to, in this shell, into the file "completions".
complete_lines() {
    local shell=$1 there=$BATS_FILE_TMPDIR/root/usr
    local -x PATH=${BIN:+$BIN:}$there/bin:$PATH XDG_DATA_DIRS=$there/share:/usr/share \
        TMPDIR=$BATS_TEST_TMPDIR
    shift
    case $shell in
    bash) within bash "$TESTS/complete.bash" "$@" ;;
    fish) within fish "$TESTS/complete.fish" "$@" ;;
    zsh) within zsh -f "$TESTS/complete.zsh" "$there/share/zsh/vendor-completions" "$@" ;;
    esac >completions
}

# The shells differ in whether they say again what was typed before the match.
matches() {
    sed -n "/^> ${1//\//\\/}\$/,/^>/ { /^>/d; s/^--[a-z-]*=\(.\)/\1/; s/^path:\(.\)/\1/; s/=\$//; s:/\$::; s:.*/::; p; }" \
        completions | LC_ALL=C sort -u | paste -sd ' '
}

# Lines, each with what it is to be completed to.
expect_lines() {
    local shell=$1 line
    local -A expected=()
    while IFS='|' read -r line words; do
        expected[$line]=$words
    done
    complete_lines "$shell" "${!expected[@]}"
    for line in "${!expected[@]}"; do
        assert "$shell: $line" "$(matches "$line")" "${expected[$line]}"
    done
}

completes_dznohup() {
    need "$1"
    mkdir onlyfolder
    touch onlyfile
    expect_lines "$1" <<END
dznohup --|$("$DZ" --help=all | sed -n 's/^ *\(-., \)\?\(--[a-z-]*\).*/\2/p' | LC_ALL=C sort | paste -sd ' ')
dznohup -d --pid|--pidfile
dznohup --mode=|leave stay
dznohup --mode l|leave
dznohup --buffer=|full line none
dznohup --pin-signals=s|seccomp
dznohup --wait=|alive: cmd: exec fd: listen listen: log: main notify path: settle settle:
dznohup -dqw exec,li|exec,listen exec,listen:
dznohup -w path:./only|onlyfile onlyfolder
dznohup -o only|onlyfile onlyfolder
dznohup --output=only|onlyfile onlyfolder
dznohup -C only|onlyfolder
dznohup --ignore=INT,US|INT,USR1 INT,USR2
dznohup --keep-fd |
dznohup -d dzc|dzctl
dznohup -qo x --chdir . dzc|dzctl
dznohup -ox dzc|dzctl
dznohup -- dzc|dzctl
dznohup --wait=listen:80 -d dzctl insp|inspect
dznohup -w listen:80 dzctl stop -s US|USR1 USR2
dznohup dzctl --mo|
END
}

completes_dzctl() {
    local pid
    need "$1"
    touch onlyfile
    # shellcheck disable=SC2016
    for name in web 'w$(touch${IFS}pwned)' w:1; do
        track "$(dz -d -q -o log --name="$name" sleep 3600)"
    done
    pid=$(dz -d -q -o log sleep 3600)
    track "$pid"
    expect_lines "$1" <<END
dzctl st|start status stop
dzctl --he|--help
dzctl stop -s US|USR1 USR2
dzctl stop --signal US|USR1 USR2
dzctl stop --signal=US|USR1 USR2
dzctl stop --|--all --help --signal --timeout
dzctl log --|--all --all-runs --follow --help --lines
dzctl clear --|--help
dzctl stop -t 5 we|web
dzctl stop --timeout=5 we|web
dzctl stop --timeout 5 we|web
dzctl status we|web
dzctl stop ${pid:0:-1}|$pid
dzctl stop ./onl|onlyfile
dzctl list --js|--json
dzctl log -n |
END
    complete_lines "$1" "dzctl stop w" "dzctl "
    assert matches "$(matches "dzctl stop w")" "$2"
    for command in list status stop wait log inspect clear; do
        holds_line completions "$command" || fail "no $command"
    done
    [ ! -e pwned ]
}

@test "bash completes dznohup, and the command behind it" { completes_dznohup bash; }
@test "zsh completes dznohup, and the command behind it" { completes_dznohup zsh; }
@test "fish completes dznohup, and the command behind it" { completes_dznohup fish; }
# The name of a job is not to be run, neither now nor when the line is.
@test "bash completes dzctl and jobs" { completes_dzctl bash 'w:1 w\$\(touch\$\{IFS\}pwned\) web'; }
@test "zsh completes dzctl and jobs" { completes_dzctl zsh 'w:1 w\$\(touch\$\{IFS\}pwned\) web'; }
# fish quotes later.
# shellcheck disable=SC2016
@test "fish completes dzctl and jobs" { completes_dzctl fish 'w$(touch${IFS}pwned) w:1 web'; }

@test "an option that is new in the help is completed, with its value" {
    need bash zsh fish
    mkdir bin onlyfolder
    cat >bin/dznohup <<'END'
#!/bin/sh
cat <<'HELP'
  -Z, --zone=DIR           where [DZ_ZONE]
      --pin[=default|all]  deaf for good [DZ_PIN]
      --reopen             after a rotation

COND: born, age:SEC (1 is the
default).
HELP
END
    chmod +x bin/dznohup
    for shell in bash zsh fish; do
        BIN=$PWD/bin expect_lines "$shell" <<'END'
dznohup --re|--reopen
dznohup --pi|--pin
dznohup --pin=|all default
dznohup --pin dzc|dzctl
dznohup -Z only|onlyfolder
dznohup -Z . --pin --re|--reopen
END
    done
}
