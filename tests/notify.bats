# --wait=notify: what the program says by sd_notify(3), who is believed, and
# what is done about it.

load helpers
load waiting

# notifies WAY TIMEOUT WORD...: start the client so.
notifies() {
    local way=$1 timeout=$2
    shift 2
    rm -f log
    start "$way" DZ_WAIT=notify DZ_TIMEOUT="$timeout" -- "$PYTHON" "$PROGRAMS/send.py" "$@"
}

@test "a script and systemd-notify --ready" {
    need systemd-notify
    for way in $WAYS; do
        start "$way" DZ_WAIT=notify DZ_TIMEOUT="$DEADLINE" -- bash -c \
            "sleep 0.3; echo >'$PWD/later'; systemd-notify --ready; exec '$SLEEPER' 60"
        started
        [ -e later ]
        rm later
        kill "$pid"
    done
}

@test "a script of ten lines in python, by an environment that has nothing of ours" {
    for way in $WAYS; do
        # Our own manager's socket is not the program's.
        start "$way" NOTIFY_SOCKET=/nowhere DZ_WAIT=notify DZ_TIMEOUT="$DEADLINE" -- "$PYTHON" "$PROGRAMS/ten.py"
        started
        holds_line log "ours []"
        await runs_program "$pid" "$(readlink -f "$PYTHON")"
        assert descriptors "$(fds_of "$pid")" "0 1 2 3" # its own socket
        kill "$pid"
        rm log
    done
}

@test "what is not READY=1 is not it" {
    for way in $WAYS; do
        notifies "$way" 0.8 READY=0 READY=11 "READY=1 " XREADY=1 ready=1 "STATUS=READY=1" READY RELOADING=1 STOPPING=1
        failed 124 "wait: $PYTHON: stopped after 0.8 s: has not sent READY=1"
        notifies "$way" "$DEADLINE" 'STATUS=a\nREADY=1\nX=1'
        started
        kill "$pid"
        notifies "$way" "$DEADLINE" 'READY=1\n'
        started
        kill "$pid"
    done
}

@test "ERRNO ends the wait at once, with that error's words" {
    for way in $WAYS; do
        before=$(milliseconds)
        notifies "$way" 60 ERRNO=98
        failed 125 "notify: $PYTHON: Address already in use"
        notifies "$way" 60 'READY=1\nERRNO=2'
        failed 125 "notify: $PYTHON: No such file or directory"
        [ $(($(milliseconds) - before)) -lt 40000 ] || fail "it was waited out"
        for number in 0 -2 2x "" 99999999999; do
            notifies "$way" 30 "ERRNO=$number\nREADY=1"
            started
            kill "$pid"
        done
    done
}

@test "a child of the program may say it; the program's end is its end" {
    for way in $WAYS; do
        start "$way" DZ_WAIT=notify DZ_TIMEOUT="$DEADLINE" -- bash -c \
            "setsid '$PYTHON' '$PROGRAMS/send.py' READY=1 & wait"
        started
        child=$(pgrep -P "$pid")
        track "$child"
        kill "$child" "$pid"
        notifies "$way" "$DEADLINE" STATUS=x end:6
        failed 6 "start: $PYTHON: exited with status 6 after *"
    done
}

