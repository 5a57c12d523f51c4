# dzctl for several jobs at a time: stop, wait, status, signal and pid; names that were
# never a job's; words of other tools.

load helpers
load ctl

# jobs NAME...: jobs that say what they get.
jobs() {
    local name
    for name; do
        shell_job "$name" 'trap "echo USR2" USR2; trap "echo USR1" USR1
trap "echo TERM; exit 0" TERM; echo up; while :; do sleep 0.01; done'
        await holds "$name.log" up
    done
}

# A job that needs a second to end, and says when it got TERM and when it ends.
slow_job() {
    shell_job "$1" "trap 'echo got; until [ -e go ]; do sleep 0.01; done; exit 0' TERM
echo up; while :; do sleep 0.01; done"
    await holds "$1.log" up
}

@test "stop of several: all get the signal before any has ended" {
    for name in one two three; do slow_job "$name"; done
    beside "$CTL" stop one two three >out &
    stop=$!
    track "$stop"
    for name in one two three; do await holds "$name.log" got; done
    alive "$stop"
    : >go
    wait "$stop"
    assert lines "$(cut -d, -f1 <out)" "one: stopped
two: stopped
three: stopped"
}

@test "stop of one job by two words: one signal" {
    shell_job web 'trap "echo TERM; echo >got" TERM; echo up
until [ -e go ]; do sleep 0.01; done'
    await holds web.log up
    beside "$CTL" stop web "$pid" >out &
    track $!
    await is_file got
    : >go
    wait $!
    assert log "$(<web.log)" $'up\nTERM'
    assert lines "$(wc -l <out)" 1
}

@test "stop --all: what runs, and nothing is said of what has ended" {
    jobs web
    ended_job --name=gone --output=log
    job --output=log -- sleep 1000
    ctl stop --all
    assert status "$status" 0
    assert stdout "$(cut -d, -f1 <<<"$output")" "web: stopped
$pid: stopped"
    ctl stop -a
    assert "status of none" "$status" 0
    assert stdout "$output" ""
}

@test "stop --signal: a schedule of signals and seconds" {
    shell_job web 'trap "echo USR1" USR1; trap "echo TERM; exit 4" TERM
echo up; while :; do sleep 0.01; done'
    await holds web.log up
    ctl stop -s USR1,0.3,TERM,60,KILL web
    assert status "$status" 0
    assert stdout "$output" "web: stopped, PID $pid"
    assert log "$(<web.log)" $'up\nUSR1\nTERM'
    shell_job web 'trap "" TERM; echo up; while :; do sleep 0.01; done'
    await holds web.log up
    # Without KILL at its end, the job may outlive it.
    ctl stop -s TERM,0.1 web
    assert status "$status" 1
    assert stderr "$stderr" "dzctl: stop: $pid: still runs"
    alive "$pid"
    ctl stop -s TERM,0.1,TERM,0.1,KILL web
    assert status "$status" 0
    assert stdout "$output" "web: stopped, PID $pid, by SIGKILL after 0.2 s"
    for words in "TERM," ,TERM TERM,,KILL TERM,x; do
        ctl stop -s "$words" web
        assert "status of $words" "$status" 125
    done
}

@test "stop: a line on stderr once it has waited for three seconds" {
    slow_job web
    slow_job two
    beside "$CTL" stop web two >out 2>err &
    track $!
    await holds err waiting
    : >go
    wait $!
    assert stderr "$(<err)" "dzctl: stop: waiting for web and 1 more"
}

@test "a name that was never a job's: 3, and the nearest one" {
    job --name=webserver --output=log -- sleep 1000
    job --name=db --output=log -- sleep 1000
    while read -r words; do
        # shellcheck disable=SC2086
        ctl ${words% -> *}
        assert "status of $words" "$status" 3
        assert "stdout of $words" "$output" ""
        assert_match "stderr of $words" "$stderr" "dzctl: *: ${words#* -> }"
    done <<<"stop webservr -> webservr: no such job; did you mean webserver[?]
stop web -> web: no such job; did you mean webserver[?]
stop bd1 -> bd1: no such job
log dbx -> dbx: no such job; did you mean db[?]
pid webserber -> webserber: no such job; did you mean webserver[?]
signal HUP xyzzy -> xyzzy: no such job
clear wbserver -> wbserver: no such job; did you mean webserver[?]
stop 4194303 -> 4194303: no such job"
    ctl wait webservr
    assert "status of wait" "$status" 125
    assert stderr "$stderr" "dzctl: wait: webservr: no such job; did you mean webserver?"
}

@test "list: numbers in names count as such" {
    for name in w10 w2 w1 w02 v w a10b2 a10b10 a9b9; do
        job --name="$name" --output=log -- sleep 1000
    done
    ctl list
    assert names "$(awk 'NR > 1 { print $1 }' <<<"$output")" "a9b9
a10b2
a10b10
v
w
w1
w02
w2
w10"
}

