/*
 * stop and wait: the end of a job, brought about or waited for.
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

/* ---- how it has ended ------------------------------------------------------------ */

/* As the kernel lays it out, linux/pidfd.h since 6.15: its first 64 bytes. */
struct pidfd_info {
    uint64_t mask;
    uint64_t cgroup;
    uint32_t ids[11];
    int32_t exit_code;
};
_Static_assert(sizeof(struct pidfd_info) == 64, "PIDFD_INFO_SIZE_VER0");

enum { PIDFD_INFO_EXIT = 1 << 3, REAPED_MS = 1000 };
static const unsigned long PIDFD_GET_INFO = _IOWR(0xff, 11, struct pidfd_info);

/* The status of a process that was reaped; -1 where the kernel does not tell. */
static int told_status(int pidfd)
{
    struct pidfd_info info = {.mask = PIDFD_INFO_EXIT};

    /* Not by ioctl(2): musl's takes an int. */
    if (syscall(SYS_ioctl, pidfd, PIDFD_GET_INFO, &info) < 0 ||
        (info.mask & PIDFD_INFO_EXIT) == 0)
        return -1;
    return info.exit_code;
}

/* The status of a zombie.  /proc shows it to who might trace the process, and 0
 * to anybody else. */
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

/* The process behind pidfd has ended: how. */
static int final_status(int pidfd, pid_t pid)
{
    struct pollfd wanted = {.fd = pidfd, .events = 0};
    int status = zombie_status(pid);

    if (status >= 0)
        return status;
    status = told_status(pidfd);
    /* POLLHUP, Linux 6.10: reaped.  A parent that does not is not waited for. */
    if (status < 0 && poll(&wanted, 1, REAPED_MS) > 0)
        status = told_status(pidfd);
    return status;
}

int await_job(const struct job *job, int64_t until)
{
    const struct dz_identity *who = &job->record.who;
    int pidfd = dz_open_process(who);
    int status;

    if (pidfd < 0 && errno == ESRCH)
        return job->status;
    if (!dz_await_end(who, until))
        status = -2;
    else
        status = pidfd >= 0 ? final_status(pidfd, who->pid) : -1;
    if (pidfd >= 0)
        close(pidfd); /* nothing can be lost */
    return status;
}

static const char elsewhere[] = "of another PID namespace, where it may run";

/* ---- stop ------------------------------------------------------------------------ */

enum { STOP_MS = 10000, REST_MS = 1000 };

/* The session that the job runs in, seen while it does; 0: not its own. */
static pid_t own_session(const struct job *job)
{
    struct dz_process process;

    if (dz_read_process(job->record.who.pid, &process) < 0 ||
        process.start != job->record.who.start || process.session == getsid(0))
        return 0;
    /* A leader that lives and is not the job: the session is not its own. */
    if (process.session != process.pid && dz_lives(process.session))
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
    struct dz_family family = {.session = session, .except = getpid()};
    int64_t rest = dz_milliseconds() + REST_MS;

    if (session <= 1)
        return 0;
    return dz_stop_family(&family, until > rest ? until : rest);
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
                    errno == EBUSY ? "lives on after KILL: it hangs in a system call"
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
        char words[128];
        snprintf(words, sizeof words,
                 "no such job; a file of that name is meant by ./%.64s", word);
        return dz_fault(fault, "stop", word, 0, words);
    }
    printf("%s: nothing to stop: %s%s%s\n", word, state_words(job, state),
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
        printf(", by KILL after %g s", (double)killed / 1000);
    putchar('\n');
}