@test "STATUS is on the terminal's line" {
    for way in $WAYS; do
        start=("$DZ" -d)
        says=dznohup
        [ "$way" = leave ] || { start=(LD_PRELOAD="$SHIM"); says=libdz.so; }
        clear=$'\r\033[K'
        expected="$clear$says: waiting for notify, 1 s: load\?ing\?\[31m$clear$says: waiting for notify, 2 s: two of three$clear*"
        for _ in $TRIES; do
            screen=$(on_terminal --run env DZ_OUTPUT=log DZ_PIDFILE=pid DZ_WAIT=notify "${start[@]}" \
                "$PYTHON" "$PROGRAMS/send.py" STATUS=first STATUS=$'load\ting\033[31m' until:1.6 "STATUS=two of three" until:2.6 READY=1)
            track "$(cat pid)"
            kill "$(cat pid)"
            rm pid
            # shellcheck disable=SC2053
            [[ $screen != $expected ]] || break
        done
        assert_match screen "$screen" "$expected"
        # A long one is cut, not the line broken.
        long=$(printf 'long%.0s' {1..100})
        expected="$clear$says: waiting for notify, 1 s: longlong*long...$clear$says: wait: *"
        for _ in $TRIES; do
            screen=$(on_terminal --run env DZ_OUTPUT=log DZ_WAIT=notify DZ_TIMEOUT=1.3 "${start[@]}" \
                "$PYTHON" "$PROGRAMS/send.py" "STATUS=$long") || true
            # shellcheck disable=SC2053
            [[ $screen != $expected ]] || break
        done
        assert_match screen "$screen" "$expected"
    done
}

@test "MAINPID of the job is followed: PID, pidfile and record name it" {
    for way in $WAYS; do
        notifies "$way" "$DEADLINE" pid:"$PWD/first" child 'MAINPID=CHILD\nREADY=1'
        started
        track "$(cat first)"
        refute [ "$pid" = "$(cat first)" ]
        assert parent "$(stat_field "$pid" 4)" "$(cat first)"
        assert pidfile "$(cat pid)" "$pid"
        assert records "$(ls -A "$DZ_STATE_DIR")" "$pid"
        holds_line "$DZ_STATE_DIR/$pid" "pid $pid"
        holds_line "$DZ_STATE_DIR/$pid" "start $(start_time "$pid")"
        [ "$way" = shim-leave ] || assert output "$output" "$pid"
        kill "$(cat first)" "$pid"
        # With a name, and the parent ends behind it.
        rm -f alone
        start "$way" DZ_NAME=job DZ_WAIT=notify,path:alone DZ_TIMEOUT="$DEADLINE" -- \
            "$PYTHON" "$PROGRAMS/send.py" pid:"$PWD/first" child:"$PWD/alone" MAINPID=CHILD READY=1 end:0
        started
        refute [ "$pid" = "$(cat first)" ]
        gone "$(cat first)"
        assert records "$(ls -A "$DZ_STATE_DIR")" job
        holds_line "$DZ_STATE_DIR/job" "pid $pid"
        kill "$pid"
    done
}

@test "what a program says right before its end counts, as systemd has it of a main process" {
    for way in $WAYS; do
        start "$way" DZ_WAIT=notify DZ_TIMEOUT=60 -- "$PYTHON" "$PROGRAMS/says-last.py"
        started
        kill "$pid"
    done
}

@test "MAINPID that is not of the job, or no PID, is not followed" {
    beside "$SLEEPER" 60 &
    stranger=$!
    track $stranger
    for way in $WAYS; do
        notifies "$way" "$DEADLINE" pid:"$PWD/first" MAINPID=$stranger MAINPID=1 MAINPID=0 MAINPID=-1 MAINPID=x MAINPID= \
            MAINPID=99999999999 MAINPID=4194304 READY=1
        started
        assert pidfile "$pid" "$(cat first)"
        assert records "$(ls -A "$DZ_STATE_DIR")" "$pid"
        kill "$pid"
        alive $stranger
    done
}

