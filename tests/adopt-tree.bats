#!/usr/bin/env bats
# --adopt of more than one process: children in the group, --tree, refusals of those.

load helpers
load adopting

@test "adopt: a shell's loop goes with the command that it runs" {
    # shellcheck disable=SC2016
    on_terminal_job bash -c 'while :; do echo $((++i)); "$0" 0.01; done' "$SLEEP"
    await holds "$screen" 3
    try dz --adopt="$pid" -o log
    assert status "$status" 0
    await is_file log
    goes_on_after_hangup
    assert_adopted "$pid"
    no_line_lost "$pid"
}

@test "adopt: a child of the group that waits is adopted with it" {
    # shellcheck disable=SC2016
    on_terminal_job bash -c '"$0" 3600 & wait' "$SLEEP"
    await has_children "$pid" 1
    child=$(children_of "$pid")
    track "$child"
    await runs_program "$child" "$SLEEP"
    try dz --adopt="$pid" -o log
    assert status "$status" 0
    assert_match stderr "$stderr" "*with 1 more process"
    hang_up
    assert_adopted "$pid" "$child"
    # INT and QUIT, too: bash ignores them for a child in the background.
    assert "SigIgn of the child" "$(ignored_by "$child")" 0000000000300007
    assert "1 of the child" "$(fd_of "$child" 1)" "$PWD/log"
}

@test "adopt: the head of a pipeline is refused, with --tree the whole of it is adopted" {
    # Its shell is the leader of another group.
    # shellcheck disable=SC2016
    on_terminal_job bash -c 'set -m; "$0" count | cat | cat & wait' "$ADOPTEE"
    await has_children "$pid" 3
    mapfile -t parts < <(children_of "$pid")
    track "${parts[@]}"
    await holds "$screen" 9
    leader=$(stat_field "${parts[0]}" 5)
    try dz --adopt="$leader" -o log
    assert status "$status" 125
    assert_match stderr "$stderr" "dznohup: adopt: $leader: leads a process group with others (*), so it cannot have a session of its own; --tree adopts those, too"
    refute test -e log
    try dz --adopt="$leader" --tree -o log
    assert status "$status" 0
    assert_match stderr "$stderr" "*with 2 more processes"
    await is_file log
    goes_on_after_hangup
    assert_adopted "${parts[@]}"
    no_line_lost "${parts[@]}"
}

@test "adopt: --tree takes make with its jobs, and make finishes" {
    cat >Makefile <<'M'
all: a b c d
a b c d:
	@: <$@.go; echo made $@ >$@.done; echo $@
M
    mkfifo a.go b.go c.go d.go
    on_terminal_job env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -j4
    await has_children "$pid" 4
    try dz --adopt="$pid" --tree -o log
    assert "status ($stderr)" "$status" 0
    hang_up
    for part in a b c d; do : >$part.go; done
    await gone "$pid"
    for part in a b c d; do assert "$part" "$(<$part.done)" "made $part"; done
    assert log "$(sort log | tr '\n' ' ')" "a b c d "
}

@test "adopt: -n of a tree names each process" {
    # shellcheck disable=SC2016
    on_terminal_job bash -c '"$0" 3600 & wait' "$SLEEP"
    await has_children "$pid" 1
    child=$(children_of "$pid")
    track "$child"
    await runs_program "$child" "$SLEEP"
    before=$(facts_of "$child")
    try dz -n --adopt="$pid" -o log
    assert status "$status" 0
    assert "processes" "$(grep ^adopt <<<"$output" | tr -s ' ')" "adopt PID $pid, bash"$'\n'"adopt PID $child, sleep"
    assert facts "$(facts_of "$child")" "$before"
}

@test "adopt: if a call fails in one of a tree, what was done in the others is undone" {
    # shellcheck disable=SC2016
    on_terminal_job bash -c '"$0" 3600 & wait' "$SLEEP"
    await has_children "$pid" 1
    child=$(children_of "$pid")
    track "$child"
    await runs_program "$child" "$SLEEP"
    before=$(facts_of "$pid") childs=$(facts_of "$child")
    for limit in 3 4 5; do
        prlimit --pid "$child" --nofile="$limit:"
        try dz --adopt="$pid" -o log --name=tree
        assert "status at $limit" "$status" 125
        assert_match "stderr at $limit" "$stderr" "dznohup: *: Too many open files"
        assert "facts at $limit" "$(facts_of "$pid")" "$before"
        assert "the child's facts at $limit" "$(facts_of "$child")" "$childs"
        refute test -e "$DZ_STATE_DIR/tree"
    done
}