@test "signal: to several, to all, and to nobody else" {
    jobs one two
    ctl signal USR2 one two
    assert status "$status" 0
    assert stdout "$output$stderr" ""
    await holds one.log USR2
    await holds two.log USR2
    ctl signal SIGUSR1 --all
    assert status "$status" 0
    await holds one.log USR1
    await holds two.log USR1
    sleep 1000 3>&- 4>&- &
    track $!
    ctl signal TERM $!
    assert status "$status" 1
    assert stderr "$stderr" "dzctl: signal: $!: not one of your jobs; use kill(1)"
    alive $!
    ended_job --name=gone --output=log
    ctl signal HUP gone
    assert status "$status" 1
    assert stderr "$stderr" "dzctl: signal: gone: is not running"
}

@test "pid: of several; 1 and 3 where there is none" {
    job --name=one --output=log --pidfile=one.pid -- sleep 1000
    one=$pid
    job --name=two --output=log -- sleep 1000
    ctl pid one two ./one.pid
    assert status "$status" 0
    assert stdout "$output" "$one
$pid
$one"
    ended_job --name=gone --output=log
    ctl pid gone two
    assert status "$status" 1
    assert stdout "$output" "$(recorded two pid)"
    assert stderr "$stderr" "dzctl: pid: gone: is not running"
    ctl pid nobody
    assert status "$status" 3
}

@test "status of several: a line each, the greatest status; JSON is an array" {
    job --name=one --output=log -- sleep 1000
    ended_job --name=two --output=log
    ctl status one two
    assert status "$status" 1
    assert words "$(cut -d, -f1 <<<"$output")" "one: running
two: ended (status unknown)"
    ctl status one two nobody
    assert status "$status" 3
    ctl status --all
    assert status "$status" 1
    assert lines "$(wc -l <<<"$output")" 2
    ctl status --json one two
    assert names "$(get "[0]['name'] + it[1]['name']")" onetwo
}

@test "wait for several: each of them; --any: the first, and its name" {
    ending one 3
    ending two 4
    ending three 0
    waiter one two
    tell one
    await gone "$(recorded one pid)"
    [ ! -e one.status ] || fail "it has not waited for the second"
    tell two
    await is_file one.status
    assert "the greater status" "$(<one.status)" 4
    ending four 5
    beside "$CTL" wait --any three four >first &
    wait=$!
    track "$wait"
    await has_fd_of "$wait" pidfd
    tell four
    status=0
    wait "$wait" || status=$?
    assert "status of the first" "$status" 5
    assert "name of the first" "$(<first)" four
    alive "$(recorded three pid)"
    # Of those that have ended it need not wait.
    ctl wait --any three four
    assert status "$status" 5
    assert stdout "$output" four
}

@test "wait --stop: TERM stops the job, whose status it has" {
    for signal in TERM INT HUP; do
        shell_job web 'trap "exit 7" TERM; echo up; while :; do sleep 0.01; done'
        await holds web.log up
        beside "$CTL" wait --stop web &
        wait=$!
        track "$wait"
        await has_fd_of "$wait" signalfd
        kill -s "$signal" "$wait"
        status=0
        wait "$wait" || status=$?
        gone "$pid"
        [ "$status" = 7 ] || [ "$status" = 125 ] || fail "status of $signal: $status"
        [ "$status" = 7 ] || kernel_hides_status
        rm web.log
    done
}
has_fd_of() { [[ $(readlink "/proc/$1/fd/"* 2>/dev/null) == *"$2"* ]]; }
# Before Linux 6.15 nobody but a parent is told.
kernel_hides_status() { [ "$(printf '%s\n6.15\n' "$(uname -r)" | sort -V | head -n 1)" != 6.15 ]; }

@test "an unnamed job that has ended: only with -a, and forgotten after a day" {
    ended_job --output=log
    ctl list
    assert stdout "$output" "no jobs; -a shows 1 that has ended"
    ctl list -a
    assert row "$(awk 'NR > 1 { print $2, $3 }' <<<"$output")" "$pid ended"
    # That it was noticed is noted once.
    assert notes "$(grep -c '^noticed ' "$DZ_STATE_DIR/$pid")" 1
    sed -i "s/^noticed .*/noticed $(($(date +%s) - 86300))/" "$DZ_STATE_DIR/$pid"
    ctl list -a
    assert rows "$(wc -l <<<"$output")" 2
    sed -i "s/^noticed .*/noticed $(($(date +%s) - 86500))/" "$DZ_STATE_DIR/$pid"
    ctl list -a
    assert stdout "$output" "no jobs"
    assert records "$(records)" ""
}

@test "an unnamed job that was stopped is known for a day, a named one for ever" {
    job --output=log -- sleep 1000
    number=$pid
    job --name=web --output=log -- sleep 1000
    ctl stop "$number" web
    for file in "$number" web; do
        ended=$(recorded "$file" ended)
        [ "$ended" -ge "$(recorded "$file" since)" ] || fail "ended $ended"
        sed -i "s/^ended .*/ended $((ended - 86500))/" "$DZ_STATE_DIR/$file"
    done
    ctl list -a
    assert records "$(records)" web
    # The next start of that name replaces it.
    job --name=web --output=log -- sleep 1000
    ctl list
    assert row "$(cells | sed -n 2p | cut -d '|' -f 1-3)" "web|$pid|running"
}

