# Streams and logs: the table of dznohup(1), the options that beat it, and who
# else might have put something where the log is to be.

load helpers

# A long-running target in stay mode, with the streams of the caller; sets pid to the
# launcher's.
stays() {
    "$DZ" -q "$@" sleep 3600 <&0 3>&- 4>&- &
    pid=$!
    track "$pid"
    await runs_program "$pid" "$SLEEP"
}

@test "files and devices are kept" {
    echo in >in
    # On the launcher alone: a stdin of this shell would be the caller's own.
    pid=$("$DZ" -d -q sleep 3600 <in 2>err 3>&- 4>&-)
    track "$pid"
    assert stdin "$(fd_of "$pid" 0)" "$PWD/in"
    assert stderr "$(fd_of "$pid" 2)" "$PWD/err"
    stays <in >out 2>/dev/full
    assert stdin "$(fd_of "$pid" 0)" "$PWD/in"
    assert stdout "$(fd_of "$pid" 1)" "$PWD/out"
    assert stderr "$(fd_of "$pid" 2)" /dev/full
}

@test "pipes: stdin is kept, output is kept in stay mode and logged in leave mode" {
    pid=$("$DZ" -d -q sleep 3600 < <(sleep 1) 2> >(cat) 3>&- 4>&-)
    track "$pid"
    assert_match stdin "$(fd_of "$pid" 0)" "pipe:*"
    assert stdout "$(fd_of "$pid" 1)" "$PWD/nohup.out"
    assert stderr "$(fd_of "$pid" 2)" "$PWD/nohup.out"
    stays < <(sleep 1) > >(cat >/dev/null) 2> >(cat >/dev/null)
    for fd in 0 1 2; do
        assert_match "$fd" "$(fd_of "$pid" $fd)" "pipe:*"
    done
}

@test "sockets are kept in stay mode; in leave mode /dev/null and the log" {
    beside "$PYTHON" "$PROGRAMS/sockets.py" "$DZ" -q sleep 3600 &
    await is_file pid
    pid=$(cat pid)
    track "$pid"
    await runs_program "$pid" "$SLEEP"
    for fd in 0 1 2; do
        assert_match "$fd" "$(fd_of "$pid" $fd)" "socket:*"
    done
    closed "$PYTHON" "$PROGRAMS/sockets.py" "$DZ" -q -d sleep 3600
    await is_file received
    pid=$(cat received)
    track "$pid"
    assert stdin "$(fd_of "$pid" 0)" /dev/null
    assert stdout "$(fd_of "$pid" 1)" "$PWD/nohup.out"
    assert stderr "$(fd_of "$pid" 2)" "$PWD/nohup.out"
}

@test "terminals become /dev/null and the log, in both modes" {
    run on_terminal "'$DZ' -q sleep 3601 & echo \$! >stay.pid" \
        'until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done' \
        "'$DZ' -d -q sleep 3601 >leave.pid"
    for mode in stay leave; do
        pid=$(cat $mode.pid)
        track "$pid"
        assert stdin "$(fd_of "$pid" 0)" /dev/null
        assert stderr "$(fd_of "$pid" 2)" "$PWD/nohup.out"
    done
    assert stdout "$(fd_of "$(cat stay.pid)" 1)" "$PWD/nohup.out"
}

@test "a terminal that has been hung up becomes /dev/null and the log, glibc and musl" {
    for program in environment environment-musl; do
        [ -x "$TARGETS/$program" ] || lacking "needs musl-gcc"
        for how in "$DZ" "env LD_PRELOAD=$SHIM DZ_MODE=stay"; do
            rm -f seen nohup.out
            # shellcheck disable=SC2086
            pid=$(closed "$PYTHON" "$PROGRAMS/hung.py" $how "$TARGETS/$program" "$PWD/seen")
            track "$pid"
            await holds_line seen "child-sid $pid"
            assert stdin "$(fd_of "$pid" 0)" /dev/null
            assert stdout "$(fd_of "$pid" 1)" "$PWD/nohup.out"
            assert stderr "$(fd_of "$pid" 2)" "$PWD/nohup.out"
            kill -KILL "$pid"
        done
    done
}

