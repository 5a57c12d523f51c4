# README's sessions, and what else it says.  Its recipes are in readme-recipes.bats,
# ssh.bats and engines/launchers.bats; what no test of these runs fails the last test here.
#
# shellcheck disable=SC2016

load helpers
load readme

needs() { set_up_programs; }

# session LINE: the session that begins so is the same now.
session() {
    PORT=$port "$PYTHON" "$TESTS/screens/screens.py" "$BUILD" show "$1" 3>&- 4>&- >now
    blocks | awk -v first="$1" '$0 == first && !begun { on = begun = 1 } $0 == "@" { on = 0 } on' >printed
    diff printed now || fail "make screens writes the sessions of README anew"
}

@test "README: a server that is waited for, on a terminal" {
    need curl
    session '$ dznohup -d --name=web -C . -o web.log -w listen:8080 python3 -m http.server -b 127.0.0.1 8080'
}

@test "README: a training run with a live log, on a terminal" {
    session '$ dznohup -d --name=train --line-buffered -C . -o train.log python3 train.py'
}

@test "README: 'I forgot nohup', on a terminal" {
    session '$ python3 train.py'
}

@test "README: a failing start, on a terminal" {
    session '$ dznohup -d --name=train -C . -o train.log python3 trian.py'
}

@test "README: dzctl day to day, on a terminal" {
    session '$ dznohup -d --name=web -o web.log --wait=listen:8080 ./server'
}

@test "README: is it a proper daemon?  On a terminal" {
    session '$ nohup sleep 1000 >nohup.out 2>&1 &'
}

@test "README: a job that is started again, on a terminal" {
    session '$ dznohup -d --restart --name=web -o web.log --wait=listen:8080 ./server'
}

@test "README: its picture is that of a session as it is now" {
    need curl
    first=$(head -n 1 "$TESTS/screens/session.txt")
    PORT=$port "$PYTHON" "$TESTS/screens/screens.py" "$BUILD" show "$first" 3>&- 4>&- >now
    diff "$TESTS/screens/session.txt" now
    (cd "$TESTS/screens" && "$PYTHON" -B -c 'import sys, picture
sys.stdout.write(picture.svg(open("session.txt").read()))') >svg
    cmp "$TESTS/screens/session.svg" svg
}

@test "README: make and make install" {
    need_root
    need make cc
    [ -e "$ROOT/build/launcher.mk" ] || lacking "needs a build in build"
    command -v sudo >/dev/null || program bin/sudo 'exec "$@"'
    block 'make     ' >lines
    [ -s lines ]
    overlaid "cd '$ROOT'; unset BUILD MAKEFLAGS MAKELEVEL
        PATH=$PWD/bin:\$PATH bash -e '$PWD/lines'
        /usr/local/bin/dznohup -d -q -o '$PWD/log' sh -c 'echo installed'
        ls /usr/local/share/man/man1/dznohup.1" /usr/local /etc "$ROOT" >out 2>err || fail "$(cat err)"
    assert log "$(<log)" installed
    [ ! -e /usr/local/bin/dznohup ] || [ /usr/local/bin/dznohup -ot lines ]
}

@test "README: its two commands are what CI runs" {
    block 'make demo' >lines
    assert commands "$(sed 's/ *#.*//' lines | tr '\n' ,)" "make demo,make check,"
    grep -q '^make demo ' "$ROOT/.ci/run"
    grep -q '^make check$' "$ROOT/.ci/run"
}

# PIDs and the terminal in the order in which they come.
numbered() {
    awk '{ for (i = 1; i <= 5; i++) { if (!($i in seen)) seen[$i] = ++count; $i = seen[$i] } print }' |
        cut -d ' ' -f 1-5
}
@test "README: the rows of -v are those of a detached start on a terminal" {
    export DZ
    screen=$(on_terminal 'echo shell $$; "$DZ" -d -v -q -o log sleep 1000 >pid; cat pid' exit)
    track "$(<pid)"
    shell=$(sed -n 's/^.*shell \([0-9]*\)$/\1/p' <<<"$screen")
    [ -n "$shell" ]
    # The last one's parent may not have ended yet.
    awk '/^dznohup: (start|fork|setsid) / { if (!first) first = $4; if ($6 == last) $6 = first
        last = $2 == "setsid" ? $4 : 0; print $2, $4, $6, $8, $10, $12 }' <<<"$screen" >rows
    block '             PID' | awk 'NR > 1 { print $1, $2, $3, $4, $5, $6 }' >printed
    for file in rows printed; do
        cut -d ' ' -f 1 <$file >$file.steps
        awk '{ print $2, $3, $4, $5, ($6 == "none" ? "none" : "tty") }' $file | numbered >$file.numbers
    done
    diff printed.steps rows.steps || fail "$screen"
    diff printed.numbers rows.numbers || fail "$screen"
    [[ $(sed -n 1p rows) == "start "*" $shell "* ]] || fail "not below $shell: $(<rows)"
}

