# What every test file loads.  Facts about processes are read from /proc, never
# from our own tools; a process is ended only by a PID that the test recorded.
#
# shellcheck shell=bash disable=SC2034

bats_require_minimum_version 1.5.0

TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname "$TESTS")
BUILD=$(cd "$ROOT" && cd "${BUILD:-build}" && pwd)
DZ=$BUILD/dznohup
SHIM=$BUILD/libdz.so
TARGETS=$BUILD/targets
CTL=$BUILD/dzctl
PROGRAMS=${PROGRAMS:-$TESTS/programs}
PYTHON=$(PATH=/usr/bin:$PATH command -v python3) # a shim of pyenv's is slow
SLEEP=$(realpath "$(command -v sleep)")
# Seconds after which what is waited for hangs, however busy the machine is; programs and
# tests/pty read it too.
export DEADLINE=${DEADLINE:-120}
# Time-outs, in seconds, of a start that must fail by its time-out, but not before the
# program has done something: each longer, for a machine on which that takes longer.
TIMES="1 5 25 100"
# Tries of what a busy machine may let a process sleep through: a line that is shown in
# one second of the clock.
TRIES="1 2 3 4 5"
# Runs its words as PID 1 of a PID namespace.  unshare(1) of util-linux 2.36 passes on that
# it ignores INT and TERM.
NEW_PIDS=(unshare --pid --fork --kill-child --mount-proc env "--default-signal=INT,TERM")
# The suite's own variable must not reach dznohup, which refuses what it does
# not know.
STRICT=${DZ_TEST_STRICT:-${STRICT:-}}
unset DZ_TEST_STRICT LISTEN_PID LISTEN_FDS LD_PRELOAD PYTHONUNBUFFERED
export STRICT BUILD

setup() {
    export HOME=$BATS_TEST_TMPDIR/home DZ_STATE_DIR=$BATS_TEST_TMPDIR/state
    mkdir -p "$BATS_TEST_TMPDIR/work" "$HOME"
    cd "$BATS_TEST_TMPDIR/work" || return
    chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" # for tests as another user
    : >"$BATS_TEST_TMPDIR/.pids"
    # What each test of a file needs: setup_file cannot skip.
    if declare -F needs >/dev/null; then needs; fi
}

teardown() {
    local pid start
    # What each test of a file leaves, apart from processes.
    if declare -F clean_up >/dev/null; then clean_up; fi
    while read -r pid start; do
        [ "$(start_time "$pid")" = "$start" ] && kill -KILL "$pid"
    done <"$BATS_TEST_TMPDIR/.pids"
    [ ! -e "$BATS_TEST_TMPDIR/.faked" ] || forget_faked_time
    return 0
}

