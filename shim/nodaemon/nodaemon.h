/*
 * The nodaemon room: --no-daemon, a program that daemonizes itself goes on in this
 * process.  Needs the shim and what is below it.
 *
 * A fork whose parent only exits is not made.  To know which fork that is, the parent's
 * branch is tried in a copy of the process (trial.c).  What such a parent does before
 * it exits is recorded there and done afterwards (recorded.c).  If a fork is made after
 * all and the parent then exits, one line says why (leaving.c), and the parent stands
 * in for the daemon (stand_in.c).  kept_streams.c keeps a daemon's output in the log.
 */
#ifndef NODAEMON_H
#define NODAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <ucontext.h>

/* ---- trial.c ---- */

/* How the parent's branch of a fork ends. */
enum shim_branch {
    SHIM_ONLY_EXITS, /* it exits with 0; what it did before has been done */
    SHIM_GOES_ON,    /* it does something else; nothing of it was done */
    SHIM_IN_COPY     /* this process is the copy, in which the branch is to run */
};

/* Why a branch goes on. */
struct shim_reason {
    enum shim_cause {
        SHIM_CALLS,     /* it makes this system call; -1: one of another architecture */
        SHIM_FAILS,     /* it exits with this status */
        SHIM_COMPUTES,  /* it does neither for a second */
        SHIM_DIES,      /* this signal ends it */
        SHIM_NOT_TRIED, /* there was no copy: this errno */
        SHIM_TOO_MANY   /* so many forks were made before this one */
    } cause;
    int number;
};

/* Tries the parent's branch of a fork.  Sets *reason with SHIM_GOES_ON. */
enum shim_branch shim_try_parent(struct shim_reason *reason);

/* Returns whether this kernel and this machine have what that needs. */
bool shim_can_try(void);

/* ---- recorded.c ---- */

enum {
    SHIM_KEPT = 1024 * 1024 - 128, /* bytes; a page takes memory once it is used */
    SHIM_FILES = 8
};

/* In memory that the copy and the process share. */
struct shim_trial {
    bool exits;                /* the branch has ended with status 0 */
    struct shim_reason reason; /* otherwise */
    int umask;                 /* of the copy */
    int files;                 /* opened so far */
    int given[SHIM_FILES];     /* the descriptors that it gets for them */
    size_t size;
    char kept[SHIM_KEPT];
};

/* In the copy, before the branch runs: makes those descriptors.  Returns whether that
 * succeeded. */
bool shim_give_files(struct shim_trial *trial);

/*
 * In a SIGSYS handler: keeps the call for later, and sets *result to what it is to
 * return.  Returns false if it is no call that is kept, or there is no room.
 */
bool shim_keep_call(struct shim_trial *trial, int call, const ucontext_t *context,
                    long *result);

/* Makes the calls.  One that fails goes unnoticed: the parent, which has exited, would
 * have been told. */
void shim_do_calls(const struct shim_trial *trial);

/* ---- kept_streams.c ---- */

/* --no-daemon without quiet: without this call shim_detached() does nothing. */
void shim_keep_streams(void);

/* This process has made itself a daemon: its stdout and stderr stay what they are if it
 * sends them to /dev/null. */
void shim_detached(void);

/* In a fork(2) child: keeps its streams too, unless the child is a worker of the daemon
 * or a stream was kept before the fork. */
void shim_streams_forked(bool is_worker);

/* ---- leaving.c ---- */

/* Remembers that the fork of this child was made, and why. */
void shim_note_fork(pid_t child, const struct shim_reason *reason);

/*
 * The kept process is about to exit with 0.  If it leaves a child that lives, tells on
 * stderr what becomes of it, and why.  Does not return if the process can stand in for
 * the child.  was_kept: it is the daemon itself, which has come to its end.  flushes:
 * exit(3) has not flushed stdio yet.
 */
void shim_leave(bool was_kept, bool flushes);

/* ---- stand_in.c ---- */

/* Makes this process the reaper of its orphaned descendants, or ends that. */
void shim_reap_orphans(bool reaps);

/* Returns the child that goes on without this process: last_child, else the youngest.
 * Returns 0 if none lives. */
pid_t shim_find_daemon(pid_t last_child);

/* Passes signals on to that child of this process, and ends as it does. */
__attribute__((noreturn)) void shim_stand_in(pid_t daemon_pid);

#endif
