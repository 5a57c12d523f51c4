/*
 * What the launcher and the preload library share: the plan (what is to be
 * done to the target), the table of options it is read from, and the steps
 * that carry it out.
 *
 * Everything declared here may run in somebody else's process before its
 * main(): it calls async-signal-safe functions only, never allocates, never
 * prints and never exits, with one exception that is named (dz_fail).  Unless
 * a comment says otherwise a function returns 0, or -1 with *fault filled in.
 *
 * Only libc functions that glibc and musl export under the same name and with
 * the same layout are used; where a structure differs between the two (struct
 * stat on 32 bits) or a wrapper is missing in one, the system call is made by
 * syscall(2), because one libdz.so serves programs of both.
 */
#ifndef DZ_H
#define DZ_H

#include "base.h"
#include "job.h"
#include "wait.h"

/* ---- plan.c: what is to be done ------------------------------------------- */

enum dz_mode {
    DZ_STAY, /* keep this PID */
    DZ_LEAVE /* fork twice; the caller gets its prompt back */
};

/* Why a plan that asked for DZ_STAY ended as DZ_LEAVE. */
enum dz_left {
    DZ_NOT_LEFT,
    DZ_LEFT_FOREGROUND, /* we were the terminal's foreground job */
    DZ_LEFT_GROUP       /* our process group has other members */
};

/* What a descriptor was when we were called. */
enum dz_stream { DZ_CLOSED, DZ_TERMINAL, DZ_PIPE, DZ_SOCKET, DZ_OTHER };

/* How C stdio is to buffer stdout in the target; AS_IS: as it does by itself. */
enum dz_buffer { DZ_BUFFER_AS_IS, DZ_BUFFER_LINE, DZ_BUFFER_NONE, DZ_BUFFER_FULL };

/* Which requests of the target about HUP, TTIN and TTOU are not heeded. */
enum dz_pin {
    DZ_PIN_NONE,
    DZ_PIN_DEFAULT, /* to set them back to default */
    DZ_PIN_ALL,     /* to catch them as well */
    DZ_PIN_SECCOMP  /* all, answered by the kernel */
};

/* A file that prepare opened. */
struct dz_file {
    bool made;           /* created by us: to be removed if the start fails */
    int64_t size;        /* when we opened it: what this run writes is behind */
    char path[PATH_MAX]; /* absolute; empty where there is none */
};

enum { DZ_INSIDE_MAX = 2 * PATH_MAX + 64 }; /* of the variable in inside.c */

struct dz_plan {
    /* What is asked for: the fields of the option table. */
    enum dz_mode mode;
    const char *output; /* NULL: by the table of dznohup(1); "-": keep */
    const char *error;
    const char *input;
    const char *chdir; /* NULL: / */
    int umask;         /* -1: unchanged */
    uint64_t ignore;   /* signals to ignore besides HUP, TTIN, TTOU: bit N-1 */
    const char *keep_fd;
    struct dz_conditions wait;
    int64_t timeout; /* milliseconds; 0: none */
    const char *pidfile;
    const char *name;
    const char *state_dir; /* read by dz_state_open from envp, as dzctl does */
    const char *only;      /* shim: DZ_ONLY */
    enum dz_buffer buffer; /* from here: inside the target, libdz(7) */
    enum dz_pin pin;
    bool no_daemon;
    bool reopen;
    bool inherit;
    const char *shim; /* cli: path of libdz.so */
    bool verbose;
    bool quiet;
    bool dry_run;
    bool nohup;
    bool help;
    bool version;

    /* The process it is asked for; argv may be NULL where it is unknown. */
    char **argv;
    char **envp;   /* changed in place */
    int env_spare; /* free entries behind its end, the NULL not counted */
    /* Called after each step that was done; NULL: not wanted. */
    void (*trace)(const struct dz_plan *plan, const char *step);
    /* Called each second of a wait, and once with 0 at its end if it was called
     * before; NULL: not wanted. */
    void (*waiting)(const struct dz_plan *plan, int seconds);

