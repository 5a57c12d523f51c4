# --reopen: at SIGHUP the log is opened anew by its name, in the program itself.

load helpers
START_OPTIONS=(--shim="$SHIM" --reopen --quiet --chdir=. --pidfile=pid)
LOGS=(--output=out --error=err)

# tests/targets/hangup, until it is where it waits.
watch() {
    rm -f seen out* err* pid
    start "$1" "${LOGS[@]}" -- "$TARGETS/on-hangup" "$PWD/seen" "$2"
    await holds err err
}

# Move out and err away, signal who is named, and wait for the new ones.
rotate() {
    mv out out.1
    mv err err.1
    kill -HUP "${1:-$pid}"
    await [ -e out ]
    await [ -e err ]
}
inode() { stat -L -c %i "$1"; }
is_open() { [ "/proc/$1/fd/$2" -ef "$3" ]; }

@test "100,000 lines of four threads, the log rotated 200 times: all there, once and whole" {
    for way in stay shim-leave; do
        rm -f seen out* pid
        start $way --output=out -- "$TARGETS/logs" "$PWD/seen" 25000
        "$PYTHON" "$PROGRAMS/rotate.py" "$pid" # it finds words on stderr in the log, too
        await gone "$pid"
    done
}

@test "both logs, however it is asked for; the old ones are left as they are" {
    for way in stay leave shim-stay shim-leave; do
        watch $way none
        rotate
        await is_open "$pid" 1 out
        await is_open "$pid" 2 err
        await holds err "awake 1"
        assert "old out" "$(cat out.1)" out
        assert "old err" "$(cat err.1)" err
        assert "descriptors" "$(fds_of "$pid")" "0 1 2"
        kill_started
    done
}

@test "one log for both streams, nohup.out" {
    need script
    cat >ask <<ASK
exec "$DZ" --shim="$SHIM" --reopen -q -C . "$TARGETS/on-hangup" "$PWD/seen" none
ASK
    on_terminal "sh ask &" 'until grep -qs err nohup.out; do :; done' >/dev/null
    pid=$(sed -n 's/^main //p' seen)
    track "$pid"
    assert mode "$(stat -c %a nohup.out)" 600
    mv nohup.out old
    kill -HUP "$pid"
    await is_open "$pid" 1 nohup.out
    await is_open "$pid" 2 nohup.out
    assert mode "$(stat -c %a nohup.out)" 600
    assert "what was written" "$(head -n 2 old)" $'out\nerr'
}

@test "a new log has the mode of the old one, whatever the umask has become" {
    umask 022
    for how in none umask; do
        watch stay $how
        chmod 640 err
        rotate
        # It has its mode once it has its descriptor, not once it is there.
        await is_open "$pid" 1 out
        await is_open "$pid" 2 err
        assert "out of $how" "$(stat -c %a out)" 644
        assert "err of $how" "$(stat -c %a err)" 640
        kill_started
    done
}

@test "a stream that the program has sent elsewhere is left alone" {
    watch_redirected() {
        rm -f seen out* err*
        start stay "${LOGS[@]}" -- "$TARGETS/on-hangup" "$PWD/seen" redirects
        await holds elsewhere err
    }
    watch_redirected
    mv out out.1
    rm -f err
    kill -HUP "$pid"
    await holds elsewhere "awake 1"
    is_open "$pid" 1 out
    is_open "$pid" 2 elsewhere
    [ ! -e err ]
}

@test "the program's handler is called after it, and asking back gives its own" {
    # From kill(1), of which bash's is within the shell; SA_SIGINFO is 4.
    local called="handler: signal 1 code 0 from $BASHPID, USR2 blocked 1"
    for way in stay shim-stay; do
        watch $way siginfo
        rotate
        await holds out "$called"
        kill -USR1 "$pid"
        await holds out "asked: own flags 4"
        mv out out.2
        kill -HUP "$pid"
        await holds out "$called"
        kill_started
    done
}

