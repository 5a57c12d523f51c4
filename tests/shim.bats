# libdz.so: what it takes out of the environment, where it acts and where not.

load helpers

# The value of a line "PREFIX VALUE" in file.
line_of() { sed -n "s/^$2//p" "$1"; }

start_environment() {
    closed env DZ_OUTPUT=log "$@" "$PWD/seen"
    await holds_line seen done
    pid=$(sed -n 's/^session .* pid //p' seen)
    track "$pid"
}

@test "a daemon's children see neither our entry nor a DZ_ variable, nor are daemons" {
    for program in environment environment-musl; do
        [ -x "$TARGETS/$program" ] || lacking "needs musl-gcc"
        rm -f seen
        start_environment DZ_UMASK=022 LD_PRELOAD="$SHIM" "$TARGETS/$program"
        refute grep -q '^\(main\|child\) \(LD_PRELOAD\|DZ_\)' seen
        assert getenv "$(line_of seen 'getenv LD_PRELOAD: ')" "(none)"
        assert "the child's session" "$(line_of seen 'child-sid ')" "$(stat_field "$pid" 6)"
        # environ, getenv and main's third argument agree.
        holds_line seen "same vector: yes"
        refute holds seen "getenv differs"
        holds_line seen "main HOME=$HOME"
    done
}

@test "other LD_PRELOAD entries survive, in order" {
    cp "$TARGETS/initfirst.so" a.so
    cp "$TARGETS/initfirst.so" b.so
    cp "$TARGETS/initfirst.so" xlibdz.so
    a=$PWD/a.so b=$PWD/b.so x=$PWD/xlibdz.so
    left_of() {
        rm -f seen
        start_environment LD_PRELOAD="$1" "$TARGETS/environment"
        assert "left of $1" "$(line_of seen 'getenv LD_PRELOAD: ')" "$2"
        assert "the child's" "$(line_of seen 'child LD_PRELOAD=')" "${2#(none)}"
        kill -KILL "$pid"
    }
    left_of "$SHIM" "(none)"
    left_of "$a:$SHIM" "$a"
    left_of "$SHIM $a" "$a"
    left_of "$a $SHIM:$b" "$a:$b"
    left_of "$a:$b:$SHIM" "$a:$b"
    left_of ":$SHIM::$a: $b:" "$a $b"
    left_of "$SHIM:$a:$SHIM" "$a"
    left_of "$x:$SHIM" "$x"
}

# A dynamic dznohup, as the sanitizers have it, is made a daemon itself.
# bats test_tags=unsanitized
@test "dznohup takes our entry out as well, and every DZ_ variable" {
    LD_PRELOAD="$SHIM" DZ_QUIET=1 dz env >seen
    refute grep -q '^\(LD_PRELOAD\|DZ_\)' seen
    pid=$(LD_PRELOAD="$SHIM" dz -d -q sleep 3600)
    track "$pid"
    runs_program "$pid" "$SLEEP"
}

@test "DZ_ONLY: acts on that program alone, three deep in a start script" {
    cat >vendor.sh <<END
#!/bin/sh
echo "script \$\$ \$LD_PRELOAD" >>trail
env EXTRA=1 sh -c 'echo "inner \$\$ \$LD_PRELOAD" >>trail; exec sleep 3600'
echo "after \$?" >>trail
END
    chmod +x vendor.sh
    DZ_ONLY=sleep DZ_OUTPUT=log DZ_PIDFILE=pid LD_PRELOAD=$SHIM closed ./vendor.sh
    assert_match script "$(sed -n 's/^script //p' trail)" "* $SHIM"
    assert_match inner "$(sed -n 's/^inner //p' trail)" "* $SHIM"
    holds_line trail "after 0"
    inner=$(sed -n 's/^inner \([0-9]*\).*/\1/p' trail)
    # The program that the inner shell became has left: a new PID, a daemon.
    gone "$inner"
    pid=$(<pid)
    track "$pid"
    assert stdout "$(fd_of "$pid" 1)" "$PWD/log"
    assert_daemon "$pid" leave
    assert "its words" "$(command_of "$pid")" "sleep 3600 "
}

