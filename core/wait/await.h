/*
 * A wait of the caller: what await.c and target_end.c share.  The rules of base.h hold
 * here too.
 */
#ifndef AWAIT_H
#define AWAIT_H

#include "wait.h"

struct watch {
    struct dz_start *start;
    struct dz_ready ready;
    struct dz_members members;
    int64_t deadline; /* INT64_MAX: none */
    int64_t tell_at;
    bool told;
    bool reported;  /* the target was executed */
    int interrupts; /* signalfd */
    int pidfd;      /* of the target, or -1 */
    int ended_ms;   /* after how long it ended */
};

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
int dz_fault_exited(const struct watch *watch, int status, struct dz_fault *fault);

/* The job is process pid from here on: pidfile and record name it. */
int dz_set_main_pid(struct watch *watch, pid_t pid, struct dz_fault *fault);

/* Whether nothing of the job is left, as far as that costs no look at /proc. */
bool dz_is_empty(const struct watch *watch);

/* How many processes the job has; none without a /proc of our own. */
int dz_count_members(const struct watch *watch);

#endif
