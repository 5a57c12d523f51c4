# --name and DZ_NAME, the records, and who is not taken for a job: another process
# with its PID, another boot, another PID namespace.

load helpers
load jobs

# ---- names --------------------------------------------------------------------

@test "names that are refused" {
    reason="a name has no slash, space or control character"
    for mode in stay leave shim-leave; do
        for name in a/b / 'a b' ' a' $'a\tb' $'a\nb' $'a\n' $'a\177' $'\001'; do
            start_victim $mode --name="$name"
            [ $mode = shim-leave ] && option=DZ_NAME || option=--name
            assert_refused $mode "$option: *: $reason"
        done
        for name in . .. .web -web -- - 1 007 99999999999999999999; do
            start_victim $mode --name="$name"
            assert_refused $mode "$option: $name: a name is not a number and does not begin with . or -"
        done
        start_victim $mode --name=
        assert_refused $mode "$option: *"
    done
    refute test -e "$DZ_STATE_DIR"
    assert files "$(ls -A)" ""
}

@test "odd but good names" {
    need strace
    for name in ü 日本 @ : 'a@b:8000' 1a '~' '*' '$(x)' "it's" '\n' x.new end "$(printf 'x%.0s' {1..200})"; do
        for mode in stay leave shim-leave; do
            start_victim $mode --name="$name" --output=log
            assert_started $mode
            assert "PID of $name" "$(recorded "$name" pid)" "$pid"
            start_victim leave --name="$name" --output=log
            assert_refused leave "name: *: already running as PID $(recorded "$name" pid)"
            watched status "$name"
            assert "status of $name" "$status" 0
            end_victim "$(recorded "$name" pid)"
        done
        try "$CTL" clear "$name"
        assert "records behind $name" "$(ls -A "$DZ_STATE_DIR")" ""
    done
}

@test "a name that is too long for a file is said" {
    for length in 251 255 256 300; do
        name=$(printf 'x%.0s' $(seq $length))
        for mode in stay leave shim-leave; do
            start_victim $mode --name="$name"
            rm -f nohup.out
            assert_refused $mode "name: */xxx*: File name too long"
        done
    done
    assert files "$(ls -A . "$DZ_STATE_DIR")" ".:"$'\n\n'"$DZ_STATE_DIR:"
}

# ---- records ------------------------------------------------------------------

machine() { grep -sxE '[0-9a-f]{32}' /etc/machine-id || uname -n; }

@test "a record holds what /proc says, in every mode" {
    for mode in stay leave shim-leave; do
        before=$(date +%s)
        start_victim $mode --name=job --pidfile=pid --output=log
        assert_started $mode
        assert "keys of $mode" "$(cut -d' ' -f1 "$DZ_STATE_DIR/job" | uniq | tr '\n' ' ')" \
            "dz pid start boot machine space session since pidfile name cwd umask log log_size option arg end "
        assert dz "$(recorded job dz)" 1
        assert pid "$(recorded job pid)" "$pid"
        assert start "$(recorded job start)" "$(start_time "$pid")"
        assert boot "$(recorded job boot)" "$(cat /proc/sys/kernel/random/boot_id)"
        assert machine "$(recorded job machine)" "$(machine)"
        assert space "pid:[$(recorded job space)]" "$(readlink "/proc/$pid/ns/pid")"
        assert session "$(recorded job session)" "$(stat_field "$pid" 6)"
        [ "$(recorded job since)" -ge "$before" ]
        [ "$(recorded job since)" -le "$(date +%s)" ]
        assert name "$(recorded job name)" job
        assert cwd "$(recorded job cwd)" "$PWD"
        assert log "$(recorded job log)" "$(fd_of "$pid" 1)"
        assert pidfile "$(recorded job pidfile)" "$PWD/pid"
        assert words "$(recorded job arg)" "$(tr '\0' '\n' <"/proc/$pid/cmdline")"
        assert "mode of the record" "$(stat -c %a "$DZ_STATE_DIR/job")" 600
        assert "mode of its folder" "$(stat -c %a "$DZ_STATE_DIR")" 700
        assert records "$(ls -A "$DZ_STATE_DIR")" job
        assert "descriptors of $mode" "$(fds_of "$pid")" "0 1 2"
        end_victim "$pid"
    done
}

