# What the tests of --adopt share: a job on a terminal of its own.
#
# shellcheck shell=bash disable=SC2034,SC2154

ADOPTEE=$TARGETS/adoptee

# on_terminal_job [--foreground] [--type TEXT] WORD...: run it as a job of a session that
# has a terminal.  Sets pid, and screen, the file of what is on the terminal.
on_terminal_job() { untraced start_job "$@"; }
start_job() {
    jobs_started=$((${jobs_started:-0} + 1))
    screen=$BATS_TEST_TMPDIR/screen.$jobs_started
    beside "$PYTHON" "$PROGRAMS/job.py" "$screen" "$BATS_TEST_TMPDIR/job.$jobs_started" "$@" \
        </dev/null >/dev/null 2>&1 &
    terminal=$!
    track "$terminal"
    await is_file "$BATS_TEST_TMPDIR/job.$jobs_started" || return
    pid=$(<"$BATS_TEST_TMPDIR/job.$jobs_started")
    track "$pid"
    await has_begun "$pid"
}
# The command runs, and not the Python before it.
has_begun() {
    local words
    { mapfile -d '' -t words <"/proc/$1/cmdline"; } 2>/dev/null
    [ ${#words[@]} -gt 0 ] && [[ "${words[*]}" != *job.py* ]]
}

# Its SigIgn, without 32 and 33, which no program can set back: libc keeps them.
ignored_by() { printf '%016x\n' $((16#$(status_field "$1" SigIgn) & ~0x180000000)); }

# Hang the terminal up; its session's leader sends HUP to the job.
hang_up() {
    kill -TERM "$terminal" && await gone "$terminal"
}

is_traced() { [ "$(status_field "$1" TracerPid)" != 0 ]; }
children_of() { pgrep -P "$1"; }
has_children() { [ "$(children_of "$1" | wc -l)" -ge "$2" ]; }
grown() { [ "$(stat -c %s "$1")" -gt "$2" ]; }

# Hang the terminal up; the file log still grows.
goes_on_after_hangup() {
    local size
    hang_up
    size=$(stat -c %s log)
    await grown log "$size"
}

# Stop these programs, which count: the terminal and the log together have each line.
no_line_lost() {
    kill -STOP "$@"
    { tr -d '\r' <"$screen"; cat log; } >all
    in_order all
}
in_order() { cmp <(seq "$(wc -l <"$1")") <(head -n "$(wc -l <"$1")" "$1"); }

# No descriptor of it is on a terminal.
assert_no_terminal() {
    assert "terminal of $1" "$(stat_field "$1" 7)" 0
    local left
    left=$(find "/proc/$1/fd" -lname '/dev/pts/*' -o -lname '/dev/tty')
    [ -z "$left" ] || fail "$1 has a terminal open: $left"
}
# Descriptors, session and signals, to see that nothing has changed.
facts_of() {
    (cd "/proc/$1/fd" && for fd in *; do echo "$fd $(readlink "$fd")"; done)
    grep -E '^(Sig(Ign|Cgt|Blk)|Umask):' "/proc/$1/status"
    echo "$(stat_field "$1" 5) $(stat_field "$1" 6) $(stat_field "$1" 7)"
}

# Each of these processes lives, in a session of its own, without a terminal.
assert_adopted() {
    local each
    for each; do
        alive "$each" || fail "$each has ended"
        assert_no_terminal "$each"
        assert "session of $each" "$(stat_field "$each" 6)" "$each"
    done
}
