# dzctl list: the table and the JSON, compared with /proc and the records.

load helpers
load ctl

@test "list: no state directory, and an empty one" {
    ctl list
    assert status "$status" 0
    assert stdout "$output" "no jobs"
    assert stderr "$stderr" ""
    [ ! -e "$DZ_STATE_DIR" ] || fail "it has made the directory"
    ctl list --json
    assert json "$output" "[]"
    mkdir -m 700 "$DZ_STATE_DIR"
    ctl list
    assert status "$status" 0
    assert stdout "$output" "no jobs"
    ctl list --json
    assert json "$output" "[]"
}

@test "list: the columns, named jobs first by name, then by PID" {
    job --output=num1 -- sleep 1001
    one=$pid
    job --name=zeta --output=z.log -- sleep 1002
    zeta=$pid
    job --name=alpha --output=a.log -- sleep 1003
    alpha=$pid
    job --output=num2 -- sleep 1004
    two=$pid
    job --name=Beta --output=/dev/null -- sleep 1005
    ctl list
    assert status "$status" 0
    assert stderr "$stderr" ""
    sort_pids=$(printf '%s\n' "$one num1 1001" "$two num2 1004" | sort -n)
    expected="NAME|PID|STATE|STARTED|CPU|MEM|LOG|COMMAND
Beta|$pid|running|$(brief_since_of Beta)|/dev/null|sleep 1005
alpha|$alpha|running|$(brief_since_of alpha)|$PWD/a.log|sleep 1003
zeta|$zeta|running|$(brief_since_of zeta)|$PWD/z.log|sleep 1002"
    while read -r number log seconds; do
        expected+=$'\n'"-|$number|running|$(brief_since_of "$number")|$PWD/$log|sleep $seconds"
    done <<<"$sort_pids"
    # What they use is measured elsewhere.
    assert table "$(cells | sed -E 's/\|[0-9.]+%\|[0-9.]+[KMG]\|/|/')" "$expected"
    # Cells begin where their headings do.
    while IFS= read -r line; do
        assert "COMMAND of '$line'" "${line:$(awk '{ print index($0, "COMMAND") - 1; exit }' <<<"$output")}" \
            "${line##*  }"
    done <<<"$output"
}

# The table on a terminal of that many columns.
list_on() {
    output=$(on_terminal --run bash -c "stty cols $1; exec '$CTL' list" | tr -d '\r')
}
assert_fits() {
    local line
    while IFS= read -r line; do
        [ "${#line}" -le "$1" ] || fail "${#line} columns of $1: $line"
    done <<<"$output"
}

@test "list: on a terminal of 80 columns it fits, and cut cells show so" {
    job --name=web --output="$PWD/a-log-of-some-length" -- sleep 1000 1 1 1 1 1 1 1 1 1 1 1
    list_on 80
    assert lines "$(wc -l <<<"$output")" 2
    assert_fits 80
    line=$(tail -n 1 <<<"$output")
    assert_match row "$line" "web *$pid*running*..."
    # All of it is used.
    assert length "${#line}" 80
    list_on 300
    assert_match row "$(tail -n 1 <<<"$output")" "* $PWD/a-log-of-some-length  sleep *1 1"
    assert cut "$(grep -c '\.\.' <<<"$output")" 0
}

@test "list: on a terminal of 60 columns it fits" {
    job --name=web --output="$PWD/a-log-of-some-length" -- sleep 1000
    list_on 60
    assert_match row "$(tail -n 1 <<<"$output")" "web  *$pid*running*..."
    assert_fits 60
}

@test "list: long names and states fit on 80 columns too" {
    job --name=a-name-of-some-length --output="$PWD/a-log-of-some-length" -- sleep 1000
    ended_job --name=ended --output="$PWD/a-log-of-some-length"
    list_on 80
    assert_match row "$output" "*ended*"
    assert_fits 80
}

@test "list: characters that take two columns, or none, are counted so" {
    ln -s "$SLEEP" 漢字漢字漢字
    export PATH=$PWD:$PATH
    job --name=宽 --output=/dev/null -- 漢字漢字漢字 1000
    job --name=plain --output=/dev/null -- sleep 1000
    job --name=$'e\u0301' --output=/dev/null -- sh -c 'exec sleep 1000' 👍 $'o\u0308o\u0308'
    ctl list
    # Cells begin where their headings do, by the columns of Unicode's own table.
    PYTHONUTF8=1 "$PYTHON" "$PROGRAMS/columns.py" 200 <<<"$output" || fail "not aligned: $output"
    for columns in {66..80}; do
        list_on "$columns"
        PYTHONUTF8=1 "$PYTHON" "$PROGRAMS/columns.py" "$columns" <<<"$output" ||
            fail "wider than $columns: $output"
        assert_match cut "$output" "*漢*"
    done
}

@test "list: to a pipe nothing is cut" {
    long=$(printf '%0400d' 7)
    job --name=web --output="$PWD/$(printf 'l%.0s' {1..200})" -- sleep 1000 "$long"
    ctl list
    assert_match row "$output" "*  $PWD/lll*l  sleep 1000 $long"
    assert cut "$(grep -c '\.\.' <<<"$output")" 0
}

