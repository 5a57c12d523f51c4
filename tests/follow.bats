# The powers follow the process over every exec, and a log's buffer what it starts.

load helpers
load powers

# has SIZES: what prints has found in the log, after the start, a line, a part, the end.
has() { assert "$* sizes" "$(sed -n 's/^\(start\|line\|part\|end\) //p' err | tr '\n' ' ')" "0 5 5 10 "; }

# live WORD...: has what the words print, by way of prints, a live log?
live() {
    rm -f log err
    try closed "$DZ" -q --shim="$SHIM" --line-buffered -C . -o log -e err "$@" </dev/null
    assert "$*: status" "$status" 0
    has "$*"
}

@test "every function, with every environment, from a thread, a handler and a child of vfork" {
    need_musl
    for program in execs execs-musl; do
        for way in execv execve execvp execvpe execl execle execlp fexecve execveat; do
            for given in null empty "$TARGETS/early-default.so"; do
                live "$TARGETS/$program" $way "$TARGETS/prints" 0 "$given"
            done
            for from in thread handler vfork; do
                live "$TARGETS/$program" $way "$TARGETS/prints-musl" 0 null $from
            done
        done
    done
}

@test "what posix_spawn, posix_spawnp, system and popen start" {
    need_musl
    cat >shells.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
/* usage: shells system|popen COMMAND; the status is the command's */
int main(int argc, char **argv)
{
    char line[200];
    if (strcmp(argv[1], "system") == 0)
        return WEXITSTATUS(system(argv[2]));
    FILE *stream = popen(argv[2], "r");
    while (stream != NULL && fgets(line, sizeof line, stream) != NULL)
        fputs(line, stdout);
    return WEXITSTATUS(pclose(stream));
}
C
    gcc -o shells shells.c
    musl-gcc -o shells-musl shells.c
    for program in execs execs-musl; do
        for way in posix_spawn posix_spawnp; do
            for given in environ null empty; do
                rm -f log err child
                beside "$DZ" -q --shim="$SHIM" --line-buffered -C . -o log -e err \
                    "$TARGETS/$program" $way "$TARGETS/prints" 0 $given </dev/null &
                pid=$!
                track "$pid"
                await holds err end
                has "$program $way $given"
                kill_started
            done
        done
    done
    for program in ./shells ./shells-musl; do
        live $program system "'$TARGETS/prints'; exit 0"
        # Its own $0, quotes, no variable of ours, and the exit status.
        for way in system popen; do
            rm -f log
            try power --line-buffered -C . -o log $program $way \
                "echo \"it's \$0 \$#\"; env | grep '^LD_PRELOAD\|^DZ_'; grep -c 'r-xp.*libdz' /proc/self/maps; exit 3"
            assert "$program $way: status" "$status" 3
            assert "$program $way" "$(<log)" $'it\'s sh 0\n1'
        done
    done
}

