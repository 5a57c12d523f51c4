/*
 * The pipe between the target's process and the caller that waits for it.
 *
 * The write end is close-on-exec: end-of-file means that the target was executed, or is
 * dead.  The library executes nothing, so it sends a frame when it is done. End-of-file
 * would not do: a process that another library has forked may hold the pipe open.  Both
 * ends are of one version, but the library may be built for another word size.
 */
#include "start.h"

#include <errno.h>
#include <unistd.h>

struct frame {
    enum { PID, FAULT, DONE } kind;
    pid_t pid;
};

/* Sends a frame, followed by a fault unless told is NULL.  If the caller is gone that
 * fails with EPIPE, and does not end the target. */
static int send(int fd, const struct frame *frame, const struct dz_fault *told)
{
    struct dz_held held;
    int result;

    dz_hold_write_signals(&held);
    result = dz_write(fd, frame, sizeof *frame);
    if (result == 0 && told != NULL)
        result = dz_write(fd, told, sizeof *told);
    dz_release_write_signals(&held);
    return result;
}

int dz_report_pid(int fd, pid_t pid, struct dz_fault *fault)
{
    struct frame frame = {.kind = PID, .pid = pid};

    if (send(fd, &frame, NULL) < 0)
        return dz_fault(fault, "report", "pipe", errno, NULL);
    return 0;
}

/* If the caller is gone (EPIPE), the exit status alone tells. */
void dz_report_fault(int fd, const struct dz_fault *told)
{
    struct frame frame = {.kind = FAULT};

    send(fd, &frame, told);
}

int dz_report_done(int fd, struct dz_fault *fault)
{
    struct frame frame = {.kind = DONE};

    if (send(fd, &frame, NULL) < 0)
        return dz_fault(fault, "report", "pipe", errno, NULL);
    return 0;
}

enum dz_report dz_report_read(int fd, pid_t *pid, struct dz_fault *fault)
{
    struct frame frame;

    if (!dz_read_all(fd, &frame, sizeof frame)) {
        if (errno == 0)
            return DZ_REPORT_EXEC;
        dz_fault(fault, "report", "pipe", errno, NULL);
        return DZ_REPORT_FAULT;
    }
    if (frame.kind == DONE)
        return DZ_REPORT_DONE;
    if (frame.kind == FAULT)
        return dz_read_all(fd, fault, sizeof *fault) ? DZ_REPORT_FAULT : DZ_REPORT_EXEC;
    *pid = frame.pid;
    return DZ_REPORT_MORE;
}
