# Completion of dzctl in fish.  The commands and their options are read from the
# help, the jobs from dzctl list.

# A word with a slash is a pidfile; a job without a name goes by its PID.
function __dzctl_jobs
    if string match -q '*/*' -- (commandline -ct)
        __fish_complete_path (commandline -ct)
        return
    end
    dzctl list 2>/dev/null | while read -l name pid rest
        switch $name
            case NAME no
            case -
                printf '%s\t%s\n' $pid $rest
            case '*'
                printf '%s\t%s\n' $name $rest
        end
    end
end

complete -c dzctl -f
complete -c dzctl -n __fish_use_subcommand -l help -s h -d 'print the help'
complete -c dzctl -n __fish_use_subcommand -l version -s V -d 'print the version'

#   stop    [-t SEC] [-s SIG] JOB... TERM, and KILL after SEC seconds (10)
for line in (dzctl --help 2>/dev/null)
    # The command, its arguments, what it does.
    set -l part (string replace -rf -- '^  ([a-z]+) +((?:\[[^]]*\] *)*(?:(?:SIG )?JOB(?:\.\.\.)? *)?(?:\[COND,\.\.\.\] *)?)(.*)$' \
        '$1\t$2\t$3' $line | string split \t)
    or continue
    set -l command $part[1]
    complete -c dzctl -n __fish_use_subcommand -a $command -d $part[3]
    set -l here -c dzctl -n "__fish_seen_subcommand_from $command"
    string match -q '*JOB*' -- $part[2]
    and complete $here -a '(__dzctl_jobs)'
    #   -s, --signal=SIG  what to send first, TERM if not given
    for row in (dzctl $command --help 2>/dev/null)
        # Its letter, its name, what it takes, what it does.
        set -l part (string replace -rf -- '^ +-?([a-z]?),? *--([a-z-]+)=?([A-Z]*) +(.*)$' \
            '$1\t$2\t$3\t$4' $row | string split \t)
        or continue
        set -l option -l $part[2] -d $part[4]
        test -n "$part[1]"
        and set -a option -s $part[1]
        switch "$part[3]"
            case ''
                complete $here $option
            case SIG
                complete $here $option -x -a '(kill -l | string split -n " ")'
            case '*'
                complete $here $option -x
        end
    end
end
