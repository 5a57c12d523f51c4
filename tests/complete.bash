# For each line prints what bash would complete it to: "> LINE", then the matches.
#
# usage: bash complete.bash LINE...
#
# shellcheck shell=bash disable=SC2034
. /usr/share/bash-completion/bash_completion
compopt() { :; } # the builtin wants readline

for line; do
    COMP_LINE=$line COMP_POINT=${#line} COMPREPLY=()
    # As readline divides it: = and : are words of their own.
    mapfile -t COMP_WORDS < <(grep -oE '[=:]+|[^ =:]+' <<<"$line")
    [[ $line != *' ' ]] || COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    complete -p "${COMP_WORDS[0]}" >/dev/null 2>&1 || _completion_loader "${COMP_WORDS[0]}"
    "_${COMP_WORDS[0]}" "${COMP_WORDS[0]}" "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
    echo "> $line"
    [[ ! ${COMPREPLY-} ]] || printf '%s\n' "${COMPREPLY[@]}"
done
