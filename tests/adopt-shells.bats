#!/usr/bin/env bats
# --adopt of a job of an interactive shell, as README says it for each shell: the shell's
# jobs, disown, kill and exit behave, and the program outlives its terminal.

load helpers
load adopting

# in_shell SHELL WORDS LINE...: a counting job of that shell, adopted by these words; then
# the lines.  Sets pid, and output, what was on the terminal.
in_shell() {
    rm -f log pid
    try on_terminal --shell "$1" "$ADOPTEE count 2>err &" "$DZ --adopt=$2 -o log >pid" "${@:3}"
    assert "status of $1: $output" "$status" 0
    pid=$(<pid)
    track "$pid"
}
outlives() {
    assert_adopted "$pid"
    await grown log "$(stat -c %s log)"
    kill -KILL "$pid"
    assert "stderr of the program" "$(<err)" ""
}

@test "adopt: a job of bash, by its number; jobs, disown and exit" {
    # shellcheck disable=SC2016
    in_shell 'bash --norc --noprofile -i' '$(jobs -p %1)' jobs disown 'jobs; echo "end of jobs"' exit
    assert_match jobs "$output" "*?1?+  Running *adoptee count*end of jobs*"
    outlives
}

@test "adopt: a job of dash, by the last PID; jobs and exit; and kill reaches it" {
    # shellcheck disable=SC2016
    in_shell 'dash -i' '$!' jobs exit
    assert_match jobs "$output" "*?1? + Running *adoptee count*"
    outlives
    # shellcheck disable=SC2016
    in_shell 'dash -i' '$!' 'kill %1; wait $!; echo "status $?"'
    assert_match status "$output" "*status 143*"
    gone "$pid" || fail "$pid runs"
}

@test "adopt: a job of zsh, by its number; jobs, disown and exit" {
    need zsh
    # shellcheck disable=SC2016
    in_shell 'zsh -f -i +Z' '${${jobstates[1]##*:*:}%%=*}' jobs disown 'jobs; echo "end of jobs"' exit
    assert_match jobs "$output" "*?1?  + running *adoptee count*end of jobs*"
    outlives
}

@test "adopt: a job of fish, by its number; jobs, disown and exit" {
    need fish
    printf '#!/bin/sh\nexec fish -i -C '"'"'function fish_prompt; printf "@ready@ "; end'"'\n" >fish
    chmod 755 fish
    in_shell ./fish '(jobs -p %1)' jobs disown 'jobs; echo "end of jobs"' exit
    assert_match jobs "$output" "*running*adoptee count*end of jobs*"
    outlives
}
