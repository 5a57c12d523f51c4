/*
 * The check of stay mode that libdz.so runs in the target.  This process becomes the
 * target and no caller waits.  So a short-lived process of ours waits for the library's
 * answer.
 *
 * That process is not a child of the target, which would be confused by a child that it
 * did not fork: its parent has ended before the exec.  (If the target is PID 1, it is a
 * child all the same.)
 */
#include "dznohup.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int answer = -1; /* the pipe's write end */

enum {
    END_MS = 1000, /* an ending process closes its files before it has ended */
    LOOK_MS = 5
};

/* The target.  Before Linux 5.3, or with a filter, there is no pidfd. */
struct process {
    int pidfd; /* or -1 */
    pid_t pid;
    uint64_t start; /* as of struct dz_process */
};

/*
 * Closes all of the caller's descriptors.  Only stderr_fd stays, the pidfd as 0 (-1:
 * there is none) and the pipe as 1.
 */
static int close_rest(int stderr_fd, int pipe, int *pidfd)
{
    if ((*pidfd >= 0 && dup2(*pidfd, 0) < 0) || dup2(pipe, 1) < 0)
        return -1;
    if (*pidfd >= 0)
        *pidfd = 0;
    if (dz_close_between(3, stderr_fd - 1) < 0)
        return -1;
    return dz_close_between(stderr_fd < 3 ? 3 : stderr_fd + 1, INT_MAX);
}

/* Waits until fd can be read or the clock reaches until.  Returns whether it can. */
static bool tells(int fd, int64_t until)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    int result;

    do {
        int64_t left = until - dz_milliseconds();
        left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
        result = poll(&wanted, 1, (int)left);
    } while (result < 0 && errno == EINTR);
    return result > 0;
}

/* Returns whether the target is there.  If /proc cannot tell, it counts as ended. */
static bool is_there(const struct process *target)
{
    struct dz_process now;

    return dz_read_process(target->pid, &now) == 0 && now.start == target->start &&
           !dz_has_ended(&now);
}

/* Returns whether the target ends in a moment. */
static bool ends_soon(const struct process *target)
{
    int64_t until = dz_milliseconds() + END_MS;

    if (target->pidfd >= 0)
        return tells(target->pidfd, until);
    while (is_there(target)) {
        if (dz_milliseconds() >= until)
            return false;
        poll(NULL, 0, LOOK_MS); /* without a pidfd there is no event */
    }
    return true;
}

/* Kills the target.  Returns whether that worked. */
static bool kill_target(const struct process *target)
{
    if (target->pidfd >= 0 &&
        syscall(DZ_SYS_PIDFD_SEND_SIGNAL, target->pidfd, SIGKILL, NULL, 0) == 0)
        return true;
    return is_there(target) && kill(target->pid, SIGKILL) == 0;
}

/* Kills the target, from which no answer has come, and says so. */
static void end_target(int stderr_fd, const char *library, const struct process *target,
                       bool ended)
{
    struct dz_fault fault;
    const char *reason = "did not run in the program";

    if (ended)
        reason = "did not run in the program, which has ended";
    else if (kill_target(target))
        reason = "did not run in the program, which was killed";
    dz_fault(&fault, "preload", library, 0, reason);
    tell(stderr_fd, &fault);
}

__attribute__((noreturn)) static void await_answer(struct dz_start *start,
                                                   const char *library, int pipe,
                                                   struct process *target)
{
    struct dz_fault fault;
    struct dz_report_reader reader = {0};
    enum dz_report report = DZ_REPORT_LATER;
    int64_t until =
        start->plan->timeout > 0 ? dz_milliseconds() + start->plan->timeout : INT64_MAX;
    int heard = 1;
    pid_t unused;

    if (close_rest(start->stderr_fd, pipe, &target->pidfd) < 0)
        heard = pipe; /* descriptors of the caller stay open for the wait */
    fcntl(heard, F_SETFL, O_NONBLOCK); /* cannot fail for a pipe of ours */
    while (report <= DZ_REPORT_MORE && tells(heard, until))
        report = dz_report_read(heard, &reader, &unused, &fault);
    if (report == DZ_REPORT_DONE)
        _exit(0);
    if (report == DZ_REPORT_FAULT) /* the library has ended the target */
        tell(start->stderr_fd, &fault);
    else
        end_target(start->stderr_fd, library, target,
                   report == DZ_REPORT_EXEC && ends_soon(target));
    /* The start has failed.  Once the target has ended, its files are removed. */
    if (ends_soon(target))
        dz_unpublish(start);
    _exit(0);
}

int start_preload_check(struct dz_start *start, const char *library,
                        struct dz_fault *fault)
{
    struct process target = {.pid = getpid()};
    struct dz_process self;
    int pipe[2];
    pid_t child;
    int status = 0;

    target.pidfd = (int)syscall(DZ_SYS_PIDFD_OPEN, getpid(), 0);
    if (dz_read_process(getpid(), &self) == 0)
        target.start = self.start;
    else if (target.pidfd < 0)
        return dz_fault(fault, "preload", "/proc", errno, NULL);
    if (pipe2(pipe, O_CLOEXEC) < 0)
        return dz_fault(fault, "preload", "pipe", errno, NULL);
    child = fork();
    if (child == 0) {
        pid_t grandchild = fork();
        if (grandchild == 0) {
            close(pipe[1]);
            await_answer(start, library, pipe[0], &target);
        }
        _exit(grandchild < 0 ? errno : 0); /* EAGAIN or ENOMEM */
    }
    if (child < 0)
        return dz_fault(fault, "preload", "fork", errno, NULL);
    answer = pipe[1]; /* end_preload_check can end that process from now on */
    dz_waitpid(child, &status, 0);
    if (status != 0)
        return dz_fault(fault, "preload", "fork",
                        WIFEXITED(status) ? WEXITSTATUS(status) : EINTR, NULL);
    close(pipe[0]); /* the pidfd is close-on-exec */
    if (fcntl(answer, F_SETFD, 0) < 0)
        return dz_fault(fault, "preload", "pipe", errno, NULL);
    return answer;
}

void end_preload_check(void)
{
    struct dz_fault unheard;

    if (answer >= 0)
        dz_report_done(answer, &unheard);
}
