/*
 * Whether another run follows, and when.
 *
 * The words are those of systemd and docker.  The delay doubles from run to run, and is
 * the first one again after a run that lasted.
 */
#include "keep.h"

#include <signal.h>
#include <sys/wait.h>

enum { LASTING_MS = 10000 };

/* Returns whether the run has failed: an exit status other than 0, or a signal other
 * than those that end a program on purpose. */
static bool has_failed(const struct keeper *keeper)
{
    int status = keeper->status;

    if (keeper->failed || keeper->watchdog.bitten || status < 0)
        return true;
    if (!WIFSIGNALED(status))
        return WEXITSTATUS(status) != 0;
    return WTERMSIG(status) != SIGHUP && WTERMSIG(status) != SIGINT &&
           WTERMSIG(status) != SIGTERM && WTERMSIG(status) != SIGPIPE;
}

bool restart_follows(struct keeper *keeper, int64_t *delay)
{
    const struct dz_plan *plan = keeper->start->plan;
    bool failed = has_failed(keeper);

    if (dz_milliseconds() - keeper->began >= LASTING_MS) {
        keeper->failures = 0;
        keeper->delay = plan->delay.first;
    }
    keeper->failures = failed ? keeper->failures + 1 : 0;
    if (keeper->stopping || plan->restart.policy == DZ_RESTART_NEVER ||
        (plan->restart.policy == DZ_RESTART_ON_FAILURE && !failed) ||
        (plan->restart.most > 0 && keeper->failures >= plan->restart.most))
        return false;
    *delay = keeper->delay;
    keeper->delay =
        keeper->delay > plan->delay.most / 2 ? plan->delay.most : 2 * keeper->delay;
    return true;
}
