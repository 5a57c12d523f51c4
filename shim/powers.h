/*
 * What libdz.so does inside the target when asked to, libdz(7), and the functions
 * that it stands before for that.
 *
 * With no power asked for each of them hands on to the next definition at once.
 * Nothing here allocates (but setvbuf(3), once, before main), nothing wraps vfork, and
 * what a signal handler runs is async-signal-safe.
 */
#ifndef POWERS_H
#define POWERS_H

#include <signal.h>

#include "start.h"

/* The version script has the list; the build hides all else. */
#define SHIM_EXPORT __attribute__((visibility("default")))

/* ---- powers.c ---------------------------------------------------------------- */

/*
 * Begin with the powers that plan asks for, in the target's process, before main.
 * inherited: this is a program that the target has started.
 */
int shim_powers(const struct dz_plan *plan, bool inherited, struct dz_fault *fault);

/*
 * What a fork(2) child is not to have from its parent: a page that the kernel gives
 * it empty, madvise(2) MADV_WIPEONFORK.  A vfork(2) child shares it, as all memory.
 */
struct shim_process {
    pid_t pid;   /* whose memory this is, or 0: a child that has not asked yet */
    int lock;    /* dispositions.c */
    int reopens; /* reopen.c: asked for and not done */
};

/* The page of this process, or NULL in a vfork child, whose memory is another's. */
struct shim_process *shim_process(void);

/* In a fork(2) child: it takes its page before a vfork(2) child of its own could. */
void shim_forked(void);

/* ---- next.c ------------------------------------------------------------------ */

enum shim_next {
    SHIM_SIGNAL,
    SHIM_BSD_SIGNAL,
    SHIM_UNDER_SYSV_SIGNAL,
    SHIM_SIGACTION,
    SHIM_SIGSET,
    SHIM_SIGIGNORE,
    SHIM_SIGINTERRUPT,
    SHIM_GET_SIGDEFAULT,
    SHIM_SET_SIGDEFAULT,
    SHIM_FORK,
    SHIM_SETSID,
    SHIM_DAEMON,
    SHIM_EXECVE,
    SHIM_EXECV,
    SHIM_EXECVP,
    SHIM_EXECVPE,
    SHIM_GLIBC, /* musl lacks those from here */
    SHIM_SSIGNAL = SHIM_GLIBC,
    SHIM_SYSV_SIGNAL,
    SHIM_NEXT
};

/* Only glibc has it. */
extern __attribute__((weak)) const char *gnu_get_libc_version(void);

typedef void (*shim_function)(void); /* to be cast to its own type */

extern shim_function shim_found[SHIM_NEXT];

/* Look it up, and keep it in shim_found. */
shim_function shim_find(enum shim_next which);

/* Look up all of them that there are. */
void shim_find_all(void);

/* The next definition of the function. */
static inline shim_function shim_next(enum shim_next which)
{
    shim_function found = __atomic_load_n(&shim_found[which], __ATOMIC_RELAXED);

    return __builtin_expect(found != NULL, 1) ? found : shim_find(which);
}

/* ---- dispositions.c ------------------------------------------------------------ */

/* The signals whose disposition is ours: bit N-1. */
extern uint64_t shim_governed;

/* Whether SIGHUP reopens the log. */
extern bool shim_reopens;

static inline bool shim_governs(int number)
{
    return __builtin_expect(shim_governed != 0, 0) && number >= 1 && number <= 64 &&
           (shim_governed & UINT64_C(1) << (number - 1)) != 0;
}

/* The signals that plan has us govern, from now on. */
int shim_govern(const struct dz_plan *plan, bool inherited, struct dz_fault *fault);

/*
 * As sigaction(2), of a governed signal: old is what the program has set, whatever
 * the kernel has instead.
 */
int shim_sigaction(int number, const struct sigaction *action, struct sigaction *old);

/* The next sigaction. */
int shim_next_sigaction(int number, const struct sigaction *action,
                        struct sigaction *old);

/* ---- reopen.c ------------------------------------------------------------------ */

/* Remember the logs, which are those of dz_stream_log. */
void shim_reopen_begin(const struct dz_plan *plan);

/* Open each of them again, if its descriptor is still what it was. */
void shim_reopen(void);

/* ---- foreground.c, scout.c ------------------------------------------------------- */

/* --no-daemon, from now on. */
int shim_stay_here(struct dz_fault *fault);

/* How the parent's branch of a fork ends, tried in a copy of this process. */
enum shim_branch {
    SHIM_ONLY_EXITS, /* it speaks and exits: what it said has been said */
    SHIM_GOES_ON,    /* it does something else, and nothing of it was done */
    SHIM_IN_COPY     /* this is that copy: the branch is to be run */
};
enum shim_branch shim_try_parent(void);

/* Whether this kernel and machine have what that needs. */
bool shim_can_try(void);

#endif
