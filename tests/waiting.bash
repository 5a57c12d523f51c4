# What the tests of starts that are waited for share: wait.bats, listen.bats,
# notify.bats.
#
# shellcheck shell=bash disable=SC2034,SC2154

WAYS="leave shim-leave"
START_OPTIONS=(DZ_OUTPUT=log DZ_PIDFILE=pid)
# A job that has ended leaves its record.
before_start() { rm -rf pid "$DZ_STATE_DIR"; }

# A program that sleeps; its path tells this test's processes from any other.
SLEEPER=$BATS_TEST_TMPDIR/sleeper
if [ -n "$BATS_TEST_TMPDIR" ]; then
    mkdir -p "$BATS_TEST_TMPDIR"
    ln -sf "$(command -v sleep)" "$SLEEPER"
fi

started() {
    assert "status" "$status" 0 || fail "stderr: $stderr" || return
    [ -n "$pid" ] || fail "no PID" || return
    assert "pidfile" "$(cat pid)" "$pid" || return
    alive "$pid" || fail "$pid does not run"
}

# A failed start: its status, the first line on stderr behind the program's
# name, and nothing left.
failed() {
    local want=$1 message=$2 line
    assert "status" "$status" "$want" || fail "stderr: $stderr"
    drop_slow_line
    IFS= read -r line <<<"$stderr"
    assert_match "message" "$line" "$says: $message"
    assert "output" "$output" ""
    left_nothing
}

left_nothing() { untraced check_leavings; }
check_leavings() {
    [ ! -e pid ] || fail "a pidfile is left: $(cat pid)"
    [ ! -e .pid.new ] || fail "a lock is left"
    [ ! -d "$DZ_STATE_DIR" ] || assert "records" "$(ls -A "$DZ_STATE_DIR")" ""
    # As assert_none_with, which is too slow for so many.
    ! grep -laF -- "$BATS_TEST_TMPDIR/" /proc/[0-9]*/cmdline 2>/dev/null ||
        fail "that still run"
}

# On a busy machine a start may take so long that the launcher says what it waits for.
drop_slow_line() {
    [[ $stderr == "$says: waiting for "* ]] || return 0
    sed -i 1d "$BATS_TEST_TMPDIR/.err"
    read_streams
}

# What is shown of a log, behind the first line.
shown() { tail -n +2 "$BATS_TEST_TMPDIR/.err"; }
assert_shown() {
    local file=$1 want=$says line
    drop_slow_line
    want="$says: this run wrote to $PWD/$file:"
    shift
    for line; do
        want+=$'\n'"  $line"
    done
    assert "what is shown" "$(shown)" "$want"
}

# ---- servers that are asked ------------------------------------------------------

# The first line of an answer of 127.0.0.1:PORT; one attempt, in this process.
ask() {
    local port=$1
    answer=
    exec 9<>"/dev/tcp/127.0.0.1/$port" || fail "no connection" || return
    [ $# = 1 ] || printf %b "$2" >&9
    IFS= read -r -t "$DEADLINE" answer <&9 || fail "no answer" || return
    exec 9>&-
    answer=${answer%$'\r'}
}

redis() { ask "$port" 'PING\r\n' && assert_match answer "$answer" "+PONG"; }
memcached() { ask "$port" 'version\r\n' && assert_match answer "$answer" "VERSION *"; }
http() { ask "$port" 'GET / HTTP/1.0\r\n\r\n' && assert_match answer "$answer" "HTTP/1.? 200*"; }
nginx_http() {
    http && await is_file nginx.pid && servers+=" $(cat nginx.pid)"
}
hello() {
    ask "$port" && assert_match answer "$answer" "hello *" && servers+=" ${answer#hello }"
}

# fifty QUESTION WORD... : fifty starts, half of them each way; in the words PORT
# is the port.  The question may add to servers what is to be ended besides pid.
fifty() { untraced ask_fifty "$@"; }
ask_fifty() {
    local question=$1 i way server
    shift
    rounds=0
    for i in {1..25}; do
        for way in $WAYS; do
            port=$(free_port)
            late=()
            # Every second server is late, so that a start that does not wait is found out.
            ((i % 2)) || late=(bash -c 'sleep 0.1; exec "$@"' late)
            start "$way" DZ_WAIT="listen:$port" DZ_TIMEOUT="$DEADLINE" -- "${late[@]}" "${@//PORT/$port}"
            assert "status of start $i" "$status" 0 || fail "$stderr"
            servers=$pid
            $question || fail "start $i by the $way"
            for server in $servers; do
                track "$server"
                # TERM: a master ends its workers, which KILL would orphan.
                kill -TERM "$server" 2>/dev/null || true
                await gone "$server"
            done
            rm -f nginx.pid
            rounds=$((rounds + 1))
        done
    done
    assert rounds $rounds 50
}