# ---- what is not in a block --------------------------------------------------

# In the foreground: the line in a shell of its own, until it listens and is killed.
serves_until_killed() {
    rm -f background
    beside env PATH="$PWD/bin:$PATH" bash -c "cd dir; ${1% &} & echo \$! >../background; wait \$!" </dev/null >out 2>&1 &
    shell=$!
    track "$shell"
    await is_file background
    await listens "$port"
    track "$(<background)"
    kill "$(<background)"
    status=0
    wait "$shell" || status=$?
    assert "status of $1: $(<out)" "$status" 143
}
# Each row of "Coming from": our words, run as they are printed.
@test "README: each of our lines in 'Coming from' runs" {
    sed -n '/^## Coming from/,/^## /{/^| `/p; /^| supervisord/p}' "$ROOT/README.md" |
        sed 's/\\|/\\x7c/g' | awk -F '|' '{ print $3 }' | grep -o '`[^`]*`' | tr -d '`' >lines
    [ "$(wc -l <lines)" -ge 14 ]
    mkdir dir
    for name in cmd node; do cp server bin/$name; done
    count=0
    while read -r line <&7; do
        line=$(here <<<"$line")
        rm -f log pid
        [[ $line != dzctl* ]] || run_printed "dznohup -d --name=web -p pid -o log cmd"
        case $line in
        *" &" | "dznohup --keep "*) serves_until_killed "$line" ;;
        "dzctl log -f "*)
            run_printed "timeout 1 $line"
            assert "status of $line" "$status" 124
            ;;
        *)
            run_printed "$line"
            [ "$status" = 0 ] || fail "$line: status $status: $output$stderr"
            [[ $line != dznohup* ]] || await listens "$port"
            ;;
        esac
        run_printed "dzctl stop --all"
        refute listens "$port"
        count=$((count + 1))
    done 7<lines
    assert "lines that ran" "$count" "$(wc -l <lines)"
}

@test "README: no block that no test runs, and no test of a line that is not there" {
    files=("$TESTS"/readme*.bats "$TESTS/ssh.bats" "$TESTS/engines/launchers.bats")
    # The words behind "block", "printed" and "session", without their quotes.
    grep -vh '^ *#' "${files[@]}" | grep -oE "\\b(block|printed|session) (\"[^\"]+\"|'[^']+')" |
        sed -E "s/^(block|printed|session) .(.*).\$/\\1\\t\\2/" | sort -u >keys
    [ "$(wc -l <keys)" -ge 30 ] || fail "$(<keys)"
    blocks | awk -F '\t' '
        NR == FNR { kind[++keys] = $1; text[keys] = $2; next }
        $0 == "@" { first = whole = 0; next }
        {
            begins = !first; first = 1
            for (i = 1; i <= keys; i++) {
                if (kind[i] != "printed" && begins && index($0, text[i]) == 1) { whole = 1; used[i] = 1 }
                if (kind[i] == "printed" && index($0, text[i])) { line[$0] = 1; used[i] = 1 }
            }
            if (!whole && !line[$0] && $0 != "") print "no test runs: " $0
        }
        END { for (i = 1; i <= keys; i++) if (!used[i]) print "not in README: " text[i] }' keys - >wrong
    [ ! -s wrong ] || fail "$(<wrong)"
}
