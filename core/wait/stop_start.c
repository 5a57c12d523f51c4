/*
 * Stops a start that has failed.
 *
 * Most jobs are few processes that end at once.  Those are found by their parents: a
 * walk over all processes of the machine would take longer than the job's end.  The
 * caller is their subreaper: when the caller has no child left, no process of the job
 * is left.
 */
#include "await.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

enum {
    STOP_MS = 5000, /* from TERM to KILL */
    PAUSE_MOST_MS = 20,
    SOME = 64 /* processes that are stopped without a walk */
};

struct found {
    int count;
    struct dz_identity who[SOME];
};

static int note_process(pid_t pid, void *data)
{
    struct found *found = data;

    if (dz_identify(pid, &found->who[found->count]) == 0)
        found->count++;
    return found->count == SOME;
}

/* Reaps what has ended.  Returns whether no child is left. */
static bool reap_all(void)
{
    pid_t pid;
    int status;

    while ((pid = dz_waitpid(-1, &status, WNOHANG)) > 0)
        ;
    return pid < 0 && errno == ECHILD;
}

/* Returns whether all processes of the job have ended in time. */
static bool stop_few(struct watch *watch, int64_t until)
{
    struct found found = {0};
    int pause = 1;

    if (dz_each_job_process(&watch->members, note_process, &found) != 0)
        return false;
    for (int i = 0; i < found.count; i++) {
        dz_signal_process(&found.who[i], SIGTERM); /* ESRCH: gone */
        dz_signal_process(&found.who[i], SIGCONT);
    }
    while (!reap_all()) {
        if (dz_milliseconds() >= until)
            return false;
        poll(NULL, 0, pause); /* the end of a grandchild is no event for us */
        pause += pause < PAUSE_MOST_MS;
    }
    return true;
}

/* Ends the target, our child.  For a start without /proc. */
static void stop_child(struct watch *watch)
{
    pid_t pid = watch->start->pid > 0 ? watch->start->pid : watch->start->child;
    int64_t until = dz_milliseconds() + STOP_MS;
    int status;

    if (watch->start->ended || dz_waitpid(pid, &status, WNOHANG) != 0)
        return;
    kill(pid, SIGTERM);
    kill(pid, SIGCONT);
    while (dz_waitpid(pid, &status, WNOHANG) == 0) {
        if (dz_milliseconds() >= until)
            kill(pid, SIGKILL);
        poll(NULL, 0, DZ_BLIND_MS); /* there may be no pidfd to wait on */
    }
}

int dz_stop_start(struct watch *watch)
{
    int64_t until = dz_milliseconds() + STOP_MS;

    if (watch->members.root == 0) {
        stop_child(watch);
        return 0;
    }
    if (dz_is_empty(watch) || stop_few(watch, until))
        return 0;
    return dz_stop_members(&watch->members, until);
}
