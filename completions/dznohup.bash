# Completion of dznohup in bash, for bash-completion.  The options and what they
# take are read from dznohup --help=all: there is no second table to keep.
#
# shellcheck shell=bash disable=SC2016,SC2034,SC2154,SC2207

# Reads the help of $1.  takes: what each option takes, a word such as FILE or
# stay|leave; for one that may be left out the option is followed by "=".
_dznohup_read_help()
{
    local line word conditional=

    while IFS= read -r line; do
        if [[ $line =~ ^' '+((-[A-Za-z]), )?' '*(--[a-z-]+)(\[?=)?([^] ]*) ]]; then
            case ${BASH_REMATCH[4]} in
                =)
                    options+=("${BASH_REMATCH[3]}=")
                    takes[${BASH_REMATCH[3]}]=${BASH_REMATCH[5]}
                    takes[${BASH_REMATCH[2]:--}]=${BASH_REMATCH[5]}
                    ;;
                "[=")
                    options+=("${BASH_REMATCH[3]}" "${BASH_REMATCH[3]}=")
                    takes[${BASH_REMATCH[3]}=]=${BASH_REMATCH[5]}
                    ;;
                *) options+=("${BASH_REMATCH[3]}") ;;
            esac
        fi
        # COND: exec, settle[:MAX], alive:SEC, main, listen[:PORT|:PATH], ...
        [[ $line != COND:* ]] || conditional=yes
        [[ $conditional ]] || continue
        for word in ${line#COND:}; do
            [[ $word =~ ^([a-z]+)(,|\.|\[?:) ]] || continue
            [[ ${BASH_REMATCH[2]} == : ]] || conditions+=("${BASH_REMATCH[1]}")
            [[ ${BASH_REMATCH[2]} != *: ]] || conditions+=("${BASH_REMATCH[1]}:")
        done
        [[ $line != *. ]] || conditional=
    done < <("$1" --help=all 2>/dev/null)
}

# Completes $cur as a value of this kind: the last part of a list, or what follows
# the colon of a condition.
_dznohup_value()
{
    local kind=${1%,...} whole=$cur before list=''

    [[ $1 != *,... ]] || cur=${cur##*,}
    if [[ $kind == COND && ($cur == path:* || $cur == listen:/*) ]]; then
        kind=FILE cur=${cur#*:}
    fi
    before=${whole%"$cur"}
    case $kind in
        FILE | PATH) _filedir ;;
        DIR) _filedir -d ;;
        COND) list=${conditions[*]} ;;
        SIG) list=$(compgen -A signal SIG) list=${list//SIG/} ;;
        *[a-z]*) list=${kind//|/ } ;;
    esac
    [[ ! $list ]] || COMPREPLY=($(compgen -W '$list' -- "$cur"))
    COMPREPLY=("${COMPREPLY[@]/#/$before}")
    [[ $1 != *,... ]] || compopt -o nospace
    __ltrim_colon_completions "$whole"
}

_dznohup()
{
    local cur prev words cword split i word kind='' next=''
    local -a options=() conditions=()
    local -A takes=()

    _init_completion -s -n : || return
    _dznohup_read_help "$1"

    # The command is the first word that is neither an option nor the value of one.
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == [=:]* || ${COMP_WORDS[i - 1]} == [=:] ]]; then
            next='' # bash divides --option=value and condition:value
            continue
        fi
        kind=$next next=''
        [[ ! $kind ]] || continue
        if [[ $word != -?* || ${COMP_WORDS[i - 1]} == -- ]]; then
            [[ $word == - && $i == "$COMP_CWORD" ]] || {
                _command_offset "$i"
                return
            }
        elif [[ $word == --* ]]; then
            next=${takes[$word]-}
        else
            # -qo FILE takes the next word, -qoFILE does not.
            while [[ $word == -?* && ! $next ]]; do
                next=${takes[${word:0:2}]-}
                word=-${word:2}
            done
            [[ $word == - ]] || next=''
        fi
    done

    $split && kind=${takes[$prev]-${takes[$prev=]-}}
    if [[ $kind ]]; then
        _dznohup_value "$kind"
    elif [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W '${options[*]}' -- "$cur"))
        [[ ${COMPREPLY-} != *= ]] || compopt -o nospace
    fi
} && complete -F _dznohup dznohup
