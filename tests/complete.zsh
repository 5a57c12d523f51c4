# Types lines and a tab into an interactive zsh on a pseudo-terminal, and prints
# for each what zsh would complete it to: "> LINE", then the matches.
#
# usage: zsh -f complete.zsh FOLDER-OF-COMPLETIONS LINE...
zmodload zsh/zpty
folder=$1 matches=$(mktemp)
shift

zpty shell zsh -f -i
zpty -w shell "fpath=(${(q)folder} \$fpath) matches=${(q)matches}"
# A compadd with -O, -A or -D completes nothing.
zpty -w shell '
autoload -Uz compinit && compinit -D -u
compadd() {
    local -a found
    [[ ${@[1,(i)(-|--)]} == *-[OAD]\ * ]] || {
        builtin compadd -A found "$@"
        (($#found == 0)) || print -lr -- $IPREFIX$^found >>$matches
    }
    builtin compadd "$@"
}
show() {
    _main_complete
    compstate[insert]= compstate[list]=
    print -r -- "<""done>"
}
zle -C show complete-word show
bindkey "^I" show "^U" kill-whole-line
'
for line; do
    zpty -w -n shell $'\x15'$line$'\t'
    zpty -r shell screen '*<done>*'
    print -r -- "> $line"
    sort -u $matches
    : >$matches
done
zpty -d shell
rm -f $matches
