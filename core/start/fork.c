/*
 * The forks of leave mode, and the pipe on which the target's process reports.
 *
 * No parent exits before its child has its own session.  The launcher itself may lead
 * the terminal's session (ssh -t, script, docker run -t).  Then its exit hangs up the
 * terminal, which kills a child that is still in that session.  In this way setsid -f
 * and daemonize lose daemons.  The caller waits for the target's report.  The first
 * child makes the session before it forks and ends.
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

int dz_report_pipe(struct dz_start *start, struct dz_fault *fault)
{
    int ends[2];

    /* An interrupt during the wait must end the job, not the caller alone: await.c
     * reads it.  The target sets its own mask when it commits. */
    dz_hold_interrupts(start);
    /* A writer may be stopped in the middle of its report. */
    if (pipe2(ends, O_CLOEXEC) < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
        return dz_fault(fault, "report", "pipe", errno, NULL);
    start->await_fd = ends[0];
    start->report_fd = ends[1];
    /* The target becomes our child when the first child ends, so that its own
     * end can be waited for. */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L) < 0)
        return dz_fault(fault, "report", "subreaper", errno, NULL);
    return 0;
}

static int become_caller(struct dz_start *start, pid_t child)
{
    start->child = child;
    dz_close_fd(&start->report_fd);
    dz_close_fd(&start->ready_fd);
    return DZ_CALLER;
}

static int become_target(struct dz_start *start, struct dz_fault *fault)
{
    start->role = DZ_TARGET_ROLE;
    start->pid = getpid();
    dz_close_fd(&start->await_fd);
    if (dz_drop_interrupts(start, fault) < 0)
        return -1;
    dz_tell_caller(start);
    /* Without this PID the caller could not undo what the target's process makes. */
    return dz_report_pid(start->report_fd, start->pid, fault);
}

/* In the first child, which shares the caller's memory: reports errno and exits. */
__attribute__((noreturn)) static void fail_quickly(const struct dz_start *start,
                                                   const char *step)
{
    struct dz_fault fault;

    dz_fault(&fault, step, NULL, errno, NULL);
    dz_report_fault(start->report_fd, &fault);
    _exit(fault.status);
}

/*
 * Makes the target at once.  The first child borrows the caller's memory by vfork(2),
 * which costs half of a fork(2).  It changes only the PID and the record's path there.
 * The caller sleeps until that child has forked and has made the record, and no call of
 * the child can wait.  All signals are blocked, because a stop of the child would stop
 * the caller.  Returns DZ_CALLER, 0 in the target, or -1 and sets errno.
 */
static int fork_quickly(struct dz_start *start, struct dz_fault *fault)
{
    sigset_t all;
    sigset_t before;
    pid_t child;
    int status; /* a failure is in the report */

    sigfillset(&all);
    if (sigprocmask(SIG_SETMASK, &all, &before) < 0)
        return -1;
    start->records_early = dz_may_record_early(start);
    child = vfork(); /* NOLINT: see above */
    if (child == 0) {
        if (setsid() < 0) /* NOLINT */
            fail_quickly(start, "setsid");
        pid_t target = fork(); /* NOLINT */
        if (target < 0)
            fail_quickly(start, "fork");
        if (target > 0) {
            start->pid = target;            /* by it the caller undoes what is made */
            dz_record_early(start, target); /* NOLINT */
            _exit(0);
        }
    }
    /* The kernel lets us go on when the child gives the memory back, before the target
     * becomes our child.  Then the child ends: nothing can stop it. */
    if (child > 0)
        dz_waitpid(child, &status, 0);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (child > 0)
        return become_caller(start, child);
    if (child == 0)
        return become_target(start, fault);
    start->records_early = false;
    return -1;
}

int dz_first_fork(struct dz_start *start, struct dz_fault *fault)
{
    if (start->quick) {
        int result = fork_quickly(start, fault);
        /* A filter may refuse vfork(2) alone. */
        if (result != -1 || start->role == DZ_TARGET_ROLE)
            return result;
    }
    pid_t child = fork();
    if (child < 0)
        return dz_fault(fault, "fork", NULL, errno, NULL);
    if (child > 0)
        return become_caller(start, child);
    start->role = DZ_CHILD_ROLE;
    dz_close_fd(&start->await_fd);
    return dz_drop_interrupts(start, fault);
}

int dz_new_session(struct dz_start *start, struct dz_fault *fault)
{
    if (start->role == DZ_TARGET_ROLE)
        return 0; /* its session is made */
    if (setsid() < 0)
        return dz_fault(fault, "setsid", NULL, errno, NULL);
    return 0;
}

int dz_second_fork(struct dz_start *start, struct dz_fault *fault)
{
    pid_t target;

    if (start->role == DZ_TARGET_ROLE)
        return 0; /* it is made */
    target = fork();
    if (target < 0)
        return dz_fault(fault, "fork", NULL, errno, NULL);
    if (target > 0)
        _exit(0);
    return become_target(start, fault);
}
