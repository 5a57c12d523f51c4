# What is said about the terminal's reach, where output goes, and what is relative.

load helpers

@test "stay mode in the foreground: a line says that Ctrl-C does not reach it" {
    export DZ
    for option in -q --keep --name=web; do
        echo "\"\$DZ\" ${option/-q/} -o log sleep 0.1" >script.sh
        screen=$(on_terminal "bash script.sh" "exit")
        [ "$option" != --name=web ] || how="dzctl stop web"
        assert_match "screen with $option" "$screen" \
            "*dznohup: Ctrl-C does not reach the program; to stop it: ${how:-kill +([0-9])}"$'\n'"*"
    done
    # The terminal's session leader, as under script(1) or ssh -t.
    screen=$(on_terminal "script -qec 'exec \"\$DZ\" -o log sleep 0.1' /dev/null" "exit")
    assert_match screen "$screen" "*dznohup: Ctrl-C does not reach the program*" || fail "$screen"
    # Not where the program leaves, or has its caller's terminal.
    for line in "\"\$DZ\" -d -o log sleep 0.1" "\"\$DZ\" -q --mode=stay -o log sleep 0.1" \
        "\"\$DZ\" -o log sleep 0.1" "\"\$DZ\" --keep -o log sleep 0.1" \
        "\"\$DZ\" --keep-session sleep 0.1" "\"\$DZ\" -q -o log sleep 0.1 & wait"; do
        screen=$(on_terminal "$line" "exit")
        [[ $screen != *"Ctrl-C"* ]] || fail "$line: $screen"
    done
    try dz -o log sleep 0.1
    assert stderr "$stderr" ""
}

@test "stay mode as a shell's job: a line says that fg and Ctrl-C do not reach it" {
    export DZ
    for option in "" --keep; do
        screen=$(on_terminal "\"\$DZ\" $option -o log sleep 0.3 & echo job \$!" "wait" "exit")
        pid=$(sed -n 's/^.*job \([0-9]*\)$/\1/p' <<<"$screen")
        assert_match "screen with '$option'" "$screen" \
            "*dznohup: fg and Ctrl-C do not reach the program; to stop it: kill $pid"$'\n'"*"
    done
}

@test "dzctl wait --stop, as the manual says, hands Ctrl-C on" {
    need script
    pid=$(dz -d -q --name=web -o log sleep 3600)
    track "$pid"
    printf 'until grep -qs "on it" screen; do sleep 0.05; done; printf "\\003"\n' >keys
    within sh keys | within script -qefc "echo on'' it; exec '$CTL' wait --stop web" screen >/dev/null 2>&1 || true
    await gone "$pid"
}

@test "the PID of that line is the program's" {
    echo "\"\$DZ\" -C . -o log bash -c 'echo \$\$ >pid'" >script.sh
    export DZ
    screen=$(on_terminal "bash script.sh" "exit")
    await is_file pid
    assert_match screen "$screen" "*to stop it: kill $(<pid)"$'\n'"*"
}

@test "-n quotes arguments as a shell takes them" {
    try dz -n sleep 'a b' "it's" '' plain $'x\ny'
    grep -qxF "arguments 'a b' 'it'\\''s' '' plain \$'x\\ny'" <<<"$output" || fail "$output"
}

@test "a relative path in LD_LIBRARY_PATH is warned of, where the program runs in /" {
    for list in lib lib:/usr/lib /usr/lib:lib /usr/lib: :/usr/lib; do
        try closed env LD_LIBRARY_PATH="$list" "$DZ" -d -o log -w exec sleep 0
        assert "stderr with $list" "$stderr" \
            "dznohup: warning: LD_LIBRARY_PATH holds a relative path, but the program will run in /; use -C . to run it here"
        try closed env LD_LIBRARY_PATH="$list" "$DZ" -n sleep 0
        assert_match "-n with $list" "$output" "*"$'\n'"warning   LD_LIBRARY_PATH holds a relative path, but the program will run in /"$'\n'"*"
    done
    for list in /usr/lib /usr/lib:/lib '$ORIGIN/lib'; do
        try closed env LD_LIBRARY_PATH="$list" "$DZ" -d -o log -w exec sleep 0
        assert "stderr with $list" "$stderr" ""
    done
    try closed env LD_LIBRARY_PATH=lib "$DZ" -d -C . -o log -w exec sleep 0
    assert "stderr with -C" "$stderr" ""
}

@test "a relative interpreter is not found in /, and the message says where it is looked up" {
    mkdir tools
    ln -s /bin/sh tools/interpreter
    printf '#!tools/interpreter\necho done\n' >script
    chmod +x script
    for mode in "" -d; do
        try dz $mode -o log ./script
        assert "status '$mode'" "$status" 126
        assert "stderr '$mode'" "$stderr" \
            "dznohup: exec: $PWD/script (interpreter tools/interpreter): No such file or directory where the program runs; use -C DIR"
    done
    try dz -n ./script
    assert_match -n "$output" "*"$'\n'"warning   tools/interpreter is a relative path, but the program will run in /"$'\n'"*"
    try dz -C . -o log ./script
    assert "log with -C" "$(<log)" done
    try dz -n -C . ./script
    refute grep -q ^warning <<<"$output"
}

@test "nohup.out in a HOME that ends in a slash, as that of service users" {
    mkfifo nohup.out
    mkdir home
    closed env HOME="$PWD/home/" "$DZ" -d -w exec sleep 0 2>err | cat >out
    assert_match stderr "$(<err)" "*, appending output to $PWD/home/nohup.out"
}
