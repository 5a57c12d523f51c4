/*
 * The forks of leave mode, and the pipe on which the target's process reports.
 *
 * No parent exits before its child has its own session.  Where the launcher
 * itself leads the terminal's session (ssh -t, script, docker run -t), its exit
 * hangs up the terminal and kills a child that is still in it: setsid -f and
 * daemonize lose daemons so.  The caller waits for the target's report; the
 * first child has made the session before it forks and ends.
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

int dz_first_fork(struct dz_start *start, struct dz_fault *fault)
{
    start->child = fork();
    if (start->child < 0)
        return dz_fault(fault, "fork", NULL, errno, NULL);
    if (start->child > 0) {
        dz_close_fd(&start->report_fd);
        dz_close_fd(&start->ready_fd);
        return DZ_CALLER;
    }
    start->role = DZ_CHILD_ROLE;
    dz_drop_interrupts(start);
    dz_close_fd(&start->await_fd);
    return 0;
}

int dz_new_session(struct dz_start *start, struct dz_fault *fault)
{
    (void)start;
    if (setsid() < 0)
        return dz_fault(fault, "setsid", NULL, errno, NULL);
    return 0;
}

int dz_second_fork(struct dz_start *start, struct dz_fault *fault)
{
    pid_t target = fork();

    if (target < 0)
        return dz_fault(fault, "fork", NULL, errno, NULL);
    if (target > 0)
        _exit(0);
    start->role = DZ_TARGET_ROLE;
    start->pid = getpid();
    dz_tell_caller(start);
    /* Without this PID the caller could not undo what the target's process makes. */
    return dz_report_pid(start->report_fd, start->pid, fault);
}
