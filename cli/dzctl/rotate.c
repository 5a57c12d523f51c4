/*
 * rotate: has the keeper of a job rotate its logs, and waits for that.
 */
#include "dzctl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

enum { LOGS = 2, ROTATE_MS = 10000, LOOK_MS = 5 };

/* Looks at the job's logs.  Of one that is not there, all is 0. */
static void look_at_logs(const struct job *job, struct dz_stat logs[LOGS])
{
    const char *const paths[LOGS] = {job->log, job->error_log};

    for (int i = 0; i < LOGS; i++)
        if (paths[i] == NULL || dz_stat(AT_FDCWD, paths[i], true, &logs[i]) < 0)
            logs[i] = (struct dz_stat){.inode = 0};
}

/* Returns whether each log that was there is another file now. */
static bool are_rotated(const struct job *job, const struct dz_stat before[LOGS])
{
    struct dz_stat now[LOGS];

    look_at_logs(job, now);
    for (int i = 0; i < LOGS; i++)
        if (before[i].inode != 0 &&
            (now[i].inode == 0 || dz_same_file(&now[i], &before[i])))
            return false;
    return true;
}

/* Returns why the job's log cannot be rotated, or NULL. */
static const char *obstacle(const struct job *job)
{
    if (option_of(job, "rotate") == NULL)
        return "was started without --rotate";
    return job->keeper_runs ? NULL : "its keeper is gone; see dzctl keep";
}

static int rotate_one(const struct choice *choice, struct dz_fault *fault)
{
    const struct job *job = &choice->job;
    int64_t until = dz_milliseconds() + ROTATE_MS;
    struct dz_stat before[LOGS];
    const char *reason;

    if (check_runs(choice, "rotate", fault) < 0)
        return -1;
    reason = obstacle(job);
    look_at_logs(job, before);
    if (reason == NULL && dz_signal_process(&job->record.keeper, SIGUSR2) == 0) {
        while (!are_rotated(job, before) && dz_milliseconds() < until)
            poll(NULL, 0, LOOK_MS);
        if (are_rotated(job, before))
            return 0;
        reason = "not rotated yet; see dzctl status";
    }
    dz_fault(fault, "rotate", choice->word, errno, reason);
    fault->status = CTL_FAILED;
    return -1;
}

int command_rotate(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct choice *choices;
    struct dz_fault fault;
    size_t count;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    status = select_jobs(&arguments, 0, 0, &choices, &count);
    for (size_t i = 0; i < count; i++) {
        const struct job *job = &choices[i].job;
        if (arguments.all && (job->state != JOB_RUNS || obstacle(job) != NULL))
            continue;
        if (rotate_one(&choices[i], &fault) < 0)
            status = ctl_worst(status, ctl_tell(&fault));
    }
    free_choices(choices, count);
    return ctl_finish(status);
}
