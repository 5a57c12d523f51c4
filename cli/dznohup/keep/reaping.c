/*
 * The ends of processes: the program's, and those of all that it leaves behind.
 *
 * The keeper is their subreaper.  So each process below it becomes its child in the
 * end, and none is lost.
 */
#include "keep.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

/* Returns the PID of a child that has ended, but was not reaped; 0: there is none. */
static pid_t ended_child(void)
{
    siginfo_t info = {.si_pid = 0};

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ? 0 : info.si_pid;
}

void reap_orphans(struct keeper *keeper)
{
    pid_t pid;
    int status;

    /* The program or a probe may be the first in the kernel's list: it hides the others
     * until it was reaped. */
    while ((pid = ended_child()) > 0 && (keeper->reaped || pid != keeper->start->pid) &&
           pid != keeper->watch.ready.probe.who.pid)
        if (dz_waitpid(pid, &status, WNOHANG) > 0)
            pump_reaped(&keeper->pump, pid, status);
}

bool reap_program(struct keeper *keeper)
{
    pid_t pid = keeper->start->pid;
    int status;
    pid_t result;

    if (keeper->reaped)
        return true;
    if (keeper->taken.pid == pid) {
        keeper->reaped = taken_has_ended(keeper);
        return keeper->reaped;
    }
    result = dz_waitpid(pid, &status, WNOHANG);
    if (result == 0)
        return false;
    /* ECHILD: a program that has told its PID by sd_notify(3), and whose parent still
     * runs. */
    if (result < 0 && dz_is_running(pid))
        return false;
    keeper->reaped = true;
    keeper->status = result < 0 ? -1 : status;
    return true;
}

struct round {
    int signal;
    int count;
};

static int visit_member(const struct dz_process *process, void *data)
{
    struct round *round = data;
    struct dz_identity who;

    if (dz_identify(process->pid, &who) < 0 || !dz_is_process(&who, process))
        return 0; /* it has just ended */
    round->count++;
    /* A failure means that the process has ended, or that it has another user and
     * stays. */
    dz_signal_process(&who, round->signal);
    if (round->signal == SIGTERM)
        dz_signal_process(&who, SIGCONT); /* a stopped process does not act on TERM */
    return 0;
}

int signal_members(struct keeper *keeper, int number)
{
    struct round round = {.signal = number};
    siginfo_t info; /* not read */

    /* Each process below us becomes our child in the end.  So without a child there is
     * no such process.  The processes of a program that was taken over are below
     * others. */
    if ((keeper->taken.pid == 0 &&
         waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0) ||
        keeper->members.root == 0)
        return 0;
    spare_commands(keeper);
    dz_members_each(&keeper->members, visit_member, &round); /* no /proc: none */
    return round.count;
}
