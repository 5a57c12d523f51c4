/*
 * The pipe between the target's process and the caller that waits for it.
 *
 * The write end is close-on-exec: end-of-file means that the target was
 * executed, or is dead.  The shim, which executes nothing, says that it is done;
 * a helper that another library has forked may hold the pipe open for long.
 * What goes through are frames, one of them followed by a fault; both ends are
 * one version, but the shim's may be a build for another word size.
 */
#include "start.h"

#include <errno.h>
#include <unistd.h>

struct frame {
    enum { PID, FAULT, DONE } kind;
    pid_t pid;
};

/* The only reader is the caller; where it is gone, SIGPIPE or EPIPE, there is
 * nobody left to tell. */
static int send(const struct dz_plan *plan, const struct frame *frame,
                const struct dz_fault *fault)
{
    if (dz_write(plan->report_fd, frame, sizeof *frame) < 0)
        return -1;
    return fault != NULL ? dz_write(plan->report_fd, fault, sizeof *fault) : 0;
}

int dz_report_pid(const struct dz_plan *plan, pid_t pid, struct dz_fault *fault)
{
    struct frame frame = {.kind = PID, .pid = pid};

    if (send(plan, &frame, NULL) < 0)
        return dz_fault(fault, "report", "pipe", errno, NULL);
    return 0;
}

void dz_report_fault(const struct dz_plan *plan, const struct dz_fault *fault)
{
    struct frame frame = {.kind = FAULT};

    send(plan, &frame, fault);
}

int dz_report_done(const struct dz_plan *plan, struct dz_fault *fault)
{
    struct frame frame = {.kind = DONE};

    if (send(plan, &frame, NULL) < 0)
        return dz_fault(fault, "report", "pipe", errno, NULL);
    return 0;
}

bool dz_read_all(int fd, void *data, size_t size)
{
    char *at = data;

    while (size > 0) {
        ssize_t n = read(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? 0 : errno;
            return false;
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

enum dz_report dz_report_read(struct dz_plan *plan, struct dz_fault *fault)
{
    struct frame frame;

    if (!dz_read_all(plan->await_fd, &frame, sizeof frame)) {
        if (errno == 0)
            return DZ_REPORT_EXEC;
        dz_fault(fault, "report", "pipe", errno, NULL);
        return DZ_REPORT_FAULT;
    }
    if (frame.kind == DONE)
        return DZ_REPORT_DONE;
    if (frame.kind == FAULT)
        return dz_read_all(plan->await_fd, fault, sizeof *fault) ? DZ_REPORT_FAULT
                                                                 : DZ_REPORT_EXEC;
    plan->pid = frame.pid;
    return DZ_REPORT_MORE;
}
