# The state directory, where records are: one that cannot be used is an error of
# a start with a name, and none of one without.

load helpers
load jobs

# unusable REASON: a start with a name is refused so; one without goes on, and the
# launcher says why it will have no record.
unusable() {
    local before
    before=$(state_of .)
    for mode in stay leave shim-leave; do
        start_victim $mode --name=job --output=/dev/null
        assert_refused $mode "$1"
        start_victim $mode --output=/dev/null
        assert_started $mode
        if [ $mode = shim-leave ]; then
            assert "stderr of $mode" "$stderr" ""
        else
            assert_match "stderr of $mode" "$stderr" "dznohup: note: ${1#*: }; the job has no record"
        fi
        end_victim "$pid"
        assert "files after $mode" "$(state_of .)" "$before"
    done
}

@test "a state directory that is no absolute path, or no folder" {
    for mode in stay leave shim-leave; do
        DZ_STATE_DIR=state start_victim $mode --output=/dev/null
        assert_refused $mode "DZ_STATE_DIR: state: not an absolute path"
    done
    : >file
    DZ_STATE_DIR=$PWD/file unusable "state: $PWD/file: Not a directory"
    DZ_STATE_DIR=$PWD/file/x unusable "state: $PWD/file/x: Not a directory"
    ln -s nowhere link
    DZ_STATE_DIR=$PWD/link unusable "state: $PWD/link: *"
    long=/$(printf 'x/%.0s' {1..2500})
    DZ_STATE_DIR=$long unusable "state: /x/x/*: File name too long"
}

@test "a state directory that others own or may write" {
    need_root
    mkdir dir
    for spoil in 'chmod 770' 'chmod 707' 'chmod 777' 'chmod 1777' 'chown 65432'; do
        chown 0 dir
        chmod 700 dir
        $spoil dir
        DZ_STATE_DIR=$PWD/dir unusable "state: $PWD/dir: another user owns it, or others may write to it"
    done
}

@test "a symbolic link to a good state directory, and one that has to be made" {
    mkdir -m 700 dir
    ln -s dir link
    for folder in link made/in/depth; do
        for mode in stay leave shim-leave; do
            DZ_STATE_DIR=$PWD/$folder start_victim $mode --name=job --output=/dev/null
            assert_started $mode
            assert "record of $mode" "$(grep ^pid "$folder/job")" "pid $pid"
            end_victim "$pid"
        done
    done
    assert "modes" "$(stat -c %a made made/in made/in/depth)" 700$'\n'700$'\n'700
}

@test "a state directory that is full or read-only" {
    need_root
    mkdir -m 700 full ro
    export DZ SHIM
    new_victim
    export victim
    try closed unshare --mount bash -c '
        mount -t tmpfs -o size=4k,mode=700 full full && mount -t tmpfs -o ro,mode=700 ro ro || exit 9
        head -c 8192 /dev/zero >full/ballast 2>/dev/null
        for folder in full ro; do
            export DZ_STATE_DIR=$PWD/$folder
            for words in "$DZ --mode=stay --name=x -p pid" "$DZ -d --name=x -p pid" \
                "env LD_PRELOAD=$SHIM DZ_NAME=x DZ_PIDFILE=pid"; do
                $words "$victim" 3600 </dev/null
                echo "$? $(ls -A "$folder") $(ls -A | grep pid)"
            done
            # Unnamed: it runs.
            for words in "$DZ --mode=stay" "$DZ -d -q -o /dev/null" "env LD_PRELOAD=$SHIM DZ_OUTPUT=/dev/null"; do
                $words true </dev/null >/dev/null
                echo "$? $(ls -A "$folder")"
            done
        done'
    assert output "$output" "125 ballast $(printf '\n125 ballast %.0s' 1 2)
$(printf '0 ballast\n%.0s' 1 2 3)
$(printf '125  \n%.0s' 1 2 3)
$(printf '0 \n%.0s' 1 2 3)"
    assert "reasons" "$(sort -u <<<"$stderr")" "dznohup: name: $PWD/ro/x: Read-only file system
dznohup: name: x: No space left on device
libdz.so: name: $PWD/ro/x: Read-only file system
libdz.so: name: x: No space left on device"
    assert lines "$(wc -l <<<"$stderr")" 6
    refute_victim
}

