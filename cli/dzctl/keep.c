/*
 * keep: another keeper for a job that runs, in the place of one that was killed.
 *
 * dznohup becomes the keeper.  It gets the options and words of the job's record, and
 * the environment of the job's process, for the runs to come.
 */
#include "dzctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool lacks_keeper(const struct job *job)
{
    return job->state == JOB_RUNS && job->record.keeper.pid > 0 &&
           dz_keeper_state(&job->record) == DZ_ENDED &&
           dz_identity_state(&job->record.who, NULL) == DZ_RUNS;
}

/* Makes stderr lead nowhere.  Returns a copy of what it was, or -1. */
static int mute(void)
{
    int old = fcntl(2, F_DUPFD_CLOEXEC, 3);
    int null = old >= 0 ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;

    if (null >= 0)
        dz_dup2(null, 2);
    dz_close_fd(&null);
    return old;
}

static void unmute(int *old)
{
    if (*old >= 0)
        dz_dup2(*old, 2);
    dz_close_fd(old);
}

/* Runs dznohup.  Returns its exit status. */
static int run_keeper(const struct job *job, const char *word, struct dz_fault *fault)
{
    pid_t pid = job->record.who.pid;
    char **envp;
    int status;

    fault->status = 0;
    if (check_again(job, "keep", word, fault) < 0)
        return fault->status;
    envp = read_environment(pid);
    if (envp == NULL) {
        dz_fault(fault, "keep", word, errno, NULL);
        fault->status = CTL_FAILED;
        return fault->status;
    }
    status = run_launcher(job, envp, pid, &pid);
    free_environment(envp);
    return status;
}

int keep_again(struct job *job, bool quiet)
{
    char digits[24];
    struct dz_fault fault;
    struct job now;
    int old = quiet ? mute() : -1;
    int status = run_keeper(job, job_called(job, digits), &fault);

    unmute(&old);
    if (status != 0 && !quiet && fault.status != 0)
        ctl_tell(&fault);
    if (job_read(&now, AT_FDCWD, "", job->file) < 0) {
        if (status != 0)
            return status; /* dznohup has said why */
        dz_fault(&fault, "keep", job_called(job, digits), errno,
                 "has a new keeper, but its record cannot be read");
        fault.status = CTL_FAILED;
        return quiet ? fault.status : ctl_tell(&fault);
    }
    job_free(job);
    *job = now;
    /* Another dzctl may have started a keeper first. */
    if (status != 0 && !job->keeper_runs)
        return status;
    if (!quiet)
        printf("%s: PID %ld has a new keeper, PID %ld\n", job_called(job, digits),
               (long)job->record.who.pid, (long)job->record.keeper.pid);
    return 0;
}

static int keep_one(struct choice *choice)
{
    struct job *job = &choice->job;
    struct dz_fault fault;

    if (job->state == JOB_UNKNOWN) {
        job_fault_unknown(job, "keep", choice->word, &fault);
        return ctl_tell(&fault);
    }
    if (job->state == JOB_NONE) {
        fault_no_job("keep", choice->word, &fault);
        return ctl_tell(&fault);
    }
    if (lacks_keeper(job))
        return keep_again(job, false);
    if (job->keeper_runs) {
        printf("%s: its keeper is running, PID %ld\n", choice->word,
               (long)job->record.keeper.pid);
        return 0;
    }
    dz_fault(&fault, "keep", choice->word, 0,
             job->state == JOB_ENDED
                 ? "has ended; dzctl start starts it again"
                 : "was started without a keeper; see --keep of dznohup");
    fault.status = CTL_FAILED;
    return ctl_tell(&fault);
}

int command_keep(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct choice *choices;
    size_t count;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    status = select_jobs(&arguments, 0, 0, &choices, &count);
    for (size_t i = 0; i < count; i++)
        if (!arguments.all || lacks_keeper(&choices[i].job))
            status = ctl_worst(status, keep_one(&choices[i]));
    free_choices(choices, count);
    return ctl_finish(status);
}
