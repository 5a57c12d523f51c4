# Stay mode: this PID, in its own session; and when it must leave.

load helpers

# The PID that the screen shows in a line "PID N".
pid_on() { sed -n 's/.*PID \([0-9]*\)$/\1/p' <<<"$1"; }
# Typed into a shell: wait until the last background process is the program.
# Before that a shell's own child may lose a signal, whatever it is to run.
SETTLED='until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done'

@test "job of an interactive shell: \$! is the daemon, jobs and kill %1 work" {
    run on_terminal "'$DZ' sleep 61 &" "$SETTLED" 'echo PID $!; jobs' \
        'grep -E "^(SigIgn|SigBlk|PPid)" /proc/$!/status; cat /proc/$!/stat; readlink /proc/$!/cwd' \
        'kill %1' 'wait $!; echo status $?'
    pid=$(pid_on "$output")
    [[ $output == *"Running"*"sleep 61 &"* ]]
    [[ $output == *"status 143"* ]]
    [[ $output == *"SigIgn:	$DAEMON_IGNORES"* ]]
    line=$(grep -o "$pid (sleep).*" <<<"$output")
    # pid, name, state, ppid, pgrp, session, tty_nr
    read -r _ _ _ _ group session tty _ <<<"$line"
    assert session "$session" "$pid"
    assert group "$group" "$pid"
    assert tty_nr "$tty" 0
    gone "$pid"
}

@test "job of an interactive shell: the same answers as nohup gives" {
    for name in nohup dznohup; do
        tool="'$DZ'"
        [ "$name" = dznohup ] || tool="nohup"
        run on_terminal "$tool sh -c 'exit 7' &" 'wait $!; echo status $?' \
            "$tool sleep 62 & " "$SETTLED" 'echo running $(jobs -r | grep -c sleep)' 'kill %1; wait %1; echo status $?'
        grep -o 'status [0-9]*\|running [0-9]' <<<"$output" >"answers.$name"
    done
    assert lines "$(cat answers.nohup)" $'status 7\nrunning 1\nstatus 143'
    cmp answers.*
}

@test "job of an interactive dash" {
    need dash
    run on_terminal --shell "dash -i" "'$DZ' sleep 63 &" "$SETTLED" 'echo PID $!' 'jobs' \
        'kill %1; wait $!; echo status $?' # dash forgets a job once it has told its end
    [[ $output == *Running* ]]
    [[ $output == *"status 143"* ]]
    pid=$(pid_on "$output")
    [ -n "$pid" ]
    gone "$pid"
}

@test "typed without &: gives the prompt back and says PID and log" {
    run on_terminal "'$DZ' sleep 64" 'echo back $?'
    [[ $output == *"back 0"* ]]
    pid=$(sed -n 's/.*dznohup: PID \([0-9]*\) is running in the background.*/\1/p' <<<"$output")
    track "$pid"
    [[ $output == *"appending output to $PWD/nohup.out"* ]]
    grep -qx "$pid" <<<"$output" # stdout carries the PID alone
    runs_program "$pid" "$SLEEP"
    assert_daemon "$pid" leave
}

@test "head of a pipeline typed without &: leaves, and says so" {
    run on_terminal "'$DZ' sleep 65 | cat" 'echo back'
    pid=$(sed -n 's/.*dznohup: PID \([0-9]*\) is running.*/\1/p' <<<"$output")
    track "$pid"
    assert_daemon "$pid" leave
}

@test "head of a background pipeline: the group has members, leaves, and says so" {
    # The reader is in the group before the launcher starts.
    run on_terminal "mkfifo go; { read -r x <go; exec '$DZ' sleep 66; } | cat >out &" \
        'echo >go; wait; cat out'
    pid=$(sed -n 's/.*dznohup: PID \([0-9]*\) is running apart from its pipeline.*/\1/p' <<<"$output")
    track "$pid"
    assert out "$(cat out)" "$pid"
    assert_daemon "$pid" leave
}

@test "tail of a pipeline: reads its input to the end" {
    run on_terminal "echo words | '$DZ' -o got cat" 'echo back'
    await holds_line got words
}

@test "from a script without job control: \$! is right, INT and QUIT are default" {
    cat >script <<END
'$DZ' sleep 67 >/dev/null 2>&1 &
echo \$!
END
    run closed sh script
    track "$output"
    await runs_program "$output" "$SLEEP"
    assert_daemon "$output" stay
}

