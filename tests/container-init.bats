# dznohup --keep as a container's PID 1, beside tini and dumb-init: each case is run on all
# three.
#
# shellcheck disable=SC2086,SC2154

load helpers

needs() {
    need_root
    need tini dumb-init unshare perl
}

# The words of each init.
declare -gA INITS=([tini]="tini --" [dumb-init]="dumb-init --" [dznohup]="$DZ --keep -q --")
declare -gA GROUP=([tini]="tini -g --" [dumb-init]="dumb-init --"
    [dznohup]="$DZ --keep --signal-group -q --")

# as_init WORD...: as PID 1 of a PID namespace, in the foreground.
as_init() {
    within "${NEW_PIDS[@]}" "$@"
}
# The same in the background; sets init, its PID here, when its program has made "up".
in_background() {
    rm -f up got
    beside "${NEW_PIDS[@]}" "$@" </dev/null >out 2>err &
    outer=$!
    track "$outer"
    await test -e up
    init=$(pgrep -P "$outer")
    track "$init"
}
outcome() {
    status=0
    await gone "$outer"
    wait "$outer" || status=$?
}

@test "init: each exit status from 0 to 255" {
    # A COMMAND that exits as it is told, by an exec alone.
    for name in tini dumb-init dznohup; do
        got=$(for code in {0..255}; do
            as_init ${INITS[$name]} sh -c "exit $code" && echo 0 || echo $?
        done)
        assert "statuses of $name" "$got" "$(seq 0 255)"
        status=0
        as_init ${INITS[$name]} /no/such 2>/dev/null || status=$?
        [ "$status" -gt 0 ] || fail "$name: status $status without a program"
    done
}

@test "init: 128 plus the number of each signal that ends the program" {
    ulimit -c 0
    # All but CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG and WINCH.
    ends=$(for number in {1..64}; do case $number in 17 | 18 | 19 | 20 | 21 | 22 | 23 | 28) ;; *) echo $number ;; esac done)
    for name in tini dumb-init dznohup; do
        got=$(for number in $ends; do
            status=0
            as_init ${INITS[$name]} "$TARGETS/ends-by" $number || status=$?
            echo $((status - 128))
        done)
        assert "signals of $name" "$got" "$ends"
    done
}

@test "init: TERM ends a program without a handler at once" {
    for name in tini dumb-init dznohup; do
        in_background ${INITS[$name]} sh -c ': >up; exec sleep 1000'
        await pgrep -P "$init" -x sleep
        kill -TERM "$init"
        outcome
        assert "status of $name" "$status" 143
    done
}

# What an init does not pass on: nobody can take KILL and STOP, CHLD is its own.  The
# others have more that they keep to themselves.
declare -gA KEEPS=([tini]="4 5 6 7 8 9 11 17 19 21 22 31 32 33" [dumb-init]="9 17 19 20 21 22 $(echo {32..64})"
    [dznohup]="9 17 19")

@test "init: each signal is passed on, but for those that cannot be" {
    for name in tini dumb-init dznohup; do
        in_background ${INITS[$name]} "$TARGETS/notes-signals" got up
        expected=
        # What begins a stop comes last: INT, QUIT, TERM.
        for number in {1..64}; do
            [[ " ${KEEPS[$name]} 2 3 15 " != *" $number "* ]] || continue
            # The libc of a shell has no name for these two, and kill(1) takes their numbers.
            kill -$number "$init"
            expected+=$number$'\n'
            await holds_line got $number
        done
        for number in 2 3 15; do
            kill -$number "$init"
            expected+=$number$'\n'
            await holds_line got $number
        done
        # CONT is sent along with the first signal of a stop.
        assert "signals by $name" "$(grep -vx 18 got)" "$(grep -vx 18 <<<"${expected%$'\n'}")"
        kill -KILL "$outer"
        await gone "$init"
    done
    # Whatever one of them passes on, we do.
    for number in ${KEEPS[dznohup]}; do
        for name in tini dumb-init; do
            [[ " ${KEEPS[$name]} " == *" $number "* ]] || fail "$name passes $number on"
        done
    done
}