@test "the modes of record and folder are not the umask's" {
    for mode in stay leave shim-leave; do
        for mask in 000 077 0377; do
            umask $mask
            start_victim $mode --name=job --output=log
            umask 022
            assert_started $mode
            assert "modes with $mask" "$(stat -c %a "$DZ_STATE_DIR/job" "$DZ_STATE_DIR")" "600"$'\n'700
            end_victim "$pid"
            rm -r "$DZ_STATE_DIR"
        done
    done
}

@test "a job without a name is recorded by its PID" {
    for mode in stay leave shim-leave; do
        start_victim $mode --output=log
        assert_started $mode
        assert records "$(ls -A "$DZ_STATE_DIR")" "$pid"
        assert pid "$(recorded "$pid" pid)" "$pid"
        assert name "$(recorded "$pid" name)" ""
        try "$CTL" status "$pid"
        assert status "$status" 0
        end_victim "$pid"
        rm "$DZ_STATE_DIR/$pid"
    done
    # And not at all where it has failed; where it has ended well, with that.
    for mode in leave shim-leave; do
        start $mode --output=log -- sh -c 'exit 3'
        assert status "$status" 3
        assert records "$(ls -A "$DZ_STATE_DIR")" ""
        start $mode --name=quick --output=log -- sh -c 'exit 0'
        assert status "$(tail -n 1 "$DZ_STATE_DIR/quick")" "status 0"
        try "$CTL" wait quick
        assert "status of wait" "$status" 0
        rm "$DZ_STATE_DIR/quick"
    done
}

@test "a program that daemonizes itself: all name what it leaves behind" {
    for mode in leave shim-leave; do
        new_victim
        start $mode --name=job --pidfile=pid --umask=027 --output=log -- sh -c '"$0" 3600 & exit 0' "$victim"
        assert "status of $mode" "$status" 0
        assert "mode of the pidfile" "$(stat -c %a pid)" 640
        left=$(victim_pid)
        track "$left"
        assert "pidfile of $mode" "$(cat pid)" "$left"
        assert "record of $mode" "$(recorded job pid)" "$left"
        assert "start in the record" "$(recorded job start)" "$(start_time "$left")"
        [ $mode = shim-leave ] || assert "PID printed" "$pid" "$left"
        end_victim "$left"
        start $mode --output=log -- sh -c '"$0" 3600 & exit 0' "$victim"
        left=$(victim_pid)
        track "$left"
        assert records "$(ls -A "$DZ_STATE_DIR")" "$left"$'\n'job
        end_victim "$left"
        rm "$DZ_STATE_DIR/$left"
    done
}

@test "words and folders with newlines and backslashes survive" {
    folder=$'new\nline \\n "q" \\'
    mkdir "$folder"
    cd "$folder"
    for mode in stay leave shim-leave; do
        new_victim
        start $mode --name=job --output=/dev/null -- sh -c 'exec "$0" 3600' "$victim" \
            $'a\nb' 'a\nb' "\\" '\\n' '' $'end\nend\n' ü $'\t"'
        pid=$(recorded job pid)
        track "$pid"
        await runs_program "$pid" "$SLEEP"
        try "$CTL" list --json
        want=$("$PYTHON" "$PROGRAMS/words.py" sh -c 'exec "$0" 3600' "$victim" \
            $'a\nb' 'a\nb' "\\" '\\n' '' $'end\nend\n' ü $'\t"')
        assert "list --json of $mode" "$(get "[[job['command'], job['cwd']] for job in it][0]")" "$want"
        assert "lines of the record" "$(grep -vc '^option ' "$DZ_STATE_DIR/job")" 26
        end_victim "$pid"
    done
}

