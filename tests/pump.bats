# The pump: time stamps, rotation, commands that read the output, a full disk, and a keeper
# that is killed.
#
# shellcheck disable=SC2016,SC2154

load helpers
load ctl
load keeper

PUMPS=$BUILD/targets/pumps
NUMBERS=$BUILD/targets/numbers
STAMP='^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{6}[+-][0-9]{2}:[0-9]{2} '
# A kept program in the foreground: pumped [OPTION]... -- WORD...
pumped() { within "$DZ" -q -C . "$@"; }
# The lines of a stamped log without their stamps; each must have one.
unstamped() {
    refute grep -qavE "$STAMP" "$1" || return
    sed -E "s/$STAMP//" "$1"
}

@test "timestamps: each line begins with its time; zero bytes and a last line without newline survive" {
    before=$(date +%s)
    pumped --timestamps -o log -- bash -c 'printf "one\n\na\0b\n"; echo two >&2; printf end'
    assert lines "$(unstamped log | tr '\0' '@')" $'one\n\na@b\ntwo\nend'
    while IFS=' ' read -r stamp _; do
        seconds=$(date -d "$stamp" +%s)
        [ "$seconds" -ge "$before" ] && [ "$seconds" -le "$(date +%s)" ] || fail "stamp: $stamp"
    done <log
}

@test "timestamps: the zone, a format of strftime(3), the variable" {
    TZ=XYZ-05:30 pumped --timestamps -o zone -- echo x
    assert_match zone "$(<zone)" "*+05:30 x"
    pumped --timestamps=%Y@ -o year -- echo x
    assert year "$(<year)" "$(date +%Y)@ x"
    DZ_TIMESTAMPS=rfc3339 pumped -o variable -- echo x
    assert variable "$(unstamped variable)" x
}

@test "timestamps: without -o a stream that is kept gets them" {
    pumped --timestamps -- bash -c 'echo out; echo err >&2' >out 2>err
    assert stdout "$(unstamped out)" out
    assert stderr "$(unstamped err)" err
    pumped --timestamps -- bash -c 'echo out' | cat >piped
    assert pipe "$(unstamped piped)" out
}

@test "a line of 64 KiB is written whole; of a longer one the pieces say so" {
    pumped --timestamps -o log -- bash -c 'printf "%065536d\n%065537d\nx\n" 1 2'
    unstamped log >plain
    assert lengths "$(awk '{ print length($0) }' plain)" $'65536\n65553\n18\n1'
    assert_match "first piece" "$(sed -n 2p plain)" "*0 [[]line continues]"
    assert "second piece" "$(sed -n 3p plain)" "[line continued] 2"
    # Without stamps no byte is added.
    pumped --rotate=1G -o raw -- bash -c 'printf "%0300000d\n%070000d" 1 2'
    assert bytes "$(cksum <raw)" "$(printf "%0300000d\n%070000d" 1 2 | cksum)"
}

@test "rotate: at the size, at a line's end; so many are kept" {
    pumped --rotate=100,3 -o log -- seq 1000 1099
    assert files "$(echo log*)" "log log.1 log.2 log.3"
    assert lines "$(cat log.3 log.2 log.1 log)" "$(seq 1020 1099)"
    for file in log*; do
        [ "$(stat -c %s "$file")" -le 100 ] || fail "$file: $(stat -c %s "$file")"
    done
    # A line that does not fit is whole, in a file of its own.
    pumped --rotate=10 -o long -- bash -c 'echo 12345678901234567890; echo x'
    assert "long line" "$(<long.1)" 12345678901234567890
    assert "next line" "$(<long)" x
    # With stamps and the default number.
    pumped --rotate=100 --timestamps -o many -- seq 20
    assert files "$(echo many*)" "many many.1 many.2 many.3 many.4 many.5"
}

@test "rotate: of a rotation that was broken off nothing is lost" {
    # As after a kill between two renames: log.1 has become log.2.
    echo old >log.2
    seq 1 20 >log
    pumped --rotate=60,3 -o log -- seq 21 30
    assert files "$(echo log*)" "log log.1 log.2"
    assert oldest "$(<log.2)" old
    assert lines "$(cat log.1 log)" "$(seq 1 30)"
}

@test "USR2 rotates, HUP opens the log anew; dzctl status goes on" {
    kept --keep --rotate=1G -- bash -c \
        'trap : HUP; echo a; for i in b c; do until [ -e $i ]; do sleep 0.01; done; echo $i; done; sleep 1000'
    await holds_line log a
    kill -USR2 "$keeper"
    await is_file log.1
    : >b
    await holds_line log b
    assert rotated "$(<log.1)" a
    mv log moved
    kill -HUP "$keeper"
    await test -e log
    : >c
    await holds_line log c
    assert moved "$(<moved)" b
    ctl stop web
    assert "status of stop" "$status" 0
}

@test "dzctl rotate: the log is another file when it returns; what cannot be rotated" {
    kept --keep --rotate=1G,2 --error=err -- bash -c 'echo one; echo two >&2; sleep 1000'
    await holds_line log one
    await holds_line err two
    ctl rotate web
    assert status "$status" 0 || fail "$stderr"
    assert logs "$(cat log.1 log err.1 err)" $'one\ntwo'
    ctl rotate -a
    assert "status of -a" "$status" 0 || fail "$stderr"
    assert "older logs" "$(cat log.2 err.2)" $'one\ntwo'
    ctl list
    assert_match list "$output" "NAME * MEM *RESTARTS * LOG *"
    kill -KILL "$keeper"
    await gone "$keeper"
    ctl rotate web
    assert "status without a keeper" "$status" 1
    assert message "$stderr" "dzctl: rotate: web: its keeper is gone; see dzctl keep"
    ctl stop web
    kept --keep -- sleep 1000
    ctl rotate web
    assert message "$stderr" "dzctl: rotate: web: was started without --rotate"
    alive "$pid" || fail "the program got the signal"
    ctl stop web
    assert status "$status" 0
    ctl rotate web
    assert "status of a job that has ended" "$status" 1
    ctl clear
    try dz -d --name=plain -o plain sleep 1000
    track "$output"
    ctl list
    refute grep -q RESTARTS <<<"$output"
    ctl stop plain
}

