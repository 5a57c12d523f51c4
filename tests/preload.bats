# Powers and the launcher: it has the library preloaded, proves that it ran, and
# refuses what cannot have it before anything runs.

load helpers
load powers

# refused REASON WORD...: with options before the command, which leaves ran behind;
# the same is said by -n.
refused() {
    local reason=$1 object
    shift
    for mode in "" -d; do
        # shellcheck disable=SC2086
        try power $mode -o none -p pid -C . "$@"
        assert "$*: status" "$status" 125
        assert "$*: output" "$output" ""
        assert_match "$*" "$stderr" "dznohup: preload: $reason"
        assert "left behind" "$(ls -d none pid ran "$DZ_STATE_DIR"/* 2>/dev/null)" ""
    done
    try power -n -o none -C . "$@"
    assert "-n: status" "$status" 125
    assert_match "-n" "$(grep ^refused <<<"$output")" "refused   $reason"
    assert "left behind by -n" "$(ls none ran 2>/dev/null)" ""
}

# A program that leaves ran in its cwd.
build_mark() {
    "$@" -x c - -o mark <<<'#include <fcntl.h>
        int main(void) { return creat("ran", 0600) < 0; }'
}

@test "refused: a static program, by every option that needs the library" {
    build_mark gcc -static
    for option in --line-buffered --buffer=none --buffer=full --pin-signals --pin-signals=all \
        --no-daemon --reopen "--line-buffered --inherit"; do
        # shellcheck disable=SC2086
        refused "$PWD/mark: it is statically linked" $option ./mark
    done
    printf '#!%s\n' "$PWD/mark" >script
    chmod +x script
    refused "$PWD/mark: it is statically linked" --pin-signals ./script
    # Without them, and with the one that does without, it runs.
    for option in -q --pin-signals=seccomp; do
        power $option -C . ./mark
        rm ran
    done
}

@test "refused: a setuid program" {
    need_root
    build_mark gcc
    install -m 4755 -o nobody mark suid
    refused "$PWD/suid: it is setuid, setgid or has file capabilities" --pin-signals ./suid
    try power -C . ./suid
    assert "status without a power" "$status" 1 # nobody may write nothing here
}

@test "refused: a program of another word size" {
    # An ELF header for 32 bits, and the linker that it asks for.
    [ -e /lib/ld-linux.so.2 ] || lacking "needs gcc-multilib"
    "$PYTHON" "$PROGRAMS/elf.py" small 32 3 /lib/ld-linux.so.2
    refused "*libdz.so: *the program is for another machine or word size" --line-buffered ./small
}

@test "AddressSanitizer refuses the library: its own words and its status are the failure's" {
    build_mark gcc -fsanitize=address || lacking "needs libasan"
    for mode in "" -d; do
        # shellcheck disable=SC2086
        try power $mode -o log -p pid -C . --line-buffered ./mark
        assert "$mode: status" "$status" 1
        assert_match "$mode: log" "$(<log)" "*ASan runtime does not come first*"
        # In stay mode nobody is left to remove the files.
        [ -z "$mode" ] || assert "left behind" "$(ls -d pid "$DZ_STATE_DIR"/* 2>/dev/null)" ""
        [ ! -e ran ]
        rm -rf log pid "$DZ_STATE_DIR"
    done
}

@test "refused: a library that is missing, no library, on a mount without exec" {
    build_mark gcc
    refused "/no/such: No such file or directory" --pin-signals --shim=/no/such ./mark
    echo 'not a library' >libdz.so
    refused "$PWD/libdz.so: not a shared library" --pin-signals --shim="$PWD/libdz.so" ./mark
    : >libdz.so
    refused "$PWD/libdz.so: *" --pin-signals --shim="$PWD/libdz.so" ./mark
    need_root
    need unshare
    mkdir mnt
    run closed unshare --mount bash -c 'mount -t tmpfs -o noexec none mnt
        cp "$1" mnt/libdz.so; "$2" -q --shim="$PWD/mnt/libdz.so" --pin-signals -o none -C . ./mark' \
        bash "$SHIM" "$DZ"
    assert status "$status" 125
    assert output "$output" "dznohup: preload: $PWD/mnt/libdz.so: Operation not permitted"
    [ ! -e ran ]
}