@test "on the small stack of a handler, behind a chain of symbolic links" {
    mkdir -p real
    ln -s real/out-2 out-1
    ln -s ../real-out real/out-2
    for way in stay shim-stay; do
        rm -f seen out err real-out* err.1
        ln -s out-1 out
        start $way "${LOGS[@]}" -- "$TARGETS/on-hangup" "$PWD/seen" stack
        await holds err err
        mv real-out real-out.1
        kill -HUP "$pid"
        await holds real-out "handler: signal 1 code 0 from $BASHPID, USR2 blocked 1"
        is_open "$pid" 1 real-out
        kill_started
    done
}

@test "SA_RESETHAND: called once, then the default, which does not kill" {
    watch stay once
    rotate
    await holds out "handler: "
    kill -USR1 "$pid"
    await holds out "asked: default"
    mv out out.2
    kill -HUP "$pid"
    await [ -e out ]
    kill -USR1 "$pid"
    await holds out "asked: default"
    assert "calls" "$(cat out.1 out.2 out | grep -c handler)" 1
}

@test "SIG_DFL and SIG_IGN of the program's: asking back gives them, it lives and reopens" {
    for how in default ignore; do
        watch stay $how
        kill -USR1 "$pid"
        await holds out "asked: ${how/%e/ed}"
        rotate
        await is_open "$pid" 1 out
        kill -USR1 "$pid"
        await holds out "asked: "
        alive "$pid"
        kill_started
    done
}

@test "a log that cannot be opened: a line in the old one, which is kept" {
    mkdir logs
    start stay --output=logs/out --error=err -- "$TARGETS/on-hangup" "$PWD/seen" none
    await holds err err
    mv logs gone
    kill -HUP "$pid"
    await holds gone/out "libdz.so: reopen: $PWD/logs/out: No such file or directory"
    is_open "$pid" 1 gone/out
    is_open "$pid" 2 err
    mv gone logs
    mv logs/out logs/out.1
    kill -HUP "$pid"
    await is_open "$pid" 1 logs/out
    assert complaints "$(wc -l <logs/out.1)" 2
}

@test "a log that may not be opened, by a program that has changed its user" {
    need_root
    start stay --output=out -- "$PYTHON" "$PROGRAMS/other-user.py"
    await holds out out
    mv out out.1
    kill -HUP "$pid"
    await holds out.1 "libdz.so: reopen: $PWD/out: Permission denied"
    is_open "$pid" 1 out.1
    [ ! -e out ]
}

@test "children that are workers reopen too, one that has used vfork as well" {
    for how in worker vfork; do
        watch stay $how
        await holds seen worker
        await holds seen main
        worker=$(sed -n 's/^worker //p' seen)
        track "$worker"
        rotate "$worker"
        await is_open "$worker" 1 out
        await is_open "$worker" 2 err
        is_open "$pid" 1 out.1
        kill -HUP "$pid"
        await is_open "$pid" 1 out
        kill -KILL "$worker"
        kill_started
    done
}

@test "logrotate, with its default way and a signal behind it" {
    need logrotate
    chmod 755 .
    watch leave none
    cat >conf <<CONF
"$PWD/out" "$PWD/err" {
    rotate 3
    sharedscripts
    postrotate
        kill -HUP $pid
    endscript
}
CONF
    chmod 644 conf
    for i in 1 2; do
        before=$(inode out)
        logrotate -f -s "$PWD/state" conf
        another() { [ -e out ] && [ "$(inode out)" != "$before" ] && is_open "$pid" 1 out && is_open "$pid" 2 err; }
        await another
    done
    assert "the first" "$(cat out.2 err.2)" $'out\nerr'
}

# SIGHUP is ignored, in the process with that PID.
ignores_hangup() { [ $((0x$(status_field "$1" SigIgn) & 1)) = 1 ]; }

