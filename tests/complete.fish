# For each line prints what fish would complete it to: "> LINE", then the matches.
#
# usage: fish complete.fish LINE...
for line in $argv
    echo "> $line"
    complete -C $line | string replace -r '\t.*' ''
end
