# --pin-signals, DZ_PIN: HUP, TTIN and TTOU stay ignored, and the program is told
# what it would have been told without that.

load helpers
load powers

TARGET_PROGRAMS="signals signals-musl"

# What the kernel has, of each function: "NAME ignored" or "NAME not", and lives.
fates() {
    sed -e "s/ SigIgn:.*$DAEMON_IGNORES\$/ ignored/" -e 's/ SigIgn:.*/ not/' log
}

# expect_fates LINE LINE: these for each function of the family.
expect_fates() {
    local name want=
    for name in signal bsd_signal __sysv_signal sigset sigaction ssignal sysv_signal; do
        case $program:$name in *-musl:ssignal | *-musl:sysv_signal) continue ;; esac
        want+="$name $1"$'\n'"$name $2"$'\n'
    done
    assert "$program $way" "$(fates)" "${want%?}"
}

@test "what the program asks back is what it would see without the pin, byte by byte" {
    need_musl
    for program in $TARGET_PROGRAMS; do
        for way in stay shim-stay; do
            finish $way -- "$TARGETS/$program" asks 1 21 22 10 65
            assert status "$status" 0
            [ "$(wc -l <log)" -gt 500 ]
            mv log bare
            for pin in default all; do
                finish $way DZ_PIN=$pin -- "$TARGETS/$program" asks 1 21 22 10 65
                assert status "$status" 0
                diff bare log || fail "$program $way $pin"
            done
        done
    done
}

@test "no power asked for: every function answers as without the library" {
    need_musl
    numbers="1 21 22 10 0 -1 65 64 9 19 32 33 34"
    for program in $TARGET_PROGRAMS; do
        # HUP, TTIN and TTOU begin with flags that the library's own call has left.
        for words in "asks $numbers" starts; do
            (trap '' HUP TTIN TTOU
            # shellcheck disable=SC2086
            closed setsid --wait "$TARGETS/$program" $words >bare)
            # shellcheck disable=SC2086
            finish shim-stay -- "$TARGETS/$program" $words
            assert status "$status" 0
            diff bare log || fail "$program $words"
        done
    done
    assert "fork, setsid, daemon" "$(cat log)" "setsid 1 1 daemon 0 1"
}

@test "set to its default by any function of the family, it stays ignored" {
    need_musl
    for program in $TARGET_PROGRAMS; do
        for way in $STARTS; do
            for pin in default all; do
                finish "$way" DZ_PIN=$pin -- "$TARGETS/$program" default
                assert "$program $way: status" "$status" 0
                expect_fates ignored "lives, calls 0"
            done
        done
        # The control: they do what they are to do.
        finish stay -- "$TARGETS/$program" default
        assert "status without" "$status" 129
    done
}

@test "a handler is called, unless all is asked for" {
    need_musl
    for program in $TARGET_PROGRAMS; do
        for way in stay shim-stay; do
            finish $way DZ_PIN=default -- "$TARGETS/$program" handler
            expect_fates not "lives, calls 3"
            finish $way DZ_PIN=all -- "$TARGETS/$program" handler
            expect_fates ignored "lives, calls 0"
        done
    done
}

@test "SA_RESETHAND: the handler is called once, and told who sent it; the second is survived" {
    need_musl
    for program in $TARGET_PROGRAMS; do
        finish stay DZ_PIN=default -- "$TARGETS/$program" once
        assert "$program: status" "$status" 0
        assert "$program" "$(grep lives log)" "1 lives, calls 1, sender itself
21 lives, calls 1, sender itself
22 lives, calls 1, sender itself"
        assert "$program: is" "$(grep -c 'is DFL flags 84000004 ' log)" 3
        # Nor is a call interrupted by the third: the kernel ignores it from there.
        assert "$program: at last" "$(tail -n 1 log)" "at last SigIgn:	$DAEMON_IGNORES"
        finish stay DZ_PIN=all -- "$TARGETS/$program" once
        assert "$program: lives" "$(grep -c 'lives, calls 0' log)" 3
        finish stay -- "$TARGETS/$program" once
        assert "$program: status without" "$status" 129
    done
}

@test "posix_spawn with the signal among its defaults: the child lives, other defaults hold" {
    need_musl
    for program in $TARGET_PROGRAMS; do
        for pin in default all; do
            finish stay DZ_PIN=$pin -- "$TARGETS/$program" spawns /bin/sh -c 'kill -HUP $$; echo lives; kill -USR1 $$'
            assert "$program $pin" "$(cat log)" "lives
ended with a"
        done
        finish stay -- "$TARGETS/$program" spawns /bin/sh -c 'kill -HUP $$; echo lives'
        assert "$program without" "$(cat log)" "ended with 1"
    done
}

