# Completion of dznohup in fish.  The options and what they take are read from
# dznohup --help=all: there is no second table to keep.

# The words from COMMAND on, up to the cursor; fails if there is no COMMAND yet.
function __dznohup_command
    set -l words (commandline -opc) (commandline -ct)
    set -e words[1]
    while string match -q -- '-*' "$words[1]"
        set -l option $words[1]
        set -e words[1]
        test "$option" = --
        and break
        # A value is the next word, unless it is joined.
        contains -- $option $__dznohup_valued
        or string match -rq -- "^-[^-$__dznohup_letters]*[$__dznohup_letters]\$" $option
        and set -e words[1]
    end
    set -q words[1]
    and string join0 -- $words
end

function __dznohup_complete_command
    set -l words (__dznohup_command | string split0)
    and __fish_complete_subcommand --commandline $words
end

# What is typed of a value.
function __dznohup_value
    commandline -ct | string replace -r -- '^--[^=]*=' ''
end

# Each word as the last of a list.
function __dznohup_list
    set -l before (__dznohup_value | string match -r '^.*,')
    string join \n -- "$before"$argv
end

function __dznohup_conditions
    set -l value (__dznohup_value)
    if set -l before (string match -r '^(?:.*,)?(?:path:|listen:(?=/))' -- $value)
        string join \n -- $before(__fish_complete_path (string replace -- $before '' $value))
    end
    __dznohup_list $__dznohup_conditions
end

set -g __dznohup_valued
set -g __dznohup_letters _ # a class of characters may not be empty
set -l help (dznohup --help=all 2>/dev/null)

for line in $help
    # Its letter, its name, how it takes a value, which value, what it does.
    set -l part (string replace -rf -- '^ +-?([A-Za-z]?),? *--([a-z-]+)((?:\[?=)?)([^] ]*)\]?(?:\[\S*)? +(.*)$' \
        '$1\t$2\t$3\t$4\t$5' $line | string split \t)
    or continue
    set -l name $part[2]
    set -l kind $part[4]
    set -l short
    test -n "$part[1]"
    and set short -s $part[1]
    set -l takes
    switch "$part[3]$kind"
        case ''
        case '=FILE' '=PATH'
            set takes -r -F
        case '=DIR'
            set takes -x -a '(__fish_complete_directories (__dznohup_value))'
        case '=SIG,...'
            set takes -x -a '(__dznohup_list (kill -l | string split -n " "))'
        case '=COND,...'
            set takes -x -a '(__dznohup_conditions)'
        case '[=*'
            set takes -f -a (string replace -a '|' ' ' -- $kind)
        case '=*|*'
            set takes -x -a (string replace -a '|' ' ' -- $kind)
        case '*'
            set takes -x
    end
    complete -c dznohup -n 'not __dznohup_command >/dev/null' $short -l $name -d $part[5] $takes
    test "$part[3]" = '='
    and set -a __dznohup_valued --$name
    and set -g __dznohup_letters $__dznohup_letters$part[1]
end

# COND: exec, settle[:MAX], alive:SEC, main, listen[:PORT|:PATH], notify.
set -l conditions (string join ' ' $help | string replace -rf '.*COND: (.*?)\. .*' '$1' | string split ', ')
set -g __dznohup_conditions (string match -r '^[a-z]+(?=$|\[)' -- $conditions) \
    (string replace -rf '^([a-z]+)\[?:.*' '$1:' -- $conditions)

complete -c dznohup -x -a '(__dznohup_complete_command)'