@test "a library that does not answer: the program is killed, and nothing is left" {
    cp "$TARGETS/early-default.so" libdz.so
    other=$PWD/libdz.so
    ln -s "$(command -v sleep)" sleeper
    try power --shim="$other" -d -t 0.5 -p pid -o none --line-buffered "$PWD/sleeper" 9
    assert status "$status" 124
    assert output "$output" ""
    assert_match stderr "$stderr" "dznohup: wait: $PWD/sleeper: stopped after 0.5 s: libdz.so has not answered"
    assert "left behind" "$(ls -d pid "$DZ_STATE_DIR"/* 2>/dev/null)" ""
    # One that ends before is no good start, however it ends.  Many times: in one of
    # five its descriptors are seen closed before its end is told.
    for _ in {1..30}; do
        try power --shim="$other" -d -o none --line-buffered true
        assert status "$status" 125
        assert stderr "$stderr" \
            "dznohup: preload: libdz.so: did not run in the program, which has exited"
    done
    for _ in {1..30}; do
        try power --shim="$other" -d -o none --line-buffered false
        assert status "$status" 1
        assert_match stderr "$stderr" "dznohup: start: false: exited with status 1 after *"
    done
    try power --shim="$TARGETS/early-default.so" -d -o none --line-buffered true
    assert stderr "$stderr" \
        "dznohup: preload: $TARGETS/early-default.so: the library's name must be libdz.so"
}

@test "in stay mode no process is made for a power, and the exit status is the program's" {
    (exec "$DZ" -q --shim="$SHIM" --pin-signals -o log sleep 3600 3>&- 4>&-) &
    pid=$!
    track "$pid"
    await runs_program "$pid" "$SLEEP"
    assert session "$(pgrep -s "$pid")" "$pid"
    await eval '[ "$(fds_of "$pid")" = "0 1 2" ]'
    run power --pin-signals -o out sh -c 'echo $$ >"$1/own"; exit 5' sh "$PWD"
    assert status "$status" 5
    need strace
    within strace -f -qq -o trace -e trace=process "$DZ" -q --shim="$SHIM" --line-buffered --reopen -o out \
        "$TARGETS/prints" </dev/null 2>/dev/null
    assert "processes" "$(grep -c 'fork(\|clone' trace || :)" 0
}

@test "in stay mode a power that cannot begin: said to the caller, 125, and nothing is left" {
    # The library alone calls it.
    call=$(printf '#include <sys/syscall.h>\nSYS_prctl\n' | gcc -E - | tail -n 1)
    try "$TARGETS/refuses" "$call" 22 "$DZ" -q --shim="$SHIM" --no-daemon -p pid -C . -o log "$TARGETS/prints" </dev/null
    assert status "$status" 125
    assert stderr "$stderr" "libdz.so: no-daemon: seccomp: Function not implemented"
    assert "left behind" "$(ls -d pid "$DZ_STATE_DIR"/* 2>/dev/null)" ""
    assert log "$(<log)" ""
}

@test "a script of env's gets the power in its interpreter, with its words" {
    # The real one is to be found: a wrapper would have the power in its stead.
    export PATH=/usr/bin:$PATH
    cp "$PROGRAMS/hit-script.py" script.py
    chmod +x script.py
    for mode in "" -d; do
        # shellcheck disable=SC2086
        try power $mode --pin-signals -o log ./script.py a 'b  c' ''
        assert "$mode status" "$status" 0
        await holds_line log "['a', 'b  c', ''] False True"
        rm log
    done
    sed -i "1s|env python3|env $PYTHON|" script.py
    try power --pin-signals -o log ./script.py a
    assert "status with a path" "$status" 0
    await holds_line log "['a'] False True"
    rm log
    sed -i '1s|env .*|env no-such-interpreter|' script.py
    try power --pin-signals -o none ./script.py
    assert status "$status" 127
    assert stderr "$stderr" "dznohup: command: no-such-interpreter: No such file or directory"
    [ ! -e none ]
}

@test "a relative path of the library is one of the caller's cwd" {
    mkdir folder
    cp "$SHIM" folder/libdz.so
    for mode in "" -d; do
        # shellcheck disable=SC2086
        try dz -q $mode --shim=folder/libdz.so --pin-signals -o log sh -c 'kill -HUP $$; echo on'
        assert "$mode status" "$status" 0
        await holds_line log on
        rm log
    done
}

# bats test_tags=unsanitized
# A library that is initfirst has AddressSanitizer in the launcher start before libc.
@test "a library in LD_PRELOAD stays before ours, in memory and in the environment" {
    other=$TARGETS/early-default.so
    for list in "$other" "$other:$other" "$SHIM:$other"; do
        finish stay LD_PRELOAD="$list" DZ_PIN=default -- sh -c 'kill -HUP $$
            echo "$LD_PRELOAD"; grep -c "r-xp.*\(libdz\|early-default\)" /proc/$$/maps'
        assert "$list: status" "$status" 0
        assert "$list" "$(cat log)" "${list#"$SHIM:"}"$'\n'2
    done
}

