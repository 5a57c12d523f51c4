# The nohup personality, word for word beside the system's GNU nohup.

load helpers

# A folder with our link named nohup, and the system's one.
setup_file() {
    command -v nohup >/dev/null && nohup --version | grep -q coreutils || return 0
    mkdir -p "$BATS_FILE_TMPDIR/ours" "$BATS_FILE_TMPDIR/theirs"
    ln -s "$(cd "$(dirname "$BATS_TEST_FILENAME")/.." && cd "${BUILD:-build}" && pwd)/dznohup" \
        "$BATS_FILE_TMPDIR/ours/nohup"
    ln -s "$(command -v nohup)" "$BATS_FILE_TMPDIR/theirs/nohup"
}

# both CODE: run the shell code in which "nohup" is each in turn, in a fresh
# folder; compare status, output, files, their contents and modes.
both() {
    local who
    [ -d "$BATS_FILE_TMPDIR/theirs" ] || lacking "needs GNU nohup"
    # A link to nothing would have the system's one found, which is as itself.
    [ "$BATS_FILE_TMPDIR/ours/nohup" -ef "$DZ" ] || fail "no nohup of ours" || return
    for who in ours theirs; do
        rm -rf "$BATS_TEST_TMPDIR/dir" "$HOME"
        mkdir "$BATS_TEST_TMPDIR/dir" "$HOME"
        (cd "$BATS_TEST_TMPDIR/dir" && export PATH="$BATS_FILE_TMPDIR/$who:$PATH"
        code=0
        eval "$1" >"$BATS_TEST_TMPDIR/$who.out" 2>&1 3>&- 4>&- || code=$?
        echo "status $code" >>"$BATS_TEST_TMPDIR/$who.out"
        chmod -R u+rwX "$BATS_TEST_TMPDIR/dir" "$HOME"
        cd "$BATS_TEST_TMPDIR/dir" || exit
        find . "$HOME" -type f -printf '%p %m\n' -exec cat {} \; | sort) \
            >"$BATS_TEST_TMPDIR/$who.files"
        sed -i 's/\r//' "$BATS_TEST_TMPDIR/$who.out"
    done
    diff -u "$BATS_TEST_TMPDIR/theirs.out" "$BATS_TEST_TMPDIR/ours.out" ||
        fail "output differs: $1"
    diff -u "$BATS_TEST_TMPDIR/theirs.files" "$BATS_TEST_TMPDIR/ours.files" ||
        fail "files differ: $1"
}

# The same with the code typed on a terminal of its own, with redirections.
both_typed() {
    both "$PYTHON '$TESTS/pty' --run sh -c '$1'"
}

@test "no terminal: nothing is said, the environment and streams are kept" {
    both 'echo in | nohup cat'
    both 'nohup sh -c "echo out; echo err >&2; exit 3"'
    both 'DZ_NO_SUCH=1 LD_PRELOAD= nohup env | grep -c "^DZ_NO_SUCH=1\|^LD_PRELOAD="'
    both 'nohup sh -c "pwd; umask; ls /proc/\$\$/fd" 7</dev/null'
    both 'nohup grep -E "Sig(Ign|Blk)" /proc/self/status'
    both '[ "$(nohup cut -d " " -f 6 /proc/self/stat)" = "$(cut -d " " -f 6 /proc/self/stat)" ]'
}

@test "terminals: every combination of the three streams" {
    for in in "" "</dev/null" "<&-"; do
        for out in "" ">o" ">&-"; do
            for err in "" "2>e" "2>&-" "2>&1"; do
                both_typed "nohup sh -c \"echo out; echo err >&2; cat; echo cat \\\$?\" $in $out $err; echo back \$?"
            done
        done
    done
}

@test "nohup.out: appended to, mode 0600 whatever the umask" {
    both_typed 'echo before >nohup.out; chmod 644 nohup.out; nohup echo words'
    both_typed 'umask 0777; nohup echo words'
    both_typed 'umask 0; nohup echo words'
}

