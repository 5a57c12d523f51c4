# What the tests of names, records and pidfiles share: a start in each mode, and
# dzctl watched for signals.
#
# shellcheck shell=bash disable=SC2034,SC2154

CTL=$BUILD/dzctl
SLEEP=$(realpath "$(command -v sleep)")
NOBODY=65432

teardown() {
    local pid start
    while read -r pid start; do
        [ "$(start_time "$pid")" = "$start" ] && kill -KILL "$pid"
    done <"$BATS_TEST_TMPDIR/.pids"
    # What no test has recorded is an error of the test or of the product.
    await none_left "$BATS_TEST_TMPDIR/sleeper."
}
# The list of processes is older than the grep, which so does not find itself.
none_left() { ! grep -qsaF -- "$1" /proc/[0-9]*/cmdline; }

# A program to be started: its path, in victim, tells it from any other.
new_victim() {
    victims=$((${victims:-0} + 1))
    victim=$BATS_TEST_TMPDIR/sleeper.$victims
    ln -sf "$SLEEP" "$victim"
}

# The process that runs the latest victim; nothing if none does.
victim_pid() {
    local file pid
    # shellcheck disable=SC2013
    for file in $(grep -lszxF -- "$victim" /proc/[0-9]*/cmdline); do
        pid=${file#/proc/}
        pid=${pid%/*}
        runs_program "$pid" "$SLEEP" && echo "$pid"
    done
    return 0
}
refute_victim() { assert "process of the victim" "$(victim_pid)" ""; }

# Not as long as it is a copy of this shell, or dznohup.
executed_or_ended() {
    gone "$1" || ! { cmp -s "/proc/$1/cmdline" "/proc/$$/cmdline" || runs_program "$1" "$DZ"; }
}

# begin MODE [--OPTION=VALUE...] [WORD...]: start it, the latest victim without
# words, in the background of stay, in leave, or by the shim's twins.  Sets
# status (stay: 0 where it runs on), stderr, and in stay and leave pid.
begin() {
    local mode=$1 options=() twins=() twin
    shift
    while [[ ${1:-} == --* ]]; do
        options+=("$1")
        twin=${1#--}
        twin=${twin%%=*}
        twin=${twin//-/_}
        twins+=("DZ_${twin^^}=${1#*=}")
        shift
    done
    if [ $# = 0 ]; then
        new_victim
        set -- "$victim" 3600
    fi
    err=$BATS_TEST_TMPDIR/.err status=0 pid=
    case $mode in
    stay)
        "$DZ" --mode=stay "${options[@]}" "$@" </dev/null >/dev/null 2>"$err" 3>&- 4>&- &
        pid=$!
        await executed_or_ended "$pid"
        if alive "$pid"; then
            track "$pid"
        else
            wait "$pid" || status=$?
        fi
        ;;
    leave)
        closed "$DZ" -d "${options[@]}" "$@" </dev/null >"$BATS_TEST_TMPDIR/.out" \
            2>"$err" || status=$?
        pid=$(<"$BATS_TEST_TMPDIR/.out")
        [ -z "$pid" ] || track "$pid"
        ;;
    shim)
        closed env LD_PRELOAD="$SHIM" "${twins[@]}" "$@" </dev/null >/dev/null \
            2>"$err" || status=$?
        if [ -n "${victim:-}" ]; then
            pid=$(victim_pid)
            [ -z "$pid" ] || track "$pid"
        fi
        ;;
    esac
    stderr=$(<"$err")
}

# Who speaks in that mode.
speaker() { [ "$1" = shim ] && echo libdz.so || echo dznohup; }

# assert_refused MODE MESSAGE: the start that begin has tried did nothing.
assert_refused() {
    assert "status of $1" "$status" 125
    assert_match "stderr of $1" "$stderr" "$(speaker "$1"): $2"
    assert "lines on stderr of $1" "$(wc -l <<<"$stderr")" 1
    refute_victim
}
assert_started() {
    assert "status of $1" "$status" 0
    [ -n "$pid" ] || fail "no PID in $1"
    assert "program of $pid in $1" "$(exe_of "$pid")" "$SLEEP"
}

end_victim() {
    kill -KILL "$1" && await gone "$1"
}

# A living process of this test that is nobody's job, in stranger.
new_stranger() {
    ln -sf "$SLEEP" "$BATS_TEST_TMPDIR/sleeper.stranger"
    "$BATS_TEST_TMPDIR/sleeper.stranger" 3600 </dev/null >/dev/null 2>&1 3>&- 4>&- &
    stranger=$!
    track "$stranger"
    await runs_program "$stranger" "$SLEEP"
}

# Run dzctl and note in calls each system call of it that sends a signal.
watched() {
    rm -f "$BATS_TEST_TMPDIR/.trace"
    try closed timeout -s KILL 30 strace -f -qq -o "$BATS_TEST_TMPDIR/.trace" \
        -e trace=kill,tkill,tgkill,pidfd_send_signal,rt_sigqueueinfo,rt_tgsigqueueinfo \
        -e signal=none "$CTL" "$@"
    [ -e "$BATS_TEST_TMPDIR/.trace" ] || fail "strace has not run"
    calls=$(<"$BATS_TEST_TMPDIR/.trace")
}

# says_of WORD STATUS-OF-STATUS STATUS-OF-STOP MESSAGE: what dzctl answers for it,
# and that it signals nobody.
says_of() {
    watched status "$1"
    assert "status of 'status $1'" "$status" "$2"
    assert_match "words of 'status $1'" "$output$stderr" "$4"
    assert "signals of 'status $1'" "$calls" ""
    watched stop "$1"
    assert "status of 'stop $1'" "$status" "$3"
    assert "signals of 'stop $1'" "$calls" ""
}

# In the record of that name: the value of KEY.
recorded() { sed -n "s/^$2 //p" "$DZ_STATE_DIR/$1"; }

# Folders and their contents, to see that nothing was made or taken.
state_of() { find "$@" -printf '%p %i %s %m\n' 2>/dev/null | sort; }
