# dzctl list, status, stop, wait, log, clear: what they say and do about jobs,
# compared with /proc and the records.  inspect has a file of its own.

load helpers

CTL=$BUILD/dzctl

ctl() { try closed "$CTL" "$@"; }

# Start a job and return when it was executed; sets pid.
job() {
    pid=$(dz -d -q -w exec "$@")
    track "$pid"
}
# A job that runs shell code in this folder.  Its children are in files that it
# names, one PID each: shell NAME CODE.
shell_job() { job -C . --name="$1" -o "$1.log" bash -c "$2"; }
# Wait for files with PIDs, and end those processes when the test is over.
kids() {
    local file
    for file; do
        await is_file "$file"
        track "$(<"$file")"
    done
}
# One that ends with that status when told: ending NAME STATUS; tell NAME.
ending() { shell_job "$1" "until [ -e $1.go ]; do sleep 0.01; done; exit $2"; }
tell() { : >"$1.go"; }

# A job that has ended, nobody knows how, with the launcher long gone: one that
# ends while it is looked at leaves no record.
ended_job() {
    job "$@" sleep 1000
    kill -KILL "$pid"
    await gone "$pid"
}

# dzctl wait in the background, into NAME.status; returns when it waits.
waiter() {
    (
        status=0
        closed "$CTL" wait "$@" >"$1.out" 2>"$1.err" || status=$?
        echo "$status" >"$1.new"
        mv "$1.new" "$1.status"
    ) 3>&- 4>&- &
    track $!
    await has_pidfd "$!"
}
# A child of it waits for a process.
has_pidfd() {
    local child
    child=$(pgrep -P "$1" -x dzctl) && [[ $(fd_of "$child" 3) == *pidfd* ]]
}

# Of the record of NAME: the value behind the key.
recorded() { sed -n "s/^$2 //p" "$DZ_STATE_DIR/$1"; }
since_of() { date -d "@$(recorded "$1" since)" '+%Y-%m-%d %H:%M:%S'; }

# The cells of a table, with bars between them.
# shellcheck disable=SC2001
cells() { sed 's/   */|/g' <<<"$output"; }

# The end of a Python expression on the JSON that was printed.
get() {
    PYTHONUTF8=1 python3 -c 'import json, sys
value = eval("json.load(sys.stdin)" + sys.argv[1])
print(value if isinstance(value, str) else json.dumps(value))' "$1" <<<"$output"
}

now_ms() { echo "$(($(date +%s%N) / 1000000))"; }

# What the files hold, each line once.
records() { (cd "$DZ_STATE_DIR" && ls -A); }

as_other() { closed setpriv --reuid=65432 --regid=65432 --clear-groups "$@"; }

# ---- list ----------------------------------------------------------------------

@test "list: no state directory, and an empty one" {
    ctl list
    assert status "$status" 0
    assert stdout "$output" ""
    assert stderr "$stderr" ""
    [ ! -e "$DZ_STATE_DIR" ] || fail "it has made the directory"
    ctl list --json
    assert json "$output" "[]"
    mkdir -m 700 "$DZ_STATE_DIR"
    ctl list
    assert status "$status" 0
    assert stdout "$output" ""
    ctl list --json
    assert json "$output" "[]"
}

@test "list: the columns, named jobs first by name, then by PID" {
    job -o num1 sleep 1001
    one=$pid
    job --name=zeta -o z.log sleep 1002
    zeta=$pid
    job --name=alpha -o a.log sleep 1003
    alpha=$pid
    job -o num2 sleep 1004
    two=$pid
    job --name=Beta -o /dev/null sleep 1005
    ctl list
    assert status "$status" 0
    assert stderr "$stderr" ""
    sort_pids=$(printf '%s\n' "$one num1 1001" "$two num2 1004" | sort -n)
    expected="NAME|PID|STATE|SINCE|LOG|COMMAND
Beta|$pid|running|$(since_of Beta)|/dev/null|sleep 1005
alpha|$alpha|running|$(since_of alpha)|$PWD/a.log|sleep 1003
zeta|$zeta|running|$(since_of zeta)|$PWD/z.log|sleep 1002"
    while read -r number log seconds; do
        expected+=$'\n'"-|$number|running|$(since_of "$number")|$PWD/$log|sleep $seconds"
    done <<<"$sort_pids"
    assert table "$(cells)" "$expected"
    # Cells begin where their headings do.
    while IFS= read -r line; do
        assert "COMMAND of '$line'" "${line:$(awk '{ print index($0, "COMMAND") - 1; exit }' <<<"$output")}" \
            "${line##*  }"
    done <<<"$output"
}

# The table on a terminal of that many columns.
list_on() {
    output=$(on_terminal --run bash -c "stty cols $1; exec '$CTL' list" | tr -d '\r')
}
assert_fits() {
    local line
    while IFS= read -r line; do
        [ "${#line}" -le "$1" ] || fail "${#line} columns of $1: $line"
    done <<<"$output"
}

@test "list: on a terminal of 80 columns it fits, and cut cells show so" {
    job --name=web -o "$PWD/a-log-of-some-length" sleep 1000 1 1 1 1 1 1 1 1 1 1 1
    list_on 80
    assert lines "$(wc -l <<<"$output")" 2
    assert_fits 80
    line=$(tail -n 1 <<<"$output")
    assert_match row "$line" "web *$pid*running*  ..*length  sleep 1000*.."
    # All of it is used.
    assert length "${#line}" 80
    list_on 300
    assert_match row "$(tail -n 1 <<<"$output")" "* $PWD/a-log-of-some-length  sleep *1 1"
    assert cut "$(grep -c '\.\.' <<<"$output")" 0
}

@test "list: on a terminal of 60 columns it fits" {
    job --name=web -o "$PWD/a-log-of-some-length" sleep 1000
    list_on 60
    assert_match row "$(tail -n 1 <<<"$output")" "web  *$pid*running*sleep 1000"
    assert_fits 60
}

@test "list: long names and states fit on 80 columns too" {
    job --name=a-name-of-some-length -o "$PWD/a-log-of-some-length" sleep 1000
    ended_job --name=ended -o "$PWD/a-log-of-some-length"
    list_on 80
    assert_match row "$output" "*ended*"
    assert_fits 80
}

@test "list: to a pipe nothing is cut" {
    long=$(printf '%0400d' 7)
    job --name=web -o "$PWD/$(printf 'l%.0s' {1..200})" sleep 1000 "$long"
    ctl list
    assert_match row "$output" "*  $PWD/lll*l  sleep 1000 $long"
    assert cut "$(grep -c '\.\.' <<<"$output")" 0
}

@test "list: control characters are shown as such, UTF-8 keeps the columns" {
    job --name=été -o $'odd\e[31m\nlog' sh -c 'exec sleep 1000' $'a\e[31m\nb\177' ñandú
    job --name=plain -o plain.log sh -c 'exec sleep 1000' $'\xff\xc3'
    ctl list
    assert lines "$(wc -l <<<"$output")" 3
    assert "control characters" "$(LC_ALL=C grep -c $'[\001-\011\013-\037\177]' <<<"$output")" 0
    assert_match row "$(tail -n 1 <<<"$output")" \
        "été *odd?\[31m?log *sh -c exec sleep 1000 a?\[31m?b? ñandú"
    # In characters all cells begin where their headings do.
    PYTHONUTF8=1 python3 - 3<<<"$output" <<'END' || fail "not aligned: $output"
lines = open(3, "rb").read().decode("utf-8", "surrogateescape").splitlines()
at = lines[0].index("COMMAND")
assert lines[1][at:].startswith("sh -c"), lines[1]
assert lines[2][at:].startswith("sh -c"), lines[2]
END
}

