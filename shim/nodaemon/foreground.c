/*
 * --no-daemon: a program that makes itself a daemon goes on in this very process.
 *
 * A fork whose parent only exits is not made: the caller is told that it is the
 * child.  A fork whose parent goes on is an ordinary one.  Which it is nobody can
 * know before; so the parent's branch is tried in a copy that can do nothing but
 * speak and exit (trial.c).
 *
 * It ends with the second fork that was not made, or with the first ordinary one
 * behind one that was not: what comes then are workers.  And with the hundredth
 * ordinary one: a trial costs about as much as the fork.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static pid_t here;   /* the process that is kept; 0: not asked for */
static bool looking; /* for the forks of a daemon */
static int not_made; /* forks so far */
static int made;

enum { WORKERS = 100 }; /* a program that has made so many forks is no daemon */

int shim_stay_in_foreground(const struct dz_start *start, bool inherited,
                            struct dz_fault *fault)
{
    (void)inherited;
    if (!start->plan->no_daemon)
        return 0;
    if (!shim_can_try())
        return dz_fault(fault, "no-daemon", "seccomp", ENOSYS, NULL);
    here = getpid();
    looking = true;
    return 0;
}

static pid_t next_fork(void)
{
    pid_t (*next)(void) = (pid_t(*)(void))shim_next(SHIM_FORK);
    pid_t pid = next();

    if (pid == 0)
        shim_forked();
    return pid;
}

static pid_t fork_or_stay(void)
{
    enum shim_branch branch = shim_try_parent();
    pid_t result;

    if (branch == SHIM_IN_COPY)
        return here; /* for its parent the child is who stays */
    if (branch == SHIM_ONLY_EXITS) {
        not_made++;
        looking = not_made < 2;
        return 0;
    }
    result = next_fork();
    made += result > 0;
    if (result == 0 || (result > 0 && not_made > 0) || made == WORKERS)
        looking = false;
    return result;
}

SHIM_EXPORT pid_t fork(void)
{
    /* getpid: a vfork child of ours is a stranger here. */
    return looking && getpid() == here ? fork_or_stay() : next_fork();
}

SHIM_EXPORT pid_t setsid(void)
{
    /* The session that it is to leave was left before it began. */
    if (not_made > 0 && getpid() == here)
        return here;
    return ((pid_t(*)(void))shim_next(SHIM_SETSID))();
}

static int redirect(void)
{
    int fd = open("/dev/null", O_RDWR);

    if (fd < 0)
        return -1;
    for (int to = 0; to <= 2; to++)
        if (fd != to && dup2(fd, to) < 0)
            return -1; /* as daemon(3): it leaves what it has done */
    if (fd > 2)
        close(fd); /* /dev/null: nothing can be lost */
    return 0;
}

SHIM_EXPORT int daemon(int no_chdir, int no_close)
{
    if (!looking || getpid() != here)
        return ((int (*)(int, int))shim_next(SHIM_DAEMON))(no_chdir, no_close);
    looking = false;
    not_made++; /* and so is its setsid */
    if (no_chdir == 0 && chdir("/") < 0)
        return -1;
    return no_close == 0 ? redirect() : 0;
}