@test "shims of version managers, start scripts, env, nice, setpriv, shells" {
    need setpriv
    printf '#!/usr/bin/env bash\nset -e\nexec "%s" "$@"\n' "$TARGETS/prints" >pyenv-like
    for name in one two three; do
        printf '#!/bin/sh\n%s\nexit 0\n' "${next:-\"$TARGETS/prints\"}" >$name.sh
        next=./$name.sh
    done
    chmod +x pyenv-like ./*.sh
    live ./pyenv-like
    live ./three.sh
    live env -u NO_SUCH "$TARGETS/prints"
    live env -i "$TARGETS/prints"
    live nice -n 1 "$TARGETS/prints"
    live setpriv --no-new-privs "$TARGETS/prints"
    live sh -c 'exec "$0"' "$TARGETS/prints"
    live sh -c '"$0"; exit 0' "$TARGETS/prints"
    live bash -lc "exec '$TARGETS/prints'"
    live bash -c '(exec -c -a other "$0"); exit 0' "$TARGETS/prints"
    live timeout 100 nice env -i sh -c 'exec "$0"' "$TARGETS/prints"
    live perl -e 'exec @ARGV' "$TARGETS/prints"
    live perl -e 'system(@ARGV); exit 0' "$TARGETS/prints"
    # As npm run does.
    need node
    live node -e 'require("child_process").spawn("/bin/sh", ["-c", process.argv[1]], { stdio: "inherit", detached: true }).on("exit", process.exit)' \
        "$TARGETS/prints"
    printf 'all:\n\t@"%s"\n' "$TARGETS/prints" >makefile
    need make
    live make -s
}

@test "python, with its variable, behind each of them" {
    prints=("$PYTHON" "$PROGRAMS/prints.py")
    live_python() {
        rm -f log err
        try closed "$DZ" -q --shim="$SHIM" --line-buffered -C . -o log -e err "$@" </dev/null
        assert "$*: status" "$status" 0
        assert "$*" "$(sed 's/.* //' err | tr '\n' ' ')" "0 5 9 10 "
    }
    printf '#!/bin/sh\nexec "%s" "$@"\n' "$PYTHON" >python3
    chmod +x python3
    PATH=$PWD:$PATH live_python python3 "$PROGRAMS/prints.py"
    live_python env -i "${prints[@]}"
    live_python sh -c 'unset PYTHONUNBUFFERED; "$0" "$1"; exit 0' "${prints[@]}"
    live_python "$PYTHON" -c 'import os, sys; os.execve(sys.argv[1], sys.argv[1:], {})' "${prints[@]}"
    live_python "$PYTHON" -c 'import subprocess, sys; subprocess.run(sys.argv[1:], env={}, check=True)' "${prints[@]}"
    live_python "$PYTHON" -c 'import os, sys; os._exit(os.system(" ".join(sys.argv[1:])))' "${prints[@]}"
    printf 'all:\n\t@"%s" "%s"\n' "${prints[@]}" >makefile
    need make
    live_python make -s
}

@test "nothing of ours in any environment: the target's, the next program's, a child's" {
    other=$TARGETS/early-default.so
    cat >look.sh <<'SH'
env
env env
env -i env
LD_PRELOAD=$1 env | sed -n 's/^LD_PRELOAD=/given /p'
LD_PRELOAD= env | sed -n 's/^LD_PRELOAD=/empty /p'
tr '\0' '\n' </proc/self/environ | grep 'libdz\|DZ_'
exec env -u HOME sh -c 'env; tr "\0" "\n" <"/proc/$$/environ" | grep "libdz\|DZ_"; exec "$0" -c "import os
print(sorted(n for n in os.environ if n[:3] in (\"DZ_\", \"LD_\")), os.environ.get(\"DZ_INSIDE\"))"' "$2"
SH
    for way in $STARTS; do
        for setting in DZ_BUFFER=line "DZ_REOPEN=1 DZ_INHERIT=1"; do
            # shellcheck disable=SC2086
            finish "$way" DZ_CHDIR=. $setting -- bash look.sh "$other" "$PYTHON"
            assert "$way $setting: status" "$status" 0
            assert "$way $setting" "$(grep 'libdz\|^LD_\|DZ_\|^given\|^empty' log)" "given $other"$'\nempty '
            assert "$way: the last" "$(tail -n 1 log)" "[] None"
        done
    done
}

@test "1,000 execs in one process: no descriptor, variable or blocked signal more" {
    need_musl
    for program in "chain 1000" "chain-musl 100"; do
        rm -f log
        # shellcheck disable=SC2086
        try power --line-buffered --reopen -C . -o log env LD_PRELOAD="$TARGETS/early-default.so" "$TARGETS"/$program
        assert "$program: status" "$status" 0
        assert "$program: lines" "$(wc -l <log)" 2
        assert "$program" "$(uniq log | sed 's/\(mappings\|variables\) [0-9]*/\1/g')" \
            "descriptors 3 mappings variables blocked 0 preload $TARGETS/early-default.so"
    done
}

@test "SIGHUP 200 times while a program executes itself: none is missed, and no line" {
    "$DZ" -q --shim="$SHIM" --reopen -C . -o log "$TARGETS/chain" 30 "$PWD/stop" </dev/null 3>&- 4>&- &
    pid=$!
    track "$pid"
    try "$PYTHON" "$PROGRAMS/rotates-chain.py" "$pid" "$PWD/stop"
    assert "status ($stderr)" "$status" 0
    assert output "$output" "all there"
}

@test "pins follow, and each program is told what the one before has left" {
    cat >middle.py <<'PY'
import os, signal
print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN, flush=True)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
os.kill(os.getpid(), signal.SIGHUP)
os.execl("/bin/sh", "sh", "-c", 'kill -HUP $$; trap "echo handled" HUP; kill -HUP $$; exec "$0" signals', "PROGRAM")
PY
    for pin in default all; do
        # An ignored signal stays ignored for sh, which then sets no trap; one at its default does not.
        sed -i "s|\"PROGRAM\"|\"$PWD/asks\"|" middle.py
        printf '#!%s\nimport os, signal\nprint(signal.getsignal(1) == signal.SIG_DFL)\nos.kill(os.getpid(), 1)\nprint("lives")\n' "$PYTHON" >asks
        chmod +x asks
        finish stay DZ_PIN=$pin DZ_CHDIR=. -- nice "$PYTHON" middle.py
        assert "$pin: status" "$status" 0
        case $pin in
        default) assert "$pin" "$(<log)" $'True\nhandled\nTrue\nlives' ;;
        all) assert "$pin" "$(<log)" $'True\nTrue\nlives' ;;
        esac
    done
}

