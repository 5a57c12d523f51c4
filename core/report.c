/*
 * The pipe between the target's process and the caller that waits for it.
 *
 * The write end is close-on-exec: end-of-file means that the target was
 * executed.  The shim, which executes nothing, says that it is done; a helper
 * that another library has forked may hold the pipe open for long.  What goes
 * through are frames, one of them followed by a fault; both ends are one build.
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
    enum { PID, FAULT, DONE } kind;
    pid_t pid;
};

/* The only reader is the caller; where it is gone, SIGPIPE or EPIPE, there is
 * nobody left to tell. */
static void send(const struct dz_plan *plan, const struct frame *frame,
                 const struct dz_fault *fault)
{
    if (dz_write(plan->report_fd, frame, sizeof *frame) == 0 && fault != NULL)
        dz_write(plan->report_fd, fault, sizeof *fault);
}

void dz_report_pid(const struct dz_plan *plan, pid_t pid)
{
    struct frame frame = {.kind = PID, .pid = pid};

    send(plan, &frame, NULL);
}

void dz_report_fault(const struct dz_plan *plan, const struct dz_fault *fault)
{
    struct frame frame = {.kind = FAULT};

    send(plan, &frame, fault);
}

void dz_report_done(const struct dz_plan *plan)
{
    struct frame frame = {.kind = DONE};

    send(plan, &frame, NULL);
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

/* Read frames until all is done.  0 with plan->pid, or -1 with the fault. */
static int read_report(struct dz_plan *plan, struct dz_fault *fault)
{
    struct frame frame;
    int result;

    while ((result = read_all(plan->await_fd, &frame, sizeof frame)) == 1) {
        if (frame.kind == PID)
            plan->pid = frame.pid;
        else if (frame.kind == DONE)
            break;
        else if (read_all(plan->await_fd, fault, sizeof *fault) == 1)
            return -1;
    }
    if (result < 0)
        return dz_fault(fault, "report", "pipe", errno, NULL);
    if (plan->pid == 0)
        return dz_fault(fault, "fork", "child", 0,
                        "killed before it could start anything");
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
 * Wait until pid, a child of ours, has ended or the time is over.  Whether it
 * has ended, and how.
 */
static bool ends_by(pid_t pid, long until, int *status)
{
    enum { LOOK_MS = 5 };
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    bool ended = false;

    for (;;) {
        long left = until - milliseconds();
        ended = reap(pid, status, WNOHANG) == pid;
        if (ended || left <= 0)
            break;
        /* Without pidfd_open(2), Linux before 5.3 or a filter, there is nothing
         * to wait for: look again and again. */
        if (fd < 0 && left > LOOK_MS)
            left = LOOK_MS;
        poll(&wanted, fd < 0 ? 0 : 1, (int)left); /* EINTR: look again */
    }
    if (fd >= 0)
        close(fd); /* a pidfd: nothing can be lost */
    return ended;
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
    int status = 0;
    int result = read_report(plan, fault);
    long start = milliseconds(); /* of the program itself: exec may take long */

    close(plan->await_fd); /* read end of a pipe: nothing can be lost */
    plan->await_fd = -1;
    reap(plan->child, &status, 0);
    if (result < 0) {
        /* It sent its fault and exits: nothing of it is left when we return. */
        if (plan->pid > 0)
            reap(plan->pid, &status, 0);
        dz_undo_logs(plan);
        return -1;
    }
    plan->ended = ends_by(plan->pid, start + ALIVE_MS, &status);
    if (!plan->ended || status == 0)
        return 0;
    dz_undo_logs(plan); /* where it wrote nothing */
    return early_end(plan, status, milliseconds() - start, fault);
}
