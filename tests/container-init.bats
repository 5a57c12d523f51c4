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
    closed timeout -s KILL "$DEADLINE" unshare --pid --fork --kill-child --mount-proc "$@"
}
# The same in the background; sets init, its PID here, when its program has made "up".
in_background() {
    rm -f up got
    beside unshare --pid --fork --kill-child --mount-proc "$@" </dev/null >out 2>err &
    outer=$!
    track "$outer"
    await test -e up
    init=$(pgrep -P "$outer")
    track "$init"
}
outcome() {
    status=0
    wait "$outer" || status=$?
}

@test "init: the program's exit status, and 128 plus the signal" {
    for name in tini dumb-init dznohup; do
        for code in 0 1 42 125 255; do
            status=0
            as_init ${INITS[$name]} sh -c "exit $code" || status=$?
            assert "status of $name for $code" "$status" "$code"
        done
        for number in 2 9 15; do
            status=0
            as_init ${INITS[$name]} perl -e '$SIG{INT} = "DEFAULT"; kill $ARGV[0], $$; sleep 1000' $number || status=$?
            assert "status of $name for signal $number" "$status" $((128 + number))
        done
        status=0
        as_init ${INITS[$name]} /no/such 2>/dev/null || status=$?
        [ "$status" -gt 0 ] || fail "$name: status $status without a program"
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

@test "init: signals are passed on" {
    code='for $s (qw(HUP INT QUIT USR1 USR2 ALRM WINCH CONT TERM)) {
            $SIG{$s} = sub { open F, ">>got"; print F "$_[0]\n"; close F; exit 7 if $_[0] eq "TERM" } }
        open F, ">up"; close F; sleep 1000 while 1'
    for name in tini dumb-init dznohup; do
        in_background ${INITS[$name]} perl -e "$code"
        expected=
        # INT and QUIT begin a stop of the keeper, which is not over before the program is.
        for signal in HUP USR1 USR2 ALRM WINCH CONT INT QUIT TERM; do
            kill -$signal "$init"
            expected+=$signal$'\n'
            await has_got "$signal" "$name"
        done
        outcome
        assert "status of $name" "$status" 7
        assert "signals by $name" "$(grep -v CONT got)" "$(grep -v CONT <<<"${expected%$'\n'}")"
    done
}
has_got() { holds_line got "$1"; }

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

@test "init: orphans are reaped" {
    for name in tini dumb-init dznohup; do
        in_background ${INITS[$name]} bash -c 'for i in {1..100}; do (true & exec true) & done; wait; : >up; exec sleep 1000'
        await one_child
        kill -TERM "$init"
        outcome
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
        said=$(closed script -qec "unshare --pid --fork --kill-child --mount-proc setsid -c ${INITS[$name]} perl code.pl" /dev/null </dev/null | tr -d '\r')
        assert "with, $name" "$said" "tty yes, foreground yes"
    done
}
