# clush(1) over ssh to three addresses of one machine, and ansible(1).

load ../helpers
load engines

needs() {
    need_root
    need clush sshd ssh-keygen unshare ip jq redis-server ansible-playbook
}

@test "clush: start and readiness on each host, a merged list, status, log, stop, failing start" {
    port=
    recipe_of_hosts fleet >commands
    cat >inside.sh <<'SH'
. "$TESTS/fleet.bash"
mount -t tmpfs run /run
fleet_start "$PWD/fleet" 3 || exit
# With the keys of this fleet.
clush() { command clush -o "-F $PWD/fleet/ssh.conf" "$@" </dev/null; }
mapfile -t commands <commands
run() { eval "${commands[$1]}" >"$2" 2>"$2.err"; echo "$2 $?" >>statuses; }
run 0 started
run 1 status
run 2 merged
run 3 logs
run 4 stopped
commands[0]=${commands[0]/ -o / -C \/no\/such -o }
run 0 failed
pgrep -a -x redis-server >left
kill "$sshd"
SH
    export TESTS BUILD
    within unshare --net --mount --pid --fork --kill-child --mount-proc bash inside.sh >out 2>err || cat out err
    assert "statuses" "$(paste -sd , statuses)" "started 0,status 0,merged 0,logs 0,stopped 0,failed 125"
    assert "PIDs" "$(grep -c '^127.0.1.[123]: [1-9][0-9]*$' started)" 3
    assert "status" "$(grep -c ": cache: running, PID" status)" 3
    assert "merged list" "$(<merged)" $'cache running\ncache running\ncache running'
    assert "ready" "$(grep -c 'Ready to accept' logs)" 3
    assert "stopped" "$(grep -c ": cache: stopped, PID" stopped)" 3
    assert left "$(<left)" ""
    assert "failing" "$(grep dznohup failed.err | sort)" "127.0.1.1: dznohup: chdir: /no/such: No such file or directory
127.0.1.2: dznohup: chdir: /no/such: No such file or directory
127.0.1.3: dznohup: chdir: /no/such: No such file or directory"
}
# The hosts are addresses; each redis has the one of its host.
recipe_of_hosts() {
    recipe "$1" | sed "s/web\[1-3\]/127.0.1.[1-3]/; s,$PWD/,\$HOME/,; s/redis-server'/redis-server --save \"\" --bind \$ADDRESS'/"
}

@test "ansible: a second run changes nothing; status, stop; a start that fails" {
    new_app
    recipe ansible >play.yml
    play() { # EXTRA-VARIABLES
        try within env ANSIBLE_HOME="$PWD/ansible" ANSIBLE_LOCALHOST_WARNING=0 ANSIBLE_NOCOLOR=1 \
            ansible-playbook -i localhost, -c local -e "ansible_python_interpreter=/usr/bin/python3 $1" play.yml
    }
    tally() { sed -n 's/^localhost.*ok=\([0-9]*\) *changed=\([0-9]*\).*failed=\([0-9]*\).*/ok \1 changed \2 failed \3/p' <<<"$output"; }
    play wanted=started
    assert "first run: $output" "$(tally)" "ok 1 changed 1 failed 0"
    listens "$port"
    serving
    [[ $("$CTL" status app) == "app: running, PID $app,"* ]]
    play wanted=started
    assert "second run: $output" "$(tally)" "ok 1 changed 0 failed 0"
    assert server "$(listener "$port")" "$app"
    play wanted=stopped
    assert "stop: $output" "$(tally)" "ok 1 changed 1 failed 0"
    holds app.log stopped
    assert_nothing_left
    play wanted=stopped
    assert "second stop: $output" "$(tally)" "ok 1 changed 0 failed 0"
    break_app
    play wanted=started
    assert "status" "$status" 2
    [[ $output == *"exited with status 3"*"no such database"* ]]
    assert_nothing_left
}
