/*
 * The pipe between the target's process and the caller that waits for it.
 *
 * The write end is close-on-exec: end-of-file means that the target was
 * executed (or, for the shim, that its main is next).  What goes through are
 * frames, each a PID and, if it says so, a fault; both ends are one build.
 */
#include "dz.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ALIVE_MS = 100 }; /* a target that fails within this has not started */

struct frame {
    pid_t pid;
    bool failed;
};

void dz_report(const struct dz_plan *plan, pid_t pid, const struct dz_fault *fault)
{
    struct frame frame = {.pid = pid, .failed = fault != NULL};

    /* The only reader is the caller; where it is gone, SIGPIPE or EPIPE, there
     * is nobody left to tell. */
    if (dz_write(plan->report_fd, &frame, sizeof frame) == 0 && fault != NULL)
        dz_write(plan->report_fd, fault, sizeof *fault);
}

/* Read exactly size bytes.  1, 0 at end-of-file, -1 with errno. */
static int read_all(int fd, void *data, size_t size)
{
    char *at = data;

    while (size > 0) {
        ssize_t n = read(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        at += n;
        size -= (size_t)n;
    }
    return 1;
}

/* Read frames until the end.  0 with plan->pid, or -1 with the fault. */
static int read_report(struct dz_plan *plan, struct dz_fault *fault)
{
    struct frame frame;
    int result;

    while ((result = read_all(plan->await_fd, &frame, sizeof frame)) == 1) {
        if (frame.pid > 0)
            plan->pid = frame.pid;
        if (frame.failed && read_all(plan->await_fd, fault, sizeof *fault) == 1)
            return -1;
    }
    if (result < 0)
        return dz_fault(fault, "report", "pipe", errno, NULL);
    if (plan->pid == 0)
        return dz_fault(fault, "fork", NULL, 0, "the child was killed");
    return 0;
}

/* waitpid(2) over EINTR. */
static pid_t reap(pid_t pid, int *status, int flags)
{
    pid_t result;

    while ((result = waitpid(pid, status, flags)) < 0 && errno == EINTR)
        ;
    return result;
}

static long milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with a valid clock */
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Wait until pid has ended or the time is over.  Without pidfd_open(2) (Linux
 * before 5.3) nothing is waited for; then only a target that is already dead
 * is noticed.
 */
static void wait_for_end(pid_t pid, long until)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd wanted = {.fd = fd, .events = POLLIN};

    if (fd < 0)
        return;
    for (;;) {
        long left = until - milliseconds();
        if (left <= 0 || poll(&wanted, 1, (int)left) > 0)
            break;
    }
    close(fd); /* a pidfd: nothing can be lost */
}

/* The target has ended: fault and status to end with. */
static int early_end(const struct dz_plan *plan, int status, long after,
                     struct dz_fault *fault)
{
    const char *name =
        plan->argv != NULL && plan->argv[0] != NULL ? plan->argv[0] : NULL;
    char words[96];
    struct dz_text text = dz_text(words, sizeof words);

    if (WIFSIGNALED(status)) {
        dz_add(&text, "killed by SIG");
        dz_add_signal(&text, WTERMSIG(status));
    } else {
        dz_add(&text, "ended with status ");
        dz_add_number(&text, WEXITSTATUS(status));
    }
    dz_add(&text, " after ");
    dz_add_number(&text, after);
    dz_add(&text, " ms");
    dz_fault(fault, "start", name, 0, words);
    fault->status =
        WIFSIGNALED(status) ? DZ_EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
    return -1;
}

int dz_await(struct dz_plan *plan, struct dz_fault *fault)
{
    long start = milliseconds();
    int status = 0;
    int result = read_report(plan, fault);

    close(plan->await_fd); /* read end of a pipe: nothing can be lost */
    plan->await_fd = -1;
    reap(plan->child, &status, 0);
    if (result < 0) {
        /* It sent its fault and exits: nothing of it is left when we return. */
        if (plan->pid > 0)
            reap(plan->pid, &status, 0);
        dz_unmake(&plan->log);
        dz_unmake(&plan->error_log);
        return -1;
    }
    wait_for_end(plan->pid, start + ALIVE_MS);
    if (reap(plan->pid, &status, WNOHANG) == plan->pid && status != 0)
        return early_end(plan, status, milliseconds() - start, fault);
    return 0;
}