@test "0, 1 and 2 closed in every combination, in every mode" {
    for mode in "'$DZ' -q" "'$DZ' -q -d" "LD_PRELOAD='$SHIM'"; do
        for closing in "" "<&-" ">&-" "2>&-" "<&- >&-" "<&- 2>&-" ">&- 2>&-" "<&- >&- 2>&-"; do
            rm -f pid
            closed bash -c "$mode sh -c 'echo \$\$ >$PWD/new; mv $PWD/new $PWD/pid; exec sleep 3600' \
                </dev/null >out 2>err $closing & wait -n 2>/dev/null || true" &
            await is_file pid
            pid=$(cat pid)
            track "$pid"
            await runs_program "$pid" "$SLEEP"
            assert "descriptors ($mode $closing)" "$(fds_of "$pid")" "0 1 2"
            for fd in 0 1 2; do
                link=$(fd_of "$pid" $fd)
                case "$fd $closing" in
                "0 "*"<&-"* | "1 "*" >&-"* | "1 >&-"* | "2 "*"2>&-"*)
                    assert "$fd ($mode $closing)" "$link" /dev/null ;;
                "0 "*) assert 0 "$link" /dev/null ;;
                "1 "*) assert 1 "$link" "$PWD/out" ;;
                "2 "*) assert 2 "$link" "$PWD/err" ;;
                esac
            done
            kill -KILL "$pid"
        done
    done
}

@test "a caller that holds both ends of a pipe sees end-of-file" {
    run within "$PYTHON" "$PROGRAMS/both-ends.py" launcher "$DZ"
    [ "$status" = 0 ]
    assert_match output "$output" "* b''"
    track "${output%% *}"
    run within "$PYTHON" "$PROGRAMS/both-ends.py" preload "$SHIM"
    [ "$status" = 0 ]
    assert output "$output" " b''"
    for pid in $(pgrep -f 'sleep 3602'); do
        # One of another test's may be the last.
        [ "$(fd_of "$pid" 1)" != "$PWD/nohup.out" ] || track "$pid"
    done
}

@test "out=\$(dznohup -d server) returns with the PID" {
    out=$(dz -d sleep 3600 2>/dev/null)
    track "$out"
    assert_daemon "$out" leave
}

@test "-o takes both outputs, opened in the caller's cwd; -e takes stderr alone" {
    mkdir sub
    dz -d -q -o sub/log sh -c 'echo out; echo err >&2' >/dev/null 2>/dev/null
    await holds_line sub/log err
    holds_line sub/log out
    dz -d -q -o sub/o -e sub/e sh -c 'echo out; echo err >&2' >/dev/null
    await holds_line sub/e err
    assert o "$(cat sub/o)" out
    assert e "$(cat sub/e)" err
}

@test "-o appends, mode 0666 less umask; nohup.out is 0600 whatever the umask" {
    echo before >log
    (umask 027 && dz -d -q -o log echo one >/dev/null && dz -d -q -o new echo two >/dev/null)
    await holds_line log one
    holds_line log before
    assert mode "$(stat -c %a new)" 640
    (umask 0777 && dz -d -q true | cat)
    assert mode "$(stat -c %a nohup.out)" 600
    rm nohup.out
    (umask 0 && dz -d -q true | cat)
    assert mode "$(stat -c %a nohup.out)" 600
}

@test "-o - and -e - keep the stream that is there" {
    dz -d -q -o - -e - sh -c 'echo to you; echo err >&2' 2>err | cat >got
    holds got "to you"
    holds_line err err
    [ ! -e nohup.out ]
}

@test "-i reads a file, also in place of a terminal" {
    echo words >in
    dz -d -q -i in -o out cat
    await holds_line out words
    run on_terminal "'$DZ' -q -i in -o out2 cat" true
    await holds_line out2 words
}

@test "a FIFO as log or input never makes the caller wait" {
    mkfifo fifo
    run within "$DZ" -d -o fifo true
    assert status "$status" 125
    assert output "$output" \
        "dznohup: output: fifo: a socket, a FIFO without a reader, or a device that does not exist"
    # It may be read from before there is a writer, and between two.
    dz -d -q -C . -i fifo -o got sh -c 'read -r one; read -r two; echo "$one $two"'
    echo first >fifo
    echo second >fifo
    await holds_line got "first second"
    ln fifo nohup.out
    run closed bash -c "timeout -s KILL $DEADLINE '$DZ' -d -q true | cat"
    assert "log used" "$(stat -c %F "$HOME/nohup.out")" "regular empty file"
}