# as_service VARIABLE... WORD...: as the user of a service, with these variables alone.
as_service() {
    try closed setpriv --reuid="$homeless" --clear-groups env -u HOME -u XDG_STATE_HOME -u DZ_STATE_DIR "$@" </dev/null
}

# in_tmp VARIABLE...: with these variables records are in /tmp/dz-UID.
in_tmp() {
    local words
    for words in "$DZ --mode=stay --name=job -o /dev/null" "$DZ -d -q --name=job -o /dev/null" \
        "env LD_PRELOAD=$SHIM DZ_NAME=job DZ_OUTPUT=/dev/null"; do
        as_service "$@" sh -c "$words sleep 0.2"
        assert "status of $words with $*" "$status" 0 || fail "$stderr"
        assert "mode and owner" "$(stat -c '%a %u' "/tmp/dz-$homeless")" "700 $homeless"
        [ -e "/tmp/dz-$homeless/job" ] || fail "no record with $*"
        as_service "$@" "$CTL" pid job
        as_service "$@" "$CTL" wait job
        as_service "$@" "$CTL" clear
        [ ! -e "/tmp/dz-$homeless/job" ] || fail "a record is left with $*"
    done
    rm -r "/tmp/dz-$homeless"
    as_service "$@" "$CTL" list
    assert "list without a directory" "$status $output" "0 no jobs"
}

# refused REASON: a named job is, and an unnamed one runs without a record.
refused_in_tmp() {
    as_service "$DZ" -d -o /dev/null --name=job sleep 60
    assert status "$status" 125
    assert stderr "$stderr" "dznohup: state: /tmp/dz-$homeless: $1"
    as_service "$DZ" -d -o /dev/null true
    assert status "$status" 0
    assert stderr "$stderr" "dznohup: note: /tmp/dz-$homeless: $1; the job has no record"
}

@test "no HOME, one that is no path, one that may not be written; and XDG_STATE_HOME" {
    need_root
    need setpriv
    homeless=$(lonely_user)
    mkdir mine
    chown "$NOBODY" mine
    in_tmp
    in_tmp HOME=relative
    in_tmp HOME=
    in_tmp XDG_STATE_HOME=relative
    in_tmp HOME="$HOME"
    in_tmp HOME=/no/such
    assert "left" "$(ls -A "$HOME")" ""
    # What anybody can plant there is not taken.
    mkdir -m 777 "/tmp/dz-$homeless"
    chown "$homeless" "/tmp/dz-$homeless"
    refused_in_tmp "another user owns it, or others may write to it; set DZ_STATE_DIR"
    chmod 700 "/tmp/dz-$homeless"
    chown "$NOBODY" "/tmp/dz-$homeless"
    refused_in_tmp "Permission denied; set DZ_STATE_DIR"
    rmdir "/tmp/dz-$homeless"
    mkdir -m 700 target
    chown "$homeless" target
    ln -s "$PWD/target" "/tmp/dz-$homeless"
    refused_in_tmp "Not a directory; set DZ_STATE_DIR"
    rm "/tmp/dz-$homeless"
    for variable in HOME XDG_STATE_HOME; do
        new_victim
        try closed setpriv --reuid="$NOBODY" --clear-groups env -u HOME -u XDG_STATE_HOME -u DZ_STATE_DIR \
            "$variable=$PWD/mine" "$DZ" -d -q -o /dev/null --name=job "$victim" 3600
        assert "status with $variable" "$status" 0
        track "$output"
        [ $variable = HOME ] && where=mine/.local/state/dz/job || where=mine/dz/job
        assert "record with $variable" "$(grep ^pid "$where")" "pid $output"
    done
}
