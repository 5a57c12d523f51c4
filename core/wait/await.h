/*
 * The state of the caller's wait, which the files of the wait share.  A keeper waits
 * for each run with it, in a loop of its own.  The rules of base.h hold here too.
 */
#ifndef AWAIT_H
#define AWAIT_H

#include "wait.h"

#include <poll.h>

/* What is known of a job that listens, until its own process is found; zero before. */
struct settling {
    int64_t began; /* all times are dz_milliseconds */
    int64_t look_at;
    int64_t quiet_since; /* the first look in a row that found no change */
    int looks;           /* in a row */
    uint64_t sum;        /* of the last census */
};

struct watch {
    struct dz_start *start;
    struct dz_ready ready;
    struct dz_members members;
    struct dz_report_reader report;
    struct settling settling;
    int64_t deadline; /* INT64_MAX: none */
    int64_t tell_at;
    bool told;
    bool reported;         /* the program was executed */
    int interrupts;        /* signalfd */
    int pidfd;             /* of the job's own process, or -1 */
    bool look_at_end;      /* pidfd has told the end, or there is no pidfd */
    bool child_ended;      /* the first child, which was reaped */
    int64_t told_deadline; /* by the waiter to its caller */
    bool exited;           /* the job's own process has ended */
    int ended_ms;          /* how long it lived */
    int status;            /* how it ended, as of waitpid(2); -1: unknown */
};

/* ---- a wait in steps, for a keeper: it sleeps in poll(2) itself ---- */

enum {
    DZ_WATCH_REPORT,
    DZ_WATCH_INTERRUPT,
    DZ_WATCH_END,
    DZ_WATCH_NOTIFY,
    DZ_WATCH_READY,
    DZ_WATCH_PROBE,
    DZ_WATCH_EVENTS /* their number */
};

/* Begins the wait for a start whose processes are below this one. */
void dz_watch_open(struct watch *watch, struct dz_start *start);

/* Ends the wait.  Closes its descriptors. */
void dz_watch_close(struct watch *watch);

/* Looks whether the start has succeeded.  Returns 1 if it has, 0 to go on, or -1 with
 * the fault; *until is when to look again if no event comes. */
int dz_watch_look(struct watch *watch, int64_t *until, struct dz_fault *fault);

/* Fills in what poll(2) is to wait for. */
void dz_watch_wanted(const struct watch *watch, struct pollfd wanted[DZ_WATCH_EVENTS]);

/* Handles what poll(2) has found.  Returns 0, or -1 with the fault. */
int dz_watch_take(struct watch *watch, const struct pollfd wanted[DZ_WATCH_EVENTS],
                  struct dz_fault *fault);

/* ---- between the files of the wait ---- */

/*
 * Looks whether the job's own process has ended.  If it left one process behind, that
 * becomes start->pid; else sets start->ended.  Returns 0 to go on, or -1 with the
 * fault if the start has failed.
 */
int dz_check_end(struct watch *watch, struct dz_fault *fault);

/*
 * Once all conditions hold: if the job listens, finds its own process, the topmost one
 * that the listening process descends from.  Returns 1 when that is start->pid, 0 if it
 * is too early to know, or -1 with the fault.
 */
int dz_settle(struct watch *watch, struct dz_fault *fault);

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

enum {
    DZ_BLIND_MS = 5,  /* between two looks at a process if there is no pidfd */
    DZ_DIE_MS = 5000, /* for a process that is about to end */
};

/* Reaps the first child, which exits when it has forked.  It may be stopped. */
void dz_reap_first_child(struct watch *watch);

/* Stops the processes of a start that has failed.  Returns 0, or -1 if one is left. */
int dz_stop_start(struct watch *watch);

/* Returns the number of the job's processes; 0 without a /proc of our own. */
int dz_count_members(const struct watch *watch);

#endif
