/*
 * stop: ends a job and what is left of it.
 *
 * No signal goes anywhere but through the core, which compares who is meant
 * before; what is left of a job's session is looked for only after the job was
 * seen running in it, since a session's number can be reused as a PID can.
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

/* The session that the job runs in, seen while it does; 0: not its own. */
static pid_t own_session(const struct job *job)
{
    struct dz_process process;

    if (dz_read_process(job->record.who.pid, &process) < 0 ||
        process.start != job->record.who.start || process.session == getsid(0))
        return 0;
    /* A leader that lives and is not the job: the session is not its own. */
    if (process.session != process.pid && dz_is_running(process.session))
        return 0;
    /* One that it does not lead is its own where we have made it. */
    if (process.session != process.pid &&
        (!job->recorded || process.session != job->record.session))
        return 0;
    return process.session;
}

/* End what is left in session, if its number is still that session's. */
static int stop_rest(pid_t session, int64_t until)
{
    struct dz_members family = {.session = session, .except = getpid()};
    int64_t rest = dz_milliseconds() + REST_MS;

    if (session <= 1)
        return 0;
    return dz_stop_members(&family, until > rest ? until : rest);
}

/* 1: it took KILL. */
static int stop_running(const struct job *job, int signal, int64_t until,
                        struct dz_fault *fault)
{
    const struct dz_identity *who = &job->record.who;
    pid_t session = own_session(job);

    int killed = dz_stop_process(who, signal, until);
    if (killed >= 0 && stop_rest(session, until) == 0)
        return killed;
    dz_fault_number(fault, "stop", who->pid, errno,
                    errno == EBUSY ? "survived SIGKILL: it hangs in a system call"
                                   : NULL);
    fault->status = CTL_FAILED;
    return -1;
}

/* Whether we know it well enough to signal it. */
static bool is_ours(const struct job *job, const char *word)
{
    return job->recorded || strchr(word, '/') != NULL;
}

/* Success, and said; but a word that names a file here and no job is most likely
 * a pidfile without its slash, whose process goes on. */
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

/* killed: after so many milliseconds by KILL, or -1. */
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
    if (job.state == JOB_ELSEWHERE) {
        dz_fault(&fault, "stop", word, 0, job_elsewhere);
        result = -1;
    } else if (job.state != JOB_RUNS) {
        result = nothing_to_stop(&job, word, &fault);
    } else if (job.record.who.pid < 2) {
        dz_fault(&fault, "stop", word, 0,
                 "refused: stopping PID 1 would end the whole system or container");
        result = -1;
    } else if (!is_ours(&job, word)) {
        result = refuse_stranger(&job, &fault);
    } else {
        result = stop_running(&job, arguments->signal, until, &fault);
        if (result >= 0)
            say_stopped(&job, word, result == 0 ? -1 : timeout);
    }
    if (result >= 0)
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
