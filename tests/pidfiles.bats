# -p and DZ_PIDFILE: what is in the file, when it is there and when not, which
# files are believed, and that nobody is signalled on account of the others.

load helpers
load jobs

# ---- the file -----------------------------------------------------------------

@test "the PID and a newline, 0644 less umask, in every mode" {
    for mode in stay leave shim-leave; do
        for mask in 000 022 027 077 177 0333; do
            umask "$mask"
            start_victim $mode --pidfile=pid --output=log
            umask 022
            assert_started $mode
            printf '%s\n' "$pid" | cmp - pid
            assert "mode, umask $mask" "$(stat -c %a pid)" "$(printf '%o' $((0644 & ~0$mask)))"
            assert beside "$(ls -A)" "log"$'\n'"pid"
            [ $mode = stay ] || assert_own_session "$pid" leave
            end_victim "$pid"
            rm -f pid log
        done
    done
}

@test "-u rules the pidfile's mode too" {
    for mode in stay leave shim-leave; do
        umask 077
        start_victim $mode --umask=026 --pidfile=pid --output=log
        umask 022
        assert_started $mode
        assert "mode in $mode" "$(stat -c %a pid)" 640
        end_victim "$pid"
        rm -f pid log
    done
}

@test "its path is of the caller's directory, not of the program's" {
    mkdir elsewhere
    for mode in stay leave shim-leave; do
        start_victim $mode --pidfile=pid --output=log --chdir="$PWD/elsewhere"
        assert_started $mode
        assert "cwd in $mode" "$(cwd_of "$pid")" "$PWD/elsewhere"
        assert "pidfile in $mode" "$(cat pid)" "$pid"
        assert elsewhere "$(ls -A elsewhere)" ""
        end_victim "$pid"
        rm -f pid log
    done
}

@test "it is there when the caller gets its prompt, and when the program runs" {
    for mode in leave shim-leave; do
        for _ in {1..10}; do
            start_victim $mode --pidfile=pid --output=log --wait=exec
            assert "pidfile in $mode" "$(cat pid)" "$pid"
            end_victim "$pid"
            rm -f pid
        done
    done
    # The program itself finds it; in stay mode that is all there is to tell.
    for mode in stay leave shim-leave; do
        start $mode --pidfile=pid --output=log --chdir=. -- sh -c 'read -r it <pid && echo "$it $$" >seen'
        await is_file seen
        read -r it self <seen
        assert "pidfile in $mode" "$it" "$self"
        rm -f pid seen
    done
}

@test "it appears whole: 200 starts under the eyes of a reader" {
    new_victim
    DEADLINE=600 run within "$PYTHON" "$PROGRAMS/watch-pidfile.py" "$DZ" "$victim"
    assert output "$output" "bad: [] seen enough: True"
}

# ---- a start that fails ----------------------------------------------------------

# leaves_nothing MODE STATUS [--OPTION=VALUE]... -- WORD...
leaves_nothing() {
    local mode=$1 want=$2 before
    shift 2
    before=$(ls -A)
    start "$mode" --pidfile=pid --name=failing "$@"
    assert "status in $mode" "$status" "$want"
    assert "files in $mode" "$(ls -A)" "$before"
    assert "records in $mode" "$(ls -A "$DZ_STATE_DIR")" ""
}

@test "exec, chdir or descriptors that fail leave no pidfile and no record" {
    printf '#!/no/such\n' >script
    chmod +x script
    : >log
    for mode in stay leave; do
        leaves_nothing $mode 126 --output=log -- ./script
    done
    new_victim
    for mode in stay leave shim-leave; do
        leaves_nothing $mode 125 --output=log --chdir=/no/such -- "$victim" 3600
        leaves_nothing $mode 125 --output=log --keep-fd=77 -- "$victim" 3600
    done
}

@test "close(2) of the rest that fails, after the pidfile, takes it back" {
    need strace
    new_victim
    for words in --mode=stay -d; do
        try within strace -f -qq -o ../trace -e trace=close_range,getdents64 \
            -e inject=close_range:error=EIO -e inject=getdents64:error=EIO \
            "$DZ" $words -o /dev/null -p pid --name=failing "$victim" 3600
        grep -q INJECTED ../trace
        assert "status of $words" "$status" 125
        assert files "$(ls -A . "$DZ_STATE_DIR")" ".:"$'\n\n'"$DZ_STATE_DIR:"
        refute_victim
    done
}