# libfaketime names what it leaves in /dev/shm by the process that is killed.  Tests call
# fakes_time before they start one.
fakes_time() { : >"$BATS_TEST_TMPDIR/.faked"; }
forget_faked_time() {
    local file pid
    while read -r file; do
        pid=${file##*_}
        alive "$pid" || rm -f "/dev/shm/faketime_shm_$pid" "/dev/shm/sem.faketime_sem_$pid"
    done < <(find /dev/shm -maxdepth 1 -name 'faketime_shm_*' -user "$(id -u)" \
        -newer "$BATS_TEST_TMPDIR/.faked")
}

# A skip in CI is a failure: CI has all that the tests need.
lacking() {
    [ -z "$STRICT" ] || fail "strict mode: $1"
    skip "$1"
}

need() {
    local tool
    for tool; do
        type -P "$tool" >/dev/null || lacking "needs $tool"
    done
}

# A user who has no process, for limits on their number: one for each test.
lonely_user() { echo $((60000 + $$ % 5000)); }

need_root() {
    [ "$(id -u)" = 0 ] || lacking "needs root"
}

fail() {
    echo "$*" >&2
    return 1
}

# make, apart from the make that runs us.
build() { env -u MAKEFLAGS -u MAKELEVEL make -s -C "$ROOT" "$@" 3>&- 4>&-; }

# Run without bats' own descriptors: it would wait for a daemon that keeps them.
dz() { "$DZ" "$@" 3>&- 4>&-; }
closed() { "$@" 3>&- 4>&-; }
# For "beside WORD... &": $! is the program itself.
beside() { exec "$@" 3>&- 4>&-; }

# Run a function of ours without bats' trap before each command, which costs more than the
# commands do.  If it fails, bats names the line that called it.
untraced() {
    local -
    set +T
    "$@"
}

# Run; kill it if it hangs.
within() { closed timeout -s KILL "$DEADLINE" "$@"; }

# Run, and set status, output (of stdout) and stderr.
try() { untraced run_words "$@"; }
run_words() {
    status=0
    "$@" >"$BATS_TEST_TMPDIR/.out" 2>"$BATS_TEST_TMPDIR/.err" || status=$?
    read_streams
}
read_streams() {
    output=$(<"$BATS_TEST_TMPDIR/.out")
    stderr=$(<"$BATS_TEST_TMPDIR/.err")
}

# Run shell code where changes to these folders are seen by no other process, and are
# gone afterwards: overlaid CODE FOLDER...
overlaid() {
    local code=$1
    shift
    # shellcheck disable=SC2016
    closed unshare --mount bash -ec '
        code=$1; shift
        layers=$(mktemp -d)
        mount -t tmpfs layers "$layers"
        for folder; do
            mkdir -p "$layers$folder/upper" "$layers$folder/work"
            mount -t overlay -o "lowerdir=$folder,upperdir=$layers$folder/upper,workdir=$layers$folder/work" \
                overlay "$folder"
        done
        eval "$code"' overlaid "$code" "$@"
}

# ---- starts --------------------------------------------------------------------

# Options of each start in the file that sets them, and words to run a start by.
START_OPTIONS=()
BEFORE=
# What a file does before each start.
before_start() { :; }

# start MODE [--OPTION[=VALUE]|VARIABLE=VALUE]... -- WORD...
#
# Starts the words; returns when they run, or the start has failed.  Modes: stay and
# leave, by dznohup; shim-stay and shim-leave, by libdz.so in LD_PRELOAD, where an option
# becomes its variable.  Sets status (0 if the program runs on in stay mode), output,
# stderr, says (the name in front of messages) and pid, which is empty if none is known.
start() { untraced start_words "$@"; }
start_words() {
    local mode=$1 options=() variables=()
    shift
    before_start
    set -- "${START_OPTIONS[@]}" "$@"
    while [ "$1" != -- ]; do
        case $mode:$1 in
        shim-*:--shim=*) ;;
        shim-*:--*) add_twin "$1" ;;
        *:--*) options+=("$1") ;;
        *) variables+=("$1") ;;
        esac
        shift
    done
    shift
    [[ ${1:?no program to start} != --* ]] || fail "an option behind --: $1" || return
    case $mode in
    stay) set -- "$DZ" --mode=stay "${options[@]}" "$@" ;;
    leave) set -- "$DZ" -d "${options[@]}" "$@" ;;
    shim-stay) variables=(LD_PRELOAD="$SHIM" DZ_MODE=stay "${variables[@]}") ;;
    shim-leave) variables=(LD_PRELOAD="$SHIM" "${variables[@]}") ;;
    *) fail "no mode of a start: $mode" || return ;;
    esac
    start_mode=$mode status=0 pid=
    [[ $mode == shim* ]] && says=libdz.so || says=dznohup
    case $mode in
    *stay)
        # shellcheck disable=SC2086
        beside $BEFORE env "${variables[@]}" "$@" </dev/null >"$BATS_TEST_TMPDIR/.out" \
            2>"$BATS_TEST_TMPDIR/.err" &
        pid=$!
        await has_executed "$pid" || return
        if alive "$pid"; then
            track "$pid"
        else
            wait "$pid" || status=$?
        fi
        read_streams
        ;;
    *leave)
        # shellcheck disable=SC2086
        try closed $BEFORE env "${variables[@]}" "$@" </dev/null
        find_pid
        [ -z "$pid" ] || track "$pid"
        ;;
    esac
}