@test "four threads and forked children change it while it arrives" {
    need_musl
    for program in threads threads-musl; do
        for pin in default all; do
            finish stay DZ_PIN=$pin -- "$TARGETS/$program"
            assert "$program $pin: status" "$status" 0
            assert "$program $pin" "$(cat log)" "wrong 0"
        done
    done
}

# bats test_tags=unsanitized
# A library that is initfirst has AddressSanitizer in the launcher start before libc.
@test "set by constructors: of a static object, of a library before ours and behind it" {
    need g++
    for way in $STARTS; do
        finish "$way" DZ_PIN=default -- "$TARGETS/hangup"
        assert "$way: $stderr" "$(cat log)" lives
    done
    finish stay -- "$TARGETS/hangup"
    assert "status without" "$status" 129
    # It runs first where it is the program's own, or is loaded behind ours.
    for way in $STARTS; do
        finish "$way" DZ_PIN=default -- "$TARGETS/hit-early"
        assert "its own library, $way: $stderr" "$(cat log)" lives
    done
    finish stay -- "$TARGETS/hit-early"
    assert "status without" "$status" 129
    finish stay LD_PRELOAD="$TARGETS/early-default.so" DZ_PIN=default -- "$TARGETS/hit"
    assert "ours behind it: $stderr" "$(cat log)" lives
    SHIM=$SHIM:$TARGETS/early-default.so finish shim-stay DZ_PIN=default -- "$TARGETS/hit"
    assert "ours before it: $stderr" "$(cat log)" lives
    assert status "$status" 0
}

@test "python, bash, perl and node set it to its default, and live" {
    need node perl
    for way in $STARTS; do
        finish "$way" DZ_PIN=default -- "$PYTHON" "$PROGRAMS/hit.py"
        assert "python $way" "$(cat log)" lives
        finish "$way" DZ_PIN=default -- bash -c 'trap : HUP; trap - HUP; kill -HUP $$; echo lives'
        assert "bash $way" "$(cat log)" lives
    done
    finish stay DZ_PIN=default -- perl -e '$SIG{HUP} = "DEFAULT"; kill HUP => $$; print "lives\n"'
    assert perl "$(cat log)" lives
    node='process.kill(process.pid, "SIGHUP"); console.log("lives")'
    for way in stay leave; do
        finish $way DZ_PIN=default -- node -e "$node"
        assert "node $way" "$(cat log)" lives
    done
    # node 12, of Debian 11, leaves it as it is.
    [[ $(node --version) == v12.* ]] || {
        finish stay -- node -e "$node"
        assert "node without" "$status" 129
    }
}

@test "java lives" {
    need java javac
    cat >Hit.java <<'END'
public class Hit {
    public static void main(String[] words) throws Exception {
        String self = Long.toString(ProcessHandle.current().pid());
        new ProcessBuilder("kill", "-HUP", self).start().waitFor();
        System.out.println("lives");
    }
}
END
    javac Hit.java
    for pin in default all; do
        finish stay DZ_PIN=$pin -- java -Xshare:auto -cp "$PWD" Hit
        assert "java $pin" "$(cat log)" lives
    done
}

@test "seccomp: static programs and what they start; no_new_privs is the price" {
    need_musl
    for way in stay leave; do
        for program in signals-static signals-musl-static; do
            finish $way DZ_PIN=seccomp -- "$TARGETS/$program" default
            assert "$program $way: status" "$status" 0
            assert "$program: lives" "$(grep -c 'lives, calls 0' log)" "$(grep -c "$DAEMON_IGNORES\$" log)"
            [ "$(grep -c lives log)" -ge 5 ]
            finish $way DZ_PIN=seccomp -- "$TARGETS/$program" handler
            [ "$(grep -c lives log)" -ge 5 ]
            assert "$program: handlers" "$(grep -c 'lives, calls 0' log)" "$(grep -c SigIgn log)"
            finish $way DZ_PIN=seccomp -- "$TARGETS/$program" asks 1
            assert "$program: a question" "$(sed -n 2p log)" "    is IGN flags 0 mask 0 errno 0 blocked 0"
            finish $way DZ_PIN=seccomp -- "$TARGETS/$program" spawns "$TARGETS/$program" default
            assert "$program: spawned" "$(tail -n 1 log)" "ended with 0"
        done
    done
    for way in $STARTS; do
        finish "$way" DZ_PIN=seccomp -- sh -c "grep NoNewPrivs /proc/self/status; '$TARGETS/signals' default"
        assert "$way: price" "$(head -n 1 log)" "NoNewPrivs:	1"
        assert "$way: a child" "$(grep -c 'lives, calls 0' log)" 7
    done
    finish stay DZ_PIN=seccomp -- "$PYTHON" "$PROGRAMS/called.py"
    assert "other signals" "$(cat log)" called
    finish stay -- grep NoNewPrivs /proc/self/status
    assert "not asked for" "$(cat log)" "NoNewPrivs:	0"
}