@test "DZ_ONLY: a list, a script's own name, a path" {
    cp "$PROGRAMS/session-script.py" script.py
    chmod +x script.py
    CALLER=$(stat_field $$ 6)
    export CALLER
    only() { # NAMES EXPECTED
        rm -f log out
        DZ_ONLY=$1 DZ_OUTPUT=log LD_PRELOAD=$SHIM closed ./script.py >out </dev/null
        await eval '[ -s log ] || [ -s out ]'
        assert "$1" "$(cat log out 2>/dev/null)" "$2"
    }
    only script.py False
    only nothing,script.py,other False
    only ./script.py False
    only /elsewhere/script.py True
    only script True
    only "$(readlink -f "$(command -v env)")" False
}

@test "the program's output and its status are its own" {
    run closed env LD_PRELOAD="$SHIM" DZ_MODE=stay sh -c 'echo words; exit 3' </dev/null
    assert status "$status" 3
    assert output "$output" words
}

@test "a thread that dlopen waits for is not held up by a function of ours" {
    run closed env LD_PRELOAD="$SHIM" DZ_ONLY=other timeout -s KILL "$DEADLINE" \
        "$TARGETS/opens-library" "$TARGETS/joins-thread.so"
    assert status "$status" 0
}

@test "inert where LD_PRELOAD does not name it: dlopen" {
    run closed "$TARGETS/opens-library" "$SHIM"
    assert status "$status" 0
    assert_match output "$output" "pid * session $(stat_field $$ 6)"
}

@test "inert in /etc/ld.so.preload" {
    need_root
    need unshare
    run overlaid "echo '$SHIM' >/etc/ld.so.preload; cut -d ' ' -f 6 /proc/self/stat" /etc
    assert "session" "$output" "$(stat_field $$ 6)"
}

@test "inert in a setuid program" {
    need_root
    need unshare
    need setpriv
    # Where the dynamic linker loads it even then: a trusted folder, setuid.
    dir=$(dirname "$(ldd /bin/ls | sed -n 's/.*libc.so.6 => \([^ ]*\).*/\1/p')")
    run overlaid "install -m 4755 '$SHIM' $dir/libdz.so; install -m 4755 $(command -v cut) /usr/local/suid
        LD_DEBUG=libs LD_PRELOAD=libdz.so cut -f 1 /dev/null 2>&1 | grep -q 'libdz.so' || echo not found
        setpriv --reuid=65432 --clear-groups env LD_PRELOAD=libdz.so DZ_ONLY=suid /usr/local/suid -d ' ' -f 6 /proc/self/stat" \
        "$(readlink -f "$dir")" /usr/local
    assert session "$output" "$(stat_field $$ 6)"
}

@test "DZ_MODE=stay keeps the PID" {
    DZ_MODE=stay LD_PRELOAD=$SHIM sleep 3600 3>&- 4>&- >/dev/null 2>&1 &
    pid=$!
    track "$pid"
    await eval "[ \"\$(stat_field $pid 6)\" = $pid ]"
    await eval "[ \"\$(cwd_of $pid)\" = / ]"
    assert_daemon "$pid" stay
}

@test "as PID 1 it stays unless told to leave" {
    need_root
    need unshare
    run closed unshare --pid --fork --mount-proc env LD_PRELOAD="$SHIM" sh -c \
        'echo "$$ $(cut -d " " -f 6,7 /proc/1/stat)"'
    assert "pid, session and tty" "$output" "1 1 0"
}

@test "the twins: output, error, input, umask, chdir, ignore" {
    echo words >in
    LD_PRELOAD=$SHIM DZ_OUTPUT=o DZ_ERROR=e DZ_INPUT=in DZ_UMASK=077 DZ_CHDIR=/tmp \
        DZ_IGNORE=USR1,RTMIN+1 closed sh -c \
        'read -r x; echo "$x $(umask) $PWD"; echo err >&2; grep SigIgn /proc/$$/status'
    await holds o SigIgn
    holds_line o "words 0077 /tmp"
    # HUP, USR1, TTIN, TTOU, 35.
    holds o 0000000400300201
    holds_line e err
}

