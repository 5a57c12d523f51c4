/*
 * Stay mode with a power: this process becomes the target, and there is no caller
 * who waits, so a short-lived one of ours hears whether the library ran.
 *
 * It is no child of the target, which could be puzzled by one that it has not made:
 * its own parent has ended before the exec.  (PID 1 is everybody's last parent.)
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { END_MS = 1000 }; /* an ending process closes its files before it has ended */

/* Whether fd has something to tell within that time; 0: without an end. */
static bool tells(int fd, int64_t milliseconds)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    int64_t until = dz_milliseconds() + milliseconds;
    int result;

    do {
        int64_t left = until - dz_milliseconds();
        left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
        result = poll(&wanted, 1, milliseconds == 0 ? -1 : (int)left);
    } while (result < 0 && errno == EINTR);
    return result > 0;
}

/* No answer: the target, behind pidfd, runs without its powers. */
static void end_target(const struct dz_plan *plan, int pidfd)
{
    struct dz_fault fault;
    bool killed =
        pidfd >= 0 && syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0;

    dz_fault(&fault, "preload", plan->shim, 0,
             killed ? "did not run in the program, which was killed"
                    : "did not run in the program, which could not be killed");
    tell(plan->tell_fd, &fault);
}

__attribute__((noreturn)) static void witness(struct dz_plan *plan, int pipe, int pidfd)
{
    struct dz_fault fault;
    enum dz_report report = DZ_REPORT_EXEC;
    bool answered;

    close(0); /* not to keep the caller's pipes open: nothing of ours is in them */
    close(1);
    plan->await_fd = pipe;
    answered = tells(pipe, plan->timeout);
    if (answered)
        report = dz_report_read(plan, &fault);
    if (report == DZ_REPORT_DONE)
        _exit(0);
    if (report == DZ_REPORT_FAULT) /* it has ended itself */
        tell(plan->tell_fd, &fault);
    else if (!(answered && pidfd >= 0 && tells(pidfd, END_MS)))
        end_target(plan, pidfd);
    else
        _exit(0); /* an end of its own, which is its parent's to hear */
    /* A start that has failed: nothing of it is left, once it has ended. */
    if (pidfd >= 0 && tells(pidfd, END_MS)) {
        dz_unpublish(plan);
        dz_undo_logs(plan);
    }
    _exit(0);
}

int leave_witness(struct dz_plan *plan, struct dz_fault *fault)
{
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0); /* -1: Linux before 5.3 */
    int pipe[2];
    pid_t child;
    int status = 0;

    if (pipe2(pipe, O_CLOEXEC) < 0)
        return dz_fault(fault, "preload", "pipe", errno, NULL);
    child = fork();
    if (child == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0) {
            close(pipe[1]);
            witness(plan, pipe[0], pidfd);
        }
        _exit(grandchild < 0 ? errno : 0); /* EAGAIN or ENOMEM */
    }
    if (child < 0)
        return dz_fault(fault, "preload", "fork", errno, NULL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0)
        return dz_fault(fault, "preload", "fork",
                        WIFEXITED(status) ? WEXITSTATUS(status) : EINTR, NULL);
    close(pipe[0]); /* the witness has it; the pidfd is close-on-exec by itself */
    if (fcntl(pipe[1], F_SETFD, 0) < 0)
        return dz_fault(fault, "preload", "pipe", errno, NULL);
    return pipe[1];
}
