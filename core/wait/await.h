/*
 * The state of the caller's wait, which await.c and target_end.c share.  The rules of
 * base.h hold here too.
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
    bool reported;  /* the program was executed */
    int interrupts; /* signalfd */
    int pidfd;      /* of the job's own process, or -1 */
    int ended_ms;   /* how long that process lived */
};

/*
 * Looks whether the job's own process has ended.  If it left one process behind, that
 * becomes start->pid; else sets start->ended.  Returns 0 to go on, or -1 with the
 * fault if the start has failed.
 */
int dz_check_end(struct watch *watch, struct dz_fault *fault);

/* Returns whether the library is to answer and has not answered yet. */
bool dz_is_unheard(const struct watch *watch);

/* Fills in the fault of a job that ended too early.  status is as of waitpid(2), or -1
 * if it is unknown.  Returns -1. */
int dz_fault_exited(const struct watch *watch, int status, struct dz_fault *fault);

/* Makes pid the job's own process: pidfile and record name it from here on.  Returns 0,
 * or -1 with the fault. */
int dz_set_main_pid(struct watch *watch, pid_t pid, struct dz_fault *fault);

/* Returns true if no process of the job is left.  Does not read /proc, so it may return
 * false although none is left. */
bool dz_is_empty(const struct watch *watch);

/* Returns the number of the job's processes; 0 without a /proc of our own. */
int dz_count_members(const struct watch *watch);

#endif