# Add the variable of an option to the variables.
add_twin() {
    local name=${1%%=*} value=1
    [[ $1 != *=* ]] || value=${1#*=}
    case $1 in
    --line-buffered) name=buffer value=line ;;
    --pin-signals) name=pin value=default ;;
    --pin-signals=*) name=pin ;;
    --no-daemon | --no-daemon=*) name=nodaemon ;;
    esac
    name=${name#--}
    name=${name//-/_}
    variables+=("DZ_${name^^}=$value")
}

# What dznohup has printed; of libdz.so, which prints nothing, what is in the pidfile.
find_pid() {
    local setting file=
    if [ "$start_mode" = leave ]; then
        IFS= read -r pid <"$BATS_TEST_TMPDIR/.out" || true
        [[ $pid =~ ^[1-9][0-9]*$ ]] || pid=
        return 0
    fi
    for setting in "${variables[@]}"; do
        [[ $setting != DZ_PIDFILE=* ]] || file=${setting#*=}
    done
    [ ! -s "$file" ] || pid=$(<"$file")
}

# The name in front of messages in that mode.
speaker() { [[ $1 == shim* ]] && echo libdz.so || echo dznohup; }

# The process is not a copy of this shell, env(1) or dznohup any more, or it has ended.
has_executed() {
    local own words
    gone "$1" && return
    { mapfile -d '' -t words <"/proc/$1/cmdline"; } 2>/dev/null || return
    mapfile -d '' -t own <"/proc/$$/cmdline"
    [ ${#words[@]} -gt 0 ] && [ "${words[*]}" != "${own[*]}" ] &&
        ! [ "/proc/$1/exe" -ef /usr/bin/env ] && ! [ "/proc/$1/exe" -ef "$DZ" ] &&
        # One that is ending has no program and no words, and is no zombie yet.
        { mapfile -d '' -t words <"/proc/$1/cmdline"; } 2>/dev/null && [ ${#words[@]} -gt 0 ]
}

# Wait for the end of what start has started by itself; in stay mode set status.
ended() { untraced wait_for_end "$@"; }
wait_for_end() {
    [ -n "$pid" ] || return 0
    case $start_mode in
    *stay)
        status=0
        wait "$pid" || status=$?
        ;;
    *leave) await gone "$pid" ;;
    esac
    read_streams
}

# Kill what start has started, and wait for its end.
kill_started() {
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null || await gone "$pid"
}

# In the record of that name: the value of KEY.
recorded() { sed -n "s/^$2 //p" "$DZ_STATE_DIR/$1"; }

# What expressions give for the JSON in output: programs/read-json.py.
get() { PYTHONUTF8=1 "$PYTHON" "$PROGRAMS/read-json.py" "$@" <<<"$output"; }

# ---- processes ---------------------------------------------------------------

# Field N (as in proc_pid_stat(5)) of /proc/PID/stat; nothing if it is gone.
stat_field() {
    local line
    { read -r line <"/proc/${1:?no PID}/stat"; } 2>/dev/null || return 1
    line=${line##*) }
    # shellcheck disable=SC2086
    set -- "$2" $line
    shift $(($1 - 2))
    echo "$1"
}
start_time() { stat_field "$1" 22; }
in_state() { [ "$(stat_field "$1" 3)" = "$2" ]; }
status_field() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
fd_of() { readlink "/proc/$1/fd/$2"; }
cwd_of() { readlink "/proc/$1/cwd"; }
exe_of() { readlink "/proc/$1/exe"; }
command_of() { tr '\0' ' ' <"/proc/$1/cmdline"; }
environment_of() { tr '\0' '\n' <"/proc/$1/environ"; }
fds_of() { (cd "/proc/$1/fd" && echo *); }

# End this process when the test is over.
track() {
    local pid line fields
    for pid; do
        { read -r line <"/proc/${pid:?no PID}/stat"; } 2>/dev/null || continue # it has ended
        read -ra fields <<<"${line##*) }"
        echo "$pid ${fields[19]}" >>"$BATS_TEST_TMPDIR/.pids"
    done
}

# Without a fork: tests ask it most of all.
alive() {
    local line fields
    { read -r line <"/proc/${1:?no PID}/stat"; } 2>/dev/null || return
    read -ra fields <<<"${line##*) }"
    # A zombie whose other threads are on their way out has not ended.
    [ "${fields[0]}" != Z ] || [ "${fields[17]}" -gt 1 ]
}
gone() { ! alive "$1"; }

# strace has delayed a call, says its file.  strace 5.10 does not mark it: there is the call.
delayed() {
    grep -q DELAYED "$1" && return
    [ -s "$1" ] &&
        ! strace -qq -e trace=close -e inject=close:delay_exit=1 true 2>&1 | grep -q DELAYED
}

# Try a condition until it holds.
await() { untraced poll "$@"; }
poll() {
    local until=$((SECONDS + DEADLINE)) tries=0
    until "$@"; do
        [ $SECONDS -lt $until ] || fail "not within $DEADLINE s: $*" || return
        if [ $((tries++)) -lt 50 ]; then sleep 0.01; else sleep 0.05; fi
    done
}
milliseconds() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
holds_line() { grep -qxF -- "$2" "$1" 2>/dev/null; }
holds() { grep -qF -- "$2" "$1" 2>/dev/null; }
is_file() { [ -s "$1" ]; }
# PID runs that program and its exec is over.  /proc names the program before the kernel
# has closed descriptors at the exec, and shows the words after that.
runs_program() {
    [ "$(exe_of "$1" 2>/dev/null)" = "$2" ] && { IFS= read -rd '' _ <"/proc/$1/cmdline"; } 2>/dev/null
}

# Send TERM and expect the end.
stops_on_term() {
    kill -TERM "$1" && await gone "$1"
}

# The command must fail; bats itself takes no notice of a leading "!".
refute() {
    ! "$@" || fail "did not fail: $*"
}

# assert NAME ACTUAL EXPECTED
assert() {
    [ "$2" = "$3" ] || fail "$1 is '$2', expected '$3'"
}
assert_match() {
    # shellcheck disable=SC2053
    [[ $2 == $3 ]] || fail "$1 is '$2', expected to match '$3'"
}

# The processes, other than this test's own, whose words hold this.
processes_with() {
    local file words
    for file in /proc/[0-9]*/cmdline; do
        { mapfile -d '' -t words <"$file"; } 2>/dev/null || continue
        [[ "${words[*]} " != *"$1"* ]] || echo "$file"
    done
}
# No process has this in its words: faster than assert_none_with.  The shell lists the
# processes before it starts grep, so grep does not find itself.
none_left() { ! grep -qsaF -- "$1" /proc/[0-9]*/cmdline; }
assert_none_with() { untraced refute_processes "$@"; }
refute_processes() {
    local left
    left=$(processes_with "$1")
    [ -z "$left" ] || fail "still running with $1: $left"
}

# Bits of SigIgn that a daemon has: HUP, TTIN, TTOU.
DAEMON_IGNORES=0000000000300001

# Session, terminal, cwd: what holds for every daemon, whatever it does itself.
assert_own_session() { untraced check_session "$@"; }
check_session() {
    local pid=$1 mode=$2
    assert "tty_nr of $pid" "$(stat_field "$pid" 7)" 0
    if [ "$mode" = stay ]; then
        assert "session of $pid" "$(stat_field "$pid" 6)" "$pid"
    else
        [ "$(stat_field "$pid" 6)" != "$pid" ] || fail "$pid leads its session"
        [ "$(stat_field "$pid" 6)" != "$(stat_field $$ 6)" ] || fail "$pid is in ours"
        gone "$(stat_field "$pid" 6)" || fail "the first child is still there"
    fi
}
assert_signals() {
    assert "SigIgn of $1" "$(status_field "$1" SigIgn)" "$DAEMON_IGNORES"
    assert "SigBlk of $1" "$(status_field "$1" SigBlk)" 0000000000000000
}
assert_daemon() {
    assert_own_session "$1" "$2"
    assert_signals "$1"
    assert "cwd of $1" "$(cwd_of "$1")" /
}

# ---- servers -----------------------------------------------------------------

# A free TCP port that no other test gets, of this run or of another at the same time.
# No connection has it, not even one that has just ended (TIME_WAIT).  A link to the
# run's directory takes the port; the link of a run that is over is dangling.  The ports
# are below those that the kernel gives to clients, so no outgoing connection takes one
# before our server does.  Listing the connections takes the kernel 10 ms, so each test
# does that once.
free_port() { untraced take_port "$@"; }
take_port() {
    local port hex taken ports=${TMPDIR:-/tmp}/dznohup-ports
    # In setup_file there is no test yet.
    local file=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/.taken
    [ -e "$file" ] || cat /proc/net/tcp /proc/net/tcp6 >"$file" 2>/dev/null
    taken=$(<"$file")
    [ -d "$ports" ] || mkdir -m 1777 "$ports" 2>/dev/null
    while :; do
        port=$((10000 + RANDOM * 22000 / 32768))
        printf -v hex %04X $port
        [[ $taken != *":$hex "* ]] || continue
        [ -e "$ports/$port" ] || rm -f "$ports/$port" 2>/dev/null
        ln -sT "$BATS_RUN_TMPDIR" "$ports/$port" 2>/dev/null && break
    done
    echo $port
}

# Whether something listens on the loopback port.
listens() { (exec 9<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The PID that listens on the port, by the socket's inode.
listener() { untraced find_listener "$@"; }
find_listener() {
    local inode link port
    port=$(printf '%04X' "$1")
    inode=$(awk -v p=":$port\$" '$2 ~ p && $4 == "0A" { print $10; exit }' \
        /proc/net/tcp /proc/net/tcp6)
    link=$(find /proc/[0-9]*/fd -lname "socket:\[$inode\]" -print -quit 2>/dev/null)
    [ -n "$link" ] || return
    link=${link#/proc/}
    echo "${link%%/*}"
}

# The server on that port says the PID to a client.
assert_answers() { # PORT PID
    local answer
    exec 9<>"/dev/tcp/127.0.0.1/$1"
    read -r answer <&9
    exec 9>&-
    assert "answer of the server" "$answer" "hello $2"
}

# ---- terminals ---------------------------------------------------------------

# Type lines into an interactive bash on a real pseudo-terminal, hang up, and
# print the screen.  Options of tests/pty come first.
on_terminal() { closed "$PYTHON" "$TESTS/pty" "$@"; }

# nginx_conf DIRECTIVE: writes nginx.conf for a server of this folder; @ is its port.
nginx_conf() {
    chmod 755 .
    cat >nginx.conf <<END
$1
pid $PWD/nginx.pid;
error_log $PWD/error.log;
events {}
http {
    access_log off;
    client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
    uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5;
    server { listen 127.0.0.1:@; location / { return 200 "fine"; } }
}
END
}