@test "settings that cannot be: 125, and the program does not run" {
    build_mark gcc
    acts="acts on SIGHUP, which --pin-signals keeps ignored"
    what="needs --line-buffered, --buffer, --pin-signals, --no-daemon or --reopen"
    refused_both() { # MESSAGE VARIABLE=VALUE...
        local message=$1
        shift
        for start in stay leave shim-stay shim-leave; do
            finish $start DZ_CHDIR=. "$@" -- "$PWD/mark"
            assert "$start $*: status" "$status" 125
            assert_match "$start $*" "$stderr$(cat err 2>/dev/null)" "*: $message"
            [ ! -e ran ] || fail "$start $*: it ran"
        done
    }
    refused_both "reopen: $acts" DZ_REOPEN=1 DZ_PIN=default
    refused_both "reopen: $acts" DZ_REOPEN=1 DZ_PIN=seccomp
    refused_both "inherit: $what" DZ_INHERIT=1
    try power --inherit --pin-signals=seccomp -C . true # which is inherited anyway
    assert "inherit, seccomp" "$status" 0
    refused_both "reopen: needs a log that dznohup opens: use -o FILE" DZ_REOPEN=1 DZ_OUTPUT=- DZ_ERROR=-
    for value in "" 1 Line lines line,none; do
        refused_both "DZ_BUFFER: *must be line, none or full" DZ_BUFFER="$value"
    done
    for value in "" 1 ALL default,all; do
        refused_both "DZ_PIN: *must be default, all or seccomp" DZ_PIN="$value"
    done
    for value in "" 2 yes; do
        refused_both "DZ_INHERIT: *must be 0 or 1" DZ_INHERIT="$value"
    done
    # An optional value is not the next word.
    try power --pin-signals all
    assert status "$status" 127
    try power --pin-signals=none ./mark
    assert status "$status" 125
    [ ! -e ran ]
}

@test "a user without a process more: each power works in stay mode" {
    need_root
    need setpriv prlimit
    chmod 777 .
    for option in --line-buffered --pin-signals --reopen; do
        # A user of its own: the limit counts all that the user has.
        try closed setpriv --reuid="$(lonely_user)" --clear-groups prlimit --nproc=1 \
            "$DZ" -q --shim="$SHIM" $option -C . -o log -e err "$TARGETS/prints"
        assert "$option: status" "$status" 0
        assert "$option: stderr" "$stderr" ""
        rm log err
    done
    # stdbuf(1) works there, too.
    try closed setpriv --reuid="$(lonely_user)" --clear-groups prlimit --nproc=1 \
        "$DZ" -q --shim="$SHIM" --line-buffered -C . -o log -e err "$TARGETS/prints"
    assert "sizes" "$(sed 's/.* //' err | tr '\n' ' ')" "0 5 5 10 "
}

@test "a kernel that empties no page in a child: each power works" {
    call=$(printf '#include <sys/syscall.h>\nSYS_madvise\n' | gcc -E - | tail -n 1)
    try "$TARGETS/refuses" "$call" 22 "$DZ" -q --shim="$SHIM" --line-buffered -o log -e err "$TARGETS/prints" </dev/null
    assert stderr "$(sed 's/.* //' err)" $'0\n5\n5\n10'
    for option in --pin-signals --reopen; do
        rm -f log
        pid=$(closed "$TARGETS/refuses" "$call" 22 "$DZ" -d -q --shim="$SHIM" $option -C . -o log \
            sh -c 'trap - HUP; kill -HUP $$; sleep 3600 & wait')
        track "$pid"
        await eval 'pgrep -P "$pid" >/dev/null'
        # shellcheck disable=SC2046
        track $(pgrep -P "$pid")
        kill_started
    done
}

# A dynamic launcher would be audited, too.
# bats test_tags=unsanitized
@test "a launcher that is killed before the library's answer: the program goes on" {
    LD_AUDIT=$TARGETS/audits.so "$DZ" -d -q --shim="$SHIM" -C . -w main -p pid -o log sleep 3600 </dev/null >/dev/null 2>err 3>&- 4>&- &
    launcher=$!
    track "$launcher"
    await eval '[ -e held ]'
    await is_file pid
    pid=$(<pid)
    track "$pid"
    kill -KILL "$launcher"
    await gone "$launcher"
    : >go
    await runs_program "$pid" "$SLEEP"
    # It has its own disposition of the signal, and has closed the pipe.
    has_answered() { [ "$(fds_of "$pid")" = "0 1 2" ]; }
    await has_answered
    alive "$pid"
    assert "PIPE in SigIgn, SigBlk" "$((0x$(status_field "$pid" SigIgn) & 0x1000)) $((0x$(status_field "$pid" SigBlk)))" "0 0"
}