@test "wait in a script gets the target's status and signal" {
    run closed bash -c "'$DZ' sh -c 'exit 9' & wait \$!; echo \$?; '$DZ' sleep 68 & kill \$!; wait \$!; echo \$?"
    assert statuses "$output" $'9\n143'
}

@test "the exit status is the target's, no process is made" {
    run dz sh -c 'exit 3'
    [ "$status" = 3 ]
    need setpriv
    need_root
    # No process may be made for this user: one fork and it would fail.
    chmod 777 .
    run closed setpriv --reuid=65432 --clear-groups bash -c "ulimit -u 0; exec '$DZ' sh -c 'exit 4'"
    [ "$status" = 4 ]
}

@test "leader of a session without a terminal: nothing to do, the PID stays" {
    beside setsid bash -c "echo \$\$ >pid; exec '$DZ' sleep 69" &
    await is_file pid
    pid=$(cat pid)
    track "$pid"
    await runs_program "$pid" "$SLEEP"
    assert_daemon "$pid" stay
}

@test "alone in a terminal's session: gives the terminal up" {
    # It goes on holding the terminal open, as stderr; else closing the last
    # descriptor would end the terminal, and with it what is tested here.
    closed "$PYTHON" "$TESTS/pty" --hangup-at "never" bash -c \
        "echo \$\$ >pid; exec '$DZ' -e - sleep 70" &
    screen=$!
    await is_file pid
    pid=$(cat pid)
    track "$pid"
    await runs_program "$pid" "$SLEEP"
    assert_daemon "$pid" stay
    assert stdout "$(fd_of "$pid" 1)" "$PWD/nohup.out"
    kill -TERM "$pid"
    wait "$screen"
}

@test "leader that shares its terminal's session: keeps it, and says so" {
    mkfifo fifo
    run closed "$PYTHON" "$TESTS/pty" --run bash -c "cat <fifo & exec '$DZ' sh -c 'echo >$PWD/fifo'"
    [[ $output == *"other processes share the session"* ]]
    assert status "$status" 0
}

@test "PID 1 of a PID namespace: stays" {
    need_root
    need unshare
    run closed unshare --pid --fork --mount-proc "$DZ" sh -c \
        'echo "$$ $(cut -d " " -f 6,7 /proc/1/stat)"'
    assert "pid, session and tty" "$output" "1 1 0"
}

@test "PID 1 that leads its terminal's session: stays" {
    need_root
    run closed "$PYTHON" "$TESTS/pty" --run unshare --pid --fork --mount-proc setsid --ctty \
        "$DZ" -o - sh -c 'echo "$$ $(cut -d " " -f 6,7 /proc/self/stat)"'
    [[ $output == *"1 0"* ]]
    [ "$status" = 0 ]
}

@test "PID 1 that leads its group, in the foreground of a terminal: stays" {
    need_root
    for member in "" --member; do
        # shellcheck disable=SC2086
        run closed "$PYTHON" "$TESTS/pty" --run unshare --pid --fork --mount-proc \
            "$PYTHON" "$PROGRAMS/lead.py" $member "$DZ" -o - sh -c 'echo "PID is $$"'
        [[ $output == *"PID is 1"* ]] || fail "$output"
        [ "$status" = 0 ]
    done
}

@test "a command with a slash is made absolute, a bare one keeps its name" {
    ln -s "$(command -v sleep)" mine
    pid=$(dz -d -q -o log ./mine 3600)
    track "$pid"
    assert words "$(command_of "$pid")" "$PWD/mine 3600 "
    mkdir sub
    pid=$(cd sub && PATH=..:$PATH dz -d -q -o log mine 3600)
    track "$pid"
    assert words "$(command_of "$pid")" "mine 3600 "
}

@test "-d makes PID 1 leave, as it was told to" {
    need_root
    run closed unshare --pid --fork --mount-proc "$DZ" -d -o log -e - sleep 0
    [ "$status" = 0 ]
    assert PID "$output" 3
}

@test "a Ctrl-C meant for the shell's group while we are in it does not hit us" {
    # 100 times over: the interrupt goes to the shell's group while jobs start.
    run closed "$PYTHON" "$PROGRAMS/interrupts.py" "$DZ"
    assert "starts hit" "$output" 0
}

