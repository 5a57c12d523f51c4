# The powers together, beside other preloads, under valgrind, and in programs that
# make it hard for them.

load helpers
load waiting

PINNED="--line-buffered --no-daemon --pin-signals=all"
REOPENS="--line-buffered --no-daemon --reopen"

# keep OPTIONS WORD...: stays, with its output in out; sets pid.
keep() {
    local options=$1
    shift
    # shellcheck disable=SC2086
    beside "$DZ" --shim="$SHIM" -q -C . -o out $options "$@" </dev/null &
    pid=$!
    track "$pid"
}
library() { # PATTERN
    compgen -G "/usr/lib/*/$1" || lacking "needs $1"
}
end() {
    kill -KILL "$pid"
    wait "$pid" || true
    rm -f out* seen
}
ignored() { # SIGHUP, by process $1
    ((0x$(status_field "$1" SigIgn) & 1))
}

# What was started is the daemon, and has its workers' statuses.
assert_in_place() {
    await holds_line seen done
    assert pid "$(sed -n 's/^pid //p' seen)" "$pid"
    assert workers "$(grep -c '^\(first\|second\) 7$' seen)" 2
}
# It gets a signal, and goes on in a new log.
assert_reopens() {
    await is_file out
    mv out out.1
    kill -HUP "$pid"
    await [ -e out ]
    await eval '[ "$(fd_of "$pid" 1)" = "$PWD/out" ]'
}

# bats test_tags=unsanitized
# libfaketime before AddressSanitizer in the launcher.
@test "all that go together, beside libeatmydata and libfaketime" {
    eatmydata=$(library libeatmydata.so)
    faketime=$(library faketime/libfaketime.so.1)
    for options in "$PINNED" "$REOPENS"; do
        for list in "$eatmydata" "$faketime" "$eatmydata:$faketime"; do
            LD_PRELOAD=$list FAKETIME='@2001-02-03 04:05:06' keep "$options" \
                "$TARGETS/daemonizes" "$PWD/seen" twice
            assert_in_place
            kill -HUP "$pid"
            await alive "$pid"
            for part in ${list//:/ } "$SHIM"; do
                holds "/proc/$pid/maps" "$(readlink -f "$part")"
            done
            end
            LD_PRELOAD=$list FAKETIME='@2001-02-03 04:05:06' keep "$options" "$PYTHON" -c '
import os, signal, time
print(os.environ["LD_PRELOAD"], time.gmtime().tm_year)
signal.signal(signal.SIGHUP, lambda number, frame: print("handler", flush=True))
while True: signal.pause()'
            await is_file out # flushed at its line, although it is a file
            year=2001
            [ "$list" != "$eatmydata" ] || year=$(date +%Y)
            assert out "$(cat out)" "$list $year"
            if [ "$options" = "$REOPENS" ]; then
                assert_reopens
                await holds out handler
            else
                await ignored "$pid"
            fi
            end
        done
    done
}

@test "under valgrind, which finds no fault of ours" {
    # Not fork, setsid, fork: valgrind's own system calls end the trial; and it takes
    # what that does to the memory that it shares with vgdb for a fault.
    need valgrind
    for way in daemon worker; do
        rm -f seen out valgrind
        beside env LD_PRELOAD="$SHIM" DZ_MODE=stay DZ_ONLY=daemonizes DZ_QUIET=1 \
            DZ_CHDIR=. DZ_OUTPUT=out DZ_BUFFER=line DZ_NODAEMON=1 DZ_REOPEN=1 \
            valgrind -q --vgdb=no --error-exitcode=99 --log-file="$PWD/valgrind" \
            "$TARGETS/daemonizes" "$PWD/seen" $way 0 1 </dev/null &
        pid=$!
        track "$pid"
        assert_in_place
        [ $way = worker ] || [ "$(cwd_of "$pid")" != "$PWD" ]
        assert_reopens
        assert "what it found" "$(cat valgrind)" ""
        end
    done
}

@test "a static object of C++ that sets a disposition and forks" {
    keep "$REOPENS" "$TARGETS/early"
    await holds out "asked back: own"
    assert_reopens
    await holds out handler
    end
    keep "$PINNED" "$TARGETS/early"
    await holds out "asked back: own"
    ignored "$pid"
    end
}

@test "the same in a library whose constructors run before ours" {
    # Of several that are to be first glibc takes the last: this one.
    for power in DZ_REOPEN=1 DZ_PIN=all; do
        beside env LD_PRELOAD="$SHIM:$TARGETS/early.so" DZ_MODE=stay DZ_CHDIR=. DZ_QUIET=1 \
            DZ_OUTPUT=out DZ_BUFFER=line DZ_NODAEMON=1 $power "$PYTHON" -c '
import os, signal
print("began")
if os.fork() == 0: os._exit(0)
os.wait()
while True: signal.pause()' </dev/null &
        pid=$!
        track "$pid"
        await holds out began
        if [ $power = DZ_REOPEN=1 ]; then
            assert_reopens
        else
            ignored "$pid"
        fi
        end
    done
}

@test "a program that closes every descriptor" {
    keep "$REOPENS" "$TARGETS/on-hangup" "$PWD/seen" closes
    await is_file out
    assert descriptors "$(fds_of "$pid")" "0 1 2"
    assert_reopens
    assert descriptors "$(fds_of "$pid")" "0 1 2"
    end
}

@test "callers of vfork and posix_spawn" {
    cat >spawns.py <<'PY'
import os, signal, subprocess
THREE = 1 << 0 | 1 << 20 | 1 << 21 # HUP, TTIN, TTOU
def ignored(text):
    return "all" if int(text, 16) & THREE == THREE else text
ask = ["/bin/sed", "-n", "s/^SigIgn:[^0-9a-f]*//p", "/proc/self/status"]
print("vfork", ignored(subprocess.run(ask, capture_output=True, text=True).stdout))
print("preexec", ignored(subprocess.run(ask, capture_output=True, text=True,
    preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)).stdout))
for name, default in ("spawn", []), ("default", [signal.SIGHUP]):
    r, w = os.pipe()
    pid = os.posix_spawn(ask[0], ask, os.environ, setsigdef=default,
        file_actions=[(os.POSIX_SPAWN_DUP2, w, 1)])
    status = os.waitpid(pid, 0)[1]
    print(name, ignored(os.read(r, 100)), status)
print("system", os.system("exit 5") >> 8)
print("done", flush=True)
signal.pause()
PY
    keep "$PINNED" "$PYTHON" spawns.py
    await holds_line out done
    for how in vfork preexec "spawn" "default"; do
        assert "signals ignored by $how" "$(sed -n "s/^$how //p" out | cut -d ' ' -f 1)" all
    done
    holds_line out "system 5"
    end
}

@test "a program with a signal, a sigaction and a fork of its own" {
    for options in "$PINNED" "$REOPENS"; do
        keep "$options" "$TARGETS/interposes"
        await holds_line out "signal 1 sigaction 1 fork 1"
        if [ "$options" = "$REOPENS" ]; then
            assert_reopens
        else
            ignored "$pid"
        fi
        end
    done
}

@test "OpenBLAS, with threads" {
    [ -x "$TARGETS/blas" ] || lacking "needs libopenblas0-pthread"
    [ "$(nproc)" -gt 1 ] || lacking "needs two processors for OpenBLAS to use threads"
    keep "$REOPENS" "$TARGETS/blas"
    await is_file out
    assert_match out "$(cat out)" "sum 125000000 threads [2-9]*"
    [ "$(stat_field "$pid" 20)" -gt 1 ]
    assert_reopens
    end
}
