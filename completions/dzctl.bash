# Completion of dzctl in bash, for bash-completion.  The commands and their
# options are read from the help, the jobs from dzctl list.
#
# shellcheck shell=bash disable=SC2016,SC2034,SC2154,SC2207

_dzctl()
{
    local cur prev words cword split help usage takes='' list=''

    _init_completion -s -n : || return
    if ((cword == 1)); then
        list=$("$1" --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p')
        COMPREPLY=($(compgen -W '$list --help --version' -- "$cur"))
        return
    fi

    [[ ${words[1]} != -* ]] || return
    help=$("$1" "${words[1]}" --help 2>/dev/null)
    usage=${help%%$'\n'*}
    #   -s, --signal=SIG  what to send first: what the option before takes.
    [[ $prev != -?* || $prev == *=* ]] ||
        takes=$(sed -n "s/^ .*${prev}\(, --[a-z-]*\)\?=\([A-Z]*\) .*/\2/p" <<<"$help")
    if [[ $takes == SIG ]]; then
        list=$(compgen -A signal SIG) list=${list//SIG/}
    elif [[ $takes ]]; then
        return
    elif [[ $cur == -* ]]; then
        list=$(sed -n 's/^ .*\(--[a-z-]*=\?\).*/\1/p' <<<"$help")
    elif [[ $cur == */* && $usage == *JOB* ]]; then
        _filedir # a pidfile
        return
    elif [[ $usage == *JOB* ]]; then
        # A job without a name goes by its PID.  A name may hold what the shell
        # would take for its own.
        list=$("$1" list 2>/dev/null |
            while read -r name pid _; do
                [[ $name$pid == NAMEPID || $name$pid == nojobs* ]] || printf '%q\n' "${name/#-/$pid}"
            done)
    fi
    COMPREPLY=($(compgen -W '$list' -- "$cur"))
    [[ ${COMPREPLY-} != --*= ]] || compopt -o nospace
    __ltrim_colon_completions "$cur"
} && complete -F _dzctl dzctl