@test "an early death and a time-out leave no pidfile and no record, a good end its status" {
    : >log
    new_victim
    for mode in leave shim-leave; do
        leaves_nothing $mode 3 --output=log -- sh -c 'exit 3'
        leaves_nothing $mode 137 --output=log -- sh -c 'kill -KILL $$'
        leaves_nothing $mode 124 --output=log --wait=path:/no/such --timeout=0.2 -- "$victim" 3600
        refute_victim
        # A good end is noted.
        start $mode --pidfile=pid --name=good --output=log -- sh -c 'exit 0'
        assert "status in $mode" "$status" 0
        [ ! -e pid ] || fail "a pidfile is left in $mode"
        assert "record in $mode" "$(tail -n 1 "$DZ_STATE_DIR/good")" "status 0"
        rm "$DZ_STATE_DIR/good"
    done
}

@test "an interrupt while -d waits leaves no pidfile and no record" {
    for signal in INT TERM QUIT; do
        for mode in leave shim-leave; do
            new_victim
            if [ $mode = leave ]; then
                # A shell without job control has its children ignore SIGINT.
                env --default-signal="$signal" "$DZ" -d -q -p pid --name=failing -o /dev/null \
                    -w path:/no/such "$victim" 3600 >/dev/null 2>&1 3>&- 4>&- &
            else
                env --default-signal="$signal" LD_PRELOAD="$SHIM" DZ_PIDFILE=pid \
                    DZ_NAME=failing DZ_OUTPUT=/dev/null DZ_WAIT=path:/no/such DZ_ONLY="${victim##*/}" \
                    "$victim" 3600 >/dev/null 2>&1 3>&- 4>&- &
            fi
            launcher=$!
            await is_file pid
            target=$(cat pid)
            track "$target"
            await runs_program "$target" "$SLEEP"
            kill -"$signal" "$launcher"
            status=0
            wait "$launcher" || status=$?
            assert "status in $mode" "$status" $((128 + $(kill -l "$signal")))
            gone "$target" || fail "$target runs on"
            assert "files in $mode" "$(ls -A . "$DZ_STATE_DIR")" ".:"$'\n\n'"$DZ_STATE_DIR:"
        done
    done
}

@test "a failing start never takes another's pidfile or record" {
    start_victim leave --pidfile=pid --name=job --output=log
    assert_started leave
    first=$pid
    before=$(state_of . "$DZ_STATE_DIR")
    for mode in stay leave shim-leave; do
        start_victim $mode --pidfile=pid --output=log
        assert_refused $mode "pidfile: pid: already running as PID $first"
        start_victim $mode --name=job --output=log
        assert_refused $mode "name: job: already running as PID $first"
        # One of the two is free: neither is touched, and the free one not made.
        start_victim $mode --pidfile=pid --name=other --output=log
        assert_refused $mode "pidfile: pid: already running as PID $first"
        start_victim $mode --pidfile=other --name=job --output=log
        assert_refused $mode "name: job: already running as PID $first"
        assert "files after $mode" "$(state_of . "$DZ_STATE_DIR")" "$before"
    done
    alive "$first"
}

@test "a program that fails early takes no pidfile that names another by then" {
    new_stranger
    sleep 0 &
    dead=$!
    wait "$dead"
    for mode in leave shim-leave; do
        for other in "$stranger" "$dead" garbage; do
            start $mode --pidfile=pid --output=log --chdir=. -- sh -c "echo $other >pid; exit 3"
            assert status "$status" 3
            assert pidfile "$(cat pid)" "$other"
            rm pid
        done
    done
}

