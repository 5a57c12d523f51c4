# dzctl as a whole: its words, a thousand jobs, and clear.  Each other command has a file
# of its own.

load helpers
load ctl

# ---- clear ---------------------------------------------------------------------

# Two jobs that have ended, with records and pidfiles, and one that runs.
three_jobs() {
    for name in one two; do
        ended_job --name="$name" --pidfile="$name.pid" --output=log
    done
    ended_job --output=log
    number=$pid
    job --name=web --pidfile=web.pid --output=log -- sleep 1000
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
        ctl clear "$word"
        assert "status of $word" "$status" 1
        ctl clear "$word" one
        assert_match stderr "$stderr" "dzctl: clear: $word: running; stop it first*"
        # The other is done all the same.
        assert records "$(records)" web
    done
    [ -e web.pid ] || fail "the pidfile is gone"
    alive "$pid"
    ctl clear nobody
    assert "status of what is not known" "$status" 3
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
    # Their start times by one program: a thousand would take longer than the jobs.
    sed 's|.*|/proc/&/stat|' new | xargs awk '{ print $1, $22 }' >>"$BATS_TEST_TMPDIR/.pids"
}
list_calls() {
    closed strace -f -c -o calls "$CTL" list >/dev/null
    awk '/ total$/ { print $4 + 0 }' calls
}

@test "1,000 jobs are started, listed in no time and by few calls, and stopped" {
    need strace
    start_many 1 100
    few=$(list_calls)
    start_many 101 1000
    many=$(list_calls)
    assert listed "$(closed "$CTL" list | grep -c ' running ')" 1000
    # The time of its own, whatever else the machine does.
    best=999999 TIMEFORMAT='%3U %3S'
    for round in 1 2 3 4 5; do
        { time closed "$CTL" list >/dev/null; } 2>took
        ms=$(awk '{ print int(($1 + $2) * 1000) }' took)
        [ "$ms" -ge "$best" ] || best=$ms
    done
    echo "# list of 1,000 jobs: $best ms; calls for 100: $few, for 1,000: $many" >&3
    [ "$best" -lt 450 ] || fail "it takes $best ms"
    # Of each: its record, its state, and one look at its process by the walk.
    each=$(((many - few) / 900))
    [ "$each" -ge 8 ] && [ "$each" -le 20 ] || fail "$few calls for 100, $many for 1,000"
    began=$(milliseconds)
    # shellcheck disable=SC2046
    ctl stop $(seq -f j%g 1000)
    echo "# stop of 1,000 jobs: $(($(milliseconds) - began)) ms" >&3
    assert status "$status" 0
    assert stderr "$stderr" ""
    assert stopped "$(grep -c ': stopped, PID ' <<<"$output")" 1000
    assert records "$(records | wc -l)" 1000
    # Another process may have one of the PIDs by now.
    while read -r pid start; do
        [ ! -e "/proc/$pid" ] || gone "$pid" || [ "$(start_time "$pid")" != "$start" ]
    done <"$BATS_TEST_TMPDIR/.pids"
}

# ---- words ---------------------------------------------------------------------

@test "--help of dzctl and of each command" {
    ctl --help
    assert status "$status" 0
    assert stderr "$stderr" ""
    all=$output
    for command in list status pid stop restart start signal wait log inspect clear; do
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
    for row in "list -a --all --json" "status -a --all --json" pid \
        "stop -a --all -s --signal -t --timeout" "restart -t --timeout" start "signal -a --all" \
        "wait -a --all --any --stop -t --timeout" \
        "log -a --all -f --follow -n --lines --all-runs" "inspect --json" clear; do
        ctl "${row%% *}" --help
        assert "rows of $row" "${row%% *}$(sed 1d <<<"$output" | grep '^  ' |
            grep -o -e '^ *-[a-z],' -e ' --[a-z-]*' | tr -s ' ' | tr -d ',\n')" "$row -h --help"
    done
    for word in -h help; do
        ctl $word
        assert "$word" "$output" "$all"
    done
    ctl --version
    assert status "$status" 0
    assert_match version "$output" "dzctl [0-9]*"
}

@test "unknown commands, options and operands are 125, with one line that says which" {
    job --name=web --output=log -- sleep 1000
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
status --all web
status -t 1 web
status .web
status 0
status 99999999999
stop
stop --json web
stop -t
stop -n 3 web
stop -s TERM,5 -t 5 web
stop -s TERM,x web
stop --all web
signal
signal HUP
signal web HUP
signal --all
pid
pid -f web
wait
wait -s INT web
log
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

@test "an unknown command: the nearest one is named" {
    while read -r word reason; do
        ctl "$word"
        assert "status of $word" "$status" 125
        assert "stderr of $word" "$stderr" "dzctl: command: $word: $reason"
    done <<<"rotat unknown; did you mean rotate?
statsu unknown; did you mean status?
lst unknown; did you mean list?
insp unknown; did you mean inspect?
xyzzy unknown; see dzctl --help
42 unknown; see dzctl --help"
    ctl ""
    assert "stderr of an empty word" "$stderr" "dzctl: command: unknown; see dzctl --help"
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
    job --name=web --output=log -- sh -c 'echo one; exec sleep 1000'
    await holds log one
    for words in --help --version list "list --json" "list --help" "status web" \
        "status --json web" "log web" "log -f web"; do
        # shellcheck disable=SC2016,SC2086
        try within sh -c 'exec "$@" >/dev/full' - "$CTL" $words
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
    job --name=web --output=log -- sh -c 'echo one; exec sleep 1000'
    await holds log one
    try closed sh -c 'exec "$@" >/dev/full' - "$CTL" log web
    assert stderr "$stderr" "dzctl: stdout: No space left on device"
}

@test "stop: a pidfile without its slash is not taken for a job that is gone" {
    job --name=web --pidfile=web.pid --output=log -- sleep 1000
    ctl stop web.pid
    assert status "$status" 3
    assert stderr "$stderr" "dzctl: stop: web.pid: no such job; to name a pidfile here, begin with ./"
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
    job --name=quick --output=log -- sleep 1000
    try within "${without[@]}" "$CTL" stop --timeout=3600 quick
    assert status "$status" 0
    gone "$pid"
    grep -q INJECTED trace
    shell_job me 'trap "" TERM; bash -c "echo \$\$ >kid; exec sleep 1000" & while :; do sleep 60; done'
    kids kid
    try closed "${without[@]}" "$CTL" stop --timeout=0.2 me
    assert status "$status" 0
    gone "$pid"
    gone "$(<kid)"
    ended_records me quick
}
