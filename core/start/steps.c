/*
 * The table of steps: what a start does, in which order, in which phase and mode.
 *
 * In stay mode the session comes first, because the treatment of the streams depends
 * on it.  The report pipe and the copy of the caller's stderr stay open when other
 * descriptors are closed.
 */
#include "start.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void dz_start_init(struct dz_start *start, const struct dz_plan *plan, char **envp)
{
    start->plan = plan;
    start->mode = plan->mode == DZ_LEAVE ? DZ_LEAVE : DZ_STAY;
    start->envp = envp;
    start->notify.fd = -1;
    start->ready_fd = -1;
    start->result_fd = -1;
    start->await_ready = -1;
    for (int i = 0; i < 3; i++)
        start->new_fd[i] = -1;
    start->stderr_fd = 2;
    start->report_fd = -1;
    start->await_fd = -1;
}

static int set_umask(struct dz_start *start, struct dz_fault *fault)
{
    (void)fault;
    if (start->plan->umask >= 0)
        umask((mode_t)start->plan->umask); /* cannot fail */
    return 0;
}

/* "." is not changed to: a process can stay in a directory that it may not search. */
const char *dz_directory_of(const struct dz_start *start)
{
    const char *path = start->plan->chdir;

    if (path == NULL)
        return start->plan->keep_session || (start->mode == DZ_STAY &&
                                             (getpid() == 1 || start->kept.keeper == 1))
                   ? NULL
                   : "/";
    return strcmp(path, ".") == 0 ? NULL : path;
}

static int change_directory(struct dz_start *start, struct dz_fault *fault)
{
    const char *path = dz_directory_of(start);

    if (path != NULL && chdir(path) < 0)
        return dz_fault(fault, "chdir", path, errno, NULL);
    return 0;
}

enum {
    STAY = 1 << DZ_STAY,
    LEAVE = 1 << DZ_LEAVE,
    DAEMON = STAY | LEAVE,
    SESSION = 4, /* --keep-session, a stay mode of its own */
    EACH = DAEMON | SESSION
};

static const struct {
    const char *name;
    int phase;
    int modes;
    int (*run)(struct dz_start *start, struct dz_fault *fault);
} steps[] = {
    {"guard", DZ_PREPARE, EACH, dz_guard_streams},
    {"hangup", DZ_PREPARE, DAEMON, dz_ignore_hangup},
    {"setsid", DZ_PREPARE, STAY, dz_own_session},
    /* Before any open(2) of ours, which could return a number on the list. */
    {"keep", DZ_PREPARE, EACH, dz_check_kept},
    /* Before the log: a start that is refused here makes none. */
    {"name", DZ_PREPARE, EACH, dz_record_claim},
    {"pidfile", DZ_PREPARE, EACH, dz_pidfile_claim},
    {"open", DZ_PREPARE, EACH, dz_open_streams},
    {"reopen", DZ_PREPARE, EACH, dz_check_reopen},
    {"stderr", DZ_PREPARE, EACH, dz_keep_stderr},
    {"waiter", DZ_DETACH, LEAVE, dz_make_waiter},
    {"pipe", DZ_DETACH, LEAVE, dz_report_pipe},
    {"ready", DZ_DETACH, LEAVE, dz_readiness_open},
    {"fork", DZ_DETACH, LEAVE, dz_first_fork},
    {"setsid", DZ_DETACH, LEAVE, dz_new_session},
    {"fork", DZ_DETACH, LEAVE, dz_second_fork},
    {"listen", DZ_DETACH, LEAVE, dz_pass_listen_fds},
    {"ready", DZ_DETACH, LEAVE, dz_readiness_pass},
    {"signals", DZ_COMMIT, EACH, dz_reset_signals},
    {"umask", DZ_COMMIT, EACH, set_umask},
    {"chdir", DZ_COMMIT, EACH, change_directory},
    {"streams", DZ_COMMIT, EACH, dz_replace_streams},
    {"publish", DZ_COMMIT, EACH, dz_publish},
    {"close", DZ_CLOSE, DAEMON, dz_close_rest},
    {"notify", DZ_COMMIT, DAEMON, dz_notify_pass},
    {"buffer", DZ_COMMIT, EACH, dz_set_unbuffered},
    {"scrub", DZ_COMMIT, EACH, dz_clean_environment},
    {"seccomp", DZ_COMMIT, EACH, dz_filter_signals},
};

int dz_fail(struct dz_start *start, const struct dz_fault *fault)
{
    dz_unpublish(start);
    switch (start->role) {
    case DZ_CHILD_ROLE:
    case DZ_TARGET_ROLE:
        dz_report_fault(start->report_fd, fault);
        _exit(fault->status);
    case DZ_WAITER_ROLE:
        dz_waiter_ends(start, -1, fault);
    case DZ_CALLER_ROLE:
        break;
    }
    return -1;
}

int dz_run(struct dz_start *start, int phases, struct dz_fault *fault)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        int mode = start->plan->keep_session ? SESSION : 1 << start->mode;
        int result;
        if ((steps[i].phase & phases) == 0 || (steps[i].modes & mode) == 0)
            continue;
        result = steps[i].run(start, fault);
        if (result < 0)
            return dz_fail(start, fault);
        if (result == DZ_CALLER)
            return DZ_CALLER;
        if (start->trace != NULL)
            start->trace(start, steps[i].name);
    }
    return DZ_GO;
}

void dz_report_ready(struct dz_start *start)
{
    struct dz_fault fault;

    /* EPIPE: the caller has ended and needs no report.  Without the report a caller
     * that waits would take the end of the pipe for the end of the target. */
    if (start->report_fd >= 0 && dz_report_done(start->report_fd, &fault) < 0 &&
        fault.err != EPIPE)
        dz_fail(start, &fault);
    if (start->stderr_fd != 2)
        dz_close(start->stderr_fd);
    dz_close_fd(&start->report_fd);
    start->stderr_fd = 2;
}