@test "a pidfile that cannot be made: nothing runs, nothing is left" {
    need_root
    mkdir full ro
    new_victim
    for mode in stay leave shim-leave; do
        start $mode --pidfile=no/such/pid -- "$victim" 3600
        assert_refused $mode "pidfile: no/such/pid: No such file or directory"
        start $mode --pidfile="log/pid" -- "$victim" 3600
        assert_refused $mode "pidfile: log/pid: No such file or directory"
        long=$(printf 'x%.0s' {1..300})
        start $mode --pidfile="$long" -- "$victim" 3600
        assert_refused $mode "pidfile: $long: File name too long"
        rm -f nohup.out
    done
    assert left "$(ls -A)" "full"$'\n'"ro"
    export DZ SHIM victim
    try closed unshare --mount bash -c '
        mount -t tmpfs -o size=4k,mode=755 full full && mount -t tmpfs -o ro ro ro || exit 9
        head -c 8192 /dev/zero >full/ballast 2>/dev/null
        for folder in full ro; do
            for words in "$DZ --mode=stay -p $folder/pid --name=x" "$DZ -d -p $folder/pid --name=x" \
                "env LD_PRELOAD=$SHIM DZ_PIDFILE=$folder/pid DZ_NAME=x"; do
                $words "$victim" 3600 </dev/null
                echo "$? $(ls -A "$folder" | tr "\n" " ")"
            done
        done'
    assert statuses "$output" "$(printf '125 %s\n' ballast\ {,,} '' '' '')"
    grep -v "No space left on device$\|Read-only file system$" <<<"$stderr" && fail "$stderr"
    assert lines "$(wc -l <<<"$stderr")" 6
    assert records "$(ls -A "$DZ_STATE_DIR")" ""
    refute_victim
}

@test "an unprivileged user in a folder that is not his" {
    need_root
    need setpriv
    mkdir locked
    chmod 755 . locked
    for words in "'$DZ' --mode=stay -p locked/pid" "'$DZ' -d -p locked/pid" \
        "env LD_PRELOAD='$SHIM' DZ_PIDFILE=locked/pid"; do
        new_victim
        try closed setpriv --reuid="$NOBODY" --clear-groups sh -c "$words $victim 3600" </dev/null
        assert "status of $words" "$status" 125
        assert_match stderr "$stderr" "*: pidfile: locked/pid: Permission denied"
        refute_victim
    done
    assert left "$(ls -A locked)" ""
}

@test "-n makes no pidfile and no record" {
    try dz -n -d -p pid --name=job sleep 1
    assert status "$status" 0
    assert files "$(ls -A)" ""
    [ ! -e "$DZ_STATE_DIR" ]
}

# ---- files that are there before -----------------------------------------------------

# replaced NOTE MAKE: what MAKE makes is replaced by each start, and said.
replaced() {
    local note=$1 make=$2
    for mode in stay leave shim-leave; do
        rm -rf pid
        eval "$make"
        start_victim $mode --pidfile=pid --output=log
        assert_started $mode
        assert "stderr in $mode" "$stderr" "$(speaker $mode): note: pid: $note; replaced"
        assert "pidfile in $mode" "$(cat pid)" "$pid"
        end_victim "$pid"
    done
    rm -rf pid
    eval "$make"
}

# refused REASON MAKE: what MAKE makes is left as it is by each start.
refused() {
    local reason=$1 make=$2 before
    rm -rf pid
    eval "$make"
    before=$(state_of .)
    for mode in stay leave shim-leave; do
        start_victim $mode --pidfile=pid
        rm -f nohup.out
        assert_refused $mode "pidfile: pid: $reason"
        assert "files after $mode" "$(state_of .)" "$before"
    done
}

@test "what is no PID is replaced, said, and no reason for a signal" {
    need strace
    : >log
    replaced empty ': >pid'
    says_of ./pid 4 1 "dzctl: pidfile: ./pid: empty"
    new_stranger
    # shellcheck disable=SC2059
    for text in '\n' '0\n' '-1\n' '1\n' '99999999999\n' '4294967298\n' 'sleep\n' "$stranger\n$stranger\n" \
        "$stranger \n" " $stranger\n" "+$stranger\n" "$stranger\n\n" "${stranger}x\n" "-$stranger\n" \
        "$stranger\0\n" "0x10\n" "$(printf '%031d' "$stranger")23\n"; do
        replaced "not a PID" "printf -- '$text' >pid"
        says_of ./pid 4 1 "dzctl: pidfile: ./pid: not a PID"
        assert "bytes left of '$text'" "$(od -c pid)" "$(printf -- "$text" | od -c)"
    done
    alive "$stranger"
}