@test "the default log of a job with a name is NAME.log, here or in HOME" {
    export DZ
    for mode in -d --mode=stay; do
        screen=$(on_terminal "\"\$DZ\" $mode --name=web sh -c 'echo words' &" wait exit)
        assert_match "screen with $mode" "$screen" "*appending output to $PWD/web.log*"
        assert "log with $mode" "$(<web.log)" words
        rm web.log
        [ ! -e nohup.out ]
    done
    dz -n -d --name=web true | cat >plan
    grep -qF 'web.log, here or else in $HOME' plan || fail "$(<plan)"
    closed env LD_PRELOAD="$SHIM" DZ_NAME=lib "$BASH" -c 'echo words' </dev/null 2>&1 | cat >said
    await holds_line lib.log words
    mkfifo web.log
    dz -d --name=web sh -c 'echo words' 2>&1 | cat >said
    assert_match said "$(<said)" "dznohup: note: web.log: *FIFO*
*appending output to $HOME/web.log*"
    assert "log in HOME" "$(<"$HOME/web.log")" words
}

@test "the log falls back to HOME, and says which it is" {
    need_root
    need setpriv
    mkdir ro
    chmod 777 "$HOME"
    chmod 755 ro
    run closed setpriv --reuid=65432 --clear-groups sh -c "cd ro && '$DZ' -d echo words"
    [[ $output == *"appending output to $HOME/nohup.out"* ]]
    await holds_line "$HOME/nohup.out" words
}

@test "a link nohup.out of our own is followed, chains and folders included" {
    mkdir -p real/deep
    ln -s real/step nohup.out
    ln -s deep/log real/step
    dz -d -q echo words | cat
    await holds_line real/deep/log words
}

@test "a relative link is seen from its own folder, here, elsewhere and in HOME" {
    mkdir logs ro
    ln -s day.log logs/current
    dz -d -q -o logs/current echo one
    dz -d -q -o "$PWD/logs/current" echo two
    await holds_line logs/day.log two
    holds_line logs/day.log one
    [ ! -e day.log ]
    ln -s out.txt "$HOME/nohup.out"
    mkdir nohup.out
    dz -d -q echo three | cat
    await holds_line "$HOME/out.txt" three
    [ ! -e out.txt ]
    # The nohup personality opens it in the same way.
    run on_terminal "'$DZ' --nohup echo four"
    await holds_line "$HOME/out.txt" four
}

@test "-o to /dev/stdout and to a process substitution, also behind a link" {
    dz -d -q -o /dev/stdout echo words | grep -qx words
    ln -s /dev/stdout link
    dz -d -q -o link echo words | grep -qx words
    dz -d -q -o >(cat >got) echo words
    await holds_line got words
    assert files "$(ls)" $'got\nlink'
}

@test "the words to people stay one line, whatever names hold" {
    mkdir $'new\nline'
    cd $'new\nline'
    try closed bash -c "'$DZ' -d true | cat"
    assert_match stderr "$stderr" "*appending output to *new\\?line/nohup.out"
    : >$'a\nb'
    try dz -d -o log true $'a\nb'
    assert_match stderr "$stderr" "*warning: a\\?b is a relative path*"
}

@test "when only stderr goes to the log, it says so; a kept file gets no PID" {
    run on_terminal "'$DZ' echo words >out" true
    [[ $output == *"appending stderr to $PWD/nohup.out"* ]]
    await holds_line out words
    assert out "$(cat out)" words
}

@test "a program that has ended well is not said to run" {
    try closed bash -c "'$DZ' -d true | cat"
    assert_match stderr "$stderr" "dznohup: PID * has exited with status 0, appending output to *"
}

@test "an interrupt during the wait stops the job, and ends the launcher by that signal" {
    ln -s "$(command -v sleep)" sleeper # its path tells it from that of another run
    for signal in SIGINT:-2 SIGQUIT:-3 SIGTERM:-15; do
        for program in dznohup libdz.so; do
            words=(env LD_PRELOAD="$SHIM" DZ_OUTPUT=log DZ_WAIT=alive:20 DZ_PIDFILE=pid DZ_NAME=x)
            [ $program = libdz.so ] ||
                words=("$DZ" -d -o log -w alive:20 -p pid --name=x)
            run closed "$PYTHON" "$PROGRAMS/interrupt.py" "${signal%:*}" "${words[@]}" "$PWD/sleeper" 3600
            assert output "$output" "${signal#*:}  $program: wait: interrupted by ${signal%:*}"
            assert_none_with "$PWD/sleeper 3600"
            [ ! -e pid ]
            [ ! -s log ]
        done
    done
}