    /* What the steps found and did. */
    enum dz_left left;
    bool terminal_kept; /* stay: a session leader that shares its terminal */
    bool attached;      /* a standard stream was a terminal and is replaced */
    enum dz_stream stream[3];
    int to[3];                     /* descriptor that is to become 0, 1, 2; -1: keep */
    struct dz_pidfile pidfile_old; /* what was there before */
    int listen_fds;                /* descriptors passed by LISTEN_FDS to us */
    char **listen_pid;             /* where envp holds LISTEN_PID= */
    char listen_text[32];          /* its new value */
    int tell_fd;                   /* the caller's stderr, close-on-exec where copied */
    int report_fd; /* child: write end towards the waiting caller, or -1 */
    int await_fd;  /* caller: read end, or -1 */
    struct dz_notify notify;
    int ready_fd;    /* fd:N: the pipe's end to write to, or -1 */
    int await_ready; /* caller: its end to read from, or -1 */
    pid_t stand_in;  /* caller: who waits in its place, or 0 */
    int outcome_fd;  /* between the two, or -1 */
    pid_t child;     /* caller: the first fork's */
    pid_t pid;       /* the target's */
    bool ended;      /* caller: the target has ended already, with status 0 */
    bool passes_on;  /* shim: --inherit, so it stays in the environment */
    bool unrecorded; /* the state directory cannot be used: no_state says why */
    int manager;     /* caller: errno of telling our own manager, or 0 */
    int interrupt;   /* caller: the signal that ended the wait, or 0 */

    /* Paths, behind all else: each is a page, and a start that has none of them
     * touches none, which would take as long as ten system calls. */
    struct dz_claim pidfile_claim;
    struct dz_claim record_claim;
    struct dz_file log; /* what takes stdout, perhaps stderr too */
    struct dz_file error_log;
    char state[PATH_MAX]; /* the state directory; empty: none to be had */
    char cwd[PATH_MAX];   /* of the call; empty: unknown */
    char inside[DZ_INSIDE_MAX];
    struct dz_fault no_state;
};

/* Who reads an option's twin, and from whom an option is taken. */
enum { DZ_CLI = 1, DZ_SHIM = 2 };

/*
 * The one table of options.  Long name, letter, twin, field of the plan, its
 * parser and its help line; arg is NULL for a flag.  The row with a NULL help
 * ends it.
 */
struct dz_option {
    const char *name; /* NULL: a twin only */
    char letter;      /* 0: none */
    const char *twin; /* NULL: none */
    const char *arg;
    int sides;
    size_t field; /* offset in struct dz_plan */
    int (*parse)(void *field, const char *value, struct dz_fault *fault);
    const char *help;
};

extern const struct dz_option dz_options[];

/* A plan with every default; zero before. */
void dz_plan_init(struct dz_plan *plan, char **argv, char **envp);

/*
 * Set one option of plan; value is NULL for a flag.  The fault's step is
 * called, which is how the user wrote it: "--umask" or "DZ_UMASK".
 */
int dz_plan_set(struct dz_plan *plan, const struct dz_option *option, const char *value,
                const char *called, struct dz_fault *fault);

/* Set plan from every DZ_* in plan->envp; one that side does not know fails. */
int dz_plan_environment(struct dz_plan *plan, int side, struct dz_fault *fault);

/* Whether what is asked for goes together; once all of it was read. */
int dz_plan_check(const struct dz_plan *plan, struct dz_fault *fault);

/* ---- steps.c: carrying it out --------------------------------------------- */

enum {
    DZ_GO = 0,    /* this process is the target now: exec, or return to main */
    DZ_CALLER = 1 /* this is the waiting caller: dz_await */
};

/*
 * The phases of a start.  Prepare: in the caller's cwd, its stderr alive, no
 * fork made; what can fail is here as far as possible.  Detach: forks and
 * sessions of leave mode.  Commit: in the target's process.  Close, a part of
 * commit: descriptors from 3.
 */
enum { DZ_PREPARE = 1, DZ_DETACH = 2, DZ_COMMIT = 4, DZ_CLOSE = 8, DZ_ALL = 15 };

/*
 * Run plan's steps of these phases in order.  Returns DZ_GO or DZ_CALLER, or
 * -1 after dz_fail.
 */
int dz_run(struct dz_plan *plan, int phases, struct dz_fault *fault);

/*
 * A start has failed.  In a child of leave mode: send *fault to the caller and
 * _exit; the caller cleans up.  Elsewhere: remove what the start made, leave
 * *fault to be told on plan->tell_fd, and return -1.
 */
int dz_fail(struct dz_plan *plan, const struct dz_fault *fault);

/* The shim's end of a start: tells the caller, closes what exec would have. */
void dz_finish(struct dz_plan *plan);

/* ---- detach.c: sessions and forks ----------------------------------------- */

/*
 * Stay mode: make this process leave its session for one of its own, or see
 * that it cannot and set plan->mode to DZ_LEAVE and plan->left to the reason.
 * setsid(2), setpgid(2); see the comments there for the ways and fallbacks.
 */
int dz_own_session(struct dz_plan *plan, struct dz_fault *fault);

/* What dz_own_session would do, without doing it.  Needs /proc. */
enum dz_left dz_forecast(void);

