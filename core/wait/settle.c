/*
 * Finds the job's own process once a listening socket was found.
 *
 * A program that daemonizes itself listens in a process that is about to end (nginx),
 * or forks to one that listens (redis, memcached).  Between listen(2) and fork(2), or
 * fork and exit, it does not sleep.  So a job of one process is settled when that
 * process sleeps.  A job of several processes is settled when all have slept for a
 * while and none has come or gone.
 */
#include "await.h"

enum {
    QUIET_MS = 100, /* a job of several processes has not changed for so long */
    LOOKS = 10,     /* and in more looks than this */
    MOST_MS = 1000, /* a job that never sleeps is settled after so long */
    LOOK_MS = 1     /* between two looks */
};

/* Returns the topmost process of the job that pid descends from, 0 if it has ended, or
 * pid if it is not known what the job descends from. */
static pid_t oldest_ancestor(const struct dz_members *members, pid_t pid)
{
    enum { DEEPEST = 1000 }; /* PIDs that change while we look might make a ring */
    struct dz_process at;

    if (members->root == 0)
        return pid;
    for (int i = 0; i < DEEPEST; i++) {
        if (dz_read_process(pid, &at) < 0)
            return 0;
        if (at.ppid == members->root)
            return pid;
        pid = at.ppid;
    }
    return 0;
}

/* Returns whether the job has not changed for long enough. */
static bool is_quiet(struct watch *watch, int64_t now)
{
    struct settling *settling = &watch->settling;
    const struct dz_start *start = watch->start;
    struct dz_census census;

    if (settling->began == 0)
        settling->began = now;
    if (dz_take_census(&watch->members, &census) < 0)
        return true; /* without /proc the target is all that is known */
    if (!census.asleep || census.sum != settling->sum || settling->looks == 0) {
        settling->quiet_since = now;
        settling->looks = 0;
    }
    settling->sum = census.sum;
    settling->looks++;
    if (now >= settling->began + MOST_MS || now >= watch->deadline)
        return true;
    if (census.processes == 1 && !start->ended && watch->ready.listener == start->pid)
        return census.asleep;
    return settling->looks > LOOKS && now >= settling->quiet_since + QUIET_MS;
}

int dz_settle(struct watch *watch, struct dz_fault *fault)
{
    int64_t now = dz_milliseconds();
    struct dz_start *start = watch->start;
    pid_t own;

    if (watch->ready.listener == 0 || start->notify.main_pid != 0)
        return 1; /* nothing to find out, or the program has told its PID */
    if (now < watch->settling.look_at)
        return 0;
    watch->settling.look_at = now + LOOK_MS;
    if (!is_quiet(watch, now))
        return 0;
    own = oldest_ancestor(&watch->members, watch->ready.listener);
    if (own == 0) {
        /* The process that held the socket has ended: another one has it, or none. */
        dz_ready_listen_again(&watch->ready, start);
        return 0;
    }
    if (own != start->pid && dz_set_main_pid(watch, own, fault) < 0)
        return -1;
    return 1;
}
