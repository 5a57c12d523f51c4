/*
 * A wait of the caller: what await.c and ending.c share, and nobody else.  The
 * rules of dz.h hold here too.
 */
#ifndef WATCH_H
#define WATCH_H

#include "start.h"

struct watch {
    struct dz_plan *plan;
    struct dz_ready ready;
    struct dz_family family;
    int64_t deadline; /* INT64_MAX: none */
    int64_t tell_at;
    bool told;
    bool reported;  /* the target was executed */
    int interrupts; /* signalfd */
    int pidfd;      /* of the target, or -1 */
    int ended_ms;   /* after how long it ended */
};

/* waitpid(2) over EINTR. */
pid_t dz_reap(pid_t pid, int *status, int flags);

/* Close *fd, where it is open, and make it -1. */
void dz_close_fd(int *fd);

/*
 * Whether the job's own process has ended, and what that means: 0 to go on, with
 * plan->pid another process or plan->ended set, or -1 with the fault where that
 * is no good start.
 */
int dz_check_end(struct watch *watch, struct dz_fault *fault);

/* Whether the library is to answer, and has not. */
bool dz_is_unheard(const struct watch *watch);

/* Fill in the fault of a job that has ended with status, as of waitpid(2); -1:
 * unknown, 0: well, but too early.  Returns -1. */
int dz_early_end(const struct watch *watch, int status, struct dz_fault *fault);

/* The job is process pid from here on: pidfile and record name it. */
int dz_follow(struct watch *watch, pid_t pid, struct dz_fault *fault);

/* Whether nothing of the job is left, as far as that costs no look at /proc. */
bool dz_is_empty(const struct watch *watch);

/* How many processes the job has; none without a /proc of our own. */
int dz_count_members(const struct watch *watch);

#endif
