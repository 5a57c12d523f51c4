# Slurm: slurmctld and slurmd on one node, with munge, by each way of proctrack(5) that
# needs no control group.

load ../helpers
load engines

needs() {
    need_root
    need slurmctld slurmd sbatch scancel munged
}

# boot TYPE: the cluster; its programs' PIDs are tracked.
boot() {
    local host
    host=$(hostname -s)
    new_app
    mkdir -p munge state spool
    chmod 711 munge
    head -c 1024 /dev/urandom >munge/key
    chmod 400 munge/key
    cat >slurm.conf <<CONF
ClusterName=dz
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=root
AuthInfo=socket=$PWD/munge/socket
ProctrackType=proctrack/$1
TaskPlugin=task/none
SelectType=select/linear
StateSaveLocation=$PWD/state
SlurmdSpoolDir=$PWD/spool
SlurmctldPidFile=$PWD/slurmctld.pid
SlurmdPidFile=$PWD/slurmd.pid
SlurmctldLogFile=$PWD/slurmctld.log
SlurmdLogFile=$PWD/slurmd.log
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
SchedulerParameters=batch_sched_delay=0,sched_interval=1
KillWait=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=1 State=UNKNOWN
PartitionName=p Nodes=$host Default=YES State=UP
CONF
    export SLURM_CONF=$PWD/slurm.conf
    engine munged --force --foreground --socket="$PWD/munge/socket" --key-file="$PWD/munge/key" \
        --log-file="$PWD/munge/log" --pid-file="$PWD/munge/pid" --seed-file="$PWD/munge/seed" --num-threads=1
    await test -S munge/socket
    engine slurmctld -D -c -f "$SLURM_CONF"
    engine slurmd -D -N "$host" -f "$SLURM_CONF"
    await is_idle
}
is_idle() { [ "$(sinfo -h -o %t)" = idle ]; }
clean_up() {
    local pid
    # A step's manager is nobody's child once slurmd has ended.
    for pid in $(pgrep -f "slurmstepd: \[${job:-0}\.") $(children_of_steps); do
        [ "$(environment_of "$pid" 2>/dev/null | sed -n 's/^SLURM_CONF=//p')" != "$PWD/slurm.conf" ] || track "$pid"
    done
}
children_of_steps() { pgrep -f "$PWD/app"; }
# Sets job.
submit() { job=$(closed sbatch --parsable "$@"); }
# What the controller says of a job: show_job JobState
show_job() { scontrol show job "$job" | sed -n "s/.*\b$1=\([^ ]*\).*/\1/p"; }
job_is() { [ "$(show_job JobState)" = "$1" ]; }
job_is_over() { [[ $(show_job JobState) =~ ^(COMPLETED|FAILED|CANCELLED)$ ]]; }
assert_job_ends() { # STATE [EXIT-CODE]
    await job_is_over
    assert "state and exit code" "$(show_job JobState) $(show_job ExitCode)" "$*"
}

assert_job_works() {
    recipe slurm-job >job.sh
    submit job.sh
    serving
    job_is RUNNING
    "$CTL" ready app listen:"$port"
    [[ $("$CTL" status app) == "app: running, PID $app,"* ]]
    # The log is live.
    await holds_line app.log listening
    # Slurm ends it with the job.
    scancel "$job"
    await gone "$app"
    await job_is CANCELLED
    assert_nothing_left
    # A start that fails is the job's failure, with its status.
    break_app
    submit job.sh
    assert_job_ends FAILED 3:0
    holds_line app.log "app: no such database"
    rm app/server
    submit job.sh
    assert_job_ends FAILED 127:0
    assert "last line" "$(tail -n 1 app.log)" "dznohup: command: $PWD/app/server: No such file or directory"
    mend_app
}

# Which of what a script has started goes on when it ends.
assert_outlive() { # MODE...
    local mode expected
    for mode in leave stay keep; do ln -sf "$SLEEP" app/$mode; done
    cat >modes.sh <<SH
#!/bin/sh
cd $PWD
$DZ -d -q -o log app/leave 3600 >leave.pid
$DZ --mode=stay app/stay 3600 & echo \$! >stay.pid
$DZ --keep-session app/keep 3600 & echo \$! >keep.pid
for mode in stay keep; do
    until [ "\$(readlink /proc/\$(cat \$mode.pid)/exe)" = $SLEEP ]; do sleep 0.05; done
done
SH
    submit --output=/dev/null modes.sh
    assert_job_ends COMPLETED 0:0
    for mode in leave stay keep; do
        track "$(<"$mode.pid")"
        expected=ends
        [[ " $* " != *" $mode "* ]] || expected=lives
        if [ $expected = ends ]; then
            await gone "$(<"$mode.pid")"
        else
            alive "$(<"$mode.pid")" || fail "$mode has ended"
        fi
    done
    for mode in "$@"; do kill "$(<"$mode.pid")"; await gone "$(<"$mode.pid")"; done
}

assert_service_works() {
    recipe slurm-service >service.sh
    cat >app/train <<SH
#!/bin/sh
exec 9<>/dev/tcp/127.0.0.1/$port && cat <&9 >$PWD/said
SH
    sed -i '1s/sh/bash/' app/train
    chmod +x app/train
    submit service.sh
    assert_job_ends COMPLETED 0:0
    assert_match "what the job got" "$(<said)" "hello *"
    assert_nothing_left
    break_app
    submit service.sh
    assert_job_ends FAILED 3:0
    holds app.log "app: no such database"
    assert_nothing_left
}

@test "Slurm, proctrack/pgid: a job, a service beside it, and what outlives the script" {
    boot pgid
    assert_job_works
    assert_service_works
    assert_outlive leave stay
}

@test "Slurm, proctrack/linuxproc: a job, a service beside it, and what outlives the script" {
    boot linuxproc
    assert_job_works
    assert_service_works
    assert_outlive leave stay keep
}