@test "a word of 100000 bytes is recorded whole" {
    word=$(printf 'x%.0s' {1..100000})
    for mode in stay leave shim-leave; do
        new_victim
        start $mode --name=job --output=/dev/null -- sh -c 'exec "$0" 3600' "$victim" "$word"
        pid=$(recorded job pid)
        track "$pid"
        await runs_program "$pid" "$SLEEP"
        assert "last word" "$(recorded job arg | tail -n 1)" "$word"
        assert "last line" "$(tail -n 1 "$DZ_STATE_DIR/job")" end
        try "$CTL" list --json
        assert command "$(get "[0]['command'][-1] == 'x' * 100000")" true
        end_victim "$pid"
    done
}

# ---- who is not the job --------------------------------------------------------------

# not_believed STATUS WORDS: the record "job" is taken for nobody's: no signal, and
# a start of its name goes through.  The stranger lives.
not_believed() {
    local copy
    copy=$(cat "$DZ_STATE_DIR/job")
    says_of job "$1" "${3:-0}" "$2"
    for mode in stay leave shim-leave; do
        printf '%s\n' "$copy" >"$DZ_STATE_DIR/job"
        start_victim $mode --name=job --output=log
        assert_started $mode
        assert "PID in the record" "$(recorded job pid)" "$pid"
        end_victim "$pid"
    done
    alive "$stranger"
    assert "program of the stranger" "$(exe_of "$stranger")" "$SLEEP"
}
# edit KEY VALUE: in the record "job", of a process that goes on as stranger.
edit() {
    start_victim leave --name=job --output=log
    assert_started leave
    stranger=$pid
    sed -i "s/^$1 .*/$1 $2/" "$DZ_STATE_DIR/job"
    assert "edited $1" "$(recorded job "$1")" "$2"
}

@test "a record whose start is a tick off, or of another boot or namespace" {
    need strace
    start_victim leave --name=job --output=log
    start=$(recorded job start)
    end_victim "$pid"
    edit start 1
    not_believed 1 "job: ended *"
    start_victim leave --name=job --output=log
    stranger=$pid
    for start in $(($(start_time "$pid") + 1)) $(($(start_time "$pid") - 1)); do
        sed -i "s/^pid .*/pid $stranger/; s/^start .*/start $start/" "$DZ_STATE_DIR/job"
        not_believed 1 "job: ended *"
    done
    edit boot 82fafa03-0000-4275-a3d5-56ebfab4a90b
    not_believed 1 "job: ended *"
}

# undecided WHY: it cannot be told whether the job of the record "job" runs.  Nothing is
# signalled, removed or started.
undecided() {
    local copy
    copy=$(cat "$DZ_STATE_DIR/job")
    says_of job 4 1 "*$1*"
    for mode in stay leave shim-leave; do
        start_victim $mode --name=job --output=log
        assert_refused $mode "name: job: cannot tell whether PID $stranger runs: $1"
    done
    ctl_says 1 "dzctl: clear: $DZ_STATE_DIR/job: cannot tell *: $1" clear job
    ctl_says 0 "" clear
    assert "record after all that" "$(cat "$DZ_STATE_DIR/job")" "$copy"
    ctl_says 125 "dzctl: wait: job: cannot tell *: $1" wait job
    alive "$stranger"
    end_victim "$stranger"
    rm "$DZ_STATE_DIR/job"
}
ctl_says() {
    local wanted=$1 words=$2
    shift 2
    try closed "$CTL" "$@"
    assert "status of $*" "$status" "$wanted"
    assert_match "stderr of $*" "$stderr" "$words"
}

@test "a record of another machine, boot or PID namespace: it cannot be told" {
    need strace
    edit machine 0123456789abcdef0123456789abcdef
    # Of this boot it is of this machine, whatever that is called.
    ctl_says 0 "" status job
    sed -i "s/^boot .*/boot 82fafa03-0000-4275-a3d5-56ebfab4a90b/" "$DZ_STATE_DIR/job"
    undecided "it was started on another machine"
    edit boot -
    undecided "the boot is not known"
    edit boot 82fafa03-0000-4275-a3d5-56ebfab4a90b
    sed -i '/^machine/d' "$DZ_STATE_DIR/job"
    undecided "it was started on an unknown machine"
    edit space $(($(recorded job space) + 1))
    undecided "it was started in another PID namespace"
    edit space 0
    undecided "it was started in another PID namespace"
}

