/*
 * stop: ends a job and what is left of its session.
 *
 * All signals go through core/job, which compares the identity first.  The number of a
 * session can be reused, as a PID can.  So the session is ended only if the job was
 * seen running in it.
 */
#include "dzctl.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STOP_MS = 10000, REST_MS = 1000 };

/* Returns the session that the job runs in, which is read while it runs; 0 if the
 * session is not its own. */
static pid_t own_session(const struct job *job)
{
    struct dz_process process;

    if (dz_read_process(job->record.who.pid, &process) < 0 ||
        !dz_is_process(&job->record.who, &process) || process.session == getsid(0))
        return 0;
    /* If the leader lives and is not the job, the session is the leader's. */
    if (process.session != process.pid && dz_is_running(process.session))
        return 0;
    /* A session that the job does not lead is its own if a start made it. */
    if (process.session != process.pid &&
        (!job->recorded || process.session != job->record.session))
        return 0;
    return process.session;
}

/* Sets *spared to the processes that were in the session before the job.  Returns their
 * number. */
static size_t read_spared(const struct job *job, struct dz_identity **spared)
{
    size_t count = 0;
    size_t good = 0;

    while (job->older != NULL && job->older[count] != NULL)
        count++;
    *spared = calloc(count + 1, sizeof **spared);
    for (size_t i = 0; *spared != NULL && i < count; i++)
        good += dz_record_parse_older(job->older[i], &(*spared)[good]);
    return *spared != NULL ? good : count;
}

/* Stops what is left of the session. */
static int stop_rest(const struct job *job, pid_t session, int64_t until)
{
    struct dz_members members = {.session = session, .except = getpid()};
    int64_t rest = dz_milliseconds() + REST_MS;
    struct dz_identity *spared;
    int result;

    if (session <= 1)
        return 0;
    members.spared_count = read_spared(job, &spared);
    members.spared = spared;
    if (spared == NULL) /* without the list it cannot be told which to spare */
        return -1;
    result = dz_stop_members(&members, until > rest ? until : rest);
    int err = errno;
    free(spared);
    errno = err;
    return result;
}

/* Stops a job that runs.  Returns 1 if it took KILL, 0, or -1 with the fault. */
static int stop_running(const struct job *job, int signal, int64_t until,
                        struct dz_fault *fault)
{
    const struct dz_identity *who = &job->record.who;
    pid_t session = own_session(job);

    int killed = dz_stop_process(who, signal, until);
    if (killed >= 0 && stop_rest(job, session, until) == 0)
        return killed;
    dz_fault_number(fault, "stop", who->pid, errno,
                    errno == EBUSY    ? "survived SIGKILL: it hangs in a system call"
                    : errno == EAGAIN ? "something of the job may be left: processes "
                                        "are forked too quickly"
                                      : NULL);
    fault->status = CTL_FAILED;
    return -1;
}

/* Stops a job whose keeper runs.  Returns as stop_running. */
static int stop_kept(const struct job *job, int signal, int64_t timeout,
                     struct dz_fault *fault)
{
    bool stopped;
    int killed = kept_stop(job, signal, timeout, &stopped);

    if (killed >= 0 && !stopped)
        killed = stop_running(job, signal, dz_milliseconds() + timeout, fault) < 0 ||
                         stop_rest(job, job->record.session, 0) < 0
                     ? -1
                     : 1;
    if (killed >= 0)
        return killed;
    dz_fault_number(fault, "stop", job->record.keeper.pid, errno, NULL);
    fault->status = CTL_FAILED;
    return -1;
}

/* Returns whether the job is one of ours, or word is a pidfile. */
static bool is_ours(const struct job *job, const char *word)
{
    return job->recorded || strchr(word, '/') != NULL;
}

/* Reports that the job does not run, which is a success.  But if word is no job and
 * names a file here, the user most likely means a pidfile. */
static int nothing_to_stop(const struct job *job, const char *word,
                           struct dz_fault *fault)
{
    char state[48];

    if (job->state == JOB_NONE && strchr(word, '/') == NULL &&
        access(word, F_OK) == 0) {
        return dz_fault(fault, "stop", word, 0,
                        "no such job; to name a pidfile here, begin with ./");
    }
    printf("%s: nothing to stop: %s%s%s\n", word, shown_state(job, state),
           job->problem != NULL ? ", pidfile " : "",
           job->problem != NULL ? job->problem : "");
    return 0;
}

/* Reports the end of a job.  killed: the milliseconds after which it took KILL, or -1.
 */
static void say_stopped(const struct job *job, const char *word, int64_t killed)
{
    char digits[24];

    printf("%s: stopped, PID %ld", job->recorded ? job_called(job, digits) : word,
           (long)job->record.who.pid);
    if (killed >= 0)
        printf(", by SIGKILL after %g s", (double)killed / 1000);
    putchar('\n');
}

static int refuse_stranger(const struct job *job, struct dz_fault *fault)
{
    char reason[80];

    snprintf(reason, sizeof reason, "PID %ld is not one of your jobs; use kill(1)",
             (long)job->record.who.pid);
    return dz_fault(fault, "stop", NULL, 0, reason);
}

static int stop_one(const char *word, const struct arguments *arguments)
{
    int64_t timeout = arguments->timeout >= 0 ? arguments->timeout : STOP_MS;
    int64_t until = dz_milliseconds() + timeout;
    struct dz_fault fault;
    struct job job;
    int result = 0;

    if (job_find(&job, word, &fault) < 0)
        return ctl_tell(&fault);
    if (job.state == JOB_UNKNOWN) {
        result = job_fault_unknown(&job, "stop", word, &fault);
    } else if (job.state != JOB_RUNS) {
        result = nothing_to_stop(&job, word, &fault);
    } else if (job.record.who.pid < 2 || job.record.keeper.pid == 1) {
        dz_fault(&fault, "stop", word, 0,
                 "refused: stopping PID 1 would end the whole system or container");
        result = -1;
    } else if (!is_ours(&job, word)) {
        result = refuse_stranger(&job, &fault);
    } else {
        result = job.keeper_runs ? stop_kept(&job, arguments->signal, timeout, &fault)
                                 : stop_running(&job, arguments->signal, until, &fault);
        if (result >= 0)
            say_stopped(&job, word, result == 0 ? -1 : timeout);
    }
    if (result >= 0 && !job.keeper_runs) /* a keeper has recorded how it ended */
        job_forget(&job);
    job_free(&job);
    fault.status = CTL_FAILED;
    return result < 0 ? ctl_tell(&fault) : 0;
}

int command_stop(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    for (int i = 0; i < arguments.count; i++)
        status = ctl_worst(status, stop_one(arguments.names[i], &arguments));
    return ctl_finish(status);
}