@test "an interrupt that was ignored or blocked when we were called ends no wait" {
    for how in ignored blocked; do
        for program in dznohup libdz.so; do
            rm -f pid ready
            words=(env LD_PRELOAD="$SHIM" DZ_OUTPUT=log DZ_WAIT=path:ready DZ_PIDFILE=pid)
            [ $program = libdz.so ] ||
                words=(env "$DZ" -d -q -o log -w path:ready -p pid)
            beside "$PYTHON" "$PROGRAMS/uninterrupted.py" $how "${words[@]}" "$SLEEP" 3600 >said 2>&1 &
            launcher=$!
            await is_file pid
            track "$(cat pid)"
            for signal in INT QUIT TERM; do
                kill -$signal $launcher
            done
            await runs_program "$(cat pid)" "$SLEEP"
            : >ready
            status=0
            wait $launcher || status=$?
            assert "status, $program, $how: $(cat said)" "$status" 0
            alive "$(cat pid)"
            assert_signals "$(cat pid)"
            kill -KILL "$(cat pid)"
        done
    done
}

@test "a link nohup.out that somebody else planted in a sticky folder is not followed" {
    need_root
    mkdir sticky victim
    chmod 1777 sticky
    ln -s "$PWD/victim/file" sticky/nohup.out
    chown -h 65432 sticky/nohup.out
    run bash -c "cd sticky && '$DZ' -d echo words | cat"
    await holds_line "$HOME/nohup.out" words
    [ ! -e victim/file ]
    # Nor behind a link of our own, nor by the nohup personality, nor by -o.
    ln -s "$PWD/sticky/nohup.out" mine
    run dz -d -o mine echo words
    assert status "$status" 125
    [[ $output == *"a symbolic link of another user"* ]]
    (cd sticky && on_terminal "'$DZ' --nohup echo words")
    await holds "$HOME/nohup.out" words
    [ ! -e victim/file ]
}

@test "a link that loops is an error" {
    ln -s loop loop
    run dz -d -o loop true
    assert status "$status" 125
    assert output "$output" "dznohup: output: loop: Too many levels of symbolic links"
}

@test "-q says nothing" {
    try dz -d -q sleep 0
    assert stderr "$stderr" ""
}

@test "a caller that is gone does not kill the launcher, which says the PID elsewhere" {
    run closed "$PYTHON" "$PROGRAMS/gone.py" "$DZ"
    assert_match output "$output" "0 dznohup: stdout: *: Broken pipe"
    pid=$(sed 's/0 dznohup: stdout: //; s/:.*//' <<<"$output")
    track "$pid"
    assert_daemon "$pid" leave
}

@test "a name that would be longer than a path once it is absolute" {
    try closed "$PYTHON" "$PROGRAMS/deep.py" "$DZ"
    assert status "$status" 125
    assert stderr "$stderr" "dznohup: output: log: File name too long"
}

