# Words of other tools: each row of the table in cli/dznohup/habits.c, and of the one in
# cli/dzctl/dzctl.c, is typed, and the refusal says what to write here.

load helpers

# Rows of a table as "WORD<tab>ANSWER<tab>TRIED", by the compiler's own reading.
rows() {
    need gcc
    {
        echo '#include <stdio.h>'
        sed -n '/^#define AS_USER/p; /^static const struct habit {/,/^};/p' "$ROOT/cli/dznohup/habits.c"
        cat <<'END'
int main(void)
{
    for (size_t i = 0; i < sizeof habits / sizeof habits[0]; i++)
        printf("%s\t%s\t%s\n", habits[i].word, habits[i].answer,
               habits[i].tried != NULL ? habits[i].tried : habits[i].word);
}
END
    } | gcc -w -o rows -x c - && ./rows
}

@test "habits: each word is refused, and the refusal names our way" {
    rows >table
    [ "$(wc -l <table)" -ge 60 ] || fail "only $(wc -l <table) rows"
    mkdir empty # no program is found there
    export PATH_BEFORE=$PATH
    while IFS=$'\t' read -r word answer tried; do
        # An option may need a value: that is refused as well.
        try closed env PATH="$PWD/empty" "$DZ" "$tried" sleep 60
        case $word in
        -*=*) want="dznohup: ${word%%=*}: ${tried#*=}: $answer" code=125 ;;
        -*) want="dznohup: options: $tried: $answer" code=125 ;;
        *) want="dznohup: command: $tried: not found; $answer" code=127 ;;
        esac
        assert "stderr of $tried" "$stderr" "$want"
        assert "status of $tried" "$status" "$code"
        assert "output of $tried" "$output" ""
        [[ $answer == *write\ * || $answer == "leave it out: "* || $answer == *"--"* ]] ||
            fail "$word: no advice: $answer"
    done <table
    try dz --chuid=www sleep 60
    assert_match "with a value" "$stderr" "dznohup: options: --chuid=www: write dznohup setpriv *"
    try dz -n web sleep 60
    assert "a name behind -n" "$stderr" \
        "dznohup: command: web: not found; -n is --dry-run: for a name write --name=NAME"
    assert "its status" "$status" 127
    try dz -n web nosuch
    assert "two words that are no commands" "$stderr" "dznohup: command: web: not found"
    try dz web sleep 60
    assert "without -n" "$stderr" "dznohup: command: web: not found"
    try dz -u www sleep 60
    assert_match "a letter with a value" "$stderr" "dznohup: -u: www: -u is the umask; *"
}

@test "habits: options that the answers name exist, and so do the commands of dzctl" {
    rows >table
    "$DZ" --help=all >help
    "$CTL" --help >ctl-help
    cut -f 2 table | grep -o 'dznohup [^,]*\|--[a-z-]*' | grep -o -- '--[a-z-]*' | sort -u >options
    for option in $(<options); do
        case $option in
        # Of setpriv, prlimit, systemd-run.
        --reuid | --regid | --init-groups | --as | --user | --scope | --slice | --help) ;;
        *) grep -q -- "$option\b" help || fail "no $option" ;;
        esac
    done
    cut -f 2 table | grep -o 'dzctl [a-z]*' | cut -d ' ' -f 2 | sort -u >commands
    while read -r command; do
        grep -q "^  $command " ctl-help || fail "no dzctl $command"
    done <commands
}

@test "habits: a word that is a program runs it; the words of dzctl" {
    mkdir bin
    printf '#!/bin/sh\necho my own stop >said\n' >bin/stop
    chmod +x bin/stop
    PATH=$PWD/bin:$PATH dz -d -q -C . -o log -w exec stop
    await holds_line said "my own stop"
    # Each row of dzctl's table is understood, or answered with what to write.
    sed -n '/^} words\[\] = {/,/^};/p' "$ROOT/cli/dzctl/dzctl.c" | grep -o '{"[a-z]*"' | tr -d '{"' >words
    [ "$(wc -l <words)" -ge 14 ]
    for word in $(<words); do
        try closed "$CTL" "$word" --help
        if [ "$status" = 0 ]; then
            assert_match "help of $word" "$output" "Usage: dzctl *"
        else
            assert_match "stderr of $word" "$stderr" "dzctl: $word: *write dz*"
        fi
    done
}