/*
 * Detach: what is at the path of path:FILE now, and the pipe of fd:N.  Its number
 * is held by /dev/null from dz_check_kept on, so that no descriptor of ours comes
 * to stand there.
 */
int dz_ready_open(struct dz_plan *plan, struct dz_fault *fault);
int dz_ready_pass(struct dz_plan *plan, struct dz_fault *fault);

/* ---- standin.c: who waits, where that should not be the caller itself ------------ */

/*
 * Detach: where the caller should not be the job's subreaper, fork a child that
 * goes on in its place; in the caller DZ_CALLER, and plan->stand_in.
 */
int dz_stand_in(struct dz_plan *plan, struct dz_fault *fault);

/* In the stand-in: tell the caller how the start has ended, and _exit. */
__attribute__((noreturn)) void dz_stand_in_ends(const struct dz_plan *plan, int result,
                                                const struct dz_fault *fault);

/* In the caller: wait for that; plan's pid, ended and interrupt are set. */
int dz_await_stand_in(struct dz_plan *plan, struct dz_fault *fault);

/* Leave mode, in this order.  dz_first_fork returns DZ_CALLER in the caller. */
int dz_report_pipe(struct dz_plan *plan, struct dz_fault *fault);
int dz_first_fork(struct dz_plan *plan, struct dz_fault *fault);
int dz_new_session(struct dz_plan *plan, struct dz_fault *fault);
int dz_second_fork(struct dz_plan *plan, struct dz_fault *fault);

/* ---- fds.c: descriptors ---------------------------------------------------- */

int dz_guard_streams(struct dz_plan *plan, struct dz_fault *fault);
int dz_open_streams(struct dz_plan *plan, struct dz_fault *fault);
int dz_check_kept(struct dz_plan *plan, struct dz_fault *fault);
int dz_keep_stderr(struct dz_plan *plan, struct dz_fault *fault);
int dz_replace_streams(struct dz_plan *plan, struct dz_fault *fault);
int dz_close_rest(struct dz_plan *plan, struct dz_fault *fault);

/* What becomes of stream 0, 1 or 2 by the table of dznohup(1). */
enum dz_fate { DZ_KEEP, DZ_NULL, DZ_LOG };
enum dz_fate dz_stream_fate(enum dz_mode mode, enum dz_stream stream, int number);

/*
 * The option that rules stream number: NULL for none, "-" for keep, else a
 * file.  -o rules stderr too where it names a file and -e is not given.
 */
const char *dz_stream_option(const struct dz_plan *plan, int number);

/* Whether an option's value names a file: it is given, and not "-". */
bool dz_names_file(const char *option);

/* What fd is. */
enum dz_stream dz_stream_kind(int fd);

/* The path of the log that we have opened for stream 1 or 2, or NULL. */
const char *dz_stream_log(const struct dz_plan *plan, int number);

/* Prepare: whether --reopen has a log to open again. */
int dz_check_reopen(struct dz_plan *plan, struct dz_fault *fault);

/* The smallest descriptor >= from that is to be kept, or -1. */
int dz_next_kept(const struct dz_plan *plan, int from);

/* ---- log.c: opening logs --------------------------------------------------- */

/*
 * Open the default log for appending: nohup.out in the cwd, else in $HOME,
 * mode 0600 whatever the umask; never through a symbolic link that somebody
 * else owns.  Returns the descriptor, close-on-exec, with its absolute path in
 * file.
 */
int dz_open_default_log(char **envp, struct dz_file *file, struct dz_fault *fault);

/*
 * Open path for appending, mode 0666 less umask; otherwise the same, but links
 * of root's are followed: /dev/stdout is one.
 */
int dz_open_log(const char *path, const char *step, struct dz_file *file,
                struct dz_fault *fault);

/*
 * As open(2) with O_WRONLY|O_APPEND|O_CREAT, but a symbolic link as the last
 * component is followed only if it is ours or, with trust_root, root's.  Sets
 * *made if the file is new.  Returns the descriptor, non-blocking and
 * close-on-exec, or -1 with errno: EPERM for somebody else's link.
 */
int dz_open_append(const char *path, mode_t mode, bool trust_root, bool *made);

/*
 * Copy the last lines that this run wrote to its log, at most 10, to descriptor
 * to, behind a line "PROGRAM: the end of LOG:".  Nothing where there are none.
 */
void dz_show_log(const struct dz_plan *plan, const char *program, int to);

/*
 * Open the log at path again, in the place of descriptor fd, which keeps its
 * number at each moment; a new file gets the mode of the old one.  -1 with errno,
 * and fd is what it was.  For a signal handler, one at a time: a page of stack at
 * most.
 */