@test "STARTED and ENDED are told apart" {
    job --name=web --output=log -- sleep 1000
    sed -i "s/^since .*/since 1000000000/" "$DZ_STATE_DIR/web"
    ctl stop web
    sed -i "s/^ended .*/ended 1100000000/" "$DZ_STATE_DIR/web"
    ctl list
    assert head "$(cells | head -n 1)" "NAME|PID|STATE|STARTED|ENDED|CPU|MEM|LOG|COMMAND"
    assert row "$(cells | sed -n 2p | cut -d '|' -f 4-7)" \
        "$(date -d @1000000000 +%F)|$(date -d @1100000000 +%F)|-|-"
    ctl status web
    assert_match words "$output" "web: ended (*), PID $pid, started $(date -d @1000000000 '+%F %T'), ended $(date -d @1100000000 '+%F %T'), log *"
    ctl list --json
    assert started "$(get "[0]['started']")" 1000000000
    assert ended "$(get "[0]['ended']")" 1100000000
}

@test "CPU and memory: of the session's processes" {
    need python3
    shell_job web "'$PYTHON' -c '
import time
end = time.process_time() + 0.6
block = bytearray(64 << 20)
while time.process_time() < end: pass
print(\"up\", flush=True)
time.sleep(1000)' & wait"
    await holds web.log up
    ctl list --json
    child=$(pgrep -P "$pid")
    ticks=0 pages=0
    for each in "$pid" "$child"; do
        ticks=$((ticks + $(stat_field "$each" 14) + $(stat_field "$each" 15)))
        pages=$((pages + $(stat_field "$each" 24)))
    done
    # Below the 0.6 s that it has computed: /proc has whole ticks of user and system time.
    assert cpu "$(get "[0]['cpu_seconds']" | awk -v t="$ticks" '{ print ($1 >= 0.5 && $1 <= t / 100 + 0.01) }')" 1
    bytes=$(get "[0]['memory_bytes']")
    [ "$bytes" -gt $((64 << 20)) ] && [ "$bytes" -le $((pages * $(getconf PAGESIZE) + (4 << 20))) ] ||
        fail "$bytes bytes, $pages pages"
    ctl status web
    assert_match words "$output" "web: running, *of CPU time (*% since the start), *M of memory in 2 processes, log *"
    # A stranger is measured too.
    ctl status $$
    assert_match words "$output" "$$: running, PID $$, *of CPU time*"
}

@test "list --json: the host, the arguments and how it ended" {
    ending web 3
    waiter web
    tell web
    await is_file web.status
    ctl list --json
    assert host "$(get "[0]['host']")" "$(uname -n)"
    assert argv "$(get "[0]['argv'][0]")" bash
    assert exit_status "$(get "[0]['exit_status']")" 3
    job --name=web --output=log -- sleep 1000
    waiter web
    kill -KILL "$pid"
    await is_file web.status
    ctl list --json
    assert exit_status "$(get "[0]['exit_status']")" 137
}

@test "COMMAND: words as a shell takes them" {
    job --name=web --output=log -- sh -c 'exec sleep 1000' '' "it's" '$HOME' 'a b' plain-1.0 $'a\nb'
    ctl list
    assert_match row "$output" "*  sh -c 'exec sleep 1000' '' 'it'\\\\''s' '\$HOME' 'a b' plain-1.0 \$'a\\\\nb'"
    words=$(sed -n 's/.*  sh /sh /p' <<<"$output")
    eval "set -- $words"
    assert "the words read by bash" "$(printf '<%s>' "$@")" \
        "<sh><-c><exec sleep 1000><><it's><\$HOME><a b><plain-1.0><a"$'\n'"b>"
}

@test "words of other tools are understood or answered" {
    job --name=web --output=log -- sh -c 'echo one; exec sleep 1000'
    await holds log one
    ctl list
    list=$output
    for word in ps ls; do
        ctl $word
        assert "$word" "$(cut -d ' ' -f 1-4 <<<"$output")" "$(cut -d ' ' -f 1-4 <<<"$list")"
    done
    for word in logs tail; do
        ctl $word web
        assert "$word" "$output" one
    done
    for word in show info; do
        ctl $word web
        assert_match "$word" "$output" "web: running, *"
    done
    while read -r word answer; do
        ctl "$word" web
        assert "status of $word" "$status" 125
        assert_match "answer to $word" "$stderr" "dzctl: $word: $answer"
    done <<<"kill *dzctl stop JOB*dzctl signal SIG JOB
reload write dzctl signal HUP JOB
run write dznohup -d *
attach write dzctl log -f JOB
top write dzctl list
describe write dzctl inspect JOB"
    ctl stop web
    for word in rm delete; do
        ctl $word web
        [ "$word$status" = rm0 ] || [ "$word$status" = delete3 ] || fail "$word: $status"
    done
    assert records "$(records)" ""
}