@test "the program that takes another one's place reopens; what is started ignores SIGHUP" {
    for way in 'exec sleep 3600' 'sleep 3600 & echo $! >child; wait'; do
        rm -f child log log.1
        # A wrapper that executes, as nice does; and a shell that starts.
        (exec "$DZ" --shim="$SHIM" --reopen -q -C . -o log nice bash -c "$way" </dev/null 3>&- 4>&-) &
        pid=$!
        track "$pid"
        case $way in
        exec*)
            await runs_program "$pid" "$SLEEP"
            mv log log.1
            kill -HUP "$pid"
            await is_open "$pid" 1 log
            ;;
        *)
            await is_file child
            track "$(<child)"
            await runs_program "$(<child)" "$SLEEP"
            ignores_hangup "$(<child)"
            ;;
        esac
    done
}

@test "every function that executes: the log is reopened there, and a child ignores SIGHUP" {
    for program in execs execs-musl; do
        [ -x "$TARGETS/$program" ] || lacking "needs musl-gcc"
        for way in execv execve execvp execvpe execl execle execlp fexecve execveat \
            posix_spawn posix_spawnp; do
            rm -f child log log.1
            "$DZ" --shim="$SHIM" --reopen -q -C . -o log "$TARGETS/$program" $way "$SLEEP" 3600 </dev/null 3>&- 4>&- &
            pid=$!
            track "$pid"
            case $way in
            posix*)
                await is_file child
                track "$(<child)"
                await runs_program "$(<child)" "$SLEEP"
                ignores_hangup "$(<child)" || fail "$program $way: not ignored"
                ;;
            *) await runs_program "$pid" "$SLEEP" ;;
            esac
            mv log log.1
            kill -HUP "$pid"
            await is_open "$pid" 1 log
            [[ $way != posix* ]] || kill -KILL "$(<child)"
            kill_started
        done
    done
}

@test "a child of vfork that sets SIGHUP: its parent's memory is not its own" {
    for program in execs execs-musl; do
        [ -x "$TARGETS/$program" ] || lacking "needs musl-gcc"
        for way in vfork clone; do
            rm -f child handled log log.1
            "$DZ" --shim="$SHIM" --reopen -q -C . -o log "$TARGETS/$program" $way </dev/null 3>&- 4>&- &
            pid=$!
            track "$pid"
            await is_file child
            set -- "$(<child)"
            track "$1"
            mv log log.1
            kill -HUP "$1"
            await eval '[ -e handled ] && [ -e log ]'
            kill -KILL "$1"
            [ "$1" = "$pid" ] || kill_started
        done
    done
}

@test "--inherit: a child's pipe and its /dev/null are no log" {
    cat >program.sh <<'SH'
got=$(/bin/sh -c 'echo before; : >ready; while [ ! -e go ]; do /bin/sleep 0.05; done; echo after')
printf '%s\n' "$got" >got.new
mv got.new got
/bin/sh -c 'echo $$ >child.new; mv child.new child; while [ ! -e over ]; do /bin/sleep 0.05; done' >/dev/null
exec sleep 3600
SH
    pid=$(closed "$DZ" -d --shim="$SHIM" --reopen --inherit -q -C . -o log sh program.sh)
    track "$pid"
    hang_up() { kill -HUP -- "-$(stat_field "$pid" 5)"; }
    reopened() { [ "$(readlink "/proc/$1/fd/2")" = "$PWD/log" ] && [ -e log ]; }
    await eval '[ -e ready ]'
    mv log log.1
    hang_up
    await eval '[ -e log ]'
    : >go
    await is_file got
    assert "what the program has read" "$(<got)" $'before\nafter'
    await is_file child
    track "$(<child)"
    mv log log.2
    hang_up
    await reopened "$(<child)"
    assert "stdout of the second" "$(readlink "/proc/$(<child)/fd/1")" /dev/null
    : >over
}