@test "init: INT, QUIT and TERM end a program without a handler at once, and its status tells" {
    ulimit -c 0
    for name in tini dumb-init dznohup; do
        for number in 2 3 15; do
            in_background ${INITS[$name]} perl -e '$SIG{$_} = "DEFAULT" for "INT", "QUIT"; open F, ">up"; close F; sleep 1000'
            kill -$number "$init"
            outcome
            assert "status of $name" "$status" $((128 + number))
        done
    done
}

@test "init: to the process group" {
    for name in tini dumb-init dznohup; do
        in_background ${GROUP[$name]} bash -c 'trap "echo parent >>got" USR1
            (trap "echo child >>got; exit" USR1; : >child; while :; do sleep 0.02; done) &
            until [ -e child ]; do sleep 0.01; done; : >up; while :; do sleep 0.02; done'
        rm child
        kill -USR1 "$init"
        await holds got parent
        await holds got child
        kill -KILL "$outer"
        await gone "$init"
    done
}

@test "init: 3,000 orphans are reaped as fast as they come" {
    for name in tini dumb-init dznohup; do
        in_background ${INITS[$name]} "$TARGETS/orphans" 3000 up
        read -r most rate <up
        # So many at once would mean that it does not keep up: processes are few in a container.
        [ "$name" != dznohup ] || [ "$most" -lt 300 ] || fail "$name: $most zombies at once, at $rate orphans a second"
        await one_child
        kill -TERM "$init"
        outcome
        echo "# $name: at most $most zombies at $rate orphans a second" >&3
    done
}
one_child() { [ "$(pgrep -c -P "$init")" = 1 ]; }

@test "init: with a terminal the program is in its foreground; without one it is in none" {
    need script
    code='open F, "/proc/self/stat"; $_ = <F>; @f = split " ", (split /\) /)[1];
        print "tty ", ($f[4] != 0 ? "yes" : "no"), ", foreground ", ($f[5] == $f[2] ? "yes" : "no"), "\n"'
    printf '%s' "$code" >code.pl
    for name in tini dumb-init dznohup; do
        assert "without, $name" "$(as_init ${INITS[$name]} perl code.pl </dev/null | tr -d '\r')" "tty no, foreground no"
        said=$(within script -qec "${NEW_PIDS[*]} setsid -c ${INITS[$name]} perl code.pl" /dev/null </dev/null | tr -d '\r')
        assert "with, $name" "$said" "tty yes, foreground yes"
    done
}

@test "init: with a terminal the program reads and writes, even if tostop is set" {
    need script
    for name in tini dumb-init dznohup; do
        rm -f screen up
        (until [ -e up ]; do sleep 0.05; done; echo word; until grep -qs "got word" screen; do sleep 0.05; done) |
            within script -qfec "${NEW_PIDS[*]} setsid -c ${INITS[$name]} sh -c 'stty tostop; : >up; read line; echo \"got \$line\"; exit 5'" screen >/dev/null || status=$?
        holds screen "got word" || fail "$name: $(<screen)"
    done
}

@test "init: the terminal's keyboard reaches the program, and no terminal means no stop" {
    need script
    ulimit -c 0
    # script(1) writes its words on the screen, too: they do not hold what the program prints.
    for name in tini dumb-init dznohup; do
        rm -f screen up
        (until [ -e up ]; do sleep 0.05; done; printf '\003'; until grep -qs "caught" screen; do sleep 0.05; done) |
            within script -qfec "${NEW_PIDS[*]} setsid -c ${INITS[$name]} perl -e '\$SIG{INT} = sub { print \"cau\", \"ght\\n\"; exit 4 }; open F, \">up\"; close F; sleep 1000'" screen >/dev/null || true
        holds screen caught || fail "$name: $(<screen)"
        # TTIN and TTOU to a program that does not have them ignored stop it, and CONT helps.
        in_background ${INITS[$name]} perl -e '$SIG{TTIN} = $SIG{TTOU} = "IGNORE"; open F, ">up"; close F; sleep 1000'
        program=$(pgrep -P "$init")
        kill -TTIN "$program"
        kill -TTOU "$program"
        kill -TERM "$init"
        outcome
        assert "status of $name" "$status" 143
    done
}
