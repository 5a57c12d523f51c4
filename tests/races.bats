# Two starts at the same time, and a launcher that is killed at any moment.

load helpers
load jobs

race() {
    local mode=$1 rounds=$2
    shift 2
    new_victim
    DEADLINE=600 run within "$PYTHON" "$PROGRAMS/race.py" "$mode" "$rounds" "$DZ" "$SHIM" "$victim" "$SLEEP" "$@"
    assert "race in $mode" "$output" "one each time"
}

@test "two starts of one name at a time, 200 times" {
    race leave 200 --name=job
    assert records "$(ls -A "$DZ_STATE_DIR")" job
}

@test "two starts of one pidfile at a time, 200 times" {
    race leave 200 --pidfile=pid
    assert files "$(ls -A)" pid
}

@test "two starts of one name at a time, staying and by the shim" {
    race stay 50 --name=job
    race shim 50 --name=job
    assert records "$(ls -A "$DZ_STATE_DIR")" job
}

@test "two starts of one pidfile at a time, staying and by the shim" {
    race stay 50 --pidfile=pid
    race shim 50 --pidfile=pid
    race shim 50 --pidfile=pid --name=job
    assert files "$(ls -A)" pid
    assert locks "$(find "$DZ_STATE_DIR" -name '.*')" ""
}

@test "two starts at a time where libdz.so executes the program anew" {
    SHIM=$SHIM:$TARGETS/initfirst.so
    race shim 50 --pidfile=pid
    race shim 50 --name=job
    race shim 50 --pidfile=pid --name=job
    assert files "$(ls -A)" pid
    assert locks "$(find "$DZ_STATE_DIR" -name '.*')" ""
}

killed() {
    new_victim
    DEADLINE=600 run within "$PYTHON" "$PROGRAMS/killed.py" "$1" "$DZ" "$SHIM" "$CTL" "$victim" "$SLEEP"
    assert "after a kill in $1" "$output" "true each time$2"
    assert "locks left" "$(find . "$DZ_STATE_DIR" -name '.*.new')" ""
}

@test "a launcher killed at 100 moments: a whole job, or none" {
    killed leave ", jobs and none"
}

@test "a launcher killed at 100 moments, by the shim" {
    killed shim ", jobs and none"
}

@test "a launcher killed at 100 moments, where libdz.so executes the program anew" {
    SHIM=$SHIM:$TARGETS/initfirst.so
    killed shim ", jobs and none"
}

@test "a launcher killed at 100 moments, staying" {
    killed stay ""
}

@test "a program that daemonizes itself does not take the files of a start that came between" {
    cat >itself <<'END'
#!/bin/bash
until [ -e go ]; do sleep 0.01; done
"$1" 3600 </dev/null >/dev/null 2>&1 &
END
    chmod +x itself
    for options in --pidfile=pid --name=job "--pidfile=pid --name=job"; do
        rm -rf go pid "$DZ_STATE_DIR"
        new_victim
        # shellcheck disable=SC2086
        "$DZ" -d -q -w alive:2 $options -C . -o /dev/null ./itself "$victim" >first 2>&1 3>&- 4>&- &
        launcher=$!
        parent_runs() { parent=$(cat pid 2>/dev/null || recorded job pid 2>/dev/null) && [ -n "$parent" ]; }
        daemon_runs() { daemon=$(victim_pid) && [ -n "$daemon" ]; }
        await parent_runs
        track "$parent"
        # The launcher is slow to see that the program has ended, and left another.
        kill -STOP "$launcher"
        : >go
        await gone "$parent"
        await daemon_runs
        track "$daemon"
        # shellcheck disable=SC2086
        start leave $options --output=/dev/null -- "$SLEEP" 3600
        assert "the start between, $options" "$status" 0
        kill -CONT "$launcher"
        wait "$launcher" || true
        # Whichever of the two is given up, one is left, and the files name it.
        left=
        for one in "$daemon" $pid; do
            gone "$one" || left+=$one
        done
        [[ $options != *pidfile* ]] || assert "pidfile of $options" "$(cat pid)" "$left"
        [[ $options != *name* ]] || assert "record of $options" "$(recorded job pid)" "$left"
        assert locks "$(find . "$DZ_STATE_DIR" -name '.*.new')" ""
        end_victim "$left"
    done
}