@test "a folder, a FIFO, a symbolic link are refused, and no reason for a signal" {
    need strace
    new_stranger
    echo "$stranger" >real
    refused "not a regular file" 'mkdir pid'
    says_of ./pid 4 1 "dzctl: pidfile: ./pid: not a regular file"
    refused "not a regular file" 'mkfifo pid'
    says_of ./pid 4 1 "dzctl: pidfile: ./pid: not a regular file"
    refused "a symbolic link" 'ln -s real pid'
    says_of ./pid 4 1 "dzctl: pidfile: ./pid: a symbolic link"
    refused "a symbolic link" 'ln -s nowhere pid'
    says_of ./pid 4 1 "dzctl: pidfile: ./pid: a symbolic link"
    refute test -e nowhere
    refused "a symbolic link" 'ln -s /dev/full pid'
    says_of ./pid 4 1 "dzctl: pidfile: ./pid: a symbolic link"
    assert real "$(cat real)" "$stranger"
    alive "$stranger"
}

@test "a pidfile that may not be read is refused, and no reason for a signal" {
    need_root
    need setpriv strace
    chmod 777 .
    new_stranger
    echo "$stranger" >pid
    chmod 600 pid
    CTL_AS=$(printf '#!/bin/sh\nexec setpriv --reuid=%s --clear-groups "%s" "$@"\n' "$NOBODY" "$CTL")
    echo "$CTL_AS" >ctl
    chmod +x ctl
    CTL=$PWD/ctl says_of ./pid 4 1 "dzctl: pidfile: ./pid: Permission denied"
    for words in "'$DZ' --mode=stay -p pid" "'$DZ' -d -p pid" "env LD_PRELOAD='$SHIM' DZ_PIDFILE=pid"; do
        new_victim
        try closed setpriv --reuid="$NOBODY" --clear-groups sh -c "$words $victim 3600" </dev/null
        rm -f nohup.out
        assert "status of $words" "$status" 125
        assert_match stderr "$stderr" "*: pidfile: pid: Permission denied"
        refute_victim
    done
    assert files "$(ls -A)" "ctl"$'\n'"pid"
    assert pidfile "$(cat pid)" "$stranger"
}

@test "a stale PID is replaced, and no reason for a signal" {
    need strace
    sleep 0 &
    dead=$!
    wait "$dead"
    : >log
    replaced "stale, of PID $dead" "echo $dead >pid"
    says_of ./pid 1 0 "./pid: *, PID $dead, pidfile stale, of PID $dead"
    refute test -e pid
}

@test "a living process that is younger than the file is nobody's job" {
    need strace
    new_stranger
    : >log
    make="echo $stranger >pid; touch -d '1 hour ago' pid"
    replaced "stale, of PID $stranger" "$make"
    says_of ./pid 1 0 "./pid: *, PID $stranger, pidfile stale, of PID $stranger"
    alive "$stranger"
    assert program "$(exe_of "$stranger")" "$SLEEP"
}

@test "a living process that is older than the file is running, and is stopped" {
    need strace
    new_stranger
    : >log
    # Written while the clock was far ahead: nanoseconds of 2286 do not fit 64 bits.
    refused "already running as PID $stranger" "echo $stranger >pid; touch -d @9999999999 pid"
    refused "already running as PID $stranger" "echo $stranger >pid"
    watched status ./pid
    assert status "$status" 0
    assert_match output "$output" "./pid: running, PID $stranger, *"
    assert signals "$calls" ""
    watched stop ./pid
    assert status "$status" 0
    assert_match "signals, by a descriptor" "$calls" "*pidfd_send_signal(*SIGTERM*"
    gone "$stranger"
    refute grep -vE 'pidfd_send_signal' <<<"$calls"
}

@test "orders are not taken from a file that others may write or a stranger owns" {
    need_root
    need strace
    new_stranger
    for mode in 664 646 666; do
        echo "$stranger" >pid
        chmod $mode pid
        says_of ./pid 4 1 "dzctl: pidfile: ./pid: others may write to it"
    done
    chmod 644 pid
    chown "$NOBODY" pid
    says_of ./pid 4 1 "dzctl: pidfile: ./pid: its owner is not the user of the process"
    alive "$stranger"
}