@test "a Ctrl-C right after it has joined the shell's group does not hit it either" {
    need strace
    # The shell leads its group, and each job one of its own.
    cat >shell.sh <<'END'
set -m
trap : INT
strace -DD -qq -o trace -e trace=setpgid -e inject=setpgid:delay_exit=500000 "$DZ" -q -o log "$SLEEP" 3600 </dev/null &
echo $! >pid
until read -r line </proc/$!/stat && set -- ${line##*) } && [ "$3" = $$ ]; do :; done
kill -INT -- -$$
END
    DZ=$DZ SLEEP=$SLEEP within setsid -w bash shell.sh
    pid=$(<pid)
    track "$pid"
    await has_executed "$pid"
    alive "$pid" || fail "it was hit"
    await runs_program "$pid" "$SLEEP"
    delayed trace
}

@test "close the terminal: the target lives, logs on, and /dev/tty gives ENXIO" {
    for form in "'$DZ' X &" "'$DZ' X" "'$DZ' -d X" "LD_PRELOAD='$SHIM' X" \
        "DZ_MODE=stay LD_PRELOAD='$SHIM' X &"; do
        rm -f tty.log nohup.out
        closed "$PYTHON" "$TESTS/pty" "${form/X/$TARGETS/opens-tty $PWD/tty.log}" \
            'until [ -s tty.log ]; do :; done' >screen
        await holds_line tty.log "round 0 tty: No such device or address"
        pid=$(pgrep -f "$PWD/tty.log")
        track "$pid"
        assert "of $form: tty_nr" "$(stat_field "$pid" 7)" 0
        await holds_line nohup.out "printed 0"
        kill -USR1 "$pid"
        await holds_line tty.log "round 1 tty: No such device or address"
        await holds_line nohup.out "printed 1"
        stops_on_term "$pid" || kill -KILL "$pid"
    done
}

# The first process of a container, on a terminal of its own, runs COMMAND.
in_container() {
    closed "$PYTHON" "$TESTS/pty" --run "${NEW_PIDS[@]}" \
        setsid --ctty "$PYTHON" "$PROGRAMS/init.py" "$@"
}

@test "an init that hands its terminal over waits: stays, with or without --mode=stay" {
    need_root
    need unshare
    for option in -q --mode=stay; do
        # It outlives the wait of a start that leaves, which would pass its status on.
        run in_container "$DZ" $option -o "$PWD/log" sh -c \
            'sleep 2; echo "$(cut -d " " -f 6,7 /proc/$$/stat)"; exit 7'
        assert "status with $option: $output" "$status" 7
        assert_match "session and tty with $option" "$(tail -n 1 log)" "* 0"
    done
}

@test "--mode=stay stays below a shell with job control, or is refused; it never leaves" {
    run on_terminal "'$DZ' --mode=stay -q -o log sh -c 'echo \$\$; exit 7'" 'echo status $?'
    [[ $output == *"status 7"* ]]
    mkfifo go
    run on_terminal "{ read -r x <go; exec '$DZ' --mode=stay -q -o log sleep 71 2>err; } | cat &" \
        'echo >go; wait'
    assert err "$(cat err)" "dznohup: setsid: the process group has other members; use -d"
    assert_none_with "sleep 71"
}

@test "the parent is outside our PID namespace: a group to join is made for an instant" {
    need_root
    need unshare
    # lead.py is PID 1 of its namespace; its parent cannot be seen, nor its session's leader.
    run closed "$PYTHON" "$TESTS/pty" --run unshare --pid --fork --mount-proc \
        "$PYTHON" "$PROGRAMS/lead.py" "$DZ" -o - sh -c \
        'echo "session $(cut -d " " -f 6,7 /proc/1/stat)"; set -- /proc/[0-9]*; echo "processes: $#"'
    [[ $output == *"session 1 0"* ]]
    # The process that made the group has ended.
    [[ $output == *"processes: 1"* ]] || fail "$output"
}

@test "PID 1 keeps its streams, a terminal too, and its working directory" {
    need_root
    need unshare
    run closed "$PYTHON" "$TESTS/pty" --run unshare --pid --fork --mount-proc setsid --ctty \
        "$DZ" sh -c 'test -t 0 && test -t 1 && echo "in $(pwd)"'
    [[ $output == *"in $PWD"* ]]
    [ ! -e nohup.out ]
    run closed unshare --pid --fork --mount-proc "$DZ" -C / pwd
    assert "with -C /" "$output" /
    run closed unshare --pid --fork --mount-proc env LD_PRELOAD="$SHIM" "$(command -v pwd)"
    assert "by the library" "$output" "$PWD"
}
