/*
 * The shim room: libdz.so.  What the constructor must know about its program, and the
 * powers that act inside the target, libdz(7).
 *
 * Needs all of core.  The rules of base.h hold here too.  If no power is asked for,
 * each interposer calls the next definition at once.  Nothing here allocates, except
 * setvbuf(3) once before main.  Nothing wraps vfork(2).  What a signal handler runs is
 * async-signal-safe.
 */
#ifndef SHIM_H
#define SHIM_H

#include "start.h"

/* ---- program.c: the program that the library is in ---- */

/*
 * Returns whether DZ_ONLY names this program.  only is a list NAME[,NAME...], or NULL
 * for any program.  A NAME is compared with the last part of AT_EXECFN, which for a
 * script is its own name, and of /proc/self/exe.  A NAME with a slash is compared with
 * the whole path.
 */
bool shim_only_matches(const char *only);

/*
 * Returns argv, which the kernel lays out before envp, execve(2).  Returns NULL if envp
 * is another vector.  For musl, which passes no arguments to constructors.
 */
char **shim_find_argv(char **envp);

/*
 * Makes the path of a script absolute in argv.  Its interpreter would not find a
 * relative path from another directory.
 */
void shim_keep_script(char **argv);

/* Returns whether path is the file /proc/self/exe.  A script is not: its interpreter
 * is. */
bool shim_is_program(const char *path);

/* Returns whether this process has more than one thread. */
bool shim_has_threads(void);

/* Returns whether any descriptor from 3 is open.  Without /proc: true. */
bool shim_has_descriptors(void);

/* ---- reexec.c: executing the program a second time ---- */

/*
 * Executes this program again with its arguments, its environment and the variable
 * DZ_RESUME.  Returns only if that fails: -1 with *fault filled in.
 */
int shim_execute_again(struct dz_start *start, struct dz_fault *fault);

enum { SHIM_NOT_RESUMED = -1, SHIM_RESUMED_STAY = 0 };

/*
 * Takes DZ_RESUME out of envp.  Returns the pipe to report on, close-on-exec again;
 * SHIM_RESUMED_STAY if the first image was in stay mode; SHIM_NOT_RESUMED if there is
 * no such variable or its value is not ours.
 */
int shim_take_resume(char **envp);

/* Returns whether fd can be a pipe to report on. */
bool shim_is_report(int fd);

/* For the functions that the version script lists; the build hides all else. */
#define SHIM_EXPORT __attribute__((visibility("default")))

/* ---- powers.c: the table of powers ---- */

/*
 * Begins the powers that the plan asks for, in the target's process, before main.
 * inherited: the target has started this program.
 */
int shim_begin_powers(const struct dz_start *start, bool inherited,
                      struct dz_fault *fault);

/* ---- page.c ---- */

/*
 * What a fork(2) child does not get from its parent.  The kernel empties the page in
 * the child, madvise(2) MADV_WIPEONFORK.  A vfork(2) child shares it with its parent,
 * as it shares all memory.
 */
struct shim_process {
    pid_t pid;   /* whose memory this is, or 0 in a child that has not asked yet */
    int lock;    /* dispositions.c */
    int execs;   /* exec.c: under way, with SIGHUP ignored meanwhile */
    int reopens; /* reopen.c: asked for and not done */
};

/* Maps the page.  A power that calls shim_process() calls this once before. */
int shim_map_page(struct dz_fault *fault);

/* Maps size bytes of memory.  Returns NULL and sets errno if there is none. */
void *shim_map(size_t size);

/* Returns the page of this process, or NULL in a vfork(2) child. */
struct shim_process *shim_process(void);

/* In a fork(2) child: takes the page before a vfork(2) child of its own could. */
void shim_forked(void);

/* ---- next.c: the functions that ours stand before ---- */

enum shim_next {
    SHIM_SIGNAL,
    SHIM_BSD_SIGNAL,
    SHIM_UNDER_SYSV_SIGNAL,
    SHIM_SIGACTION,
    SHIM_SIGSET,
    SHIM_SIGIGNORE,
    SHIM_SIGINTERRUPT,
    SHIM_FORK,
    SHIM_SETSID,
    SHIM_SETPGID,
    SHIM_SETPGRP,
    SHIM_DAEMON,
    SHIM_EXIT_NOW,
    SHIM_EXIT,
    SHIM_CLOSE,
    SHIM_DUP,
    SHIM_DUP2,
    SHIM_DUP3,
    SHIM_OPEN,
    SHIM_FCLOSE,
    SHIM_FREOPEN,
    SHIM_EXECVE,
    SHIM_EXECVPE,
    SHIM_FEXECVE,
    SHIM_SPAWN,
    SHIM_SPAWNP,
    SHIM_SYSTEM,
    SHIM_POPEN,
    SHIM_GLIBC, /* musl lacks the functions from here on */
    SHIM_SSIGNAL = SHIM_GLIBC,
    SHIM_SYSV_SIGNAL,
    SHIM_FREOPEN64,
    SHIM_NEXT
};

/* Only glibc has it. */
extern __attribute__((weak)) const char *gnu_get_libc_version(void);

typedef void (*shim_function)(void); /* to be cast to its own type */

extern shim_function shim_found[SHIM_NEXT];

/* Looks the function up, keeps it in shim_found and returns it. */
shim_function shim_find(enum shim_next which);

/* Looks up all of them that this libc has. */
void shim_find_all(void);

/* next_symbol.c: returns the next definition behind this library, or NULL.  For glibc
 * without dlsym. */
void *shim_next_symbol(const char *name);

/* Returns the next definition of the function. */
static inline shim_function shim_next(enum shim_next which)
{
    shim_function found = __atomic_load_n(&shim_found[which], __ATOMIC_RELAXED);

    return __builtin_expect(found != NULL, 1) ? found : shim_find(which);
}