@test "a record with the PID of a living stranger" {
    need strace
    start_victim leave --name=job --output=log
    end_victim "$pid"
    new_stranger
    sed -i "s/^pid .*/pid $stranger/" "$DZ_STATE_DIR/job"
    [ "$(start_time "$stranger")" != "$(recorded job start)" ] || sed -i "s/^start .*/start 2/" "$DZ_STATE_DIR/job"
    not_believed 1 "job: ended *"
}

@test "what is no record is not believed" {
    need strace
    start_victim leave --name=job --output=log
    assert_started leave
    stranger=$pid
    good=$(cat "$DZ_STATE_DIR/job")
    for change in 's/^dz 1/dz 2/' 's/^pid .*/pid 0/' 's/^pid .*/pid -1/' \
        's/^pid .*/pid 4294967298/' 's/^pid /PID /' '/^boot/d' 's/^boot /boot xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/' \
        's/^start .*/start x/' '/^session/,$d' '1,$d'; do
        printf '%s\n' "$good" | sed "$change" >"$DZ_STATE_DIR/job"
        watched status job
        assert "status after $change" "$status" 4
        assert stderr "$stderr" "dzctl: record: job: not a record"
        assert signals "$calls" ""
        watched stop job
        assert "stop after $change" "$status" 1
        assert signals "$calls" ""
        start_victim leave --name=job --output=log
        assert_started leave
        end_victim "$pid"
    done
    alive "$stranger"
}

@test "a record that others own or may write is not believed; its name is free" {
    need_root
    need strace
    for spoil in 'chown 65432' 'chmod 620' 'chmod 602'; do
        start_victim leave --name=job --output=log
        assert_started leave
        stranger=$pid
        $spoil "$DZ_STATE_DIR/job"
        says_of job 4 1 "dzctl: record: job: another user owns it, or others may write to it"
        [ -e "$DZ_STATE_DIR/job" ]
        start_victim leave --name=job --output=log
        assert_started leave
        assert "owner and mode" "$(stat -c '%u %a' "$DZ_STATE_DIR/job")" "0 600"
        alive "$stranger"
        end_victim "$pid"
    done
    ln -s "$DZ_STATE_DIR/job" "$DZ_STATE_DIR/link"
    mkfifo "$DZ_STATE_DIR/fifo"
    mkdir "$DZ_STATE_DIR/folder"
    for name in link fifo; do
        watched status $name
        assert "status of $name" "$status" 4
        assert signals "$calls" ""
        start_victim leave --name=$name --output=log
        assert_started leave
        assert "record of $name" "$(stat -c %F "$DZ_STATE_DIR/$name")" "regular file"
    done
    start_victim leave --name=folder --output=log
    assert_refused leave "name: folder: *"
    [ -d "$DZ_STATE_DIR/folder" ]
    [ ! -e "$DZ_STATE_DIR/.folder.new" ]
}

# Run shell code as PID 1 of a PID namespace of its own, where a mistake can reach
# none but itself.
in_namespace() {
    export DZ CTL SHIM SLEEP TESTS BATS_TEST_TMPDIR
    try within "${NEW_PIDS[@]}" \
        bash -c '. "$TESTS/namespace.bash"; eval "$1"' namespace "$1"
    assert "stderr of the namespace" "$stderr" ""
}

