# valgrind's memcheck over what it can follow: not libdz.so, and no program that is
# executed; dznohup up to there, its children among it, and dzctl.

# With a build of its own, and no sanitizer beside valgrind.
# bats file_tags=unsanitized
load helpers

needs() { need valgrind; }
setup_file() {
    load helpers
    type -P valgrind >/dev/null || return 0
    # By glibc, whose malloc valgrind knows, whatever the other build is by.
    env -u MAKEFLAGS -u MAKELEVEL -u CC -u LAUNCHER_CC make -s -C "$ROOT" BUILD="$BATS_FILE_TMPDIR/dynamic" \
        CFLAGS='-O1 -g' STATIC=0 all 3>&- 4>&- >/dev/null
}

# checked STATUS PROGRAM ARG...: it must end with STATUS; 99 is valgrind's.
checked() {
    local wanted=$1 program=$BATS_FILE_TMPDIR/dynamic/$2
    shift 2
    try closed valgrind -q --error-exitcode=99 --leak-check="${LEAKS:-full}" \
        --errors-for-leak-kinds=definite,possible "$program" "$@" </dev/null
    assert "status of $* ($stderr)" "$status" "$wanted"
    refute grep -q '^==' <<<"$stderr"
}

@test "memcheck finds nothing in dznohup" {
    checked 0 dznohup --help=all
    checked 0 dznohup --version
    printf '#!/bin/sh\n' >script
    chmod +x script
    for command in true ./script "$TARGETS/server-static"; do
        checked 0 dznohup -n "$command"
    done
    checked 0 dznohup -n -d -o log -e errors -i /dev/null -u 022 --ignore=USR1,RTMIN+1 \
        -w listen:80,notify,fd:4,path:/x -t 3 -p pid --name=job true
    DZ_NO_SUCH=1 checked 125 dznohup true
    checked 125 dznohup --no-such true
    checked 127 dznohup no-such-command
    checked 126 dznohup /dev/null
    checked 3 dznohup -o log sh -c 'exit 3'
    checked 0 dznohup --nohup true
}

@test "memcheck finds nothing in a start in the background, and in one that fails" {
    checked 0 dznohup -d -q -p pid --name=job -o log sleep 3600
    track "$output"
    assert pidfile "$(<pid)" "$output"
    checked 122 dznohup -d -q -p pid sleep 3600
    checked 5 dznohup -d -q -o log sh -c 'echo word >&2; exit 5'
    checked 124 dznohup -d -q -w path:nothing -t 0.1 -o log sleep 3600
    checked 0 dznohup -d -q -w notify,fd:4 -o log bash -c \
        'echo >&4; systemd-notify --ready --status=words; exec sleep 3600'
    track "$output"
}

@test "memcheck finds nothing in dzctl" {
    local pid
    checked 0 dzctl --help=all
    checked 0 dzctl list
    pid=$(dz -d -q --name=job -p pid -o log sh -c 'echo words; exec sleep 3600')
    track "$pid"
    dz -d -q -o log true >/dev/null
    checked 0 dzctl list
    checked 0 dzctl list --json
    for job in job ./pid "$pid"; do
        checked 0 dzctl status "$job"
        # It makes one report and ends: what hangs from that is never freed.
        LEAKS=no checked 0 dzctl inspect "$job"
        LEAKS=no checked 0 dzctl inspect --json "$job"
        checked 0 dzctl log -n 1 "$job"
    done
    LEAKS=no checked 1 dzctl inspect $$
    checked 3 dzctl status nobody
    checked 125 dzctl status --no-such
    checked 0 dzctl stop -t 5 job
    gone "$pid"
    # A valgrind that does not know pidfd_open(2) hides how this one ended.
    dz -d -q --name=plain -o log sleep 3600 >plain
    track "$(<plain)"
    "$CTL" stop plain
    checked 143 dzctl wait plain
    checked 0 dzctl clear
}
