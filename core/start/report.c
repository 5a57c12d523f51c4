/*
 * The pipe between the target's process and the caller that waits for it.
 *
 * The write end is close-on-exec: end-of-file means that the target was executed, or is
 * dead.  The library executes nothing, so it sends a frame when it is done.
 * End-of-file would not do: a process that another library has forked may hold the pipe
 * open.  Both ends are of one version, but the library may be built for another word
 * size.
 */
#include "start.h"

#include <errno.h>
#include <unistd.h>

enum kind { PID, FAULT, NOTE, DONE };

/* ---- writing ---- */

int dz_write_pipe(int fd, const void *data, size_t size)
{
    struct dz_held held;
    int result;

    dz_hold_write_signals(&held);
    result = dz_write(fd, data, size);
    dz_release_write_signals(&held);
    return result;
}

static int send(int fd, enum kind kind, pid_t pid)
{
    struct dz_frame frame = {.kind = (int)kind, .pid = pid};

    return dz_write_pipe(fd, &frame, sizeof frame);
}

int dz_report_pid(int fd, pid_t pid, struct dz_fault *fault)
{
    if (send(fd, PID, pid) < 0)
        return dz_fault(fault, "report", "pipe", errno, NULL);
    return 0;
}

/* If the caller is gone (EPIPE), only the exit status tells of the failure. */
void dz_report_fault(int fd, const struct dz_fault *told)
{
    if (send(fd, FAULT, 0) == 0)
        dz_write_pipe(fd, told, sizeof *told);
}

void dz_report_note(int fd, const struct dz_fault *told)
{
    if (send(fd, NOTE, 0) == 0)
        dz_write_pipe(fd, told, sizeof *told);
}

int dz_report_done(int fd, struct dz_fault *fault)
{
    if (send(fd, DONE, 0) < 0)
        return dz_fault(fault, "report", "pipe", errno, NULL);
    return 0;
}

/* ---- reading ---- */

int dz_read_on(int fd, void *object, size_t size, size_t *have)
{
    while (*have < size) {
        ssize_t n = read(fd, (char *)object + *have, size - *have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        if (n == 0) {
            errno = 0;
            return -1;
        }
        *have += (size_t)n;
    }
    return 1;
}

enum dz_report dz_report_read(int fd, struct dz_report_reader *reader, pid_t *pid,
                              struct dz_fault *fault)
{
    int result =
        dz_read_on(fd, &reader->frame, sizeof reader->frame, &reader->of_frame);

    if (result > 0 && (reader->frame.kind == FAULT || reader->frame.kind == NOTE))
        result = dz_read_on(fd, fault, sizeof *fault, &reader->of_fault);
    if (result == 0)
        return DZ_REPORT_LATER;
    if (result < 0 && errno == 0)
        return DZ_REPORT_EXEC;
    if (result < 0) {
        dz_fault(fault, "report", "pipe", errno, NULL);
        return DZ_REPORT_FAULT;
    }
    reader->of_frame = 0;
    reader->of_fault = 0;
    if (reader->frame.kind == PID)
        *pid = reader->frame.pid;
    return reader->frame.kind == PID    ? DZ_REPORT_MORE
           : reader->frame.kind == NOTE ? DZ_REPORT_NOTE
           : reader->frame.kind == DONE ? DZ_REPORT_DONE
                                        : DZ_REPORT_FAULT;
}
