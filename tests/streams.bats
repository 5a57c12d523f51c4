# Streams and logs: the table of dznohup(1), the options that beat it, and who
# else might have put something where the log is to be.

load helpers

# A long-running target started with -d, with the streams of the caller; sets pid.
leaves() {
    pid=$(dz -d -q "$@" sleep 3600)
    track "$pid"
}

# The same in stay mode; sets pid to the launcher's.
stays() {
    "$DZ" -q "$@" sleep 3600 <&0 3>&- 4>&- &
    pid=$!
    track "$pid"
    await runs_program "$pid" "$SLEEP"
}

@test "files and devices are kept" {
    echo in >in
    leaves <in 2>err
    assert stdin "$(fd_of "$pid" 0)" "$PWD/in"
    assert stderr "$(fd_of "$pid" 2)" "$PWD/err"
    stays <in >out 2>/dev/full
    assert stdin "$(fd_of "$pid" 0)" "$PWD/in"
    assert stdout "$(fd_of "$pid" 1)" "$PWD/out"
    assert stderr "$(fd_of "$pid" 2)" /dev/full
}

@test "pipes: stdin is kept, output is kept in stay mode and logged in leave mode" {
    leaves < <(sleep 1) 2> >(cat)
    assert_match stdin "$(fd_of "$pid" 0)" "pipe:*"
    assert stdout "$(fd_of "$pid" 1)" "$PWD/nohup.out"
    assert stderr "$(fd_of "$pid" 2)" "$PWD/nohup.out"
    stays < <(sleep 1) > >(cat >/dev/null) 2> >(cat >/dev/null)
    for fd in 0 1 2; do
        assert_match "$fd" "$(fd_of "$pid" $fd)" "pipe:*"
    done
}

@test "sockets are kept in stay mode; in leave mode /dev/null and the log" {
    closed "$PYTHON" "$PROGRAMS/sockets.py" "$DZ" -q sleep 3600 &
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
        "dznohup: output: fifo: a FIFO that nobody reads, or a device that is not there"
    # It may be read from before there is a writer, and between two.
    dz -d -q -C . -i fifo -o got sh -c 'read -r one; read -r two; echo "$one $two"'
    echo first >fifo
    echo second >fifo
    await holds_line got "first second"
    ln fifo nohup.out
    run closed bash -c "timeout -s KILL $DEADLINE '$DZ' -d -q true | cat"
    assert "log used" "$(stat -c %F "$HOME/nohup.out")" "regular empty file"
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

@test "-o to /dev/stdout and to a process substitution" {
    dz -d -q -o /dev/stdout echo words | grep -qx words
    dz -d -q -o >(cat >got) echo words
    await holds_line got words
    assert files "$(ls)" got
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
    for signal in SIGINT:-2 SIGQUIT:-3 SIGTERM:-15; do
        for program in dznohup libdz.so; do
            words=(env LD_PRELOAD="$SHIM" DZ_OUTPUT=log DZ_WAIT=alive:20 DZ_PIDFILE=pid DZ_NAME=x)
            [ $program = libdz.so ] ||
                words=("$DZ" -d -o log -w alive:20 -p pid --name=x)
            run closed "$PYTHON" "$PROGRAMS/interrupt.py" "${signal%:*}" "${words[@]}" sleep 3600.77
            assert output "$output" "${signal#*:}  $program: wait: interrupted by ${signal%:*}"
            assert_none_with "sleep 3600.77"
            [ ! -e pid ] && [ ! -s log ]
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
    [[ $output == *"a symbolic link that somebody else owns"* ]]
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
