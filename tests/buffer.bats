# --line-buffered, --buffer, DZ_BUFFER: when a log has what was printed; --inherit.
#
# The programs look themselves, behind each print, how much is in the file: no time
# passes that the test would have to allow for.

load helpers
load powers

# has SIZES: in the log after the start, a line, a part of one, and its end.
has() {
    assert "$way $setting ${words[0]##*/}: status" "$status" 0 || fail "$stderr"
    assert "$way $setting ${words[0]##*/}" "$(sed 's/.* //' err | tr '\n' ' ')" "$1 "
    assert "the log at last" "$(cat log)" $'line\npart'
}

prints() {
    setting=$1
    shift
    words=("$@")
    # shellcheck disable=SC2086
    finish "$way" $setting -- "$@"
}

@test "stdio of C and C++, of glibc and musl: a line is in the log once it is printed" {
    need g++
    need_musl
    for program in prints prints-cout prints-musl; do
        for way in $STARTS; do
            prints DZ_BUFFER=line "$TARGETS/$program"
            has "0 5 5 10"
        done
        for way in stay shim-leave; do
            prints DZ_BUFFER=none "$TARGETS/$program"
            has "0 5 9 10"
            prints DZ_BUFFER=full "$TARGETS/$program"
            has "0 0 0 0"
            prints "" "$TARGETS/$program"
            case $program in
            *musl) has "0 5 5 5" ;; # it looks at the file only when it writes first
            *) has "0 0 0 0" ;;
            esac
        done
    done
}

@test "python" {
    for way in $STARTS; do
        prints DZ_BUFFER=line "$PYTHON" "$PROGRAMS/prints.py"
        has "0 5 9 10"
    done
    prints DZ_BUFFER=none "$PYTHON" "$PROGRAMS/prints.py"
    has "0 5 9 10"
    for setting in "" DZ_BUFFER=full; do
        prints "$setting" "$PYTHON" "$PROGRAMS/prints.py"
        has "0 0 0 0"
    done
}

@test "full: also on a terminal, where stdio would print each line" {
    for option in --buffer=full --buffer=line; do
        run on_terminal "'$DZ' --shim='$SHIM' -q $option -o - -e - '$TARGETS/prints'" 'echo ba""ck'
        case $option in
        *full) assert_match screen "$output" "*end 0*line*part*back*" ;;
        *line) assert_match screen "$output" "*line*line 0*part 0*part*end 0*back*" ;;
        esac
    done
}

@test "seen from outside, a line is in the log within 100 ms; without the option, none" {
    watched() {
        run within "$PYTHON" "$PROGRAMS/watch-log.py" "$PWD/log" "$PWD/printed" "$DZ" --shim="$SHIM" "$@" \
            -q -o log "$PYTHON" "$PROGRAMS/paced.py" "$PWD/printed"
        rm log printed
    }
    watched --line-buffered
    assert "line by line" "$output" live
    watched
    assert_match "without" "$output" "late by * ms"
    [ "$(tr -dc 0-9 <<<"$output")" -ge 400 ] || fail "$output"
}

@test "PYTHONUNBUFFERED is set for line and none, unless it is set already" {
    for way in $STARTS; do
        for value in line none full; do
            finish "$way" DZ_BUFFER=$value -- env
            assert status "$status" 0
            want=PYTHONUNBUFFERED=1
            [ $value != full ] || want=
            assert "$way $value" "$(grep ^PYTHONUNBUFFERED log)" "$want"
        done
        PYTHONUNBUFFERED=x finish "$way" DZ_BUFFER=line -- env
        assert "$way, set before" "$(grep ^PYTHONUNBUFFERED log)" PYTHONUNBUFFERED=x
        finish "$way" DZ_PIN=default -- env
        grep -q ^PATH= log
        assert "$way, not asked" "$(grep ^PYTHONUNBUFFERED log)" ""
    done
}

@test "nothing of ours is in the target's environment, nor in its children's" {
    for way in $STARTS; do
        finish "$way" DZ_BUFFER=line DZ_PIN=default -- sh -c 'env; env env'
        assert status "$status" 0
        assert "$way" "$(grep '^\(LD_PRELOAD\|DZ_\)' log)" ""
        assert "$way: environments" "$(grep -c ^PATH= log)" 2
        # What a child prints is in the same log.
        finish "$way" DZ_BUFFER=line -- sh -c "'$TARGETS/prints'; exit 0"
        assert "$way: a child" "$(sed 's/.* //' err | tr '\n' ' ')" "0 5 5 10 "
    done
}

@test "--inherit: the children have the powers as well, and are no daemons" {
    need_musl
    cat >script.sh <<'END'
#!/bin/sh
"$1/prints"
(cd /tmp && "$1/prints-musl" && pwd && cut -d ' ' -f 6 /proc/self/stat)
echo own $(cut -d ' ' -f 6 /proc/$$/stat)
# It is not hit, and what it starts is not either.
sh -c 'trap - HUP; kill -HUP $$; "$1/signals" default' sh "$1" | grep -c lives
env | grep '^\(LD_PRELOAD\|DZ_\)'
exit 0
END
    chmod +x script.sh
    for way in $STARTS; do
        finish "$way" DZ_BUFFER=line DZ_PIN=default DZ_INHERIT=1 -- "$PWD/script.sh" "$TARGETS"
        assert status "$status" 0 || fail "$stderr"
        assert "$way" "$(sed 's/.* //' err | tr '\n' ' ')" "0 5 5 10 10 15 15 20 "
        session=$(sed -n 's/^own //p' log)
        assert "$way" "$(cat log)" "line
part
line
part
/tmp
$session
own $session
7"
    done
}
