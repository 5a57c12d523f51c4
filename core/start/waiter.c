/*
 * The waiter: a child that waits in the caller's place if the caller should not be the
 * job's subreaper.
 *
 * The caller may have children from before.  The processes that they leave behind would
 * become the caller's children as well, and be taken for the job's.  If a manager is to
 * be told of the job, the job must be the manager's own child when systemd reads
 * MAINPID.  It is once its subreaper has ended.
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the waiter tells the caller; less than a pipe holds. */
struct outcome {
    int result;
    pid_t pid;
    bool ended;
    int interrupt;
    struct dz_fault fault;
};
_Static_assert(sizeof(struct outcome) < 65536, "pipe(7)");

static bool has_children(void)
{
    siginfo_t info; /* not read */

    /* WNOWAIT: the caller's program will reap them.  ECHILD: there are none. */
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

int dz_make_waiter(struct dz_start *start, struct dz_fault *fault)
{
    sigset_t signals;
    int ends[2];

    if (!has_children() && dz_env(start->envp, "NOTIFY_SOCKET") == NULL)
        return 0;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return dz_fault(fault, "report", "pipe", errno, NULL);
    /* Blocked, so that none is lost between a look and the wait for the next. */
    dz_interrupt_set(&signals);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL); /* cannot fail with a valid set */
    start->waiter_pid = fork();
    if (start->waiter_pid < 0)
        return dz_fault(fault, "fork", NULL, errno, NULL);
    start->result_fd = ends[start->waiter_pid == 0];
    dz_close_fd(&ends[start->waiter_pid != 0]);
    if (start->waiter_pid > 0)
        return DZ_CALLER;
    start->role = DZ_WAITER_ROLE;
    return 0;
}

void dz_waiter_ends(const struct dz_start *start, int result,
                    const struct dz_fault *fault)
{
    struct outcome outcome;

    memset(&outcome, 0, sizeof outcome);
    outcome.result = result;
    outcome.pid = start->pid;
    outcome.ended = start->ended;
    outcome.interrupt = start->interrupt;
    if (result < 0)
        outcome.fault = *fault;
    /* If the caller is gone, the result is not needed. */
    dz_write(start->result_fd, &outcome, sizeof outcome);
    _exit(0);
}

int dz_await_waiter(struct dz_start *start, struct dz_fault *fault)
{
    struct outcome outcome;
    sigset_t signals;
    int number;
    int status;

    /* The keyboard sends an interrupt to the waiter as well.  One that was sent to the
     * caller alone is passed on. */
    dz_interrupt_set(&signals);
    sigaddset(&signals, SIGCHLD);
    while (waitpid(start->waiter_pid, &status, WNOHANG) == 0)
        if (sigwait(&signals, &number) == 0 && number != SIGCHLD)
            kill(start->waiter_pid, number);
    bool told = dz_read_all(start->result_fd, &outcome, sizeof outcome);
    dz_close_fd(&start->result_fd);
    if (!told)
        return dz_fault(fault, "report", NULL, 0,
                        "the process that waited for the program was killed");
    start->pid = outcome.pid;
    start->ended = outcome.ended;
    start->interrupt = outcome.interrupt;
    if (outcome.result < 0)
        *fault = outcome.fault;
    return outcome.result;
}
