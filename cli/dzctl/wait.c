/*
 * wait: waits for the end of a job and exits with its status.
 */
#include "dzctl.h"
#include "syscalls.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REAPED_MS = 1000 };

/* Returns the status of a process that was reaped, or -1 if the kernel does not report
 * it. */
static int told_status(int pidfd)
{
    struct dz_pidfd_info info = {.mask = DZ_PIDFD_INFO_EXIT};

    /* Not by ioctl(2): musl's takes an int. */
    if (syscall(SYS_ioctl, pidfd, DZ_PIDFD_GET_INFO, &info) < 0 ||
        (info.mask & DZ_PIDFD_INFO_EXIT) == 0)
        return -1;
    return info.exit_code;
}

/* Returns the status of a zombie, or -1.  /proc shows it to users who may trace the
 * process, and 0 to others. */
static int zombie_status(pid_t pid)
{
    struct dz_process process;
    struct stat about;
    char path[32];

    snprintf(path, sizeof path, "/proc/%ld", (long)pid);
    if (stat(path, &about) < 0 || (geteuid() != 0 && about.st_uid != geteuid()) ||
        dz_read_process(pid, &process) < 0 || process.state != 'Z')
        return -1;
    return process.wait_status;
}

/* Returns the status of a process that has ended, or -1 if it is unknown. */
static int final_status(int pidfd, pid_t pid)
{
    struct pollfd wanted = {.fd = pidfd, .events = 0};
    int status = zombie_status(pid);

    if (status >= 0)
        return status;
    status = told_status(pidfd);
    /* POLLHUP means that the process was reaped, since Linux 6.10.  Some parents never
     * reap. */
    if (status < 0 && poll(&wanted, 1, REAPED_MS) > 0)
        status = told_status(pidfd);
    return status;
}

int await_job(const struct job *job, int64_t until)
{
    const struct dz_identity *who = &job->record.who;
    int pidfd;
    int status;

    /* The job's end, not that of a run. */
    if (job->keeper_runs)
        return dz_await_end(&job->record.keeper, until) ? kept_status(job) : -2;
    pidfd = dz_open_process(who);
    if (pidfd < 0 && errno == ESRCH)
        return job->status;
    if (!dz_await_end(who, until))
        status = -2;
    else
        status = pidfd >= 0 ? final_status(pidfd, who->pid) : -1;
    if (pidfd >= 0)
        close(pidfd); /* a pidfd has no data to lose */
    return status;
}

static int tell_unknown(const char *word, const char *reason)
{
    struct dz_fault fault;

    dz_fault(&fault, "wait", word, 0, reason);
    return ctl_tell(&fault);
}

/* Returns the exit status of the command, after a message if there is none of the job.
 * status is that of await_job. */
static int tell_result(const struct job *job, const char *word, int status)
{
    struct dz_fault fault;

    if (status == -2) {
        tell_unknown(word, "still running");
        return DZ_EXIT_TIMEOUT;
    }
    if (job->state == JOB_NONE)
        return tell_unknown(word, "no such job");
    if (job->state == JOB_UNKNOWN) {
        job_fault_unknown(job, "wait", word, &fault);
        fault.status = DZ_EXIT_FAILURE;
        return ctl_tell(&fault);
    }
    if (status < 0)
        return tell_unknown(word, "has ended; its exit status is unknown");
    return WIFSIGNALED(status) ? DZ_EXIT_SIGNAL + WTERMSIG(status)
                               : WEXITSTATUS(status);
}

int command_wait(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct dz_fault fault;
    struct job job;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    if (job_find(&job, arguments.names[0], &fault) < 0) {
        fault.status = DZ_EXIT_FAILURE; /* 1 would be the job's own */
        return ctl_tell(&fault);
    }
    if (job.state == JOB_RUNS) {
        status = await_job(&job, arguments.timeout < 0
                                     ? INT64_MAX
                                     : dz_milliseconds() + arguments.timeout);
        if (status >= 0 && !job.keeper_runs)
            job_note_status(&job, status);
    } else {
        status = job.status;
    }
    int result = tell_result(&job, arguments.names[0], status);
    job_free(&job);
    return result;
}