# ends REASON PROGRAM WORD...: it takes the target's place, and a line says that the power ends.
ends() {
    local reason=$1
    shift
    rm -f log
    try power --line-buffered --pin-signals -C . -o log sh -c 'exec "$@"' sh "$@"
    assert "$*: status" "$status" 0
    assert_match "$*" "$(head -n 1 log)" "libdz.so: buffer=line,pin-signals=default: *$1*: ends here: $reason"
    assert "$*: lines that begin so" "$(grep -c '^libdz.so: ' log)" 1
    assert "$*: what it has" "$(grep 'LD_PRELOAD=\|DZ_' log)" ""
    # What the target starts ends no power of its own.
    rm -f log
    try power --line-buffered --pin-signals -C . -o log sh -c '"$@"; exit 0' sh "$@"
    grep -q ^PATH= log || fail "$*: a child has not run: $(<log)"
    assert "$*: of a child" "$(grep '^libdz.so: ' log)" ""
    assert "$*: what a child has" "$(grep 'LD_PRELOAD=\|DZ_' log)" ""
}

build_environment() {
    "$@" -x c - -o environment <<<'#include <stdio.h>
        extern char **environ;
        int main(void) { for (char **at = environ; *at; at++) puts(*at); return 0; }'
}

@test "where a power ends in the target's process one line says so: static, setuid, 32 bits" {
    build_environment gcc -static
    ends "it is statically linked" ./environment
    printf '#!%s\n' "$PWD/environment" >script
    chmod +x script
    ends "it is statically linked" ./script
    PATH=$PWD:$PATH ends "it is statically linked" environment
    build_environment gcc
    chmod u+s environment
    ends "it is setuid, setgid or has file capabilities" ./environment
    need_multilib
    build_environment gcc -m32
    ends "no library for its machine or word size is installed" ./environment
    # An exec that fails ends nothing.
    rm -f log
    printf '#!/no/such\n' >script
    build_environment gcc -static
    chmod a-x environment
    try power --line-buffered -C . -o log "$PYTHON" -c 'import os
for name in "./script", "./none", "./environment":
    try:
        os.execv(name, [name])
    except OSError:
        pass'
    assert "status of what goes on" "$status" 0
    assert "failed" "$(grep -c '^libdz.so' log)" 0
}

need_multilib() {
    gcc -m32 -x c -o /dev/null - <<<'int main(void) { return 0; }' 2>/dev/null ||
        lacking "needs gcc-multilib"
}

@test "32 bits and back: the library that is beside the other one" {
    need_multilib
    mkdir -p usr/lib32 usr/lib64
    cp "$SHIM" usr/lib64/libdz.so
    include="-idirafter /usr/include/$(gcc -print-multiarch)"
    build BUILD="$PWD/small" CC='gcc -m32' CPPFLAGS="$include" \
        "$PWD/small/libdz.so" >/dev/null
    cp small/libdz.so usr/lib32/libdz.so
    # shellcheck disable=SC2086
    gcc -m32 $include -w -o prints32 "$TESTS/targets/prints.c"
    # shellcheck disable=SC2086
    gcc -m32 $include -w -D_GNU_SOURCE -pthread -o execs32 "$TESTS/targets/execs.c"
    # shellcheck disable=SC2086
    gcc -m32 $include -w -D_GNU_SOURCE -o chain32 "$TESTS/targets/chain.c"
    each=()
    for way in execv execve execvp execvpe execl execle execlp fexecve execveat; do
        each+=("./execs32 $way $TARGETS/prints 0 null" "./execs32 $way $PWD/prints32 0 empty handler")
    done
    for words in ./prints32 "${each[@]}" "./execs32 execv ./prints32 0 null thread" \
        "./execs32 execle ./prints32 0 null vfork"; do
        # shellcheck disable=SC2086
        try closed "$DZ" -q --shim="$PWD/usr/lib64/libdz.so" --line-buffered -C . -o log -e err \
            sh -c 'exec "$@"' sh $words </dev/null
        assert "status" "$status" 0
        has "$words"
        rm log err
    done
    try closed "$DZ" -q --shim="$PWD/usr/lib64/libdz.so" --line-buffered --reopen -C . -o log ./chain32 50
    assert "status of the chain" "$status" 0
    assert "its lines" "$(uniq log | wc -l)" 1
    # shellcheck disable=SC2086
    gcc -m32 $include -w -D_GNU_SOURCE -I"$ROOT/core/base" -pthread -o daemonizes32 "$TESTS/targets/daemonizes.c"
    for way in "daemon 0 0" twice; do
        rm -f log seen
        # shellcheck disable=SC2086
        start stay --shim="$PWD/usr/lib64/libdz.so" --no-daemon --chdir=. --output=log -- ./daemonizes32 "$PWD/seen" $way
        await holds_line seen done
        assert "its PID, $way" "$(sed -n 's/^pid //p' seen)" "$pid"
        kill_started
    done
}