@test "a command gets each byte on its stdin, and has ended before the end is recorded" {
    pumped -o '|cat >copy; sleep 0.3; echo ended >>copy' -- bash -c 'printf "a\0b\n"; echo c >&2; printf d'
    assert copy "$(tr '\0' '@' <copy)" $'a@b\nc\ndended'
    pumped -o out -e '|cat >err' -- bash -c 'echo 1; echo 2 >&2'
    assert stdout "$(<out)" 1
    assert stderr "$(<err)" 2
    pumped --timestamps -o '|cat >stamped' -- echo x
    assert stamped "$(unstamped stamped)" x
}

@test "a command that ends unread when the program has ended is started again" {
    dz --keep -q -o "|if mkdir $PWD/begun; then sleep 0.3; exit 1; fi; cat >>$PWD/got" seq 3
    assert lines "$(<got)" "$(seq 3)"
}

@test "a command that ends is started again, and gets what is left" {
    # Each takes one line, byte by byte as read does, so none takes the next one's.
    kept --keep --output='|read -r line && echo "$$ $line" >>got' -- bash -c 'seq 3; sleep 1000'
    await eval '[ "$(wc -l <got 2>/dev/null)" = 3 ]'
    assert lines "$(cut -d' ' -f2 got)" "$(seq 3)"
    assert commands "$(cut -d' ' -f1 got | sort -u | wc -l)" 3
    ctl stop web
    assert "status of stop" "$status" 0
    assert_none_with "read -r line && echo"
}

@test "what was written before the end is there when the end is recorded, at each restart" {
    try within "$DZ" --restart=on-failure:3 --restart-delay=0 --timestamps --name=web -C . -o log -- \
        bash -c 'seq 1000; kill -KILL $$'
    assert "exit status" "$status" 137
    refute test -e "$DZ_STATE_DIR/.web.ring.1"
    unstamped log >plain
    # Each run whole, and the words about its end after it.
    for _ in 1 2 3; do
        seq 1000
        echo "dznohup: ended by SIGKILL"
    done >expected
    assert lines "$(sed 's/ after .*//' plain | cksum)" "$(cksum <expected)"
}

@test "no pipe where none is needed" {
    kept --restart -- sleep 1000
    assert stdout "$(fd_of "$pid" 1)" "$PWD/log"
    refute test -e "$DZ_STATE_DIR/.web.ring.1"
    ctl stop web
    start leave --name=two --output=out --error=err --chdir=. --timestamps -- sleep 1000
    assert_match stdout "$(fd_of "$pid" 1)" "pipe:*"
    refute test "$(fd_of "$pid" 1)" = "$(fd_of "$pid" 2)"
    ctl stop two
}

@test "killed -9: the program goes on, and its descriptors are three" {
    kept --keep --timestamps -- bash -c \
        'until [ -e go ]; do sleep 0.01; done; echo written; echo $? >status; sleep 1000'
    track "$pid"
    assert streams "$(fd_of "$pid" 1)" "$(fd_of "$pid" 2)"
    assert flags "$(sed -n 's/^flags:\t*//p' "/proc/$pid/fdinfo/1" | tail -c 2)" 2
    kill -KILL "$keeper"
    await gone "$keeper"
    : >go
    await is_file status
    assert "status of the write" "$(<status)" 0
    end_program
}
end_program() { kill -KILL "$pid" && await gone "$pid"; }

@test "killed -9 at 200 moments, a new one each time: every line once, in order" {
    try within "$PYTHON" "$PROGRAMS/kill-pump.py" "$PUMPS" "$NUMBERS" 200 --timestamps --rotate=300k,1000
    assert kills "$output$stderr" "0 lines too many"
}

@test "killed -9 without time stamps, and with two streams" {
    try within "$PYTHON" "$PROGRAMS/kill-pump.py" "$PUMPS" "$NUMBERS" 50 --rotate=100k,1000 -e err
    assert kills "$output$stderr" "0 lines too many"
}

@test "values that are none, and what the library alone cannot do" {
    for option in --timestamps= --timestamps=x --rotate=x --rotate=0 --rotate=1x --rotate=1,0 \
        '--rotate=1,' --rotate=99999999999G -osyslog:x -osyslog:.x -osyslog:daemon.x -ojournal:x '-o|' -ejournal:x; do
        try "$DZ" "$option" true
        assert "status of $option" "$status" 125
        assert "lines of $option" "$(wc -l <<<"$stderr")" 1
    done
    for setting in DZ_OUTPUT=syslog: DZ_OUTPUT=journal: 'DZ_ERROR=|cat' DZ_TIMESTAMPS=rfc3339 DZ_ROTATE=1k; do
        try within env LD_PRELOAD="$SHIM" "$setting" true
        assert "status of $setting" "$status" 125
        assert_match "words for $setting" "$stderr" "libdz.so: *: *only dznohup *"
    done
    try "$DZ" --rotate=1k -o - true
    assert_match "rotation of a stream" "$stderr" "dznohup: rotate: needs a log that dznohup opens: use -o FILE"
    assert "status of that" "$status" 125
    try "$DZ" --timestamps -o syslog: true
    assert_match "stamps for syslog" "$stderr" "dznohup: timestamps: there is no output to stamp; syslog *"
}