@test "nohup.out not creatable: HOME, and without it" {
    both_typed 'mkdir nohup.out; nohup echo words; echo back $?'
    both_typed 'mkdir nohup.out; HOME=$HOME/ nohup echo words; echo back $?'
    both_typed 'mkdir nohup.out; unset HOME; nohup echo words; echo back $?'
    both_typed 'mkdir nohup.out $HOME/nohup.out; nohup echo words; echo back $?'
    both "HOME=\"/no such/it's\" $PYTHON '$TESTS/pty' --run sh -c 'mkdir nohup.out; nohup echo words; echo back \$?'"
}

@test "the command cannot be run" {
    both 'nohup no-such-command'
    both 'nohup ""'
    both 'nohup /'
    both 'echo >plain; nohup ./plain'
    both 'printf "#!/no/such\n" >s; chmod +x s; nohup ./s'
    both 'echo echo words \$0 \$1 >s; chmod +x s; nohup ./s one; PATH=$PWD:$PATH nohup s two | sed "s|$PWD||"'
    both_typed 'nohup no-such-command; echo back $?; cat nohup.out'
    both_typed 'nohup no-such-command 2>&-; echo back $?'
    both 'PATH=$PATH:/nowhere nohup no-such-command'
}

@test "names are quoted as GNU does" {
    for name in "a b" "a'b" 'a"b' "a'\$b" 'a$b' "a
b" "a	'b" '' "é" "a\\b" "-" "#x" "~x" "a!'b" "a%'b" "a@'b" "a#'b" $'\001x' $'x\377y' "ends
"; do
        name=$name both 'nohup "./$name"'
        name=$name both 'LC_ALL=C nohup "./$name"'
        name=$name both 'env -u LC_ALL -u LC_CTYPE LANG= nohup "./$name"'
    done
}

@test "options, operands and POSIXLY_CORRECT" {
    both 'nohup'
    both 'POSIXLY_CORRECT=1 nohup'
    both 'nohup -x true'
    both 'nohup --no-such true'
    both 'POSIXLY_CORRECT=1 nohup --no-such true'
    both 'nohup -- echo words'
    both 'nohup echo -x --help'
    both 'nohup --help=1 true'
    run "$BATS_FILE_TMPDIR/ours/nohup" --help
    assert status "$status" 0
    [[ $output == "Usage: "*"nohup COMMAND [ARG]..."* ]]
    run "$BATS_FILE_TMPDIR/ours/nohup" --version
    assert status "$status" 0
    run bash -c "'$BATS_FILE_TMPDIR/ours/nohup' --help >/dev/full"
    assert status "$status" 125
}

@test "stderr on /dev/full" {
    both_typed 'nohup echo words 2>/dev/full; echo back $?; cat nohup.out'
    both_typed 'nohup echo words >o 2>/dev/full; echo back $?'
    both_typed 'POSIXLY_CORRECT=1 nohup echo words 2>/dev/full; echo back $?'
}

@test "dznohup --nohup is the same, and takes no other way of its own" {
    run dz --nohup sh -c 'exit 7'
    assert status "$status" 7
    DZ_NO_SUCH=1 run dz --nohup env
    assert status "$status" 0
    [[ $output == *DZ_NO_SUCH=1* ]]
    try dz --nohup
    assert status "$status" 125
    assert_match stderr "$stderr" "*: missing operand*"
    for words in "-d --nohup" "--nohup -q" "--nohup -o log --"; do
        # shellcheck disable=SC2086
        try dz $words true
        assert "status of $words" "$status" 125
        assert stderr "$stderr" "dznohup: --nohup: cannot be combined with other options"
    done
    assert words "$(dz --nohup -- echo --)" --
    # The session is the caller's.
    assert session "$(dz --nohup sh -c 'cut -d " " -f 6 /proc/$$/stat')" "$(stat_field $$ 6)"
}

@test "a hangup does not end it" {
    for tool in "$BATS_FILE_TMPDIR/ours/nohup" "$DZ --nohup"; do
        # shellcheck disable=SC2086
        $tool sleep 3600 >/dev/null 2>&1 3>&- 4>&- &
        pid=$!
        track "$pid"
        await runs_program "$pid" "$SLEEP"
        kill -HUP "$pid"
        ((0x$(status_field "$pid" SigIgn) & 1)) || fail "SIGHUP is not ignored"
        alive "$pid"
        stops_on_term "$pid"
    done
}