@test "an unwritable stdout is said, and the target runs" {
    run closed bash -c "'$DZ' -d -o log sleep 3600 >/dev/full"
    assert status "$status" 0
    assert_match stderr "$output" "dznohup: stdout: *: No space left on device"
    pid=${output#dznohup: stdout: }
    track "${pid%%:*}"
    alive "${pid%%:*}"
}

# own-stdin WORDS...: the shell reads three lines, and starts the words after each.
own_stdin() {
    rm -f lines
    printf '%s\n' a b c >list
    while read -r line; do
        echo "$line" >>lines
        "$@" 2>>err || return
    done <list
    assert "lines that the caller read by $*" "$(tr -d '\n' <lines)" abc
}

@test "the caller's own stdin is left to the caller, and it is said once a start" {
    own_stdin dz -d -o /dev/null cat >/dev/null
    assert words "$(sort -u err)" \
        "dznohup: note: stdin: the caller reads it, so the program gets /dev/null; -i - passes it on"
    assert "number of them" "$(wc -l <err)" 3
    rm err
    own_stdin closed env LD_PRELOAD="$SHIM" DZ_OUTPUT=/dev/null "$(command -v cat)"
    # A script that a shell reads from a pipe.
    rm -f lines
    printf '%s\n' 'echo a >>lines' "'$DZ' -d -q -o got cat >pids" 'echo b >>lines' | closed bash
    assert lines "$(tr -d '\n' <lines)" ab
    assert got "$(cat got)" ""
}

@test "stdin that is not the caller's own is the program's; -i - passes the caller's on" {
    echo words >in
    # Not by dz: a function that has it as stdin is the caller.
    "$DZ" -d -o got cat <in 2>err 3>&- 4>&-
    await holds_line got words
    assert err "$(cat err)" ""
    rm got
    while read -r _; do
        dz -d -i - -o got cat 2>err
    done < <(printf 'one\ntwo\n')
    await holds_line got two
    assert err "$(cat err)" ""
    # In stay mode the program takes the place of the caller's child.
    printf 'one\ntwo\n' | { read -r _; dz -q -o got cat; }
    await holds_line got two
}

@test "-o /dev/stdout and the like are the descriptor itself: a socket, a file at its place" {
    for name in /dev/stdout /dev/fd/1 /proc/self/fd/1; do
        run closed "$PYTHON" "$PROGRAMS/socket-stdout.py" "$DZ" -d -q -w exec -o $name sh -c 'echo words'
        assert_match "$name" "$output" "0 *'words'* "
        # The position is shared with the caller: nothing is overwritten.
        { echo first; dz -q -o $name echo second; echo third; } >file
        assert "$name: file" "$(tr '\n' ' ' <file)" "first second third "
    done
    dz -q -i /dev/stdin -o got cat < <(echo words)
    await holds_line got words
    run closed bash -c "exec '$DZ' -o /dev/stdout true >&-"
    assert status "$status" 125
    assert output "$output" "dznohup: output: /dev/stdout: Bad file descriptor"
}

@test "a FIFO or another user's file is no default log, and it is said" {
    need_root
    mkdir theirs
    chmod 777 "$HOME"
    for kind in FIFO file; do
        rm -f theirs/nohup.out "$HOME/nohup.out"
        if [ $kind = FIFO ]; then
            mkfifo -m 666 theirs/nohup.out
            why="*a FIFO" # with a reader, or before cat has opened it
            beside cat theirs/nohup.out >leaked &
            reader=$!
            track $reader
        else
            install -m 666 -o 65432 /dev/null theirs/nohup.out
            why="a file of another user"
        fi
        run bash -c "cd theirs && '$DZ' -d echo words 3>&- 4>&- | cat"
        assert_match "$kind" "$output" "*dznohup: note: nohup.out: $why*appending output to $HOME/nohup.out*"
        await holds_line "$HOME/nohup.out" words
        if [ $kind = file ]; then
            assert theirs "$(cat theirs/nohup.out)" ""
            # Nor is it in HOME.
            chown 65432 "$HOME/nohup.out"
            run bash -c "cd theirs && '$DZ' -d echo words 3>&- 4>&- | cat"
            assert refused "$output" "dznohup: log: $HOME/nohup.out: a file of another user"
        else
            kill "$reader" 2>/dev/null || true
            assert leaked "$(cat leaked)" ""
        fi
    done
    # A device behind a link of our own is our own will.
    rm -f nohup.out
    ln -s /dev/null nohup.out
    run bash -c "'$DZ' -d echo words 3>&- 4>&- | cat"
    assert_match "link to a device" "$output" "*appending output to $PWD/nohup.out*"
}

@test "-C . stays in a directory that may not be searched" {
    need_root
    need setpriv
    chmod 777 "$HOME"
    mkdir -m 700 private
    for words in "$DZ -d" "$DZ" "env LD_PRELOAD=$SHIM DZ_CHDIR=."; do
        option=-C.
        [[ $words != env* ]] || option=
        # shellcheck disable=SC2086
        run closed bash -c 'cd private && shift 0 && exec setpriv --reuid=65432 --clear-groups \
            env DZ_STATE_DIR="$HOME/state" DZ_OUTPUT=/dev/null "$@"' private $words $option sleep 0
        assert "status of $words: $output" "$status" 0
    done
}