@test "other preload libraries, before and after, and valgrind" {
    need eatmydata faketime valgrind
    fakes_time
    live eatmydata "$TARGETS/prints"
    live faketime '2001-01-01 00:00:00' nice "$TARGETS/prints"
    live env LD_PRELOAD="$TARGETS/early-default.so" nice env LD_PRELOAD="$TARGETS/initfirst.so" \
        "$TARGETS/prints"
    live valgrind -q "$TARGETS/prints"
    live valgrind -q --trace-children=yes sh -c 'exec nice "$0"' "$TARGETS/prints"
}

@test "odd environments, and arguments that leave no room for ours" {
    local odd=$TARGETS/odd-execs
    # Two LD_PRELOAD, of which the libcs take different ones; our own variable's name.
    expected=$("$odd" environment "$(command -v env)" 2>/dev/null | grep -v '^DZ_INSIDE')
    try power --line-buffered -C . -o log -e err "$odd" environment "$(command -v env)"
    assert status "$status" 0
    assert "the environment" "$(<log)" "$expected"
    try power --line-buffered -C . -o maps -e err "$odd" environment "$(command -v cat)" /proc/self/maps
    assert "libraries of ours" "$(grep -c 'r-xp.*/libdz.so' maps)" 1
    for way in exec spawn; do
        "$odd" $way "$(type -P true)"
        rm -f log
        try power --line-buffered -C . -o log "$odd" $way "$(type -P true)"
        assert "$way: status" "$status" 0
        case $way in
        exec) assert_match log "$(<log)" "libdz.so: buffer=line: */true: ends here: its arguments and environment leave no room" ;;
        spawn) assert log "$(<log)" "" ;;
        esac
        # Too many without us.
        try power --line-buffered -C . -o log "$odd" $way "$(type -P true)" more
        assert "$way, too many: status" "$status" 99
    done
}

@test "the search in PATH goes on where execvp would, and a long command of system runs" {
    mkdir -p folder/run no-right script
    printf '#!/bin/sh\necho not here\n' >no-right/run
    chmod 644 no-right/run
    echo 'echo by sh: "$@"' >script/run
    chmod +x script/run
    cat >search.py <<'PY'
import ctypes, os, sys
libc = ctypes.CDLL(None)
os.environ["PATH"] = "/no/such:" + ":".join(os.path.abspath(n) for n in ("folder", "no-right", "script")) + ":"
if sys.argv[1] == "system":
    sys.exit(libc.system(b"exit 3; #" + b"a" * 130950) >> 8)
libc.execvp(b"run", (ctypes.c_char_p * 3)(b"run", b"word", None))
PY
    try power --line-buffered -C . -o log "$PYTHON" search.py execvp
    assert "status" "$status" 0
    assert log "$(<log)" "by sh: word"
    try power --line-buffered -C . -o log "$PYTHON" search.py system
    assert "status of system" "$status" 3
}

@test "a child that asks for a daemon by LD_PRELOAD is made one" {
    finish stay DZ_BUFFER=line DZ_CHDIR=. -- sh -c 'LD_PRELOAD="$1" DZ_STATE_DIR="$3" DZ_CHDIR=. DZ_PIDFILE=of-child "$2" 3600; exit 0' \
        sh "$SHIM" "$SLEEP" "$DZ_STATE_DIR"
    assert status "$status" 0
    await is_file of-child
    track "$(<of-child)"
    assert_own_session "$(<of-child)" leave
}

@test "-n tells what acts where, by the file and its #!" {
    said() { sed -n "s/^$1  *//p" <<<"$output"; }
    printf '#!/bin/sh\n' >script
    chmod +x script
    try power -n --line-buffered --reopen -o log ./script
    assert status "$status" 0
    assert interpreter "$(said script)" "interpreter /bin/sh"
    assert powers "$(said powers)" "buffer=line reopen"
    assert children "$(said children)" "buffer=line"
    try power -n --pin-signals --inherit ./script
    assert "children with --inherit" "$(said children)" "pin-signals=default inherit"
    try power -n --pin-signals ./script
    assert "children without" "$(said children)" none
    try power -n ./script
    assert "without a power" "$(said powers)$(said children)" none
    build_environment gcc
    chmod u+s environment
    printf '#!%s\n' "$PWD/environment" >script
    try power -n --line-buffered ./script
    assert "status, setuid" "$status" 125
    assert_match refused "$(said refused)" "*/environment: it is setuid, setgid or has file capabilities"
}
