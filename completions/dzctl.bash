# Completion of dzctl in bash, for bash-completion.  The commands and their
# options are read from the help, the jobs from dzctl list.
#
# shellcheck shell=bash disable=SC2016,SC2034,SC2154,SC2207

_dzctl()
{
    local cur prev words cword usage list

    _init_completion -n : || return
    if ((cword == 1)); then
        list=$("$1" --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p')
        COMPREPLY=($(compgen -W '$list --help --version' -- "$cur"))
        return
    fi

    # Usage: dzctl stop [-t SEC] [-s SIG] JOB...
    [[ ${words[1]} != -* ]] || return
    read -r usage < <("$1" "${words[1]}" --help 2>/dev/null)
    if [[ $prev == -? && $usage == *"[$prev SIG]"* ]]; then
        list=$(compgen -A signal SIG) list=${list//SIG/}
    elif [[ $prev == -? && $usage == *"[$prev "* ]]; then
        return
    elif [[ $cur == -* ]]; then
        list="$(grep -o -e '\[-[^] ]*' <<<"$usage" | tr -d '[') --help"
    elif [[ $cur == */* && $usage == *JOB* ]]; then
        _filedir # a pidfile
        return
    elif [[ $usage == *JOB* ]]; then
        # A job without a name goes by its PID.  A name may hold what the shell
        # would take for its own.
        list=$("$1" list 2>/dev/null |
            while read -r name pid _; do
                [[ $name == NAME ]] || printf '%q\n' "${name/#-/$pid}"
            done)
    fi
    COMPREPLY=($(compgen -W '$list' -- "$cur"))
    __ltrim_colon_completions "$cur"
} && complete -F _dzctl dzctl
