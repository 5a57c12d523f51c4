# The main jobs and every power, with programs that each Debian has: sh, perl, tr, sleep.
#
# tests/distros runs this in minimal roots, with binaries that were built elsewhere.

load helpers

# A server that says its PID to each client, in the file that it names.
new_server() {
    cat >server <<'END'
#!/usr/bin/perl
use IO::Socket::INET;
$| = 1;
my $listener = IO::Socket::INET->new(
    LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 5, ReuseAddr => 1)
    or die "$0: $!\n";
print "ready\n";
while (my $client = $listener->accept) {
    print $client "hello $$\n";
    close $client;
}
END
    chmod +x server
    server=$PWD/server
    port=$(free_port)
}

# What holds for each daemon.  perl ignores SIGFPE by itself.
assert_serves() { # PORT PID MODE
    assert_own_session "$2" "$3"
    assert_three_ignored "$2"
    assert "SigBlk of $2" "$(status_field "$2" SigBlk)" 0000000000000000
    assert "cwd of $2" "$(cwd_of "$2")" /
    assert_answers "$1" "$2"
}
assert_three_ignored() {
    assert "HUP, TTIN and TTOU of SigIgn of $1" \
        $((0x$(status_field "$1" SigIgn) & 0x$DAEMON_IGNORES)) $((0x$DAEMON_IGNORES))
}

# Starts it in stay mode with the library, into the log; sets pid.
stay() {
    "$DZ" --mode=stay --shim="$SHIM" -q -C . -o log "$@" </dev/null 3>&- 4>&- &
    pid=$!
    track "$pid"
}

@test "leave: a daemon, its PID on stdout, its output in the log" {
    new_server
    pid=$(dz -d -o log -w listen "$server" "$port")
    track "$pid"
    assert_serves "$port" "$pid" leave
    assert log "$(cat log)" ready
}

@test "leave: a start that fails has the program's status and its output" {
    try dz -d -o log sh -c 'echo its words; exit 7'
    assert status "$status" 7
    assert_match stderr "$stderr" "*status 7*its words*"
    assert "processes left" "$(processes_with 'echo its words')" ""
}

@test "stay: the PID is kept, a signal and the status pass" {
    new_server
    "$DZ" --mode=stay -o log "$server" "$port" </dev/null 3>&- 4>&- &
    pid=$!
    track "$pid"
    await holds_line log ready
    assert_serves "$port" "$pid" stay
    kill -TERM "$pid"
    status=0
    wait "$pid" || status=$?
    assert status "$status" 143
    try dz --mode=stay sh -c 'exit 9'
    assert status "$status" 9
}

@test "LD_PRELOAD: a daemon without the launcher, nothing of it in the environment" {
    new_server
    try closed env LD_PRELOAD="$SHIM" DZ_OUTPUT=log DZ_PIDFILE=pid DZ_WAIT=listen:"$port" \
        "$server" "$port" </dev/null
    assert "status ($stderr)" "$status" 0
    pid=$(<pid)
    track "$pid"
    assert_serves "$port" "$pid" leave
    # perl keeps the vector that main() gets; env(1) and sh(1) read environ.
    for word in env 'sh -c env'; do
        # shellcheck disable=SC2086
        try closed env LD_PRELOAD="$SHIM" DZ_MODE=stay DZ_OUTPUT=out MARK=1 $word </dev/null
        assert "status of $word" "$status" 0
        assert "environment of $word" "$(grep '^MARK=\|^DZ_\|^LD_' out)" MARK=1
        rm out
    done
    try closed env LD_PRELOAD="$SHIM" DZ_OUTPUT=out DZ_PIDFILE=pid.2 DZ_WAIT=path:"$PWD/done" \
        perl -e 'print join(" ", grep /^(DZ_|LD_)/, keys %ENV), ".\n"; close STDOUT;
            open my $f, ">", $ARGV[0]; sleep 3600' "$PWD/done" </dev/null
    assert "status ($stderr)" "$status" 0
    track "$(<pid.2)"
    assert environment "$(cat out)" .
}