@test "EXTEND_TIMEOUT_USEC gives more time, again and again" {
    for way in $WAYS; do
        for time in 3 15 75; do
            before=$(milliseconds)
            # Ready long behind the time-out, and no extension reaches so far.
            more="EXTEND_TIMEOUT_USEC=${time}000000 sleep:$((time / 3))"
            # shellcheck disable=SC2086
            notifies "$way" $time $more $more $more $more $more READY=1
            [ "$status" = 124 ] || break
        done
        started
        [ $(($(milliseconds) - before)) -ge $((time * 1650)) ]
        kill "$pid"
        # Without another one it is over; it does not shorten the time that is left.
        for time in 3 15 75; do
            before=$(milliseconds)
            notifies "$way" $time EXTEND_TIMEOUT_USEC=$((time * 1500000))
            failed 124 "wait: $PYTHON: stopped after *"
            elapsed=$(($(milliseconds) - before))
            [ $elapsed -lt $((time * 1500)) ] || break
        done
        [ "$elapsed" -ge $((time * 1500)) ] && [ "$elapsed" -lt $((time * 1500 + 25000)) ] || fail "after $elapsed ms"
        notifies "$way" "$DEADLINE" EXTEND_TIMEOUT_USEC=1 sleep:0.3 EXTEND_TIMEOUT_USEC= EXTEND_TIMEOUT_USEC=-5 \
            EXTEND_TIMEOUT_USEC=1x sleep:0.3 READY=1
        started
        kill "$pid"
        notifies "$way" "$DEADLINE" EXTEND_TIMEOUT_USEC=9223372036854775807 EXTEND_TIMEOUT_USEC=99999999999999999999 \
            sleep:0.3 READY=1
        started
        kill "$pid"
    done
}

@test "what a stranger sends is not believed" {
    for way in $WAYS; do
        for time in $TIMES; do
            rm -f target lied
            # Only by dznohup its environment is shown in /proc: the library changes
            # the copy that the program has.
            (
                await is_file target
                if [ "$way" = leave ]; then
                    "$PYTHON" "$PROGRAMS/liar.py" "$(cat target)" >lied 2>&1
                else
                    NOTIFY_SOCKET=$(cat address) && export NOTIFY_SOCKET
                    "$PYTHON" "$PROGRAMS/lie-ready.py" >lied 2>&1
                fi
            ) 3>&- 4>&- &
            helper=$!
            start "$way" DZ_WAIT=notify DZ_TIMEOUT="$time" -- bash -c \
                "echo \$NOTIFY_SOCKET >'$PWD/address'; echo \$\$ >'$PWD/target'; exec '$SLEEPER' 600"
            wait $helper || true
            ! holds_line lied read || break
        done
        holds_line lied read
        failed 124 "wait: bash: stopped after $time s: has not sent READY=1"
    done
}

@test "a huge datagram, hundreds of datagrams, descriptors that come along" {
    for way in $WAYS; do
        notifies "$way" 1.5 huge:5000 huge:100000
        failed 124 "wait: $PYTHON: stopped after 1.5 s: has not sent READY=1"
        notifies "$way" "$DEADLINE" huge:100000 times:500 closed:1 closed:253 READY=1
        started
        assert log "$(cat log)" $'end of file b\'\'\nend of file b\'\''
        kill "$pid"
    done
}

@test "the program is executed anew, where its constructors have threads: all settings hold" {
    # The environment's first entries are the ones that could get lost.
    for first in DZ_OUTPUT=log DZ_PIDFILE=pid DZ_UMASK=077 DZ_CHDIR="$HOME"; do
        rm -rf pid log "$DZ_STATE_DIR"
        try closed env -i "$first" DZ_OUTPUT=log DZ_PIDFILE=pid DZ_UMASK=077 DZ_CHDIR="$HOME" \
            DZ_STATE_DIR="$DZ_STATE_DIR" DZ_WAIT=notify DZ_TIMEOUT="$DEADLINE" \
            LD_PRELOAD="$SHIM $TARGETS/initfirst.so" "$PYTHON" "$PROGRAMS/send.py" closed:1 READY=1 </dev/null
        assert status "$status" 0 || fail "$stderr"
        assert output "$output" ""
        await is_file pid
        pid=$(cat pid)
        track "$pid"
        assert log "$(cat log)" "end of file b''"
        assert cwd "$(cwd_of "$pid")" "$HOME"
        assert umask "$(status_field "$pid" Umask)" 0077
        assert records "$(ls -A "$DZ_STATE_DIR")" "$pid"
        kill "$pid"
    done
}