@test "another process gets the job's PID: not running, no signal, the name is free" {
    need_root
    need strace
    in_namespace '
        job=$("$DZ" -d -q -w exec --name=job -p pid -o log "$SLEEP" 3600)
        kill -KILL "$job"
        until [ ! -e /proc/$job ]; do :; done
        take "$job"
        for word in job ./pid; do
            ask status $word
            ask stop $word
            "$DZ" -d -q -w exec --name=job -p pid -o log "$SLEEP" 3600 >again || echo "no start"
            "$CTL" stop ./pid >/dev/null
            # As it was.
            printf "%s\n" "$job" >pid
            touch -d "1 minute ago" pid
        done
        alive "$job" && echo alive'
    assert output "$output" "status 1
stop 0
status 1
stop 0
alive"
}

@test "a job of another PID namespace: by its name" {
    need_root
    need strace
    start_victim leave --name=job --pidfile=pid --output=log
    assert_started leave
    in_namespace '
        ask status job
        take '"$pid"'
        ask status job
        ask stop job
        alive '"$pid"' && echo alive
        "$DZ" -d -q -w exec --name=job -o log "$SLEEP" 3600 2>&1 || echo "no start"'
    assert output "$output" "status 4
status 4
stop 1
alive
dznohup: name: job: cannot tell whether PID $pid runs: it was started in another PID namespace
no start"
    alive "$pid"
}

@test "a job of another PID namespace: by its pidfile, which a stranger here has" {
    need_root
    need strace
    # Both in a namespace: what is wrongly signalled is the test's own.
    in_namespace '
        take 300
        unshare --pid --fork --mount --mount-proc bash -c "
            echo 297 >/proc/sys/kernel/ns_last_pid
            \"\$DZ\" -d -q -w exec --name=job -p pid -o log \"\$SLEEP\" 3600 >made
            exec sleep 3600" &
        until [ -s made ]; do :; done
        echo "made as $(cat made)"
        ask status job
        ask status ./pid
        ask stop ./pid
        alive 300 && echo alive'
    assert output "$output" "made as 300
status 4
status 4
stop 1
alive"
}

@test "PID 1 of a container has a name, too" {
    need_root
    export DZ_STATE_DIR
    try within "${NEW_PIDS[@]}" \
        "$DZ" --mode=stay -q --name=job -C . -o out bash -c '
            export DZ_STATE_DIR=$1
            "$2" status job >/dev/null; echo "status $?"
            timeout "$DEADLINE" "$2" stop job; echo "stop $?"
            "$3" -d -q -w exec --name=job -o /dev/null sleep 3600; echo "start $?"' \
        one "$DZ_STATE_DIR" "$CTL" "$DZ"
    assert output "$(cat out)" "status 0
dzctl: stop: job: refused: stopping PID 1 would end the whole system or container
stop 1
dznohup: name: job: already running as PID 1
start 122"
}

# ASan says that it misses /proc.
# bats test_tags=unsanitized
@test "a job is not taken for ended where /proc is not there" {
    need_root
    start_victim leave --name=job --output=log
    assert_started leave
    new_victim
    export DZ CTL victim
    try closed unshare --mount bash -c '
        mount -t tmpfs none /proc
        "$DZ" -d -q --name=job -o log "$victim" 3600; echo "start $?"
        "$CTL" clear; echo "clear $?"
        "$CTL" status job >/dev/null; echo "status $?"'
    assert_match stderr "$stderr" "dznohup: name: job: *"
    assert output "$output" "start 125"$'\n'"clear 0"$'\n'"status 4"
    assert record "$(recorded job pid)" "$pid"
    alive "$pid"
    refute_victim
}

@test "where /proc is of other processes a start with a name is refused" {
    need_root
    export DZ SLEEP BATS_TEST_TMPDIR
    # It has the PID of somebody else there, who lives.
    try within unshare --pid --fork --kill-child \
        "$DZ" --mode=stay -q --name=job -C . -o log "$SLEEP" 3600
    assert status "$status" 125
    assert stderr "$stderr" "dznohup: name: job: /proc is missing or of another PID namespace"
    assert records "$(ls -A "$DZ_STATE_DIR")" ""
}

