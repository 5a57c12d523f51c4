/*
 * signal: sends a signal to the processes of jobs.  pid: prints their PIDs.
 */
#include "dzctl.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

int check_runs(const struct choice *choice, const char *command, struct dz_fault *fault)
{
    const struct job *job = &choice->job;

    if (job->state == JOB_UNKNOWN) {
        job_fault_unknown(job, command, choice->word, fault);
        fault->status = CTL_UNKNOWN;
        return -1;
    }
    if (job->state == JOB_NONE && job->record.who.pid == 0)
        return fault_no_job(command, choice->word, fault);
    if (job->state == JOB_RUNS)
        return 0;
    dz_fault(fault, command, choice->word, 0, "is not running");
    fault->status = job->state == JOB_NONE ? CTL_NOT_RUNNING : CTL_DEAD;
    return -1;
}

static int signal_one(const struct choice *choice, int signal, struct dz_fault *fault)
{
    const struct job *job = &choice->job;

    if (check_runs(choice, "signal", fault) < 0)
        return -1;
    if (!job->recorded && strchr(choice->word, '/') == NULL) {
        dz_fault(fault, "signal", choice->word, 0, "not one of your jobs; use kill(1)");
    } else if (dz_signal_process(&job->record.who, signal) < 0) {
        dz_fault(fault, "signal", choice->word, errno, NULL);
    } else {
        return 0;
    }
    fault->status = CTL_FAILED;
    return -1;
}

int command_signal(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct choice *choices;
    struct dz_fault fault;
    size_t count;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    int signal = dz_signal_number(arguments.names[0], strlen(arguments.names[0]));
    if (signal < 1)
        return ctl_usage("signal", arguments.names[0],
                         "not a signal; the signal comes before the jobs");
    status = select_jobs(&arguments, 1, 0, &choices, &count);
    if (arguments.all)
        keep_running(choices, &count);
    for (size_t i = 0; i < count; i++)
        if (signal_one(&choices[i], signal, &fault) < 0)
            status = ctl_worst(status, ctl_tell(&fault));
    free_choices(choices, count);
    return status;
}

int command_pid(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct choice *choices;
    struct dz_fault fault;
    size_t count;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    status = select_jobs(&arguments, 0, CTL_UNKNOWN, &choices, &count);
    for (size_t i = 0; i < count; i++) {
        if (check_runs(&choices[i], "pid", &fault) < 0)
            status = ctl_worst(status, ctl_tell(&fault));
        else
            printf("%ld\n", (long)choices[i].job.record.who.pid);
    }
    free_choices(choices, count);
    return ctl_finish(status);
}
