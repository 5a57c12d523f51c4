# For each line prints what fish would complete it to: "> LINE", then the matches.
#
# usage: fish complete.fish LINE...
for line in $argv
    echo "> $line"
    set -l matches (complete -C $line | string replace -r '\t.*' '')
    # Where some begin with what was typed, fish shows these alone; complete -C has all.
    set -l typed (string replace -r '.*[ =]' '' -- $line)
    set -l begun (string match -- "$typed*" $matches; string match -- "*=$typed*" $matches)
    set -q begun[1]
    and set matches $begun
    string join \n -- $matches
    or continue # there are none
end
