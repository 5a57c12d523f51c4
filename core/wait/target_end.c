/*
 * Judges the end of the job's own process while the caller waits.
 *
 * The start may have failed, or the program may have done its work.  Or the program has
 * daemonized itself: it has exited with 0 and left another process behind.
 */
#include "await.h"
#include "syscalls.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

bool dz_is_unheard(const struct watch *watch)
{
    return !watch->ready.done &&
           (watch->start->needs_answer ||
            dz_condition(&watch->start->plan->wait, DZ_WAIT_MAIN) != NULL);
}

int dz_fault_exited(const struct watch *watch, int status, struct dz_fault *fault)
{
    const struct dz_start *start = watch->start;
    const char *name = start->plan->argv != NULL ? start->plan->argv[0] : NULL;
    char words[128];
    struct dz_text text = dz_text(words, sizeof words);

    if (status < 0) {
        dz_add(&text, "exited");
    } else if (WIFSIGNALED(status)) {
        dz_add(&text, "killed by SIG");
        dz_add_signal(&text, WTERMSIG(status));
    } else {
        dz_add(&text, "exited with status ");
        dz_add_number(&text, WEXITSTATUS(status));
    }
    dz_add(&text, " after ");
    dz_add_number(&text, watch->ended_ms);
    dz_add(&text, " ms");
    if (status == 0)
        dz_add(&text, ", and left no process to wait for");
    dz_fault(fault, "start", name, 0, words);
    if (status > 0)
        fault->status = WIFSIGNALED(status) ? DZ_EXIT_SIGNAL + WTERMSIG(status)
                                            : WEXITSTATUS(status);
    return -1;
}

struct count {
    pid_t parent; /* whose children are counted */
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

/* Every process of the job would become our child when its parent ends.  If we have no
 * child, none is left, and a walk over /proc is spared. */
bool dz_is_empty(const struct watch *watch)
{
    siginfo_t info; /* not read */

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
 * Counts until two counts agree, since processes come and go during a walk.  A process
 * that ends after it was counted gives its child to us: two are counted for one.  A
 * process that gets a PID which the walk has passed is not counted.
 */
static struct count count_settled(const struct watch *watch)
{
    enum { TRIES = 100 }; /* a job that keeps forking is more than one process */
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

int dz_set_main_pid(struct watch *watch, pid_t pid, struct dz_fault *fault)
{
    dz_close_fd(&watch->pidfd);
    watch->look_at_end = true;
    watch->start->ended = false;
    watch->exited = false;
    watch->status = -1;
    /* ESRCH: it has just ended; the next look finds what it left behind. */
    if (dz_publish_again(watch->start, pid, fault) < 0 && fault->err != ESRCH)
        return -1;
    watch->pidfd = (int)syscall(DZ_SYS_PIDFD_OPEN, pid, 0); /* -1: polled */
    return 0;
}

/*
 * Handles an exit with status 0.  A program that daemonizes itself leaves one process
 * behind, which becomes our child: the daemon.  Of several children it is unknown which
 * one is the daemon.
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

void dz_reap_first_child(struct watch *watch)
{
    int status;

    if (!watch->child_ended)
        watch->child_ended = dz_waitpid(watch->start->child, &status, WNOHANG) != 0;
}

/* The target becomes our child when the first child ends, which may be a moment after
 * the target has ended.  Waits for that. */
static void await_first_child(struct watch *watch)
{
    struct dz_identity who;

    if (!watch->child_ended && dz_identify(watch->start->child, &who) == 0)
        dz_await_end(&who, dz_milliseconds() + DZ_DIE_MS);
    dz_reap_first_child(watch);
}

/* Returns whether the job's own process has ended.  *status is as of waitpid(2), or -1
 * if it is unknown. */
static bool has_ended(struct watch *watch, int *status)
{
    pid_t pid = watch->start->pid;
    pid_t result;

    if (watch->start->ended || !watch->look_at_end)
        return false;
    result = dz_waitpid(pid, status, WNOHANG);
    if (result >= 0)
        return result == pid;
    *status = -1; /* ECHILD: a MAINPID whose parent still runs */
    if (dz_is_running(pid))
        return false;
    if (!watch->child_ended) {
        await_first_child(watch);
        dz_waitpid(pid, status, WNOHANG);
    }
    return true;
}

int dz_check_end(struct watch *watch, struct dz_fault *fault)
{
    int status;

    while (has_ended(watch, &status)) {
        watch->ended_ms = (int)(dz_milliseconds() - watch->ready.executed);
        watch->exited = true;
        watch->status = status;
        if (status != 0)
            return dz_fault_exited(watch, status, fault);
        if (dz_is_unheard(watch))
            return dz_fault(fault, "preload", "libdz.so", 0,
                            "did not run in the program, which has exited");
        if (good_end(watch, fault) < 0)
            return -1;
    }
    watch->look_at_end = watch->pidfd < 0;
    return 0;
}

int dz_count_members(const struct watch *watch)
{
    return count_settled(watch).members;
}
