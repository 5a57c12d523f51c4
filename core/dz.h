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

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Exit statuses, those of env(1), nohup(1) and timeout(1). */
enum {
    DZ_EXIT_FAILURE = 125,    /* we failed; the target does not run */
    DZ_EXIT_CANNOT_RUN = 126, /* found, but it cannot be executed */
    DZ_EXIT_NOT_FOUND = 127,  /* the command was not found */
    DZ_EXIT_SIGNAL = 128      /* plus the number of the signal that ended it */
};

/* ---- fault.c: what went wrong, as data ------------------------------------ */

/*
 * One failure: self-contained and of fixed size, so that a child can send it
 * through a pipe, even from a new program image.
 */
struct dz_fault {
    int err;               /* errno; 0 where reason says it all */
    int status;            /* the exit status to end with */
    char step[32];         /* the step or option that failed */
    char reason[128];      /* our own words; empty: the text of err */
    char object[PATH_MAX]; /* what it failed on; a longer one ends in "..." */
};

/* A message of fault.c never needs more than this. */
enum { DZ_MESSAGE_MAX = PATH_MAX + 512 };

/*
 * Fill in *fault with status 125 and return -1.  step, object and reason may
 * be NULL for empty.  A field that is already filled in is replaced.
 */
int dz_fault(struct dz_fault *fault, const char *step, const char *object, int err,
             const char *reason);

/* The same for an object that is a number: a descriptor, a PID, a signal. */
int dz_fault_number(struct dz_fault *fault, const char *step, long object, int err,
                    const char *reason);

/*
 * Write "PROGRAM: STEP: OBJECT: REASON\n" with a terminating zero to text and
 * return its length.  Control characters are shown as '?', so that it is one
 * line whatever the object is called.
 */
size_t dz_fault_text(const struct dz_fault *fault, const char *program,
                     char text[DZ_MESSAGE_MAX]);

/* ---- text.c: bounded text without stdio ----------------------------------- */

struct dz_text {
    char *at;    /* caller-owned; always terminated */
    size_t size; /* bytes of at, at least 1 */
    size_t length;
    bool cut; /* something did not fit and was left out */
};

struct dz_text dz_text(char *at, size_t size);
void dz_add(struct dz_text *text, const char *string);
void dz_add_char(struct dz_text *text, char c);
void dz_add_number(struct dz_text *text, long number);

/* Show control characters as '?': what is told stays one line. */
void dz_one_line(char *text);

/*
 * Write all of data to fd, going on after EINTR and short writes.
 * Returns 0, or -1 with errno as write(2).
 */
int dz_write(int fd, const void *data, size_t size);

/*
 * Read a decimal number without sign from *at and move *at behind it.
 * Returns it, or -1 where there is no digit or it does not fit an int.
 */
int dz_read_number(const char **at);

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

/* A file that prepare opened. */
struct dz_file {
    bool made;           /* created by us: to be removed if the start fails */
    char path[PATH_MAX]; /* absolute; empty where there is none */
};

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
    const char *only; /* shim: DZ_ONLY */
    const char *shim; /* cli: path of libdz.so */
    bool verbose;
    bool quiet;
    bool dry_run;
    bool nohup;
    bool help;
    bool version;

    /* The process it is asked for; argv may be NULL where it is unknown. */
    char **argv;
    char **envp; /* changed in place */
    /* Called after each step that was done; NULL: not wanted. */
    void (*trace)(const struct dz_plan *plan, const char *step);

    /* What the steps found and did. */
    enum dz_left left;
    bool terminal_kept; /* stay: a session leader that shares its terminal */
    bool attached;      /* a standard stream was a terminal and is replaced */
    enum dz_stream stream[3];
    int to[3];          /* descriptor that is to become 0, 1, 2; -1: keep */
    struct dz_file log; /* what takes stdout, perhaps stderr too */
    struct dz_file error_log;
    int listen_fds;       /* descriptors passed by LISTEN_FDS to us */
    char **listen_pid;    /* where envp holds LISTEN_PID= */
    char listen_text[32]; /* its new value */
    int tell_fd;          /* the caller's stderr, close-on-exec where copied */
    int report_fd;        /* child: write end towards the waiting caller, or -1 */
    int await_fd;         /* caller: read end, or -1 */
    pid_t child;          /* caller: the first fork's */
    pid_t pid;            /* caller: the target's */
    bool ended;           /* caller: the target has ended already, with status 0 */
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

/* A plan with every default. */
void dz_plan_init(struct dz_plan *plan, char **argv, char **envp);