@test "a job whose first thread has ended is running, and is stopped" {
    start leave --name=job --output=log -- "$PYTHON" "$PROGRAMS/first-thread-ends.py"
    assert status "$status" 0
    is_zombie() { [ "$(stat_field "$pid" 3)" = Z ]; }
    await is_zombie
    [ "$(stat_field "$pid" 20)" -gt 1 ]
    try "$CTL" status job
    assert status "$status" 0
    start_victim leave --name=job --output=log
    assert_refused leave "name: job: already running as PID *"
    pid=$(recorded job pid)
    try closed "$CTL" stop job
    assert status "$status" 0
    [ ! -e "/proc/$pid" ] || [ "$(stat_field "$pid" 20)" -le 1 ]
}

@test "another process gets the session's number while a job is stopped: it lives" {
    need_root
    need strace
    # dzctl is slow to look for the job, whose session had that number.
    in_namespace '
        "$DZ" --mode=stay -q --name=job -o log "$SLEEP" 3600 &
        job=$!
        until [ "$(readlink /proc/$job/exe)" = "$SLEEP" ]; do :; done
        (
            strace -qq -o trace -e trace=pidfd_send_signal -e inject=pidfd_send_signal:delay_exit=2000000:when=1 \
                "$CTL" stop job >/dev/null 2>&1
            echo "stop $?" >said
        ) &
        wait "$job"
        sleep 0.1
        echo $((job - 1)) >/proc/sys/kernel/ns_last_pid
        setsid sleep 3600 &
        [ $! = "$job" ] || echo "the stranger is $!"
        until [ "$(cat /proc/$job/comm)" = sleep ]; do :; done
        cut -d" " -f6 /proc/$job/stat | sed "s/^$job\$/leads/"
        [ ! -s said ] || echo "too late"
        until [ -s said ]; do :; done
        cat said
        alive "$job" && echo alive'
    assert output "$output" "leads
stop 0
alive"
}

# ASan says that it misses /proc.
# bats test_tags=unsanitized
@test "records of jobs without a name that have ended are swept when they are many" {
    need_root
    # Of the process that is number PID there: start PID.
    in_namespace '
        mkdir -p "$DZ_STATE_DIR" && chmod 700 "$DZ_STATE_DIR"
        start() {
            echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid
            "$DZ" --mode=stay -q -o log "$SLEEP" 3600 &
            until [ "$(readlink /proc/$!/exe)" = "$SLEEP" ]; do :; done
            [ $! = "$1" ] || echo "started as $!"
        }
        count() { ls -A "$DZ_STATE_DIR" | wc -l; }
        "$DZ" --mode=stay -q --name=job -o log sleep 0
        start 5000
        dead=$(sed "s/^pid .*/pid 7000/" "$DZ_STATE_DIR/5000")
        : >"$DZ_STATE_DIR/6999"
        fill() { for ((i = 7000; i < 7000 + $1; i++)); do echo "$dead" >"$DZ_STATE_DIR/$i"; done; }
        umask 077
        fill 990
        start 6400
        echo "few: $(count)"
        fill 1100
        start 6401
        echo "at another PID: $(count)"
        start 6464
        ls -A "$DZ_STATE_DIR"
        # Without /proc nobody is known to have ended: the next two PIDs.
        fill 1100
        export DZ DZ_STATE_DIR
        unshare --mount bash -c "
            echo 6526 >/proc/sys/kernel/ns_last_pid
            mount -t tmpfs none /proc
            \"\$DZ\" --mode=stay -q -o log sh -c \"echo PID \\\$\\\$\"
            true" </dev/null
        tail -n 1 log
        echo "without /proc: $(count)"'
    assert output "$output" "few: 994
at another PID: 1105
5000
6400
6401
6464
6999
job
PID 6528
without /proc: 1106"
}

