# For shell code that is PID 1 of a PID namespace of its own: what it needs of
# helpers.bash and jobs.bash, without bats.
#
# shellcheck shell=bash

alive() { [ -e "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status"; }

# Have a sleep(1) run as that PID.  Time passes before: a start is told in ticks of
# 10 ms, and a natural reuse of a PID takes much longer.
take() {
    sleep 0.1
    echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid
    sleep 3600 &
    [ $! = "$1" ] || echo "the stranger is $!"
}

# ask COMMAND JOB: what dzctl ends with, and which signals it sends.
ask() {
    rm -f trace
    strace -f -qq -o trace -e trace=kill,tkill,tgkill,pidfd_send_signal,rt_sigqueueinfo,rt_tgsigqueueinfo \
        -e signal=none "$CTL" "$1" "$2" >/dev/null 2>&1
    echo "$1 $?"
    cat trace
}