@test "the folder's lock: not a file of ours, left behind, too long" {
    need_root
    : >log
    for make in 'mkdir .pid.new' 'mkfifo .pid.new' 'ln -s real .pid.new' ': >.pid.new; chown 65432 .pid.new'; do
        rm -rf .pid.new
        eval "$make"
        before=$(state_of .)
        for mode in stay leave shim-leave; do
            start_victim $mode --pidfile=pid --output=log
            assert_refused $mode "pidfile: *"
            assert "files" "$(state_of .)" "$before"
        done
    done
    rm -rf .pid.new
    # What a start that was killed has left is written over.
    mkdir -p "$DZ_STATE_DIR"
    chmod 700 "$DZ_STATE_DIR"
    printf '%09000d' 1 | tee .pid.new >"$DZ_STATE_DIR/.job.new"
    start_victim leave --pidfile=pid --output=log --name=job
    assert_started leave
    assert record "$(tail -n 1 "$DZ_STATE_DIR/job" | tail -c 40)" end
    assert pidfile "$(cat pid)" "$pid"
    assert files "$(ls -A)" "log"$'\n'"pid"
}

@test "a pidfile that is the record of the same start is an error, not a wait for itself" {
    mkdir -m 700 "$DZ_STATE_DIR"
    for words in "$DZ --mode=stay -p $DZ_STATE_DIR/job --name=job" "$DZ -d -p $DZ_STATE_DIR/job --name=job" \
        "env LD_PRELOAD=$SHIM DZ_PIDFILE=$DZ_STATE_DIR/job DZ_NAME=job"; do
        new_victim
        # shellcheck disable=SC2086
        try within $words "$victim" 3600 </dev/null
        rm -f nohup.out
        assert "status of $words" "$status" 125
        refute_victim
    done
}

@test "a job that runs is not taken for stale where /proc is not there" {
    need_root
    start_victim leave --pidfile=pid --output=log
    assert_started leave
    new_victim
    export DZ victim
    try closed unshare --mount bash -c '
        mount -t tmpfs none /proc && "$DZ" -d -p pid -o log "$victim" 3600'
    [ -z "$output" ] || track "$output"
    assert status "$status" 125
    assert pidfile "$(cat pid)" "$pid"
}

@test "a failed start leaves no pidfile where the umask lets nobody read it" {
    need_root
    need setpriv
    mkdir mine
    chown "$NOBODY" mine
    printf '#!/no/such\n' >script
    chmod 755 . script
    for words in "--mode=stay" -d; do
        try closed setpriv --reuid="$NOBODY" --clear-groups \
            bash -c "cd mine && umask 0777 && exec '$DZ' $words -o /dev/null -p pid '$PWD/script'"
        assert "status of $words" "$status" 126
        assert "left of $words" "$(ls -A mine)" ""
    done
}

# ---- the lock ------------------------------------------------------------------

