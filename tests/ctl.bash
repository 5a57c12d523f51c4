# What the tests of dzctl share: jobs to be looked at, and the answer taken apart.
#
# shellcheck shell=bash disable=SC2034,SC2154

ctl() { try closed "$CTL" "$@"; }

# job [--OPTION=VALUE]... -- WORD...: a job that has been executed; sets pid.
job() {
    start leave --quiet --wait=exec "$@"
    assert "status of the start" "$status" 0 || fail "$stderr"
}
# A job that runs shell code in this folder.  Its children are in files that it
# names, one PID each: shell NAME CODE.
shell_job() { job --chdir=. --name="$1" --output="$1.log" -- bash -c "$2"; }
# Wait for files with PIDs, and end those processes when the test is over.
kids() {
    local file
    for file; do
        await is_file "$file"
        track "$(<"$file")"
    done
}
# A job that ends with that status when told: ending NAME STATUS; tell NAME.
ending() { shell_job "$1" "until [ -e $1.go ]; do sleep 0.01; done; exit $2"; }
tell() { : >"$1.go"; }

# A job that has ended with an unknown status.  It ends after its launcher: a job that
# ends during its start leaves no record.
ended_job() {
    job "$@" -- sleep 1000
    kill -KILL "$pid"
    await gone "$pid"
}

# dzctl wait in the background, into NAME.status; returns when it waits.
waiter() {
    rm -f "$1.status" # of one before
    (
        result=0
        closed "$CTL" wait "$@" >"$1.out" 2>"$1.err" || result=$?
        echo "$result" >"$1.new"
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

# All records are those of these jobs, which have ended: ended_records NAME...
ended_records() {
    local name
    assert records "$(records)" "$(printf '%s\n' "$@")" || return
    for name; do
        ctl status "$name"
        assert "status of $name" "$status" 1 || return
    done
}

# The start as the table has it: the time of today, else the date.
brief_since_of() {
    local at form=+%F
    at=@$(recorded "$1" since)
    [ "$(date -d "$at" +%F)" != "$(date +%F)" ] || form=+%T
    date -d "$at" "$form"
}
since_of() { date -d "@$(recorded "$1" since)" '+%Y-%m-%d %H:%M:%S'; }

# The cells of a table, with bars between them.
# shellcheck disable=SC2001
cells() { sed 's/   */|/g' <<<"$output"; }

# The names of the records.
records() { (cd "$DZ_STATE_DIR" && ls -A); }

as_other() { closed setpriv --reuid=65432 --regid=65432 --clear-groups "$@"; }