@test "list --json: valid, all fields, odd bytes" {
    job --name=été -p web.pid -o $'odd\nlog' sh -c 'exec sleep 1000' \
        $'\xff\n"\\\t\x01' '' 日本 $'\xed\xa0\x80'
    web=$pid
    job -e err.log sleep 1000 >/dev/null
    ended_job --name=gone
    ctl list --json
    assert status "$status" 0
    python3 -m json.tool <<<"$output" >/dev/null
    assert lines "$(wc -l <<<"$output")" 5 # one a job, and the brackets
    assert name "$(get "[1]['name']")" été
    assert pid "$(get "[1]['pid']")" "$web"
    assert state "$(get "[1]['state']")" running
    assert status "$(get "[1]['status']")" null
    assert signal "$(get "[1]['signal']")" null
    assert session "$(get "[1]['session']")" "$(stat_field "$web" 6)"
    assert since "$(get "[1]['since']")" "$(recorded été since)"
    assert log "$(get "[1]['log']")" "$PWD/"$'odd\nlog'
    assert pidfile "$(get "[1]['pidfile']")" "$PWD/web.pid"
    assert cwd "$(get "[1]['cwd']")" "$PWD"
    assert command "$(get "[1]['command']")" \
        '["sh", "-c", "exec sleep 1000", "\ufffd\n\"\\\t\u0001", "", "\u65e5\u672c", "\ufffd\ufffd\ufffd"]'
    assert "no name" "$(get "[2]['name']")" null
    assert "no pidfile" "$(get "[2]['pidfile']")" null
    assert "state of one that is over" "$(get "[0]['state']")" ended
    assert "its status, which nobody told" "$(get "[0]['status']")" null
    assert keys "$(get "[0].keys().__len__()")" 11
}

@test "list: a job that is over has ended, whoever has its PID now" {
    ended_job --name=over -o log
    job --name=reused -o log sleep 1000
    sed -i "s/^start .*/start $(($(recorded reused start) - 1))/" "$DZ_STATE_DIR/reused"
    # Its PID means that process.
    ctl status "$pid"
    assert "status by PID" "$output" "$pid: running, PID $pid"
    job --name=boot -o log sleep 1000
    sed -i "s/^boot ./boot x/" "$DZ_STATE_DIR/boot"
    job --name=space -o log sleep 1000
    sed -i "s/^space ./space 9/" "$DZ_STATE_DIR/space"
    ctl list
    assert status "$status" 0
    assert states "$(cells | cut -d '|' -f 1,3)" "NAME|STATE
boot|ended (status unknown)
over|ended (status unknown)
reused|ended (status unknown)
space|not here"
}

