# What is said about the terminal's reach, where output goes, and what is relative.

load helpers

@test "stay mode in the foreground: a line says that Ctrl-C does not reach it" {
    echo "\"\$DZ\" -o log sleep 0.1" >script.sh
    export DZ
    screen=$(on_terminal "bash script.sh" "exit")
    assert_match screen "$screen" "*dznohup: Ctrl-C does not reach the program; to stop it: kill +([0-9])"$'\n'"*"
    # The terminal's session leader, as under script(1) or ssh -t.
    screen=$(on_terminal "script -qec 'exec \"\$DZ\" -o log sleep 0.1' /dev/null" "exit")
    assert_match screen "$screen" "*Ctrl-C does not reach the program*" || fail "$screen"
    # Not where it never reached it, or where the program leaves.
    for line in "\"\$DZ\" -o log sleep 0.1 & wait" "\"\$DZ\" -d -o log sleep 0.1" "\"\$DZ\" -q --mode=stay -o log sleep 0.1" \
        "\"\$DZ\" --keep -o log sleep 0.1"; do
        screen=$(on_terminal "$line" "exit")
        [[ $screen != *"Ctrl-C"* ]] || fail "$line: $screen"
    done
    try dz -o log sleep 0.1
    assert stderr "$stderr" ""
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

@test "nohup.out in a HOME that ends in a slash, as that of service users" {
    mkfifo nohup.out
    mkdir home
    closed env HOME="$PWD/home/" "$DZ" -d -w exec sleep 0 2>err | cat >out
    assert_match stderr "$(<err)" "*, appending output to $PWD/home/nohup.out"
}