@test "adopt: --tree with a worker of another user is refused, and all is as before" {
    need_root
    # Its output is at the other end of a socket, and in no group of the program's.
    # shellcheck disable=SC2016
    on_terminal_job "$PYTHON" -c 'import os, socket, sys, time
ends = socket.socketpair()
if os.fork() == 0:
    os.setpgid(0, 0)
    os.setgroups([])
    os.setuid(65432)
    ends[1].send(b".")
    os.execv(sys.argv[1], [sys.argv[1], "3600"])
ends[0].recv(1)
print("ready", flush=True)
time.sleep(3600)' "$SLEEP"
    await holds "$screen" ready
    child=$(children_of "$pid")
    track "$child"
    await runs_program "$child" "$SLEEP"
    before=$(facts_of "$pid") childs=$(facts_of "$child")
    for options in -n -q; do
        try dz "$options" --adopt="$pid" --tree -o log --name=tree
        assert "status of $options" "$status" 125
        assert "stderr of $options" "$stderr" "dznohup: adopt: $child: is adopted with process $pid, but belongs to user 65432, who could not open the log; stop the job and start it with dznohup"
        assert facts "$(facts_of "$pid")" "$before"
        assert "the child's facts" "$(facts_of "$child")" "$childs"
        refute test -e log -o -e "$DZ_STATE_DIR/tree"
    done
    # Alone it is adopted: the worker has a group of its own.
    try dz --adopt="$pid" -o log
    assert "status ($stderr)" "$status" 0
    assert "the child's facts" "$(facts_of "$child")" "$childs"
}

@test "adopt: programs are adopted at random moments, and lose no line: tests/adopt-random" {
    try within "$PYTHON" "$TESTS/adopt-random" --runs 3 single threads-4 python
    assert "output of $stderr" "$status" 0
    for victim in single threads-4 python; do
        assert_match output "$output" "*$victim: 3 runs, * lines, none lost*"
    done
    try within "$PYTHON" "$TESTS/adopt-random" --kill --runs 6 threads-4
    assert "output with --kill: $output" "$status" 0
}

@test "adopt: a program that waits for its vfork child is adopted when the child executes" {
    # The child waits for USR1, and does not do so while we have it stopped.
    on_terminal_job "$ADOPTEE" vfork
    await has_children "$pid" 1
    beside "$DZ" --adopt="$pid" -t "$DEADLINE" -o log </dev/null >out 2>err &
    adopting=$!
    track "$adopting"
    await is_traced "$pid"
    await sent_on
    wait "$adopting" || fail "status $?: $(<err)"
    assert "terminal" "$(readlink "/proc/$pid/fd/1")" "$PWD/log"
    hang_up
    alive "$pid"
    await sends_on
    refute grep -q EINTR log "$screen"
    await has_children "$pid" 1
    track "$(children_of "$pid")"
}
send_on() { kill -USR1 "$(children_of "$pid")" 2>/dev/null || true; }
# Each child executes, and the next one begins, until dznohup has ended.
sent_on() {
    send_on
    gone "$adopting"
}
sends_on() {
    send_on
    holds log child
}

@test "adopt: a program writes 1 MiB at a time to its pipe, and each write is whole" {
    # shellcheck disable=SC2016
    on_terminal_job bash -c '"$0" pipe | "$1" -c "import sys, time
seen = 0
while True:
    block = sys.stdin.buffer.read(1 << 20)
    if block != bytes([seen % 256]) * len(block):
        print(\"WRONG\", flush=True)
        break
    seen += 1
    print(seen, flush=True)
    time.sleep(0.01)"' "$ADOPTEE" "$PYTHON"
    await holds "$screen" 2
    try dz --adopt="$pid" --tree -o log
    assert "status ($stderr)" "$status" 0
    for child in $(children_of "$pid"); do track "$child"; done
    await is_file log
    hang_up
    size=$(stat -c %s log)
    await grown log "$size"
    { tr -d '\r' <"$screen"; cat log; } >all
    in_order all
}

@test "adopt: a thread executes another program meanwhile, which ends the other threads" {
    for _ in {1..8}; do
        rm -f log
        on_terminal_job "$ADOPTEE" execs 0
        await holds "$screen" 3
        try dz --adopt="$pid" -t 30 -o log
        assert "status ($stderr)" "$status" 0
        await is_file log
        await grown log "$(stat -c %s log)"
        cat "$screen" log >before
        refute grep -q EINTR before
        # An ignored signal interrupts epoll_wait(2) if it comes while pthread_create(3)
        # blocks signals, without any adoption.
        goes_on_after_hangup
        kill -STOP "$pid"
        sed -i '/^EINTR in epoll_wait$/d' log
        no_line_lost "$pid"
        kill -KILL "$pid"
    done
}