@test "list: control characters are shown as such, UTF-8 keeps the columns" {
    job --name=été --output=$'odd\e[31m\nlog' -- sh -c 'exec sleep 1000' $'a\e[31m\nb\177' ñandú
    job --name=plain --output=plain.log -- sh -c 'exec sleep 1000' $'\xff\xc3'
    ctl list
    assert lines "$(wc -l <<<"$output")" 3
    assert "control characters" "$(LC_ALL=C grep -c $'[\001-\011\013-\037\177]' <<<"$output")" 0
    assert_match row "$(tail -n 1 <<<"$output")" \
        "été *odd?\[31m?log *sh -c 'exec sleep 1000' \$'a\\\\033\[31m\\\\nb\\\\177' ñandú"
    # In characters all cells begin where their headings do.
    PYTHONUTF8=1 "$PYTHON" "$PROGRAMS/aligned.py" <<<"$output" || fail "not aligned: $output"
}

@test "list --json: valid, all fields, odd bytes" {
    job --name=été --pidfile=web.pid --output=$'odd\nlog' -- sh -c 'exec sleep 1000' \
        $'\xff\n"\\\t\x01' '' 日本 $'\xed\xa0\x80'
    web=$pid
    job --error=err.log -- sleep 1000 >/dev/null
    ended_job --name=gone
    ctl list --json
    assert status "$status" 0
    get it >/dev/null
    assert lines "$(wc -l <<<"$output")" 5 # one a job, and the brackets
    assert name "$(get "[1]['name']")" été
    assert pid "$(get "[1]['pid']")" "$web"
    assert state "$(get "[1]['state']")" running
    assert status "$(get "[1]['status']")" null
    assert signal "$(get "[1]['signal']")" null
    assert session "$(get "[1]['session']")" "$(stat_field "$web" 6)"
    assert since "$(get "[1]['since']")" "$(recorded été since)"
    assert log "$(get "[1]['log']")" "$PWD/"$'odd\nlog'
    assert pidfile "$(get "[1]['pidfile']")" "$PWD/web.pid"
    assert cwd "$(get "[1]['cwd']")" "$PWD"
    assert command "$(get "[1]['command']")" \
        '["sh", "-c", "exec sleep 1000", "\ufffd\n\"\\\t\u0001", "", "\u65e5\u672c", "\ufffd\ufffd\ufffd"]'
    assert "no name" "$(get "[2]['name']")" null
    assert "no pidfile" "$(get "[2]['pidfile']")" null
    assert "state of one that is over" "$(get "[0]['state']")" ended
    assert "its status, which nobody told" "$(get "[0]['status']")" null
    assert "ended by the watchdog" "$(get "[0]['watchdog']")" false
    assert keys "$(get "[0].keys().__len__()")" 24
}

@test "list: a job that is over has ended, whoever has its PID now" {
    ended_job --name=over --output=log
    job --name=reused --output=log -- sleep 1000
    sed -i "s/^start .*/start $(($(recorded reused start) - 1))/" "$DZ_STATE_DIR/reused"
    # Its PID means that process.
    ctl status "$pid"
    assert "status by PID" "${output%%,*}" "$pid: running"
    job --name=boot --output=log -- sleep 1000
    sed -i "s/^boot ./boot x/" "$DZ_STATE_DIR/boot"
    job --name=space --output=log -- sleep 1000
    sed -i "s/^space ./space 9/" "$DZ_STATE_DIR/space"
    ctl list
    assert status "$status" 0
    assert states "$(cells | cut -d '|' -f 1,3)" "NAME|STATE
boot|ended (status unknown)
over|ended (status unknown)
reused|ended (status unknown)
space|unknown"
}

@test "list: broken records neither crash nor hang, nor are listed; status cannot tell" {
    job --name=good --output=log -- sh -c 'exec sleep 1000' 'x y'
    record=$DZ_STATE_DIR/good
    cd "$DZ_STATE_DIR"
    # Cut anywhere.
    "$PYTHON" "$PROGRAMS/cuts.py"
    : >empty
    head -c 3000 /dev/urandom >garbage
    head -c 3000 /dev/zero >zeros
    mkdir folder
    mkfifo -m 600 fifo
    ln -s good link
    ln -s nowhere dangling
    cp good writable
    sed 's/^pid .*/pid 0/' good >init
    sed 's/^pid .*/pid -1/' good >minus
    sed 's/^dz 1/dz 2/' good >younger
    sed 's/^start .*/start 99999999999999999999/' good >overflow
    find . -type f -exec chmod 600 {} +
    chmod 622 writable
    cp good .hidden
    try within "$CTL" list
    assert status "$status" 0
    assert listed "$(cells | cut -d '|' -f 1,2)" "NAME|PID
good|$pid"
    for name in empty garbage zeros folder fifo link dangling writable init minus younger \
        overflow cut20 cut100; do
        expected=4
        try within "$CTL" status "$name"
        assert "status $name" "$status" "$expected"
        assert_match "stderr of $name" "$stderr" "dzctl: record: $name: *"
        try within "$CTL" stop "$name"
        assert "stop $name" "$status" 1
    done
    alive "$pid"
    [ -p fifo ] && [ -d folder ] && [ -L link ] || fail "something was removed"
}
