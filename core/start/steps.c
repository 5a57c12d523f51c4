/*
 * The table of steps: what is done, in which order, in which phase and mode.
 *
 * Own session comes first where we stay, because what becomes of the streams
 * depends on whether we can.  The report pipe and the copy of the caller's
 * stderr outlive the closing of the rest.
 */
#include "start.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static int set_umask(struct dz_plan *plan, struct dz_fault *fault)
{
    (void)fault;
    if (plan->umask >= 0)
        umask((mode_t)plan->umask); /* cannot fail */
    return 0;
}

static int change_directory(struct dz_plan *plan, struct dz_fault *fault)
{
    const char *path = plan->chdir != NULL ? plan->chdir : "/";

    if (chdir(path) < 0)
        return dz_fault(fault, "chdir", path, errno, NULL);
    return 0;
}

enum { STAY = 1 << DZ_STAY, LEAVE = 1 << DZ_LEAVE, BOTH = STAY | LEAVE };

static const struct {
    const char *name;
    int phase;
    int modes;
    int (*run)(struct dz_plan *plan, struct dz_fault *fault);
} steps[] = {
    {"guard", DZ_PREPARE, BOTH, dz_guard_streams},
    {"hangup", DZ_PREPARE, BOTH, dz_ignore_hangup},
    {"setsid", DZ_PREPARE, STAY, dz_own_session},
    /* Before anything is opened: a number that is free now may be ours then. */
    {"keep", DZ_PREPARE, BOTH, dz_check_kept},
    {"open", DZ_PREPARE, BOTH, dz_open_streams},
    {"reopen", DZ_PREPARE, BOTH, dz_check_reopen},
    {"stderr", DZ_PREPARE, BOTH, dz_keep_stderr},
    {"name", DZ_PREPARE, BOTH, dz_record_claim},
    {"pidfile", DZ_PREPARE, BOTH, dz_pidfile_claim},
    {"stand-in", DZ_DETACH, LEAVE, dz_stand_in},
    {"pipe", DZ_DETACH, LEAVE, dz_report_pipe},
    {"notify", DZ_DETACH, LEAVE, dz_notify_open},
    {"ready", DZ_DETACH, LEAVE, dz_ready_open},
    {"fork", DZ_DETACH, LEAVE, dz_first_fork},
    {"setsid", DZ_DETACH, LEAVE, dz_new_session},
    {"fork", DZ_DETACH, LEAVE, dz_second_fork},
    {"listen", DZ_DETACH, LEAVE, dz_pass_listen_fds},
    {"ready", DZ_DETACH, LEAVE, dz_ready_pass},
    {"signals", DZ_COMMIT, BOTH, dz_reset_signals},
    {"umask", DZ_COMMIT, BOTH, set_umask},
    {"chdir", DZ_COMMIT, BOTH, change_directory},
    {"streams", DZ_COMMIT, BOTH, dz_replace_streams},
    {"publish", DZ_COMMIT, BOTH, dz_publish},
    {"close", DZ_CLOSE, BOTH, dz_close_rest},
    {"notify", DZ_COMMIT, LEAVE, dz_notify_pass},
    {"buffer", DZ_COMMIT, BOTH, dz_env_powers},
    {"scrub", DZ_COMMIT, BOTH, dz_scrub},
    {"seccomp", DZ_COMMIT, BOTH, dz_filter_signals},
};

int dz_fail(struct dz_plan *plan, const struct dz_fault *fault)
{
    dz_unpublish(plan);
    if (plan->report_fd >= 0 && plan->await_fd < 0) {
        dz_report_fault(plan, fault);
        _exit(fault->status);
    }
    dz_undo_logs(plan);
    if (plan->outcome_fd >= 0 && plan->stand_in == 0)
        dz_stand_in_ends(plan, -1, fault);
    return -1;
}

int dz_run(struct dz_plan *plan, int phases, struct dz_fault *fault)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int result;
        if ((steps[i].phase & phases) == 0 || (steps[i].modes & 1 << plan->mode) == 0)
            continue;
        result = steps[i].run(plan, fault);
        if (result < 0)
            return dz_fail(plan, fault);
        if (result == DZ_CALLER)
            return DZ_CALLER;
        if (plan->trace != NULL)
            plan->trace(plan, steps[i].name);
    }
    return DZ_GO;
}

void dz_finish(struct dz_plan *plan)
{
    struct dz_fault fault;

    /* A caller that is gone needs no word; one that waits would take its end for
     * that of the target. */
    if (plan->report_fd >= 0 && dz_report_done(plan, &fault) < 0 && fault.err != EPIPE)
        dz_fail(plan, &fault);
    /* Copies and a pipe of our own: an error of close(2) can lose nothing. */
    if (plan->tell_fd != 2)
        close(plan->tell_fd);
    if (plan->report_fd >= 0)
        close(plan->report_fd);
    plan->tell_fd = 2;
    plan->report_fd = -1;
}