@test "our own manager is told, with the PID, and read before we end; what fails is said" {
    for way in $WAYS; do
        start=("$DZ" -d)
        [ "$way" = leave ] || start=(env LD_PRELOAD="$SHIM")
        for address in "$PWD/socket" "@$$.$BATS_TEST_NUMBER"; do
            rm -rf pid socket "$DZ_STATE_DIR"
            try closed env DZ_OUTPUT=log DZ_PIDFILE=pid "$PYTHON" "$PROGRAMS/manager.py" "$address" "${start[@]}" "$SLEEPER" 60
            pid=$(cat pid)
            track "$pid"
            assert "what was told" "$(grep -vx "$pid" <<<"$output")" \
                "READY=1 MAINPID=$pid 0 True"$'\n'"BARRIER=1 1 True"$'\n'0
            kill "$pid"
        done
        start "$way" NOTIFY_SOCKET="$PWD/nobody" -- "$SLEEPER" 60
        started
        assert_match stderr "$stderr" "*: note: NOTIFY_SOCKET: No such file or directory"
        kill "$pid"
    done
}

@test "a manager gets the job as the manager's own child before it reads MAINPID" {
    for way in $WAYS; do
        start=("$DZ" -d)
        [ "$way" = leave ] || start=(env LD_PRELOAD="$SHIM")
        rm -rf pid socket "$DZ_STATE_DIR"
        try closed env DZ_OUTPUT=log DZ_PIDFILE=pid "$PYTHON" "$PROGRAMS/reaper.py" "${start[@]}" "$SLEEPER" 60
        pid=$(cat pid)
        track "$pid"
        assert "what the manager saw" "$output" "READY=1 child 0"
        kill "$pid"
        await gone "$pid"
        # Of one that has ended well there is no PID to tell.
        rm -rf socket "$DZ_STATE_DIR"
        try closed env DZ_OUTPUT=log DZ_PIDFILE=pid "$PYTHON" "$PROGRAMS/reaper.py" "${start[@]}" true
        assert "what the manager saw" "$output" "READY=1 0"
    done
}

@test "MAINPID of one that has ended is not followed" {
    for way in $WAYS; do
        start "$way" DZ_WAIT=notify DZ_TIMEOUT=60 -- "$PYTHON" "$PROGRAMS/ended-mainpid.py"
        started
        assert_match command "$(command_of "$pid")" "$PYTHON *"
        kill "$pid"
    done
}

@test "endless datagrams do not keep it from its time-out" {
    need strace
    for way in $WAYS; do
        before=$(milliseconds)
        # The tracer makes the reader slower than its writers: the queue is never empty.
        BEFORE="timeout -s KILL $DEADLINE strace -qq -o $PWD/trace -e trace=recvmsg"
        start "$way" DZ_WAIT=notify DZ_TIMEOUT=1 -- "$PYTHON" "$PROGRAMS/flood.py"
        BEFORE=
        failed 124 "wait: *: stopped after 1 s: has not sent READY=1"
        [ "$(grep -c ' = [1-9]' trace)" -gt 100 ] || fail "only $(grep -c . trace) were read"
        [ $(($(milliseconds) - before)) -lt 25000 ] || fail "it took $(($(milliseconds) - before)) ms"
    done
}

@test "NOTIFY_SOCKET takes the place of none of the caller's variables" {
    for way in $WAYS; do
        for time in $TIMES; do
            start "$way" LAST=1 DZ_WAIT=notify DZ_TIMEOUT="$time" -- bash -c "env >'$PWD/variables'; exec '$SLEEPER' 60"
            [ ! -s variables ] || break
        done
        failed 124 "wait: bash: stopped after $time s: has not sent READY=1"
        grep -q '^NOTIFY_SOCKET=@' variables
        for name in LAST $(compgen -e | grep -v '^DZ_\|^_$'); do
            grep -q "^$name=" variables || fail "$name is lost"
        done
    done
}
