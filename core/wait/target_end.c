/*
 * The end of the job's own process while the caller waits: too early, or good, or
 * that of a program which daemonizes itself and has left another one behind.
 */
#include "await.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

bool dz_is_unheard(const struct watch *watch)
{
    return !watch->ready.done &&
           (watch->start->needs_answer ||
            dz_condition(&watch->start->plan->wait, DZ_WAIT_MAIN) != NULL);
}

/* The target has ended in a way that is no good start. */
int dz_fault_exited(const struct watch *watch, int status, struct dz_fault *fault)
{
    const struct dz_start *start = watch->start;
    const char *name = start->plan->argv != NULL ? start->plan->argv[0] : NULL;
    char words[128];
    struct dz_text text = dz_text(words, sizeof words);

    if (status < 0) {
        dz_add(&text, "ended");
    } else if (WIFSIGNALED(status)) {
        dz_add(&text, "killed by SIG");
        dz_add_signal(&text, WTERMSIG(status));
    } else {
        dz_add(&text, "ended with status ");
        dz_add_number(&text, WEXITSTATUS(status));
    }
    dz_add(&text, " after ");
    dz_add_number(&text, watch->ended_ms);
    dz_add(&text, " ms");
    if (status == 0)
        dz_add(&text, ", and nothing is left to wait for");
    dz_fault(fault, "start", name, 0, words);
    if (status > 0)
        fault->status = WIFSIGNALED(status) ? DZ_EXIT_SIGNAL + WTERMSIG(status)
                                            : WEXITSTATUS(status);
    return -1;
}

struct count {
    pid_t parent; /* its children are counted */
    int members;
    int children;
    pid_t child;
};

static int count_one(const struct dz_process *process, void *data)
{
    struct count *count = data;

    count->members++;
    if (process->ppid == count->parent) {
        count->children++;
        count->child = process->pid;
    }
    return 0;
}

/* Whether nothing of the job is left: we have no child, so none of its processes
 * has come to us.  Often so after its end, and it spares a walk over /proc. */
bool dz_is_empty(const struct watch *watch)
{
    siginfo_t info; /* not looked at */

    return watch->members.root != 0 &&
           waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0;
}

static struct count count_family(const struct watch *watch)
{
    struct count count = {.parent = getpid()};

    if (!dz_is_empty(watch))
        dz_members_each(&watch->members, count_one, &count); /* no /proc: none */
    return count;
}

/*
 * The same until two counts agree: one that ended between being counted itself
 * and its child's being counted as ours makes two of one, and one that was forked
 * behind the walk's back, PIDs begin anew at pid_max, makes none.
 */
static struct count count_settled(const struct watch *watch)
{
    enum { TRIES = 100 }; /* a job that goes on forking is not one process */
    struct count count = count_family(watch);

    for (int i = 0; i < TRIES && !dz_is_empty(watch); i++) {
        struct count before = count;
        count = count_family(watch);
        if (count.members == before.members && count.children == before.children &&
            count.child == before.child)
            break;
    }
    return count;
}

/* The job is another process from here on.  One that has ended in this very
 * moment is no failure: the next look finds what it has left. */
int dz_set_main_pid(struct watch *watch, pid_t pid, struct dz_fault *fault)
{
    dz_close_fd(&watch->pidfd);
    watch->start->ended = false;
    if (dz_publish_again(watch->start, pid, fault) < 0 && fault->err != ESRCH)
        return -1;
    watch->pidfd = (int)syscall(SYS_pidfd_open, pid, 0); /* -1: looked at instead */
    return 0;
}

/*
 * The target has ended with 0.  A program that daemonizes itself does so, and
 * leaves one process behind, which comes to us: that is the daemon.  Of several
 * none can be told to be it.
 */
static int good_end(struct watch *watch, struct dz_fault *fault)
{
    struct count count = count_settled(watch);

    dz_close_fd(&watch->pidfd);
    watch->start->ended = true;
    if (count.children == 1)
        return dz_set_main_pid(watch, count.child, fault);
    return 0;
}

/* Whether the target has ended; *status is -1 where nobody tells how. */
static bool has_ended(const struct watch *watch, int *status)
{
    pid_t pid = watch->start->pid;
    pid_t result;

    if (watch->start->ended)
        return false;
    result = dz_waitpid(pid, status, WNOHANG);
    if (result >= 0)
        return result == pid;
    *status = -1; /* ECHILD: MAINPID, which another process has forked */
    return !dz_is_running(pid);
}

int dz_check_end(struct watch *watch, struct dz_fault *fault)
{
    int status;

    while (has_ended(watch, &status)) {
        watch->ended_ms = (int)(dz_milliseconds() - watch->ready.executed);
        if (status != 0)
            return dz_fault_exited(watch, status, fault);
        if (dz_is_unheard(watch))
            return dz_fault(fault, "preload", "libdz.so", 0,
                            "did not run in the program, which has ended");
        if (good_end(watch, fault) < 0)
            return -1;
    }
    return 0;
}

int dz_count_members(const struct watch *watch)
{
    return count_settled(watch).members;
}