@test "speaks on a terminal of what it replaced, and nowhere else" {
    run on_terminal "LD_PRELOAD='$SHIM' sh -c 'sleep 3600; :'" 'echo back $?'
    [[ $output == *"back 0"* ]]
    assert_match screen "$output" "*libdz.so: PID * is running, appending output to $PWD/nohup.out*"
    pid=$(sed -n 's/.*libdz.so: PID \([0-9]*\) is running.*/\1/p' <<<"$output")
    track "$pid" "$(pgrep -P "$pid")"
    run closed env LD_PRELOAD="$SHIM" DZ_OUTPUT=log true
    assert output "$output" ""
}

@test "shows the rows of fork, setsid, fork with DZ_VERBOSE" {
    run closed env LD_PRELOAD="$SHIM" DZ_VERBOSE=1 DZ_OUTPUT=log true
    for step in fork setsid signals chdir streams close scrub; do
        [[ $output == *"libdz.so: $step "*"pid "*"ppid "*"pgid "*"sid "*"tty none"* ]]
    done
}

@test "the shim passes an early death on" {
    run closed env LD_PRELOAD="$SHIM" DZ_OUTPUT=log sh -c 'exit 3'
    assert status "$status" 3
    assert_match output "$output" "libdz.so: start: sh: exited with status 3 after * ms"
}

@test "it is found by its bare name after make install" {
    need_root
    need unshare
    # Built anew only where the flags are others.
    mkdir b
    cp -a "${DZ%/*}"/{core,cli,shim,library,dznohup,dzctl,libdz.so,flags,launcher.mk} b
    cat >install.sh <<END
env -u MAKEFLAGS -u MAKELEVEL make -C '$ROOT' -s BUILD='$PWD/b' install >/dev/null
ls /usr/local/bin/dznohup /usr/local/lib/libdz.so
LD_PRELOAD=libdz.so DZ_OUTPUT=$PWD/log sh -c 'cut -d " " -f 7 /proc/\$\$/stat'
dznohup -q sh -c 'echo launched'
env -u MAKEFLAGS -u MAKELEVEL make -C '$ROOT' -s BUILD='$PWD/b' uninstall
[ ! -e /usr/local/bin/dznohup ] && [ ! -e /usr/local/lib/libdz.so ]
END
    run overlaid ". $PWD/install.sh" /usr/local /etc /var/cache
    assert status "$status" 0
    assert output "$output" "/usr/local/bin/dznohup"$'\n'"/usr/local/lib/libdz.so"$'\n'"launched"
    await holds_line log 0
}

# bats test_tags=unsanitized
@test "a caller with another library's threads: SIGTERM ends the wait, and the job" {
    LD_PRELOAD="$SHIM:$TARGETS/initfirst.so" DZ_WAIT=path:never DZ_CHDIR=. DZ_PIDFILE=pid \
        DZ_OUTPUT=log DZ_QUIET=1 "$SLEEP" 3600 </dev/null 2>err 3>&- 4>&- &
    caller=$!
    track "$caller"
    await is_file pid
    pid=$(<pid)
    track "$pid"
    await runs_program "$pid" "$SLEEP"
    assert "threads of the caller" "$(find /proc/$caller/task -mindepth 1 -maxdepth 1 | wc -l)" 2
    status=0
    kill -TERM "$caller"
    wait "$caller" || status=$?
    assert status "$status" 143
    await gone "$pid"
    [ ! -e pid ]
}