# Hold the lock .pid.new until the file over is there.
hold() {
    rm -f over held
    beside "$PYTHON" "$PROGRAMS/hold-lock.py" >/dev/null 2>&1 &
    track $!
    await is_file held
}
# In the background: $! is the launcher.
exec_launcher() { exec "$DZ" "$@" >out 2>err 3>&- 4>&-; }
has_open() { [[ $(readlink /proc/"$1"/fd/* 2>/dev/null) == *"$2"* ]]; }

@test "the lock that another has: it is waited for, no longer than the time-out" {
    hold
    before=$(stat -c %i .pid.new)
    for mode in leave shim-leave stay; do
        new_victim
        start=("$DZ" -d)
        [ $mode != stay ] || start=("$DZ" --mode=stay)
        [ $mode != shim-leave ] || start=(env LD_PRELOAD="$SHIM")
        try closed env DZ_PIDFILE=pid DZ_OUTPUT=/dev/null DZ_TIMEOUT=0.3 timeout -s KILL "$DEADLINE" "${start[@]}" "$victim" 3600
        assert_refused $mode "pidfile: pid: another start has locked it for too long"
        assert "the lock" "$(stat -c %i .pid.new)" "$before"
    done
    # In time it is let go.
    new_victim
    exec_launcher -d -p pid -o /dev/null "$victim" 3600 &
    launcher=$!
    await has_open "$launcher" .pid.new
    refute test -e pid
    : >over
    wait "$launcher"
    pid=$(<out)
    track "$pid"
    assert pidfile "$(<pid)" "$pid"
}

@test "a lock that was renamed or removed meanwhile is none: the next is taken" {
    for code in 'mv .pid.new moved' 'rm .pid.new' 'mv .pid.new moved; : >.pid.new'; do
        hold
        new_victim
        exec_launcher -d -p pid -o /dev/null "$victim" 3600 &
        launcher=$!
        await has_open "$launcher" .pid.new
        eval "$code"
        : >over
        wait "$launcher" || fail "$code: $(<err)"
        pid=$(<out)
        track "$pid"
        assert "pidfile after $code" "$(<pid)" "$pid"
        [ ! -e moved ] || assert "what was renamed" "$(stat -c %s moved)" 0
        [ ! -e .pid.new ]
        end_victim "$pid"
        rm -f pid moved
    done
}

@test "a lock that is a file with another name is refused, and that file left as it is" {
    echo precious >precious
    ln precious .pid.new
    for mode in stay leave shim-leave; do
        start_victim $mode --pidfile=pid --output=/dev/null
        assert_refused $mode "pidfile: *.pid.new: another user owns it, or it is not a regular file with one name"
        assert precious "$(<precious)" precious
        assert "mode and links" "$(stat -c '%a %h' precious)" "$(printf '%o' $((0666 & ~$(umask)))) 2"
    done
}

@test "where a filter answers statx(2) with EPERM, as old container engines do, all of it works" {
    need strace
    denied=(timeout -s KILL 60 strace -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=statx -e inject=statx:error=EPERM)
    new_victim
    try closed "${denied[@]}" "$DZ" -d -q -w exec -p pid --name=job -o log "$victim" 3600
    grep -q INJECTED "$BATS_TEST_TMPDIR/trace"
    assert "status ($stderr)" "$status" 0
    pid=$output
    track "$pid"
    for words in "status job" "status ./pid" list "stop ./pid"; do
        # shellcheck disable=SC2086
        try closed "${denied[@]}" "$CTL" $words
        assert "status of $words ($stderr)" "$status" 0
    done
    gone "$pid"
}

@test "without statx(2) all of that holds" {
    need_root
    need strace
    # Of the launcher alone: strace would wait for the job's end.
    without=(timeout -s KILL "$DEADLINE" strace -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=statx -e inject=statx:error=ENOSYS)
    new_victim
    try closed "${without[@]}" "$DZ" -d -q -w exec -p pid -o log "$victim" 3600
    grep -q INJECTED "$BATS_TEST_TMPDIR/trace"
    pid=$output
    track "$pid"
    assert status "$status" 0
    assert pidfile "$(<pid)" "$pid"
    # Whatever is wrong with a pidfile or a lock is seen.
    refused() {
        new_victim
        try closed "${without[@]}" "$DZ" -d -p "$1" -o /dev/null "$victim" 3600
        assert_refused leave "pidfile: *$2"
    }
    refused pid "already running as PID $pid"
    : >precious
    ln precious .two.new
    refused two "another user owns it, or it is not a regular file with one name"
    : >.three.new
    chown "$NOBODY" .three.new
    refused three "another user owns it, or it is not a regular file with one name"
    mkfifo .four.new
    refused four "another user owns it, or it is not a regular file with one name"
    # And of a log that something was written to.
    try closed "${without[@]}" "$DZ" -d -q -w alive:25 -o written sh -c 'echo said; exit 3'
    assert log "$(<written)" said
    # A file that is replaced is another one, if it is as old.
    touch -d '1 minute ago' replaced.1 replaced.2
    mv replaced.1 replaced
    new_victim
    try closed "${without[@]}" "$DZ" -d -q -w path:replaced -t "$DEADLINE" -C . -o /dev/null \
        sh -c 'mv replaced.2 replaced; exec "$@"' sh "$victim" 3600
    assert status "$status" 0
    track "$output"
}
