/*
 * The shim room: libdz.so.  What the constructor needs to know of the program that it
 * runs in, and what the library does inside the target when asked to, libdz(7).
 *
 * Needs all of core.  The rules of base.h hold here too.  With no power asked for each
 * interposer calls the next definition at once.  Nothing here allocates (but
 * setvbuf(3), once, before main), nothing wraps vfork, and what a signal handler runs
 * is async-signal-safe.
 */
#ifndef SHIM_H
#define SHIM_H

#include "start.h"

/* ---- program.c, reexec.c: the program ---- */

/*
 * Whether DZ_ONLY, a list NAME[,NAME...] or NULL for any, names this program:
 * the last part of AT_EXECFN (a script's own name) or of /proc/self/exe; a NAME
 * with a slash is compared with the whole.
 */
bool shim_only_matches(const char *only);

/*
 * argv, as the kernel laid it out before envp, execve(2); NULL where envp is no
 * longer that vector.  For musl, which passes constructors no arguments.
 */
char **shim_find_argv(char **envp);

/*
 * A script given by a relative path would not be found by its interpreter from
 * another cwd: make that word of start->plan->argv absolute.
 */
void shim_keep_script(char **argv);

/* Whether path names the very file that runs here, /proc/self/exe: not so for a
 * script, whose interpreter that is. */
bool shim_is_program(const char *path);

/* Whether this process has more than one thread. */
bool shim_has_threads(void);

/*
 * Execute this program again, with the same words and environment, and the
 * variable DZ_RESUME.  Returns only with a fault.
 */
int shim_execute_again(struct dz_start *start, struct dz_fault *fault);

/*
 * Take a variable of our own, "NAME=descriptor", out of envp and return the
 * descriptor, the pipe to report on, close-on-exec again.  Otherwise -1.
 */
int shim_take_fd(char **envp, const char *name);

/* Whether fd can be such a pipe. */
bool shim_is_report(int fd);

/* The version script has the list; the build hides all else. */
#define SHIM_EXPORT __attribute__((visibility("default")))

/* ---- powers.c: the table of powers ---- */

/*
 * Begins the powers that the plan asks for, in the target's process, before main.
 * inherited: the target has started this program.
 */
int shim_begin_powers(const struct dz_start *start, bool inherited,
                      struct dz_fault *fault);

/* ---- page.c ---- */

/* Maps that page.  Before any other function of a power. */
int shim_map_page(struct dz_fault *fault);

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

/* ---- next.c ---- */

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

/* ---- dispositions.c ---- */

/* The signals whose disposition is ours: bit N-1. */
extern uint64_t shim_controlled;

/* Whether SIGHUP reopens the log. */
extern bool shim_reopens;

static inline bool shim_controls(int number)
{
    return __builtin_expect(shim_controlled != 0, 0) && number >= 1 && number <= 64 &&
           (shim_controlled & UINT64_C(1) << (number - 1)) != 0;
}

/* The signals that plan has us govern, from now on. */
int shim_control_signals(const struct dz_start *start, bool inherited,
                         struct dz_fault *fault);

/*
 * As sigaction(2), of a governed signal: old is what the program has set, whatever
 * the kernel has instead.
 */
int shim_sigaction(int number, const struct sigaction *action, struct sigaction *old);

/* The next sigaction. */
int shim_next_sigaction(int number, const struct sigaction *action,
                        struct sigaction *old);

/* ---- reopen.c ---- */

/* --reopen: remembers the logs, which are those of dz_stream_log. */
int shim_begin_reopen(const struct dz_start *start, bool inherited,
                      struct dz_fault *fault);

/* Open each of them again, if its descriptor is still what it was. */
void shim_reopen(void);

/* ---- nodaemon/ ---- */

/* --no-daemon, from now on. */
int shim_stay_in_foreground(const struct dz_start *start, bool inherited,
                            struct dz_fault *fault);

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