# bats test_tags=unsanitized
@test "behind another initfirst library, the descriptors of constructors stay theirs" {
    gcc -shared -fPIC -x c - -o libopens.so <<'C'
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
static int trace = -1;
__attribute__((constructor)) static void begin(void)
{
    trace = open("trace", O_WRONLY | O_CREAT | O_TRUNC, 0600);
}
int note(const char *words) { return write(trace, words, strlen(words)) < 0; }
C
    gcc -shared -fPIC -Wl,-z,initfirst -x c - -o libfirst.so <<<'int first(void) { return 0; }'
    gcc -x c - -o program -L. -Wl,--no-as-needed -lopens -lfirst -Wl,-rpath,"$PWD" <<'C'
#include <fcntl.h>
#include <unistd.h>
int note(const char *words), first(void);
int main(void)
{
    int data = open("data", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (data < 0 || note("a note\n") != 0 || first() != 0)
        return 1;
    close(open("result", O_CREAT | O_WRONLY, 0600));
    for (;;)
        pause();
}
C
    for mode in leave stay; do
        rm -f result trace data pid
        LD_PRELOAD=$SHIM DZ_MODE=$mode DZ_CHDIR=. DZ_PIDFILE=pid DZ_OUTPUT=log DZ_QUIET=1 \
            ./program word </dev/null 7<>file 3>&- 4>&- &
        await eval '[ -e result ]'
        pid=$(<pid)
        track "$pid"
        assert "$mode: trace" "$(<trace)" "a note"
        assert "$mode: data" "$(<data)" ""
        [ ! -e "/proc/$pid/fd/7" ] || fail "$mode: the caller's descriptor is open"
        assert "$mode: environment" "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -c DZ_RESUME=)" 1
        assert_own_session "$pid" $mode
        kill -KILL "$pid"
    done
}
@test "constructors that ran before ours keep their descriptors and handlers; the caller's are closed" {
    for way in leave stay; do
        rm -f found trace data pid
        beside env LD_PRELOAD="$SHIM" DZ_MODE=$way DZ_CHDIR=. DZ_PIDFILE=pid DZ_OUTPUT=log \
            "$TARGETS/opened" 77</dev/null &
        await is_file found
        await is_file pid
        track "$(cat pid)"
        assert "$way: found" "$(cat found)" "errno 0, handler 1, outside 0"
        assert "$way: data" "$(cat data)" ""
        assert_own_session "$(cat pid)" "$way"
        kill "$(cat pid)"
        wait
    done
}

@test "a caller that is killed before the library answers does not take the program along" {
    # The answer goes to a pipe that has no reader.
    "$PYTHON" "$PROGRAMS/no-reader.py" /usr/bin/env bash -c \
        'exec 3>&2; exec env DZ_INSIDE=W3:buffer=line:0:0:0:0:0:0:0:0:0:0: LD_PRELOAD="$1" sh -c "echo words >got"' inside "$SHIM"
    assert got "$(cat got)" words
}

@test "a relative path of the library is found by what the program starts in another directory" {
    mkdir lib
    cp "$SHIM" lib/libdz.so
    LD_PRELOAD=./lib/libdz.so DZ_BUFFER=line DZ_PIDFILE=pid DZ_OUTPUT=log DZ_ERROR=err \
        closed sh -c '"$1"; exit 0' sh "$TARGETS/prints"
    await holds err end
    assert sizes "$(sed 's/.* //' err | tr '\n' ' ')" "0 5 5 10 "
}

@test "dznohup works in a start script that DZ_ONLY wraps" {
    printf '#!/bin/sh\n"%s" -d -q -w exec -o log sleep 3600 >made\n' "$DZ" >start
    chmod +x start
    DZ_ONLY=vendor LD_PRELOAD=$SHIM run closed ./start
    assert "status: $output" "$status" 0
    track "$(cat made)"
}

@test "without dlsym the next definition is found in the dynamic linker's lists" {
    need gcc
    # shellcheck disable=SC2046
    gcc -D_GNU_SOURCE -fPIC -shared -fvisibility=hidden -o compare.so \
        $(cd "$ROOT" && find core shim -type d -printf "-I$ROOT/%p ") \
        "$TESTS/targets/next-symbol.c" "$ROOT/shim/next_symbol.c" -ldl
    names=$(sed -n 's/.*\[SHIM_[A-Z_]*\] = "\(.*\)",/\1/p' "$ROOT/shim/next.c")
    [ "$(wc -w <<<"$names")" -gt 15 ]
    # One that is absent, and two with an old version.
    names=$(tr '\n' ' ' <<<"$names no_such_name realpath memccpy")
    try closed timeout 5 env NAMES="$names" LD_PRELOAD="$PWD/compare.so" true
    assert output "$output" "found $(($(wc -w <<<"$names") - 1))"
}