/*
 * Set one option of plan; value is NULL for a flag.  The fault's step is
 * called, which is how the user wrote it: "--umask" or "DZ_UMASK".
 */
int dz_plan_set(struct dz_plan *plan, const struct dz_option *option, const char *value,
                const char *called, struct dz_fault *fault);

/* Set plan from every DZ_* in plan->envp; one that side does not know fails. */
int dz_plan_environment(struct dz_plan *plan, int side, struct dz_fault *fault);

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

/* Leave mode, in this order.  dz_first_fork returns DZ_CALLER in the caller. */
int dz_report_pipe(struct dz_plan *plan, struct dz_fault *fault);
int dz_first_fork(struct dz_plan *plan, struct dz_fault *fault);
int dz_new_session(struct dz_plan *plan, struct dz_fault *fault);
int dz_second_fork(struct dz_plan *plan, struct dz_fault *fault);

/* ---- report.c: the caller's wait ------------------------------------------ */

/*
 * In a child: tell the caller our PID (0 in the first child, which is not the
 * target), a failure, or that all is done.
 */
void dz_report_pid(const struct dz_plan *plan, pid_t pid);
void dz_report_fault(const struct dz_plan *plan, const struct dz_fault *fault);
void dz_report_done(const struct dz_plan *plan);

/*
 * In the caller: wait until the target runs and has not died within the first
 * 100 ms.  Returns 0 with plan->pid, or -1 when it does not run; then
 * fault->status is what to exit with and nothing is left behind.
 */
int dz_await(struct dz_plan *plan, struct dz_fault *fault);

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

/* Remove the logs that this start has made and nothing was written to. */
void dz_undo_logs(const struct dz_plan *plan);

/* ---- signals.c -------------------------------------------------------------- */

/* First of all: HUP, TTIN and TTOU ignored, CHLD at default. */
int dz_ignore_hangup(struct dz_plan *plan, struct dz_fault *fault);

/* Commit: every other disposition that is ignored to default, empty mask. */
int dz_reset_signals(struct dz_plan *plan, struct dz_fault *fault);

/*
 * The number of the signal that name names (HUP, SIGHUP, 1, RTMIN+2), or -1.
 * RTMIN is 34 and RTMAX 64, as glibc has them, in every build.
 */
int dz_signal_number(const char *name, size_t length);

/* "HUP" for 1, and so on; "RTMIN+2"; written to text. */
void dz_add_signal(struct dz_text *text, int number);

/* ---- proc.c: facts from /proc ----------------------------------------------- */

struct dz_process {
    pid_t pid;
    pid_t ppid;
    pid_t pgrp;
    pid_t session;
    int tty; /* device number of the controlling terminal, 0: none */
};

/* Read /proc/PID/stat.  -1 with errno. */
int dz_read_process(pid_t pid, struct dz_process *process);

/*
 * Whether a process other than this one has the given process group (session
 * false) or session.  1, 0, or -1 with errno where /proc cannot tell.
 */
int dz_others(pid_t id, bool session);

/*
 * Call visit for each numeric entry of a /proc folder, with the descriptor that
 * the folder is read by, until it returns something other than 0.  Returns
 * that, 0 at the end, or -1 with errno.
 */
int dz_each_number(const char *folder, int (*visit)(int number, int folder, void *data),
                   void *data);

/* ---- trace.c: a row for -v ---------------------------------------------------- */

/* "STEP     pid N ppid N pgid N sid N tty T" about this process. */
void dz_row(const char *step, char *at, size_t size);

/* ---- stat.c: what a file is -------------------------------------------------- */

struct dz_stat {
    unsigned mode; /* as st_mode, stat(3type) */
    unsigned uid;
    unsigned links;
    uint64_t size;
    uint64_t inode;
    uint64_t device;
};

/* As fstatat(2); with an empty path, what the descriptor folder is open on.
 * -1 with errno. */
int dz_stat(int folder, const char *path, bool follow, struct dz_stat *about);

/* ---- env.c: the environment ------------------------------------------------- */

/* The value of name in envp, or NULL. */
char *dz_env(char **envp, const char *name);

/* Whether LD_PRELOAD in envp names libdz.so, in whatever folder. */
bool dz_env_preloaded(char **envp);

/* Detach: LISTEN_PID is this process now, where descriptors are passed by it. */
int dz_pass_listen_fds(struct dz_plan *plan, struct dz_fault *fault);

/* Commit: take libdz.so out of LD_PRELOAD, and every DZ_*, out of plan->envp. */
int dz_scrub(struct dz_plan *plan, struct dz_fault *fault);

#endif