int dz_reopen_log(const char *path, int fd);

/* Remove the logs that this start has made and nothing was written to. */
void dz_undo_logs(const struct dz_plan *plan);

/* ---- signals.c -------------------------------------------------------------- */

/* First of all: HUP, TTIN and TTOU ignored, CHLD at default. */
int dz_ignore_hangup(struct dz_plan *plan, struct dz_fault *fault);

/* Commit: every other disposition that is ignored to default, empty mask. */
int dz_reset_signals(struct dz_plan *plan, struct dz_fault *fault);

/*
 * Commit, DZ_PIN_SECCOMP: a filter that answers each later request of this process
 * and its descendants to change HUP, TTIN or TTOU with success and does nothing.
 * seccomp(2); sets no_new_privs.
 */
int dz_filter_signals(struct dz_plan *plan, struct dz_fault *fault);

/*
 * The number of the signal that name names (HUP, SIGHUP, 1, RTMIN+2), or -1.
 * RTMIN is 34 and RTMAX 64, as glibc has them, in every build.
 */
int dz_signal_number(const char *name, size_t length);

/* "HUP" for 1, and so on; "RTMIN+2"; written to text. */
void dz_add_signal(struct dz_text *text, int number);

/* ---- words.c: what both sides say ------------------------------------------------ */

enum { DZ_WAITING_MAX = PATH_MAX + 512 };

/*
 * The line for plan->waiting, which is written over the one before: what is
 * waited for, how long by now, what the program says.  For 0 seconds: nothing,
 * to clear it.  Returns its length.
 */
size_t dz_waiting_text(const struct dz_plan *plan, const char *program, int seconds,
                       char line[DZ_WAITING_MAX]);

/* Say on plan->tell_fd what was replaced or could not be told to a manager. */
void dz_say_notes(const struct dz_plan *plan, const char *program);

/* Whether there is something of that kind to be said before the target runs. */
bool dz_has_notes(const struct dz_plan *plan);

/* ---- trace.c: a row for -v ---------------------------------------------------- */

/* "STEP     pid N ppid N pgid N sid N tty T" about this process. */
void dz_row(const char *step, char *at, size_t size);

/* A terminal by its device number, dz_process.tty: "pts/3", "4:1" or "none". */
void dz_add_tty(struct dz_text *text, int tty);

/* The library's own variable in the image that it executes anew, with the number
 * of the pipe to report on. */
#define DZ_RESUME "DZ_RESUME="

/* ---- inside.c: what the library is told inside the target ---------------------- */

/* And the one that it finds where all but its powers is done already. */
#define DZ_INSIDE "DZ_INSIDE"

/* Whether anything is asked for that only the library inside the target can do. */
bool dz_wants_powers(const struct dz_plan *plan);

/* Write that variable, name and all, for plan's powers and logs; fd is the pipe to
 * report on, or -1 for a child of the target (--inherit). */
void dz_inside_write(const struct dz_plan *plan, int fd, char variable[DZ_INSIDE_MAX]);

/*
 * Read its value: sets plan's powers, its logs and *fd.  Returns 0, or -1 where it
 * is none that dz_inside_write has written.
 */
int dz_inside_read(struct dz_plan *plan, const char *value, int *fd);

/* ---- env.c: the environment ------------------------------------------------- */

/* The value of name in envp, or NULL. */
char *dz_env(char **envp, const char *name);

/* Whether LD_PRELOAD in envp names libdz.so, in whatever folder. */
bool dz_env_preloaded(char **envp);

/*
 * Make entry, "NAME=value", the variable of that name: in the place of the old
 * one, of a DZ_* that is going to be scrubbed, or behind the end where the plan
 * says that there is room.
 */
int dz_env_set(struct dz_plan *plan, const char *name, char *entry,
               struct dz_fault *fault);

/* Detach: LISTEN_PID is this process now, where descriptors are passed by it. */
int dz_pass_listen_fds(struct dz_plan *plan, struct dz_fault *fault);

/*
 * Commit: what the environment has to say of the powers: PYTHONUNBUFFERED=1 with
 * DZ_BUFFER_LINE or _NONE, unless it is set.
 */
int dz_env_powers(struct dz_plan *plan, struct dz_fault *fault);

/*
 * Commit: take libdz.so out of LD_PRELOAD, and every DZ_* out of plan->envp.  With
 * --inherit libdz.so stays, and DZ_INSIDE tells it its powers.
 */
int dz_scrub(struct dz_plan *plan, struct dz_fault *fault);

#endif