@test "records in memory: made beside the start, and there when it returns" {
    need_root
    need strace
    in_namespace '
        mkdir memory && mount -t tmpfs -o mode=700 memory memory || exit 9
        export DZ_STATE_DIR=$PWD/memory
        # The first child of the launcher is number PID - 1, the target PID.
        start() { # PID WORD...: the words are for strace, which sees the links alone
            pid=$1
            shift
            strace -qq -f -o trace -e trace=linkat "$@" -- sh -c "
                echo $((pid - 2)) >/proc/sys/kernel/ns_last_pid
                exec \"\$DZ\" -d -q -w exec -o log \"\$SLEEP\" 3600" >out 2>err </dev/null &
            until [ -s out ] || [ ! -e /proc/$! ]; do :; done
            cat out err
            [ "$(sed -n "s/^pid //p" "$DZ_STATE_DIR/$pid")" = "$pid" ] &&
                [ "$(sed -n "s/^start //p" "$DZ_STATE_DIR/$pid")" = "$(cut -d" " -f22 "/proc/$pid/stat")" ] &&
                [ "$(sed -n "s/^session //p" "$DZ_STATE_DIR/$pid")" = $((pid - 1)) ] &&
                [ "$(sed -n "s/^log //p" "$DZ_STATE_DIR/$pid")" = "$PWD/log" ] &&
                tail -n 1 "$DZ_STATE_DIR/$pid"
            case $(sed -n "/linkat/s/ .*//p" trace | tail -n 1) in
            $((pid - 1))) by="first child" ;;
            "$pid") by=target ;;
            *) by=caller ;;
            esac
            echo "by the $by: $(ls -A "$DZ_STATE_DIR" | tr "\n" " ")"
            cp "$DZ_STATE_DIR/$pid" last
            rm "$DZ_STATE_DIR"/*
            : >out
            kill -KILL "$pid"
            wait $! # strace ends with what it follows
        }
        start 5001
        sed "s/^pid .*/pid 5003/" last >"$DZ_STATE_DIR/5003"
        chmod 600 "$DZ_STATE_DIR/5003"
        start 5003
        start 5007 -e inject=linkat:error=ENOENT
        start 5056'
    assert output "$output" "5001
end
by the first child: 5001 
5003
end
by the caller: 5003 
5007
end
by the caller: 5007 
5056
end
by the target: 5056 "
}

@test "records in memory: of a program that has ended before its record is made" {
    need_root
    need strace
    in_namespace '
        mkdir memory && mount -t tmpfs -o mode=700 memory memory || exit 9
        export DZ_STATE_DIR=$PWD/memory
        # What makes the record asks for the process, and gets its answer late.
        strace -qq -f -o trace -e trace=getpgid -e inject=getpgid:delay_exit=300000 \
            "$DZ" -d -o log true 2>&1 >pid </dev/null
        "$CTL" status "$(cat pid)" | sed "s/, .*//"'
    assert output "$output" "$(<pid): ended (status 0)"
}

@test "--if-not-running: a job that runs is no failure, and its PID is printed" {
    for by in --name=job --pidfile=pid; do
        for mode in stay leave; do
            start_victim leave $by --output=/dev/null
            first=$pid
            try closed "$DZ" --mode=$mode $by --if-not-running "$SLEEP" 3600
            assert "status of $by in $mode" "$status" 0
            assert "output of $by in $mode" "$output" "$first"
            assert "stderr of $by in $mode" "$stderr" ""
            kill -KILL "$first"
            await gone "$first"
        done
    done
    # The library prints nothing.
    start_victim leave --name=job --output=/dev/null
    first=$pid
    try closed env LD_PRELOAD="$SHIM" DZ_NAME=job DZ_IF_NOT_RUNNING=1 "$SLEEP" 3600
    assert "status of the library" "$status" 0
    assert "what the library says" "$output$stderr" ""
    kill -KILL "$first"
    await gone "$first"
    # Where none runs it is started.
    start_victim leave --name=job --if-not-running --output=/dev/null
    assert_started leave
    # Without a name or a pidfile there is nothing to ask.
    try dz -d --if-not-running "$SLEEP" 3600
    assert "status without a name" "$status" 125
    assert "stderr without a name" "$stderr" "dznohup: if-not-running: needs --name or --pidfile"
}
