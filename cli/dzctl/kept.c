/*
 * Jobs with a keeper: the keeper stops them, and records how they have ended.
 */
#include "dzctl.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Returns the status that the keeper has recorded at the job's end, as of waitpid(2),
 * or -1 if there is none. */
static int kept_status(const struct job *job)
{
    struct job again;
    int status = -1;

    if (job->file == NULL || job_read(&again, AT_FDCWD, "", job->file) < 0)
        return -1;
    /* Another start may have taken the name. */
    if (again.record.keeper.pid == job->record.keeper.pid &&
        again.record.keeper.start == job->record.keeper.start)
        status = again.status;
    job_free(&again);
    return status;
}

void job_take_kept_end(struct job *job)
{
    job->status = kept_status(job);
    job->state = JOB_ENDED;
    job->keeper_runs = false;
}

/* Sends TERM to the keeper, with what it is to do.  Returns 0, or -1 and sets errno. */
static int ask_keeper(const struct dz_identity *keeper, int signal, int64_t timeout,
                      bool again)
{
    const int64_t most = (DZ_STOP_AGAIN - 1) >> DZ_STOP_SIGNAL_BITS;
    int64_t units = (timeout + DZ_STOP_UNIT_MS - 1) / DZ_STOP_UNIT_MS;
    siginfo_t info = {.si_signo = SIGTERM, .si_code = SI_QUEUE};
    int fd = dz_open_process(keeper);
    int result = -1;

    if (fd < 0 && errno == ESRCH)
        return -1;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int =
        (int)((units < most ? units : most) << DZ_STOP_SIGNAL_BITS) | signal |
        (again ? DZ_STOP_AGAIN : 0);
    if (fd >= 0) {
        result = (int)syscall(DZ_SYS_PIDFD_SEND_SIGNAL, fd, SIGTERM, &info, 0);
        dz_close(fd);
    }
    /* Without such a call the keeper takes its own time, and cannot be asked for more
     * than a stop. */
    if (result < 0 && !again)
        result = dz_signal_process(keeper, SIGTERM);
    if (result == 0)
        dz_signal_process(keeper, SIGCONT); /* it may be suspended, with its job */
    return result;
}

int kept_ask_stop(const struct job *job, int signal, int64_t timeout)
{
    return ask_keeper(&job->record.keeper, signal, timeout, false);
}

/* Waits until the keeper has started its job again.  Reads the record to *again.
 * Returns 0, or -1 and sets errno: ESRCH if the keeper has ended, ETIMEDOUT. */
static int await_restart(const struct job *job, int64_t until, struct job *again)
{
    enum { LOOK_MS = 10 };

    while (dz_milliseconds() < until) {
        bool over = dz_await_end(&job->record.keeper, dz_milliseconds() + LOOK_MS);
        if (job_read(again, AT_FDCWD, "", job->file) < 0)
            return -1;
        if (again->restarts > job->restarts && again->ready)
            return 0;
        job_free(again);
        if (over) {
            errno = ESRCH;
            return -1;
        }
    }
    errno = ETIMEDOUT;
    return -1;
}

int kept_restart(const struct job *job, const char *word, int64_t timeout)
{
    enum { READY_MS = 60000 };
    char digits[24];
    struct dz_fault fault;
    struct job again;

    if (ask_keeper(&job->record.keeper, SIGTERM, timeout, true) == 0 &&
        await_restart(job, dz_milliseconds() + timeout + READY_MS, &again) == 0) {
        printf("%s: restarted, PID %ld\n", job_called(job, digits),
               (long)again.record.who.pid);
        job_free(&again);
        return 0;
    }
    dz_fault(&fault, "restart", word, errno,
             errno == ETIMEDOUT ? "not ready yet; see dzctl status"
             : errno == ESRCH   ? "its keeper has ended"
                                : NULL);
    fault.status = CTL_FAILED;
    return ctl_tell(&fault);
}

/* Appends ", WORD TIME". */
static void add_time(struct dz_text *text, const char *word, int64_t seconds)
{
    char room[SHOWN_MAX];

    dz_add(text, ", ");
    dz_add(text, word);
    dz_add(text, " ");
    dz_add(text, shown_time(seconds, false, room));
}

void kept_words(const struct job *job, struct dz_text *text)
{
    bool over = job->state == JOB_ENDED;

    add_time(text, "started", job->record.since);
    if (job->restarts > 0) {
        dz_add(text, ", restarted ");
        dz_add_number(text, job->restarts);
        dz_add(text, job->restarts == 1 ? " time" : " times");
    }
    if (job->ended > 0)
        add_time(text, "ended", job->ended);
    if (!over && (job->restarts > 0 || job->waits)) {
        dz_add(text, ", last: ");
        dz_add(text, job->watchdog != 0 ? "watchdog, " : "");
        dz_add(text, job->last >= 0 && WIFSIGNALED(job->last) ? "" : "exit ");
        add_status(text, job->last);
    }
    if (!over && !job->keeper_runs)
        dz_add(text, ", keeper gone");
}