@test "dzctl: list, status, log and stop; not twice under one name" {
    pid=$(dz -d --name=main -o log sh -c 'echo begun; exec sleep 3600')
    track "$pid"
    await runs_program "$pid" "$SLEEP"
    try dz -d --name=main sleep 3600
    assert "status of a second start" "$status" 122
    assert_match "stderr of a second start" "$stderr" "*already running as PID $pid"
    try "$CTL" list
    assert_match list "$output" "*main * $pid * running *"
    try "$CTL" status main
    assert "status while it runs" "$status" 0
    try "$CTL" log main
    assert log "$output" begun
    try "$CTL" inspect main
    assert_match inspect "$output" "*verdict: a proper daemon"
    try "$CTL" stop main
    assert stop "$output" "main: stopped, PID $pid"
    gone "$pid"
    try "$CTL" status main
    assert "status when it is stopped" "$status" 1
}

@test "--wait=listen: returns when a client is answered; a failure is one" {
    new_server
    pid=$(dz -d -o log --wait=listen:"$port" perl -e 'select undef, undef, undef, 0.3;
        exec @ARGV' "$server" "$port")
    track "$pid"
    assert_answers "$port" "$pid"
    try dz -d -o log.2 --wait=listen:"$port" "$server" "$port"
    [ "$status" != 0 ] || fail "a second server on the port started"
    assert_match stderr "$stderr" "*Address already in use*"
    try dz -d -o log.3 --wait=listen --timeout=0.2 sleep 3600
    assert "status at the end of the time" "$status" 124
}

# tr(1) writes by stdio and gets no more input: what is in the log was flushed.
@test "--line-buffered: a line is in the log before the next one is read" {
    mkfifo input
    exec 8<>input
    stay --line-buffered -i input tr a-z A-Z
    echo line >&8
    await holds_line log LINE
    exec 8>&-
}

@test "--line-buffered in what the program starts" {
    mkfifo input
    exec 8<>input
    stay --line-buffered -i input sh -c 'tr a-z A-Z; exit 0'
    echo line >&8
    await holds_line log LINE
    exec 8>&-
    track "$(pid_of_child "$pid")"
}
pid_of_child() {
    local file
    for file in /proc/[0-9]*/stat; do
        file=${file#/proc/}
        file=${file%/stat}
        [ "$(stat_field "$file" 4)" != "$1" ] || echo "$file"
    done
}

# perl says what it has set; the kernel says what there is.
@test "--pin-signals: SIGHUP stays ignored, in three ways" {
    for how in default all seccomp; do
        rm -f log
        stay --pin-signals="$how" perl -e '$| = 1;
            $SIG{HUP} = $ARGV[0] eq "default" ? "DEFAULT" : sub { print "caught\n" };
            print "set\n"; sleep 1 while 1' "$how"
        await holds_line log set
        assert_three_ignored "$pid"
        kill -HUP "$pid"
        stops_on_term "$pid"
        assert "log of $how" "$(cat log)" set
    done
}

# With fork and setsid of its own, its parent exiting at once.
@test "--no-daemon: a program that makes itself a daemon keeps its PID" {
    stay --no-daemon perl -MPOSIX -e '$| = 1;
        exit 0 if fork; POSIX::setsid(); exit 0 if fork;
        print "$$\n"; sleep 3600'
    await is_file log
    assert "PID of the daemon" "$(cat log)" "$pid"
    alive "$pid"
    assert_own_session "$pid" stay
}

@test "--reopen: at SIGHUP the log is opened anew by its name" {
    stay --reopen perl -e '$| = 1; print "begun\n"; sleep 1 while 1'
    await holds_line log begun
    mv log log.1
    kill -HUP "$pid"
    await [ -e log ]
    await eval '[ "$(fd_of "$pid" 1)" = "$PWD/log" ]'
    alive "$pid"
}

@test "--nohup: the session is kept, SIGHUP is ignored" {
    "$DZ" --nohup sleep 3600 </dev/null >out 2>&1 3>&- 4>&- &
    pid=$!
    track "$pid"
    await runs_program "$pid" "$SLEEP"
    assert session "$(stat_field "$pid" 6)" "$(stat_field $$ 6)"
    ((0x$(status_field "$pid" SigIgn) & 1)) || fail "SIGHUP is not ignored"
}
