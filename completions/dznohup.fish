# Completion of dznohup in fish.  The options and what they take are read from
# dznohup --help=all: there is no second table to keep.

# The words from COMMAND on, up to the cursor; fails if there is no COMMAND yet.
function __dznohup_command
    set -l words (commandline -opc) (commandline -ct)
    argparse --stop-nonopt $__dznohup_options -- $words[2..] 2>/dev/null
    and set -q argv[1]
    and not string match -q -- '-*' "$argv[1]"
    and string join0 -- $argv
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

set -g __dznohup_options
set -l help (dznohup --help=all 2>/dev/null)

for line in $help
    string match -rq -- '^ +(?:-(?<letter>[A-Za-z]), )? *--(?<name>[a-z-]+)(?<equals>\[?=)?(?<kind>[^] ]*)\]?(?:\[\S*)? +(?<text>.*)$' $line
    or continue
    set -l short
    test -n "$letter"
    and set short -s $letter
    set -l takes
    switch "$equals$kind"
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
    complete -c dznohup -n 'not __dznohup_command >/dev/null' $short -l $name -d $text $takes
    set -a __dznohup_options (string join -n / "$letter" $name)(string replace '[=' '=?' -- "$equals")
end

# COND: exec, settle[:MAX], alive:SEC, main, listen[:PORT|:PATH], notify.
set -l conditions (string join ' ' $help | string match -rg 'COND: (.*?)\. ' | string split ', ')
set -g __dznohup_conditions (string match -r '^[a-z]+(?=$|\[)' -- $conditions) \
    (string replace -rf '^([a-z]+)\[?:.*' '$1:' -- $conditions)

complete -c dznohup -x -a '(__dznohup_complete_command)'