@test "list: broken records neither crash nor hang, nor are listed; status cannot tell" {
    job --name=good -o log sh -c 'exec sleep 1000' 'x y'
    record=$DZ_STATE_DIR/good
    cd "$DZ_STATE_DIR"
    # Cut anywhere.
    python3 -c 'import os
data = open("good", "rb").read()
for i in range(1, len(data)):
    fd = os.open(f"cut{i}", os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(fd, data[:i])'
    : >empty
    head -c 3000 /dev/urandom >garbage
    head -c 3000 /dev/zero >zeros
    mkdir folder
    mkfifo -m 600 fifo
    ln -s good link
    ln -s nowhere dangling
    cp good writable
    sed 's/^pid .*/pid 0/' good >init
    sed 's/^pid .*/pid -1/' good >minus
    sed 's/^dz 1/dz 2/' good >younger
    sed 's/^start .*/start 99999999999999999999/' good >overflow
    find . -type f -exec chmod 600 {} +
    chmod 622 writable
    cp good .hidden
    try timeout 20 "$CTL" list
    assert status "$status" 0
    assert listed "$(cells | cut -d '|' -f 1,2)" "NAME|PID
good|$pid"
    for name in empty garbage zeros folder fifo link dangling writable init minus younger \
        overflow cut20 cut100; do
        expected=4
        try timeout 20 "$CTL" status "$name"
        assert "status $name" "$status" "$expected"
        assert_match "stderr of $name" "$stderr" "dzctl: record: $name: *"
        try timeout 20 "$CTL" stop "$name"
        assert "stop $name" "$status" 1
    done
    alive "$pid"
    [ -p fifo ] && [ -d folder ] && [ -L link ] || fail "something was removed"
}

# ---- status --------------------------------------------------------------------

@test "status: running, by name, PID and pidfile: 0" {
    job --name=web -p web.pid -o log sleep 1000
    for word in web "$pid" ./web.pid "$PWD/web.pid"; do
        ctl status "$word"
        assert "status $word" "$status" 0
        assert "words of $word" "$output" \
            "web: running, PID $pid, since $(since_of web), log $PWD/log"
        assert "stderr of $word" "$stderr" ""
        ctl status --json "$word"
        assert "status --json $word" "$status" 0
        assert "name by $word" "$(get "['name']")" web
        assert "pid by $word" "$(get "['pid']")" "$pid"
        assert "state by $word" "$(get "['state']")" running
    done
    # Without a record.
    sleep 1000 3>&- 4>&- &
    track $!
    ctl status $!
    assert status "$status" 0
    assert words "$output" "$!: running, PID $!"
    ctl status --json $!
    assert "since, unknown" "$(get "['since']")" null
    assert "command, unknown" "$(get "['command']")" "[]"
    echo $! >own.pid
    ctl status ./own.pid
    assert status "$status" 0
    assert words "$output" "./own.pid: running, PID $!"
}

@test "status: dead with a record or a pidfile: 1" {
    job --name=web -p web.pid -o log sleep 1000
    since=$(since_of web)
    kill -KILL "$pid"
    await gone "$pid"
    for word in web "$pid"; do
        ctl status "$word"
        assert "status $word" "$status" 1
        assert "words of $word" "$output" \
            "web: ended (status unknown), PID $pid, since $since, log $PWD/log"
        ctl status --json "$word"
        assert "status --json $word" "$status" 1
        assert "state by $word" "$(get "['state']")" ended
    done
    ctl status ./web.pid
    assert status "$status" 1
    assert_match words "$output" "web: ended (status unknown), PID $pid,*, pidfile stale, of PID $pid"
    rm "$DZ_STATE_DIR/web"
    ctl status ./web.pid
    assert "status by the pidfile alone" "$status" 1
    assert words "$output" "./web.pid: ended (status unknown), PID $pid, pidfile stale, of PID $pid"
    ctl status --json ./web.pid
    assert pidfile "$(get "['pidfile']")" "$PWD/web.pid"
}

@test "status: no such job: 3" {
    (exit 0) &
    none=$!
    wait "$none"
    # With a state directory, and without one.
    job --name=web -o log sleep 1000
    no_such
    export DZ_STATE_DIR=$PWD/none
    no_such
}
no_such() {
    for word in nobody "$none" ./no.pid "$PWD/no/no.pid"; do
        ctl status "$word"
        assert "status $word" "$status" 3
        assert_match "words of $word" "$output" "$word: no*"
        assert "stderr of $word" "$stderr" ""
        ctl status --json "$word"
        assert "status --json $word" "$status" 3
        assert "state of $word" "$(get "['state']")" "not running"
    done
}

@test "status: it cannot be told: 4" {
    job --name=web -o log sleep 1000
    echo "$pid" >good.pid
    : >empty.pid
    echo "$pid x" >garbage.pid
    printf '%s\n%s\n' "$pid" "$pid" >two.pid
    echo 1 >init.pid
    echo -5 >minus.pid
    cp good.pid writable.pid
    chmod 622 writable.pid
    ln -s good.pid link.pid
    mkdir folder.pid
    mkfifo fifo.pid
    for word in empty garbage two init minus writable link folder fifo; do
        try closed timeout 20 "$CTL" status "./$word.pid"
        assert "status $word" "$status" 4
        assert_match "stderr of $word" "$stderr" "dzctl: pidfile: ./$word.pid: *"
        assert "stdout of $word" "$output" ""
        # And no orders are taken from it.
        try closed timeout 20 "$CTL" stop "./$word.pid"
        assert "stop $word" "$status" 1
        alive "$pid"
    done
    chmod 777 "$DZ_STATE_DIR"
    ctl status web
    assert "status with an open directory" "$status" 4
    assert stderr "$stderr" \
        "dzctl: state: $DZ_STATE_DIR: somebody else's, or others may write to it"
    ctl list
    assert "list with an open directory" "$status" 1
    assert stdout "$output" ""
    ctl stop web
    assert "stop with an open directory" "$status" 1
    alive "$pid"
    DZ_STATE_DIR=state ctl status web
    assert "status with a relative directory" "$status" 4
    assert stderr "$stderr" "dzctl: DZ_STATE_DIR: state: not an absolute path"
}

@test "status: of another user's state directory: 4" {
    need_root
    need setpriv
    job --name=web -o log sleep 1000
    chmod 755 "$DZ_STATE_DIR"
    try as_other "$CTL" status web
    assert status "$status" 4
    assert_match stderr "$stderr" "dzctl: state: $DZ_STATE_DIR: somebody else's*"
    try as_other "$CTL" list
    assert list "$status" 1
    # Nor root that of a user.
    chown 65432 "$DZ_STATE_DIR"
    ctl status web
    assert status "$status" 4
    ctl stop web
    assert stop "$status" 1
    alive "$pid"
}

@test "status: the words are one line, whatever the log is called" {
    job --name=web -o $'odd\e[31m\nlog' sleep 1000
    ctl status web
    assert status "$status" 0
    assert lines "$(wc -l <<<"$output")" 1
    assert "control characters" "$(grep -c $'\e' <<<"$output")" 0
}

@test "status: a pidfile of an older process says nothing of a job with its PID now" {
    job --name=web -o log sleep 1000
    echo "$pid" >old.pid
    touch -d yesterday old.pid
    ctl status ./old.pid
    assert status "$status" 1
    assert words "$output" "./old.pid: ended (status unknown), PID $pid, pidfile stale, of PID $pid"
}

# ---- stop ----------------------------------------------------------------------

@test "stop: TERM; record and pidfile go; it says so" {
    job --name=web -p web.pid -C . -o log bash -c 'trap "echo got TERM; exit 0" TERM
echo up; while :; do sleep 0.01; done'
    await holds log up
    ctl stop web
    assert status "$status" 0
    assert stderr "$stderr" ""
    assert stdout "$output" "web: stopped, PID $pid"
    gone "$pid"
    assert log "$(<log)" $'up\ngot TERM'
    assert records "$(records)" ""
    [ ! -e web.pid ] || fail "the pidfile is left"
    # Beside it too.
    assert files "$(ls -A)" log
    for word in pid pidfile; do
        job -p web.pid -o log sleep 1000
        [ "$word" = pid ] && word=$pid || word=./web.pid
        ctl stop "$word"
        assert "stop $word" "$status" 0
        assert stdout "$output" "$pid: stopped, PID $pid"
        gone "$pid"
        assert records "$(records)" ""
        [ ! -e web.pid ] || fail "the pidfile is left"
    done
}

@test "stop: what ignores TERM is killed after the time, with the rest of its session" {
    shell_job web 'trap "" TERM; sleep 1001 & echo $! >kid; echo up; while :; do sleep 0.02; done'
    kids kid
    kid=$(<kid)
    await holds web.log up
    began=$(now_ms)
    ctl stop --timeout=0.4 web
    took=$(($(now_ms) - began))
    assert status "$status" 0
    assert stdout "$output" "web: stopped, PID $pid"
    gone "$pid"
    gone "$kid"
    [ "$took" -ge 400 ] || fail "killed after $took ms"
    [ "$took" -lt 8000 ] || fail "killed after $took ms"
    assert records "$(records)" ""
}

@test "stop: children in its session go too; the caller's do not" {
    sleep 1009 3>&- 4>&- &
    stranger=$!
    track "$stranger"
    shell_job web 'sleep 1001 & echo $! >one; (sleep 1002 & echo $! >two); echo up; wait'
    kids one two
    ctl stop web
    assert status "$status" 0
    gone "$pid"
    gone "$(<one)"
    gone "$(<two)"
    alive "$stranger"
}

@test "stop: children that ignore TERM are killed" {
    shell_job web '(trap "" TERM; exec sleep 1001) & echo $! >kid; wait'
    kids kid
    await ignores_term "$(<kid)"
    ctl stop -t 1 web
    assert status "$status" 0
    gone "$pid"
    gone "$(<kid)"
}
ignores_term() { (((16#$(status_field "$1" SigIgn) >> 14) & 1)); }

@test "stop: what is left in the session has its time too" {
    shell_job web '
bash -c "trap \"sleep 0.3; echo kid done; exit\" TERM; echo kid up; while :; do sleep 0.01; done" &
echo $! >kid; while :; do sleep 0.01; done'
    kids kid
    await holds web.log "kid up"
    ctl stop -t 0 web
    assert status "$status" 0
    gone "$pid"
    gone "$(<kid)"
    # Between them bash tells of its sleep, which got the signal too.
    assert_match log "$(<web.log)" "kid up*kid done"
}

@test "stop: a stay job leads its session; its children go too" {
    "$DZ" -q -C . --name=web -o log bash -c 'sleep 1001 & echo $! >kid; wait' 3>&- 4>&- &
    pid=$!
    track "$pid"
    kids kid
    assert session "$(stat_field "$(<kid)" 6)" "$pid"
    ctl stop web
    assert status "$status" 0
    gone "$pid"
    gone "$(<kid)"
    assert records "$(records)" ""
}

@test "stop: a child with a session of its own is left alone" {
    shell_job web 'setsid sleep 1001 & echo $! >kid; wait'
    kids kid
    leads() { [ "$(stat_field "$1" 6)" = "$1" ]; }
    await leads "$(<kid)"
    ctl stop web
    assert status "$status" 0
    gone "$pid"
    alive "$(<kid)"
}

@test "stop: a stopped process gets its TERM" {
    shell_job web 'trap "echo got TERM; exit" TERM; echo up; while :; do sleep 0.01; done'
    await holds web.log up
    kill -STOP "$pid"
    is_stopped() { [ "$(stat_field "$1" 3)" = T ]; }
    await is_stopped "$pid"
    ctl stop -t 5 web
    assert status "$status" 0
    gone "$pid"
    assert log "$(<web.log)" $'up\ngot TERM'
}

@test "stop --signal: by name and number" {
    for words in --signal=INT --signal=SIGUSR1 "-s USR2" "-s 10" "-s RTMIN+1" --signal=2; do
        rm -f web.log
        # bash calls 35 RTMIN+1 too.
        shell_job web 'for s in INT USR1 USR2 RTMIN+1 TERM; do
trap "echo got $s; exit" $s; done; echo up; while :; do sleep 0.01; done'
        await holds web.log up
        # shellcheck disable=SC2086
        ctl stop $words -t 60 web
        assert "status of $words" "$status" 0
        gone "$pid"
        case $words in
        *INT | *2) expected=INT ;;
        *USR1 | *10) expected=USR1 ;;
        *RTMIN+1) expected=RTMIN+1 ;;
        esac
        [ "$words" != "-s USR2" ] || expected=USR2
        assert "log of $words" "$(<web.log)" $'up\n'"got $expected"
    done
    job --name=web -o log sleep 1000
    for words in "-s 0" "-s 65" "-s -1" "--signal=FOO" "--signal=" "-s 15x"; do
        # shellcheck disable=SC2086
        ctl stop $words web
        assert "status of $words" "$status" 125
        assert_match "stderr of $words" "$stderr" "dzctl: stop: *not a signal"
    done
    alive "$pid"
}

@test "stop: one that takes its time is not killed" {
    shell_job web 'trap "sleep 0.7; echo done; exit" TERM; echo up; while :; do sleep 0.01; done'
    await holds web.log up
    ctl stop web
    assert status "$status" 0
    assert log "$(<web.log)" $'up\ndone'
    gone "$pid"
}

@test "stop --timeout=0: TERM, and KILL at once" {
    shell_job web 'trap "sleep 60" TERM; echo up; while :; do sleep 0.01; done'
    await holds web.log up
    began=$(now_ms)
    ctl stop --timeout=0 web
    assert status "$status" 0
    gone "$pid"
    [ $(($(now_ms) - began)) -lt 5000 ] || fail "took $(($(now_ms) - began)) ms"
}

@test "stop: several, one of which fails" {
    job --name=one -o log sleep 1000
    one=$pid
    job --name=two -o log sleep 1000
    sleep 1003 3>&- 4>&- &
    track $!
    ctl stop one $! nobody two
    assert status "$status" 1
    assert stdout "$output" "one: stopped, PID $one
nobody: nothing to stop: no such job
two: stopped, PID $pid"
    assert stderr "$stderr" \
        "dzctl: stop: $!: there is no record of that process; kill(1) is for any"
    gone "$one"
    gone "$pid"
    alive $!
    assert records "$(records)" ""
}

# Stop, and expect no signal: unsignalled WORD.
unsignalled() {
    try closed strace -f -qq -o trace -e trace=kill,tkill,tgkill,pidfd_send_signal \
        -e signal=none "$CTL" stop "$@"
    assert "signals of stop $*" "$(<trace)" ""
}

@test "stop: what is gone is a success, said, and no one is signalled" {
    need strace
    # What is looked for is what a stop does.
    job --name=web -o log sleep 1000
    closed strace -f -qq -o trace -e trace=pidfd_send_signal -e signal=none "$CTL" stop web
    assert_match trace "$(<trace)" "*pidfd_send_signal(*, SIGTERM, NULL, 0) = 0*"

    unsignalled nobody
    assert status "$status" 0
    assert stdout "$output" "nobody: nothing to stop: no such job"
    unsignalled ./no.pid
    assert status "$status" 0
    # An ended one, whose record and pidfile go.
    ended_job --name=web -p web.pid -o log
    unsignalled web
    assert status "$status" 0
    assert stdout "$output" "web: nothing to stop: ended (status unknown)"
    assert records "$(records)" ""
    [ ! -e web.pid ] || fail "the pidfile is left"
    # Its PID has passed to another process by now.
    job --name=web -o log sleep 1000
    sed -i "s/^start .*/start $(($(recorded web start) - 1))/" "$DZ_STATE_DIR/web"
    unsignalled web
    assert status "$status" 0
    alive "$pid"
    assert records "$(records)" ""
    echo "$pid" >old.pid
    touch -d yesterday old.pid
    unsignalled ./old.pid
    assert status "$status" 0
    assert_match stdout "$output" "./old.pid: nothing to stop: ended*stale, of PID $pid"
    alive "$pid"
    [ ! -e old.pid ] || fail "the pidfile is left"
}

@test "stop: a PID without a record is refused, a pidfile is not" {
    sleep 1000 3>&- 4>&- &
    pid=$!
    track "$pid"
    ctl stop "$pid"
    assert status "$status" 1
    assert stdout "$output" ""
    assert stderr "$stderr" \
        "dzctl: stop: $pid: there is no record of that process; kill(1) is for any"
    alive "$pid"
    echo "$pid" >own.pid
    ctl stop ./own.pid
    assert status "$status" 0
    assert stdout "$output" "./own.pid: stopped, PID $pid"
    gone "$pid"
}

@test "stop: the pidfile by which a job is stopped goes, also without a record" {
    sleep 1000 3>&- 4>&- &
    track $!
    echo $! >own.pid
    ctl stop ./own.pid
    assert status "$status" 0
    [ ! -e own.pid ] || fail "the pidfile is left"
}

@test "stop: a job of another user lives, with an error" {
    need_root
    need setpriv
    job --name=web -p web.pid -o log sleep 1000
    chmod 777 .
    try as_other "$CTL" stop "$PWD/web.pid"
    assert status "$status" 1
    assert stderr "$stderr" "dzctl: stop: $pid: Operation not permitted"
    assert stdout "$output" ""
    alive "$pid"
    assert pidfile "$(<web.pid)" "$pid"
    try as_other "$CTL" stop web
    assert "by name" "$status" 1
    assert_match stderr "$stderr" "dzctl: state: $DZ_STATE_DIR: *"
    chmod 755 "$DZ_STATE_DIR"
    try as_other "$CTL" stop web
    assert "by name, with a directory that all may read" "$status" 1
    assert stderr "$stderr" \
        "dzctl: state: $DZ_STATE_DIR: somebody else's, or others may write to it"
    alive "$pid"
    # Nor does a user make root stop what is not his.
    echo "$pid" >theirs.pid
    chown 65432 theirs.pid
    ctl stop ./theirs.pid
    assert status "$status" 1
    assert stderr "$stderr" \
        "dzctl: pidfile: ./theirs.pid: somebody else's, about a process that is not his"
    alive "$pid"
}

@test "stop: a user's own job, by root and by its user" {
    need_root
    need setpriv
    chmod 777 .
    for who in closed as_other; do
        pid=$(as_other env -u DZ_STATE_DIR HOME=/nowhere \
            "$DZ" -d -q -w exec -p "$PWD/web.pid" -o /dev/null sleep 1000)
        track "$pid"
        try "$who" env -u DZ_STATE_DIR HOME=/nowhere "$CTL" stop "$PWD/web.pid"
        assert "status for $who" "$status" 0
        gone "$pid"
        rm -f web.pid # root may not claim what is in a user's hands
    done
}

@test "stop: by a pidfile, from the same session, whose others live" {
    cat >caller.sh <<'END'
sleep 1001 & echo $! >sibling
sleep 1002 & echo $! >victim.pid
until [ -e leaderless ]; do sleep 0.01; done
"$1" stop ./victim.pid >res 2>&1
echo "status $?" >>res
mv res result
exec sleep 1003
END
    closed setsid bash -c 'bash caller.sh "$1" & echo $! >caller; echo $$ >leader' - "$CTL"
    kids caller sibling victim.pid
    await gone "$(<leader)"
    pid=$(<victim.pid)
    : >leaderless
    await is_file result
    assert result "$(<result)" "./victim.pid: stopped, PID $pid
status 0"
    gone "$pid"
    alive "$(<sibling)"
    alive "$(<caller)"
}

@test "stop: by a pidfile of what we did not start, others of its session live" {
    # As "server & " and "editor &" of a shell that has ended since.
    closed setsid bash -c 'sleep 1001 & echo $! >sibling; sleep 1002 & echo $! >victim.pid
echo $$ >leader'
    kids sibling victim.pid
    await gone "$(<leader)"
    pid=$(<victim.pid)
    ctl stop ./victim.pid
    assert status "$status" 0
    gone "$pid"
    alive "$(<sibling)"
}

@test "stop: from within the job it ends the job, and not itself" {
    # With a handler bash waits for its child, which waits for it: KILL ends that.
    for trap in : 'trap "exit 3" TERM'; do
        # The job does not get to see DZ_STATE_DIR.
        shell_job me "$trap
until [ -e go ]; do sleep 0.01; done
DZ_STATE_DIR='$DZ_STATE_DIR' bash -c '\"$CTL\" stop -t 1 me >res 2>&1; echo \"status \$?\" >>res; mv res result'
sleep 60"
        : >go
        await is_file result
        assert result "$(<result)" "me: stopped, PID $pid
status 0"
        gone "$pid"
        assert records "$(records)" ""
        rm result go
    done
}

@test "stop: a job of another PID namespace is not forgotten while it runs" {
    need_root
    need unshare
    closed unshare --pid --fork --kill-child --mount-proc bash -c \
        '"$1" -d -q -w exec --name=inner -o /dev/null sleep 1000 >started
until [ -e over ]; do sleep 0.01; done' - "$DZ" 3>&- 4>&- &
    outer=$!
    track "$outer"
    await is_file started
    ctl status inner
    assert status "$status" 1
    assert_match words "$output" "inner: not here, PID *"
    ctl clear
    assert "records after clear" "$(records)" inner
    ctl stop inner
    : >over
    wait "$outer"
    assert records "$(records)" inner
    refute [ "$status" = 0 ]
}

# ---- wait ----------------------------------------------------------------------

@test "wait: the status of a job, for who waited before its end; list shows it" {
    ending zero 0
    zero=$pid
    ending seven 7
    seven=$pid
    job --name=killed -o log sleep 1000
    killed=$pid
    for name in zero seven killed; do
        waiter "$name"
    done
    tell zero
    tell seven
    kill -KILL "$killed"
    for name in zero seven killed; do
        await is_file "$name.status"
        assert "stdout of $name" "$(<"$name.out")" ""
        assert "stderr of $name" "$(<"$name.err")" ""
    done
    assert zero "$(<zero.status)" 0
    assert seven "$(<seven.status)" 7
    assert killed "$(<killed.status)" 137
    # It is known from now on.
    ctl wait seven
    assert "status of a second wait" "$status" 7
    assert stderr "$stderr" ""
    ctl wait "$killed"
    assert "status of a second wait" "$status" 137
    ctl status seven
    assert status "$status" 1
    assert_match words "$output" "seven: ended (status 7), PID $seven,*"
    ctl list
    assert list "$(cells | cut -d '|' -f 1,2,3)" "NAME|PID|STATE
killed|$killed|ended (SIGKILL)
seven|$seven|ended (status 7)
zero|$zero|ended (status 0)"
    ctl status --json killed
    assert signal "$(get "['signal']")" KILL
    assert status "$(get "['status']")" null
    ctl status --json seven
    assert signal "$(get "['signal']")" null
    assert status "$(get "['status']")" 7
}

@test "wait: two of them, and by PID and pidfile" {
    job --name=web -p web.pid -C . -o log bash -c 'until [ -e go ]; do sleep 0.01; done; exit 5'
    waiter web
    waiter "$pid"
    cp web.pid other.pid
    : >go
    await is_file web.status
    await is_file "$pid.status"
    assert "by name" "$(<web.status)" 5
    assert "by PID" "$(<"$pid.status")" 5
    ctl wait ./other.pid
    assert "by pidfile" "$status" 5
}

@test "wait: where nobody waited the status is unknown, and never 0" {
    for code in 0 7; do
        ending web "$code"
        tell web
        await gone "$pid"
        rm web.go
        for word in web "$pid"; do
            ctl wait "$word"
            assert status "$status" 125
            assert stderr "$stderr" "dzctl: wait: $word: has ended; its status is unknown"
        done
        ctl status web
        assert_match words "$output" "web: ended (status unknown), *"
        ctl status --json web
        assert json "$(get "['status']")" null
        ctl list
        assert_match list "$output" "*ended (status unknown)*"
    done
}

@test "wait: a parent that does not reap" {
    python3 -c 'import os, subprocess, sys, signal
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
print(child.pid, file=open("new", "w"), flush=True)
os.rename("new", "pid")
signal.pause()' "$DZ" -q --name=web -C . -o log \
        bash -c 'until [ -e go ]; do sleep 0.01; done; exit 6' 3>&- 4>&- &
    track $!
    kids pid
    await is_file "$DZ_STATE_DIR/web"
    waiter web
    : >go
    await is_file web.status
    assert state "$(stat_field "$(<pid)" 3)" Z
    assert status "$(<web.status)" 6
    ctl status web
    assert_match words "$output" "web: ended (status 6),*"
}

@test "wait: of a job that is reaped before anybody looks" {
    ending web 7
    waiter web
    child=$(pgrep -P "$!" -x dzctl)
    track "$child"
    kill -STOP "$child"
    tell web
    is_reaped() { [ ! -e "/proc/$pid" ]; }
    await is_reaped
    kill -CONT "$child"
    await is_file web.status
    # The kernel tells since 6.15.
    expected=7
    [ "$(printf '%s\n' 6.15 "$(uname -r)" | sort -V | head -n 1)" = 6.15 ] || expected=125
    assert status "$(<web.status)" "$expected"
}

@test "wait --timeout: 124, and the job lives" {
    job --name=web -o log sleep 1000
    for words in "-t 0" "--timeout=0.3" "-t 0.01"; do
        began=$(now_ms)
        # shellcheck disable=SC2086
        ctl wait $words web
        took=$(($(now_ms) - began))
        assert "status of $words" "$status" 124
        assert "stderr of $words" "$stderr" "dzctl: wait: web: still running"
        [ "$took" -lt 5000 ] || fail "$words took $took ms"
        [ "$words" != --timeout=0.3 ] || [ "$took" -ge 300 ] || fail "$words took $took ms"
    done
    alive "$pid"
    for words in "-t x" "--timeout=-1" "-t 1s" "--timeout=" "-t"; do
        # shellcheck disable=SC2086
        ctl wait web $words
        assert "status of $words" "$status" 125
    done
}

@test "wait: no such job: 125" {
    ctl wait nobody
    assert status "$status" 125
    assert stderr "$stderr" "dzctl: wait: nobody: no such job"
    ctl wait ./no.pid
    assert status "$status" 125
    ctl wait
    assert status "$status" 125
    ctl wait one two
    assert status "$status" 125
    assert stderr "$stderr" "dzctl: wait: two: one word too many"
}

@test "wait: what cannot be told is 125 too, not a job's 1" {
    job --name=web -o log sleep 1000
    echo garbage >"$DZ_STATE_DIR/broken"
    chmod 600 "$DZ_STATE_DIR/broken"
    ctl wait broken
    assert "status of a broken record" "$status" 125
    : >empty.pid
    ctl wait ./empty.pid
    assert "status of an empty pidfile" "$status" 125
    chmod 777 "$DZ_STATE_DIR"
    ctl wait web
    assert "status with an open directory" "$status" 125
}

@test "wait: as an unprivileged user for one's own job" {
    need_root
    need setpriv
    chmod 777 .
    export DZ_STATE_DIR=$PWD/theirs
    pid=$(as_other "$DZ" -d -q -w exec -C "$PWD" --name=web -o log \
        bash -c 'until [ -e go ]; do sleep 0.01; done; exit 9')
    track "$pid"
    (
        status=0
        as_other "$CTL" wait web 2>web.err || status=$?
        echo "$status" >web.new
        mv web.new web.status
    ) 3>&- 4>&- &
    track $!
    await has_pidfd $!
    : >go
    await is_file web.status
    assert stderr "$(<web.err)" ""
    assert status "$(<web.status)" 9
    try as_other "$CTL" status web
    assert_match words "$output" "web: ended (status 9),*"
    assert owner "$(stat -c '%u %a' theirs/web)" "65432 600"
}

# ---- log -----------------------------------------------------------------------

@test "log: the last lines" {
    shell_job web 'seq 25; echo up >up; exec sleep 1000'
    await is_file up
    ctl log web
    assert status "$status" 0
    assert stderr "$stderr" ""
    assert "last 10" "$output" "$(seq 16 25)"
    for words in "-n 3" -n3 --lines=3; do
        # shellcheck disable=SC2086
        ctl log $words web
        assert "$words" "$output" "$(seq 23 25)"
    done
    ctl log web -n 0
    assert status "$status" 0
    assert "-n 0" "$output" ""
    ctl log -n 25 web
    assert "-n 25" "$output" "$(seq 25)"
    ctl log -n 1000000 web
    assert "-n 1000000" "$output" "$(seq 25)"
    ctl log -n 3 "$pid"
    assert "by PID" "$output" "$(seq 23 25)"
    for words in "-n x" "-n -1" "--lines=" "-n 99999999999" "-n 3x"; do
        # shellcheck disable=SC2086
        ctl log $words web
        assert "status of $words" "$status" 125
        assert_match "stderr of $words" "$stderr" "dzctl: log: *not a number of lines"
    done
}

@test "log: without a last newline, empty, of empty lines, of long ones, big" {
    job --name=web -o log sleep 1000
    ctl log web
    assert status "$status" 0
    assert empty "$output" ""
    show() { closed "$CTL" log "$@" web >shown && cmp shown expected; }
    printf 'a\nb\nc' >log
    printf 'b\nc' >expected
    show -n 2
    printf c >expected
    show -n 1
    printf '\n\n\n' >log
    printf '\n\n' >expected
    show -n 2
    cp log expected
    show
    head -c 200000 /dev/zero | tr '\0' x >log
    cp log expected
    show -n 1
    { seq 60000; cat expected; echo; seq 3; } >log
    tail -n 5 log >expected
    show -n 5
    # Lines that end where blocks do.
    for size in 65534 65535 65536 65537; do
        { seq 4; head -c "$size" /dev/zero | tr '\0' x; echo; } >log
        tail -n 1 log >expected
        show -n 1
        tail -n 2 log >expected
        show -n 2
    done
    head -c 300000 /dev/urandom >log
    tail -n 7 log >expected
    show -n 7
}

# Follow the log of a job: prints for each of a number of lines that are appended
# how many milliseconds it took until it was shown, sorted.
follow_py() {
    cat >follow.py <<'END'
import subprocess, sys, time
ctl, name, log, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
reader = subprocess.Popen([ctl, "log", "-f", name], stdout=subprocess.PIPE)
assert reader.stdout.readline() == b"first\n"
took = []
with open(log, "ab", buffering=0) as file:
    for i in range(rounds):
        time.sleep(0.037)  # it is waiting by now
        began = time.monotonic()
        file.write(b"line %d\n" % i)
        assert reader.stdout.readline() == b"line %d\n" % i
        took.append(time.monotonic() - began)
reader.terminate()
reader.wait()
print(*(round(1000 * t, 1) for t in sorted(took)))
END
}

@test "log -f: what is appended is shown at once" {
    job --name=web -o log sleep 1000
    echo first >log
    follow_py
    read -ra times <<<"$(closed python3 follow.py "$CTL" web "$PWD/log" 21)"
    assert rounds "${#times[@]}" 21
    echo "# log -f: a line is shown after ${times[10]} ms (at most ${times[20]})" >&3
    # On a machine that is busy one of them may come late.
    [ "${times[10]%.*}" -lt 200 ] || fail "shown after ${times[10]} ms"
}

# Follow in the background, into the file shown.
follow() {
    closed "$CTL" log -f "$@" >shown 2>shown.err &
    follower=$!
    track "$follower"
}
# Wait for its end, and set status.
followed() {
    await gone "$follower"
    status=0
    wait "$follower" || status=$?
}

@test "log -f: ends with the job, and all that it wrote is there" {
    for round in 1 2 3; do
        rm -f web.log web.go
        shell_job web 'echo begun; until [ -e web.go ]; do sleep 0.01; done; seq 20000; printf end'
        await holds web.log begun
        follow web
        await holds shown begun
        : >web.go
        followed
        gone "$pid"
        assert "status" "$status" 0
        assert stderr "$(<shown.err)" ""
        { echo begun; seq 20000; printf end; } | cmp - shown
    done
    # Of a job that has ended it shows what there is.
    follow -n 2 web
    followed
    assert "of an ended job" "$(<shown)" $'20000\nend'
}

@test "log -f: ends at once where the job writes nothing before" {
    # It looks each second where nothing tells it.
    best=999999
    for round in 1 2 3; do
        job --name=web -o log sleep 1000
        follow web
        echo "round $round" >>log
        await holds shown "round $round"
        began=$(now_ms)
        kill "$pid"
        followed
        took=$(($(now_ms) - began))
        [ "$took" -ge "$best" ] || best=$took
    done
    [ "$best" -lt 500 ] || fail "it ended $best ms after the job"
}

# Follow where each look at a file takes its time.
slow_follow() {
    need strace
    closed strace -qq -o trace -e trace=newfstatat,statx \
        -e inject=newfstatat,statx:delay_enter=150000 "$CTL" log -f "$@" >shown &
    follower=$!
    track "$follower"
}

@test "log -f: a line written between its last look and the end is not lost" {
    job --name=web -o log sleep 1000
    echo first >>log
    slow_follow web
    await holds shown first
    echo a >>log
    await holds shown a
    echo b >>log
    kill "$pid"
    followed
    assert shown "$(<shown)" $'first\na\nb'
}

@test "log -f: follows through a rotation by a move" {
    job --name=web -o log sleep 1000
    echo one >>log
    follow web
    await holds shown one
    mv log log.1
    echo two >>log.1
    await holds shown two
    echo three >log
    await holds shown three
    echo four >>log
    await holds shown four
    # Once more, and where another file is moved to its name.
    echo five >other
    mv other log
    await holds shown five
    echo six >>log
    await holds shown six
    # At once; it looks each second where nothing tells it.
    best=999999
    for round in 1 2 3 4; do
        mv log log.1
        began=$(now_ms)
        echo "round $round" >log
        await holds shown "round $round"
        took=$(($(now_ms) - began))
        [ "$took" -ge "$best" ] || best=$took
    done
    [ "$best" -lt 400 ] || fail "the new file was shown after $best ms"
    kill "$pid"
    followed
    assert status "$status" 0
    assert shown "$(<shown)" $'one\ntwo\nthree\nfour\nfive\nsix\nround 1\nround 2\nround 3\nround 4'
}

@test "log -f: follows through a copytruncate" {
    job --name=web -o log sleep 1000
    seq 100 >>log
    follow -n 1 web
    await holds_line shown 100
    cp log log.1
    : >log
    await shorter
    echo after >>log
    await holds shown after
    kill "$pid"
    followed
    assert shown "$(<shown)" $'100\nafter'
}
# The follower has seen the end of the file that was cut.
shorter() { [ "$(sed -n 's/^pos:[[:space:]]*//p' "/proc/$follower/fdinfo/3")" = 0 ]; }

@test "log -f: a line written just before the move is not lost" {
    job --name=web -o log sleep 1000
    echo first >>log
    # Between its last read and its look at the name another line is written, and
    # the file is moved.
    slow_follow web
    await holds shown first
    echo a >>log
    await holds shown a
    echo b >>log
    mv log log.1
    echo c >log
    await holds shown c
    kill "$pid"
    followed
    assert shown "$(<shown)" $'first\na\nb\nc'
}

@test "log: a path with odd characters" {
    mkdir $'a dir\\with "all"'
    path=$'a dir\\with "all"/l\\n\no\tg é'
    job --name=web -C . -o "$path" bash -c 'echo one; until [ -e go ]; do sleep 0.01; done; echo two'
    await holds "$path" one
    ctl log web
    assert status "$status" 0
    assert log "$output" one
    follow web
    await holds shown one
    : >go
    followed
    assert shown "$(<shown)" $'one\ntwo'
}

@test "log: none, removed, no file, or no such job: an error" {
    "$DZ" -d -q -w exec --name=piped -o - sleep 1000 3>&- 4>&- | cat >pid &
    await is_file pid
    track "$(<pid)"
    for words in "" -f; do
        # shellcheck disable=SC2086
        ctl log $words piped
        assert status "$status" 1
        assert stdout "$output" ""
        assert stderr "$stderr" "dzctl: log: piped: its output goes to no file"
    done
    job --name=web -o log sleep 1000
    rm log
    for words in "" -f; do
        # shellcheck disable=SC2086
        try closed timeout 20 "$CTL" log $words web
        assert status "$status" 1
        assert stdout "$output" ""
        assert stderr "$stderr" "dzctl: log: $PWD/log: No such file or directory"
    done
    for kind in "mkfifo log" "mkdir log"; do
        $kind
        try closed timeout 20 "$CTL" log web
        assert "status of $kind" "$status" 1
        assert stderr "$stderr" "dzctl: log: $PWD/log: not a regular file"
        rm -r log
    done
    ctl log nobody
    assert status "$status" 1
    assert stderr "$stderr" "dzctl: log: nobody: no such job"
    job --name=null -o /dev/null sleep 1000
    ctl log null
    assert "status of /dev/null" "$status" 1
    assert stderr "$stderr" "dzctl: log: /dev/null: not a regular file"
}

@test "log -f: ends when its reader has, as more is written" {
    shell_job web 'echo one; while :; do echo more; sleep 0.05; done'
    await holds web.log more
    output=$(closed timeout 20 "$CTL" log -f -n 1000 web | head -n 1)
    assert "what head shows" "$output" one
    # As tail(1), by SIGPIPE, or well: not when timeout is up, and in silence.
    set +e
    closed timeout 20 "$CTL" log -f web 2>err | head -n 1
    statuses=("${PIPESTATUS[@]}")
    set -e
    assert_match status "${statuses[0]}" "@(0|141)"
    assert stderr "$(<err)" ""
}

@test "log -f: ends when its reader has, though nothing more is written" {
    job --name=web -o log sleep 1000
    echo one >log
    set +e
    closed timeout 5 "$CTL" log -f web | head -n 1
    statuses=("${PIPESTATUS[@]}")
    set -e
    [ "${statuses[0]}" != 124 ] || fail "it still waits"
}

# ---- clear ---------------------------------------------------------------------

# Two jobs that have ended, with records and pidfiles, and one that runs.
three_jobs() {
    for name in one two; do
        ended_job --name="$name" -p "$name.pid" -o log
    done
    ended_job -o log
    number=$pid
    job --name=web -p web.pid -o log sleep 1000
}

@test "clear: all that have ended, and nothing else" {
    three_jobs
    : >"$DZ_STATE_DIR/garbage"
    cp web.pid mine.pid
    ctl clear
    assert status "$status" 0
    assert stdout "$output" ""
    assert stderr "$stderr" ""
    assert records "$(records)" "garbage
web"
    assert files "$(ls -A)" "log
mine.pid
web.pid"
    alive "$pid"
    ctl clear
    assert "status of none" "$status" 0
}

@test "clear: named ones; a running one is refused" {
    three_jobs
    ctl clear two "$number"
    assert status "$status" 0
    assert records "$(records)" "one
web"
    [ ! -e two.pid ] || fail "the pidfile is left"
    [ -e one.pid ] || fail "another's pidfile is gone"
    for word in web "$pid" ./web.pid; do
        ctl clear "$word" one
        assert "status of $word" "$status" 1
        assert_match stderr "$stderr" "dzctl: clear: $word: it is running; stop it first*"
        # The other is done all the same.
        assert records "$(records)" web
    done
    [ -e web.pid ] || fail "the pidfile is gone"
    alive "$pid"
    ctl clear nobody
    assert "status of what is not known" "$status" 1
    assert stderr "$stderr" "dzctl: clear: nobody: no such job"
}

@test "clear: by a stale pidfile, which goes; a bad directory is an error" {
    three_jobs
    rm "$DZ_STATE_DIR/one"
    ctl clear ./one.pid
    assert status "$status" 0
    [ ! -e one.pid ] || fail "the pidfile is left"
    chmod 777 "$DZ_STATE_DIR"
    ctl clear
    assert status "$status" 1
    assert_match stderr "$stderr" "dzctl: state: *"
    ctl clear two
    assert status "$status" 1
    [ -e "$DZ_STATE_DIR/two" ] || fail "the record is gone"
}

# ---- many ----------------------------------------------------------------------

# Start jobs called jFROM to jTO.
start_many() {
    local number
    for ((number = $1; number <= $2; number++)); do
        "$DZ" -d -q -w exec --name="j$number" -o /dev/null sleep 1000 3>&- 4>&- || return
    done >new
    cat new >>pids
    # Their start times by one program: a thousand would take longer than the jobs.
    sed 's|.*|/proc/&/stat|' new | xargs awk '{ print $1, $22 }' >>"$BATS_TEST_TMPDIR/.pids"
}
list_calls() {
    closed strace -c -o calls "$CTL" list >/dev/null
    awk '/ total$/ { print $4 + 0 }' calls
}

@test "1,000 jobs are started, listed in no time and by few calls, and stopped" {
    need strace
    start_many 1 100
    few=$(list_calls)
    start_many 101 1000
    many=$(list_calls)
    assert listed "$(closed "$CTL" list | grep -c ' running ')" 1000
    best=999999
    for round in 1 2 3 4 5; do
        began=$(date +%s%N)
        closed "$CTL" list >/dev/null
        us=$((($(date +%s%N) - began) / 1000))
        [ "$us" -ge "$best" ] || best=$us
    done
    echo "# list of 1,000 jobs: $best us; calls for 100: $few, for 1,000: $many" >&3
    [ "$best" -lt 450000 ] || fail "it takes $best us"
    [ "$many" -gt $((few * 8)) ] && [ "$many" -lt $((few * 11)) ] ||
        fail "$few calls for 100, $many for 1,000"
    began=$(now_ms)
    # shellcheck disable=SC2046
    ctl stop $(seq -f j%g 1000)
    echo "# stop of 1,000 jobs: $(($(now_ms) - began)) ms" >&3
    assert status "$status" 0
    assert stderr "$stderr" ""
    assert stopped "$(grep -c ': stopped, PID ' <<<"$output")" 1000
    assert records "$(records)" ""
    while read -r pid; do
        [ ! -e "/proc/$pid" ] || gone "$pid"
    done <pids
}

# ---- words ---------------------------------------------------------------------

@test "--help of dzctl and of each command" {
    ctl --help
    assert status "$status" 0
    assert stderr "$stderr" ""
    all=$output
    for command in list status stop wait log inspect clear; do
        assert_match "help" "$all" "*"$'\n'"  $command *"
        for word in --help -h; do
            ctl "$command" "$word"
            assert "status of $command $word" "$status" 0
            assert_match "help of $command" "$output" "Usage: dzctl $command*"
            assert "stderr of $command" "$stderr" ""
        done
        [ "$(wc -L <<<"$output")" -le 80 ] || fail "lines are too long: $output"
    done
    # Every option that it takes has a row, by both its names, and no other has.
    for row in "list --json" "status --json" "stop -s --signal -t --timeout" \
        "wait -t --timeout" "log -f --follow -n --lines" "inspect --json" clear; do
        ctl "${row%% *}" --help
        assert "rows of $row" "${row%% *}$(grep '^  ' <<<"$output" |
            grep -o -e ' -[a-z],' -e ' --[a-z]*' | tr -d ',\n')" "$row -h --help"
    done
    ctl -h
    assert "-h" "$output" "$all"
    ctl --version
    assert status "$status" 0
    assert_match version "$output" "dzctl [0-9]*"
}

@test "unknown commands, options and operands are 125, with one line that says which" {
    job --name=web -o log sleep 1000
    while read -r words; do
        # shellcheck disable=SC2086
        ctl $words
        assert "status of '$words'" "$status" 125
        assert "stdout of '$words'" "$output" ""
        assert "lines of '$words'" "$(wc -l <<<"$stderr")" 1
        assert_match "stderr of '$words'" "$stderr" "dzctl: *: *"
    done <<<"
lst
list web
list -f
list --nosuch
list --json=1
status
status web web
status -t 1 web
status .web
status 0
status 99999999999
stop
stop --json web
stop -t
stop -n 3 web
wait
wait -s INT web
log
log web web
log -t 1 web
clear -f
clear --json"
    ctl ""
    assert "status of an empty command" "$status" 125
    for command in status stop wait log clear; do
        ctl "$command" ""
        assert "status of $command ''" "$status" 125
    done
    alive "$pid"
    for words in "status -- web" "status web --json" "log --fol --help"; do
        # shellcheck disable=SC2086
        ctl $words
        assert "status of '$words'" "$status" 0
    done
}

@test "the unknown option is named, also among others" {
    ctl list --nosuch
    assert stderr "$stderr" "dzctl: list: --nosuch: unknown option"
    ctl log -f -x web
    assert stderr "$stderr" "dzctl: log: -x: unknown option"
    ctl log -fxh web
    assert_match stderr "$stderr" "dzctl: log: -*x*: unknown option"
    ctl stop web -xt
    assert_match stderr "$stderr" "dzctl: stop: -*x*: unknown option"
}

@test "what cannot be written is status 1, and said" {
    job --name=web -o log sh -c 'echo one; exec sleep 1000'
    await holds log one
    for words in --help --version list "list --json" "list --help" "status web" \
        "status --json web" "log web" "log -f web"; do
        # shellcheck disable=SC2016,SC2086
        try closed timeout 20 sh -c 'exec "$@" >/dev/full' - "$CTL" $words
        assert "status of '$words'" "$status" 1
        assert_match "stderr of '$words'" "$stderr" "dzctl: *: No space left on device"
    done
    alive "$pid"
    # The job is stopped all the same.
    try closed sh -c 'exec "$@" >/dev/full' - "$CTL" stop web
    assert "status of stop" "$status" 1
    gone "$pid"
}

@test "log: it is stdout that is named where it cannot be written" {
    job --name=web -o log sh -c 'echo one; exec sleep 1000'
    await holds log one
    try closed sh -c 'exec "$@" >/dev/full' - "$CTL" log web
    assert stderr "$stderr" "dzctl: stdout: No space left on device"
}

@test "stop: a pidfile without its slash is not taken for a job that is gone" {
    job --name=web -p web.pid -o log sleep 1000
    ctl stop web.pid
    assert status "$status" 1
    assert stderr "$stderr" "dzctl: stop: web.pid: no such job; a file of that name is meant by ./web.pid"
    alive "$pid"
}

@test "stop: one that cannot be signalled keeps KILL from none of the others" {
    need strace
    shell_job me 'trap "" TERM
for i in 1 2; do bash -c "trap \"\" TERM; echo \$\$ >kid.$i; while :; do sleep 60 & wait; done" & done
wait'
    kids kid.1 kid.2
    # TERM, CONT, and KILL to the job; then TERM to the first of the rest.
    try closed strace -qq -o trace -e trace=pidfd_send_signal -e inject=pidfd_send_signal:error=EPERM:when=4 \
        "$CTL" stop --timeout=0 me
    assert injected "$(grep -c 'SIGTERM.*INJECTED' trace)" 1
    assert status "$status" 0
    gone "$pid"
    gone "$(<kid.1)"
    gone "$(<kid.2)"
}

@test "stop: without pidfd_open(2) the job and the rest of its session end" {
    need strace
    without=(strace -qq -o trace -e trace=pidfd_open -e inject=pidfd_open:error=ENOSYS)
    # Its end is seen soon, and not when the time is over.
    job --name=quick -o log sleep 1000
    before=$(now_ms)
    try closed "${without[@]}" "$CTL" stop --timeout=20 quick
    assert status "$status" 0
    gone "$pid"
    [ $(($(now_ms) - before)) -lt 10000 ] || fail "it was waited out"
    grep -q INJECTED trace
    shell_job me 'trap "" TERM; bash -c "echo \$\$ >kid; exec sleep 1000" & while :; do sleep 60; done'
    kids kid
    try closed "${without[@]}" "$CTL" stop --timeout=0.2 me
    assert status "$status" 0
    gone "$pid"
    gone "$(<kid)"
    assert records "$(records)" ""
}