static int stop_one(const char *word, const struct words *words)
{
    int64_t timeout = words->timeout >= 0 ? words->timeout : STOP_MS;
    int64_t until = dz_milliseconds() + timeout;
    struct dz_fault fault;
    struct job job;
    int result = 0;

    if (job_find(&job, word, &fault) < 0)
        return ctl_tell(&fault);
    if (job.state == JOB_ELSEWHERE) {
        dz_fault(&fault, "stop", word, 0, elsewhere);
        result = -1;
    } else if (job.state != JOB_RUNS) {
        result = nothing_to_stop(&job, word, &fault);
    } else if (job.record.who.pid < 2) {
        dz_fault(&fault, "stop", word, 0, "is PID 1: its end is its container's");
        result = -1;
    } else if (!is_ours(&job, word)) {
        dz_fault(&fault, "stop", word, 0,
                 "there is no record of that process; kill(1) is for any");
        result = -1;
    } else {
        result = stop_running(&job, words->signal, until, &fault);
        if (result >= 0)
            say_stopped(&job, word, result == 0 ? -1 : timeout);
    }
    if (result >= 0)
        job_forget(&job);
    job_free(&job);
    fault.status = CTL_FAILED;
    return result < 0 ? ctl_tell(&fault) : 0;
}

/* Of the statuses of several jobs. */
static int worst(int one, int other)
{
    return one > other ? one : other;
}

int command_stop(int argc, char **argv)
{
    struct words words;
    int status;

    if (!parse_words(&words, argc, argv, "ts", 1, INT_MAX, &status))
        return status;
    for (int i = 0; i < words.count; i++)
        status = worst(status, stop_one(words.names[i], &words));
    return ctl_finish(status);
}

/* ---- wait ------------------------------------------------------------------------ */

static int tell_unknown(const char *word, const char *reason)
{
    struct dz_fault fault;

    dz_fault(&fault, "wait", word, 0, reason);
    return ctl_tell(&fault);
}

int command_wait(int argc, char **argv)
{
    struct words words;
    struct dz_fault fault;
    struct job job;
    int status;

    if (!parse_words(&words, argc, argv, "t", 1, 1, &status))
        return status;
    if (job_find(&job, words.names[0], &fault) < 0) {
        fault.status = DZ_EXIT_FAILURE; /* 1 would be the job's own */
        return ctl_tell(&fault);
    }
    if (job.state == JOB_RUNS) {
        status = await_job(&job, words.timeout < 0 ? INT64_MAX
                                                   : dz_milliseconds() + words.timeout);
        if (status >= 0)
            job_note_status(&job, status);
    } else {
        status = job.status;
    }
    enum job_state state = job.state;
    job_free(&job);
    if (status == -2) {
        tell_unknown(words.names[0], "still running");
        return DZ_EXIT_TIMEOUT;
    }
    if (state == JOB_NONE)
        return tell_unknown(words.names[0], "no such job");
    if (state == JOB_ELSEWHERE)
        return tell_unknown(words.names[0], elsewhere);
    if (status < 0)
        return tell_unknown(words.names[0], "has ended; its status is unknown");
    return WIFSIGNALED(status) ? DZ_EXIT_SIGNAL + WTERMSIG(status)
                               : WEXITSTATUS(status);
}

/* ---- clear ----------------------------------------------------------------------- */

/* Nothing known of it is as good as forgotten. */
static int clear_one(const char *word)
{
    struct dz_fault fault;
    struct job job;

    if (job_find(&job, word, &fault) < 0)
        return ctl_tell(&fault);
    enum job_state state = job.state;
    /* One of another PID namespace goes where it is named, not with all. */
    if (state != JOB_RUNS)
        job_forget(&job);
    job_free(&job);
    if (state == JOB_ENDED || state == JOB_ELSEWHERE)
        return 0;
    dz_fault(&fault, "clear", word, 0,
             state == JOB_NONE ? "no such job" : "it is running; stop it first");
    fault.status = CTL_FAILED;
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
        if (jobs[i].state != JOB_RUNS && jobs[i].state != JOB_ELSEWHERE)
            job_forget(&jobs[i]);
        job_free(&jobs[i]);
    }
    free(jobs);
    return 0;
}

int command_clear(int argc, char **argv)
{
    struct words words;
    int status;

    if (!parse_words(&words, argc, argv, "", 0, INT_MAX, &status))
        return status;
    if (words.count == 0)
        return clear_all();
    for (int i = 0; i < words.count; i++)
        status = worst(status, clear_one(words.names[i]));
    return status;
}
