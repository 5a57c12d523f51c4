/*
 * clear: forgets jobs that have ended.
 */
#include "dzctl.h"

#include <limits.h>
#include <stdlib.h>

/* Forgets one job.  A job that may run is not forgotten: the message names its record,
 * so that the user can remove it. */
static int clear_one(const char *word)
{
    struct dz_fault fault;
    struct job job;

    if (job_find(&job, word, &fault) < 0)
        return ctl_tell(&fault);
    if (job.state == JOB_ENDED) {
        job_forget(&job);
        job_free(&job);
        return 0;
    }
    if (job.state == JOB_UNKNOWN)
        job_fault_unknown(&job, "clear", job.file != NULL ? job.file : word, &fault);
    else if (job.state == JOB_NONE)
        fault_no_job("clear", word, &fault);
    else
        dz_fault(&fault, "clear", word, 0, "running; stop it first");
    if (job.state == JOB_RUNS)
        fault.status = CTL_FAILED;
    job_free(&job);
    return ctl_tell(&fault);
}

static int clear_all(void)
{
    struct dz_fault fault;
    struct job *jobs;
    size_t count;

    if (job_list(&jobs, &count, &fault) < 0) {
        fault.status = CTL_FAILED;
        return ctl_tell(&fault);
    }
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].state == JOB_ENDED)
            job_forget(&jobs[i]);
        job_free(&jobs[i]);
    }
    free(jobs);
    return 0;
}

int command_clear(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    if (arguments.count == 0)
        return clear_all();
    for (int i = 0; i < arguments.count; i++)
        status = ctl_worst(status, clear_one(arguments.names[i]));
    return status;
}