/* Calls the next sigaction. */
int shim_next_sigaction(int number, const struct sigaction *action,
                        struct sigaction *old);

/* ---- dispositions.c ---- */

/* The signals whose disposition the library controls: bit N-1. */
extern uint64_t shim_controlled;

/* Whether SIGHUP reopens the log. */
extern bool shim_reopens;

static inline bool shim_controls(int number)
{
    return __builtin_expect(shim_controlled != 0, 0) && number >= 1 &&
           number <= DZ_SIGNALS && (shim_controlled & dz_signal_bit(number)) != 0;
}

/* --pin-signals, --reopen: controls their signals from now on. */
int shim_control_signals(const struct dz_start *start, bool inherited,
                         struct dz_fault *fault);

/*
 * sigaction(2) of a controlled signal.  *old is what the program has set, whatever the
 * kernel has instead.
 */
int shim_sigaction(int number, const struct sigaction *action, struct sigaction *old);

/* Returns whether the signal stays ignored if the program sets it to SIG_DFL. */
bool shim_pins(int number);

/*
 * Before an exec, of this process or of a child that posix_spawn(3) makes: the kernel
 * ignores SIGHUP if the next program is to begin with it ignored.  A handler does not
 * outlive execve(2).  Returns whether that has changed anything.
 */
bool shim_begin_exec(void);

/* After a failed exec, or posix_spawn(3), for which shim_begin_exec() returned true:
 * undoes what that has done.  Keeps errno. */
void shim_end_exec(void);

/* In a fork(2) child: undoes what shim_begin_exec() has done in another thread of its
 * parent. */
void shim_signals_forked(void);

/*
 * Before an exec whose program gets the powers: blocks the controlled signals, which
 * the library unblocks there.  Sets *before to the mask.  Returns the bits of those
 * that were not blocked.
 */
uint64_t shim_hold_signals(sigset_t *before);

/* In the library of the next program: unblocks those signals.  Those that have come are
 * delivered now. */
void shim_release_signals(uint64_t held);

/* Returns the bits of the controlled signals that the program takes for ignored. */
uint64_t shim_taken_for_ignored(void);

/* ---- next_program.c: the powers follow the process ---- */

/* An exec, of this process or of a child. */
struct shim_request {
    enum { SHIM_BY_PATH, SHIM_BY_SEARCH, SHIM_BY_DESCRIPTOR, SHIM_BY_DIRECTORY } way;
    bool starts;      /* in a child that posix_spawn(3) makes */
    int fd;           /* BY_DESCRIPTOR, BY_DIRECTORY */
    int flags;        /* BY_DIRECTORY */
    const char *path; /* NULL for BY_DESCRIPTOR */
};

/* What goes on in the next program. */
struct shim_handover {
    const char *powers; /* NULL: nothing is added to its environment */
    bool all;           /* every power, not only those that spread */
    bool foreign;       /* it is of another class or machine */
    struct dz_elf elf;
    const char *obstacle; /* why it cannot take the library, or NULL */
    char interpreter[DZ_SCRIPT_LINE + 1];
    const char *directory; /* BY_SEARCH: of PATH, where it was found, or NULL */
    size_t directory_length;
    struct dz_inside inside;
    size_t count;   /* of the given environment */
    size_t entries; /* room for the new one, at least 1 */
    size_t preload; /* bytes of each LD_PRELOAD in the text */
    size_t size;    /* of the text, at least 1 */
};

/* ---- open_program.c ---- */

/* Opens the file that a request is going to execute.  Returns -1 as
 * shim_open_program() does. */
int shim_open_next(const struct shim_request *request, struct shim_handover *next);

/* Opens path to be read.  Returns -1 and sets errno: EACCES for a file that can be
 * executed, and not read. */
int shim_open_program(const char *path);

/* Returns whether that file, which shim_open_next() has opened, may be executed. */
bool shim_can_execute(const struct shim_request *request);

/* ---- next_program.c ---- */

/* Before anything else: finds the path of this library, if the plan has powers. */
int shim_find_library(const struct dz_start *start, struct dz_fault *fault);

/* For the table of powers: those of the plan go on from here. */
int shim_begin_following(const struct dz_start *start, bool inherited,
                         struct dz_fault *fault);

/* Looks at the next program, and decides.  If the powers of the target's own process
 * end there, tells so on stderr.  Keeps errno. */
void shim_look_ahead(const struct shim_request *request, char *const envp[],
                     struct shim_handover *next);

/* After E2BIG: if the next program has room without what was added, drops that, tells
 * so on stderr as shim_look_ahead() does, and returns true. */
bool shim_drop_powers(const struct shim_request *request, struct shim_handover *next,
                      char *const argv[], char *const envp[]);

/* Returns the environment of the next program, made in entries and text, which have the
 * room that next asks for. */
char *const *shim_hand_over(const struct shim_request *request,
                            const struct shim_handover *next, char *const envp[],
                            char **entries, char *text);

/* ---- reopen.c ---- */

/* Notes the logs and what files they are. */
void shim_note_logs(struct dz_inside *inside);

/* --reopen: remembers the logs, which are those of dz_stream_log(). */
int shim_begin_reopen(const struct dz_start *start, bool inherited,
                      struct dz_fault *fault);

/* Opens each log again if its descriptor is still what it was. */
void shim_reopen(void);

/* Opens each log again whose name no longer leads to it. */
void shim_reopen_moved(void);

/* ---- nodaemon/ ---- */

/* --no-daemon: begins it. */
int shim_stay_in_foreground(const struct dz_start *start, bool inherited,
                            struct dz_fault *fault);

#endif
