/*
 * The start room: what a start finds and does, step by step, from the plan to the
 * moment of exec or main().
 *
 * Needs base, job and plan.  The rules of base.h hold here too, with two exceptions
 * that are named: dz_fail and dz_waiter_ends may end a child of ours by _exit(2).
 * Unless a comment says otherwise a function returns 0, or -1 with *fault filled in.
 */
#ifndef START_H
#define START_H

#include "base.h"
#include "job.h"
#include "plan.h"

/* ---- the start ---- */

/* Which process of a start this is. */
enum dz_role {
    DZ_CALLER_ROLE, /* the one that was called; in stay mode it becomes the target */
    DZ_WAITER_ROLE, /* waits in the caller's place */
    DZ_CHILD_ROLE,  /* the first child of leave mode, between the forks */
    DZ_TARGET_ROLE  /* the target's own process in leave mode */
};

/* Why a plan that asked for DZ_STAY ended as DZ_LEAVE. */
enum dz_leave_reason {
    DZ_NOT_LEFT,
    DZ_LEFT_FOREGROUND, /* the caller was the terminal's foreground job */
    DZ_LEFT_GROUP       /* its process group has other members */
};

/* What a descriptor is open on. */
enum dz_fd_kind { DZ_CLOSED, DZ_TERMINAL, DZ_PIPE, DZ_SOCKET, DZ_OTHER };

/* A log that was opened. */
struct dz_log {
    int64_t size;        /* when it was opened: this run writes after that */
    char path[PATH_MAX]; /* absolute; empty: none */
};

/* sd_notify(3): what the job has told. */
struct dz_notify {
    int fd;            /* our socket, or -1 */
    char variable[64]; /* "NOTIFY_SOCKET=@...", for the target */
    bool ready;
    pid_t main_pid;    /* that it told, 0: none */
    int err;           /* that it told by ERRNO, 0: none */
    int64_t extend_ms; /* the last EXTEND_TIMEOUT_USEC, 0: none since asked */
    char status[128];  /* the last STATUS */
};

struct dz_ready; /* core/wait */

struct dz_start {
    const struct dz_plan *plan;
    enum dz_mode mode; /* the plan's, or DZ_LEAVE if it could not stay */
    enum dz_role role;
    char **envp;   /* of the target; changed in place */
    int env_spare; /* free entries after its end, the NULL not counted */
    /* Called after each step that was done; NULL: not wanted. */
    void (*trace)(const struct dz_start *start, const char *step);
    /* Called each second of a wait, and once with 0 at its end if it was called
     * before; NULL: not wanted. */
    void (*waiting)(const struct dz_start *start, const struct dz_ready *ready,
                    int seconds);

    int umask; /* of the caller */
    enum dz_leave_reason leave_reason;
    bool led_session;   /* stay: this process led its session already */
    bool terminal_kept; /* stay: a session leader that shares its terminal */
    bool had_terminal;  /* a standard stream was a terminal and is replaced */
    enum dz_fd_kind stream[3];
    int new_fd[3];                 /* descriptor that is to become 0, 1, 2; -1: keep */
    struct dz_pidfile pidfile_old; /* what was there before */
    int listen_fds;                /* descriptors passed by LISTEN_FDS to us */
    char **listen_pid;             /* where envp holds LISTEN_PID= */
    char listen_text[32];          /* its new value */
    int stderr_fd; /* the caller's stderr, close-on-exec if it is a copy */
    int report_fd; /* child: write end towards the waiting caller, or -1 */
    int await_fd;  /* caller: read end, or -1 */
    struct dz_notify notify;
    int ready_fd;      /* fd:N: the pipe's end to write to, or -1 */
    int await_ready;   /* caller: its end to read from, or -1 */
    pid_t waiter_pid;  /* caller: the process that waits in its place, or 0 */
    int result_fd;     /* between the two, or -1 */
    pid_t child;       /* caller: the first fork's */
    pid_t pid;         /* the target's */
    bool ended;        /* caller: the target has ended already, with status 0 */
    bool needs_answer; /* launcher: the preloaded library must say that it is there */
    bool passes_on;    /* library: --inherit, so it stays in the environment */
    const struct dz_fault *why_no_record; /* NULL: it has one, or needs none */
    int notify_errno; /* caller: errno of telling our own manager, or 0 */
    int interrupt;    /* caller: the signal that ended the wait, or 0 */
    bool holds_interrupts;
    uint64_t interrupts; /* signals that end the wait: bit N-1 */
    uint64_t handlers;   /* those of them that have a handler of ours */
    struct dz_stat
        path_before[DZ_CONDITIONS]; /* path:FILE at the start; inode 0: none */

    /* Paths, after all else: each is a page.  A start that has none of them touches
     * none, which would take as long as ten system calls. */
    struct dz_claim pidfile_claim;
    struct dz_claim record_claim;
    struct dz_log log; /* takes stdout, perhaps stderr too */
    struct dz_log error_log;
    char state[PATH_MAX]; /* the state directory; empty: none to be had */
    char cwd[PATH_MAX];   /* of the call; empty: unknown */
    char inside[DZ_INSIDE_MAX];
    struct dz_fault no_record;
};

/* Fills a start, zero before. */
void dz_start_init(struct dz_start *start, const struct dz_plan *plan, char **envp);

/* ---- steps.c: carrying it out ---- */

enum {
    DZ_GO = 0,    /* this process is the target now: exec, or return to main */
    DZ_CALLER = 1 /* this is the waiting caller: dz_await */
};

/*
 * The phases of a start.  Prepare: in the caller's cwd, with its stderr, before any
 * fork; what can fail is here as far as possible.  Detach: forks and sessions of leave
 * mode.  Commit: in the target's process.  Close, a part of commit: descriptors from 3.
 */
enum { DZ_PREPARE = 1, DZ_DETACH = 2, DZ_COMMIT = 4, DZ_CLOSE = 8, DZ_ALL = 15 };

/* Runs the steps of these phases in order.  Returns DZ_GO or DZ_CALLER, or -1 after
 * dz_fail. */
int dz_run(struct dz_start *start, int phases, struct dz_fault *fault);

/*
 * Ends a start that has failed.  In a child of leave mode: sends *fault to the caller
 * and calls _exit(2); the caller cleans up.  Elsewhere: removes what the start made and
 * returns -1; *fault is to be told on start->stderr_fd.
 */
int dz_fail(struct dz_start *start, const struct dz_fault *fault);

/* The library's end of a start: tells the caller, and closes what exec would have. */
void dz_report_ready(struct dz_start *start);

/* ---- session.c ---- */

/*
 * Stay mode: makes this process leave its session for one of its own.  If it cannot,
 * sets start->mode to DZ_LEAVE and start->leave_reason.  setsid(2), setpgid(2).
 */
int dz_own_session(struct dz_start *start, struct dz_fault *fault);

/* Returns what dz_own_session would find, without doing anything.  Needs /proc. */
enum dz_leave_reason dz_would_leave(void);

/* ---- fork.c, waiter.c: the processes of leave mode ---- */

/* In this order.  dz_first_fork returns DZ_CALLER in the caller. */
int dz_report_pipe(struct dz_start *start, struct dz_fault *fault);
int dz_first_fork(struct dz_start *start, struct dz_fault *fault);
int dz_new_session(struct dz_start *start, struct dz_fault *fault);
int dz_second_fork(struct dz_start *start, struct dz_fault *fault);

/*
 * If the caller should not be the job's subreaper: forks a child that goes on in its
 * place.  Returns DZ_CALLER in the caller, and sets start->waiter_pid.
 */
int dz_make_waiter(struct dz_start *start, struct dz_fault *fault);

/* In the target's process: tells the caller that has a waiter its PID. */
void dz_tell_caller(struct dz_start *start);

/* In the waiter: tells the caller what it waits for by now, and until when.  Elsewhere:
 * does nothing. */
void dz_waiter_continues(const struct dz_start *start, int64_t deadline);

/* In the waiter: tells the caller how the start has ended, and calls _exit(2). */
__attribute__((noreturn)) void dz_waiter_ends(const struct dz_start *start, int result,
                                              const struct dz_fault *fault);

/* In the caller: waits for that; sets start's pid, ended and interrupt.  If the waiter
 * is killed or does not answer in time, stops the job and removes its files. */
int dz_await_waiter(struct dz_start *start, struct dz_fault *fault);

/* ---- interrupt.c: the signals that end a wait ---- */

/* Blocks INT, QUIT and TERM for the wait, except those that are ignored or blocked. */
void dz_hold_interrupts(struct dz_start *start);

/* In a child: sets what dz_hold_interrupts catches to default.  The mask stays. */
void dz_drop_interrupts(struct dz_start *start);

/* Opens a descriptor that can be read when an interrupt has come.  Returns it, or -1
 * with the fault. */
int dz_open_interrupts(const struct dz_start *start, struct dz_fault *fault);

/* Returns the number of an interrupt that has come, or 0. */
int dz_read_interrupt(int fd);

/* ---- report.c: what the target's process tells its caller ---- */

/* Writes to a pipe whose reader may be gone.  Returns 0, or -1 and sets errno: EPIPE if
 * it is.  No SIGPIPE comes of it. */
int dz_write_pipe(int fd, const void *data, size_t size);

/*
 * Reads from a non-blocking pipe until size bytes of an object are there; *have counts
 * them from call to call.  Returns 1 if they are, 0 if they are not there yet, or -1 at
 * the pipe's end or on an error; errno is 0 at the end.
 */
int dz_read_on(int fd, void *object, size_t size, size_t *have);

/* In a child: tells the caller its PID, a failure, or that all is done. */
int dz_report_pid(int fd, pid_t pid, struct dz_fault *fault);
void dz_report_fault(int fd, const struct dz_fault *told);
int dz_report_done(int fd, struct dz_fault *fault);

/* What the pipe carries.  A fault follows its frame. */
struct dz_frame {
    int kind;
    pid_t pid;
};

/* What was read of a report so far; zero before. */
struct dz_report_reader {
    struct dz_frame frame;
    size_t of_frame;
    size_t of_fault;
};

enum dz_report {
    DZ_REPORT_LATER, /* nothing more to read now */
    DZ_REPORT_MORE,  /* *pid was told */
    DZ_REPORT_EXEC,  /* end-of-file: executed, or dead */
    DZ_REPORT_DONE,  /* the library is done */
    DZ_REPORT_FAULT  /* and the fault is filled in */
};

/*
 * In the caller: reads from fd, a non-blocking pipe, and goes on where the last call
 * stopped.  A writer may be stopped between two writes.  fault is the one of the calls
 * before.
 */
enum dz_report dz_report_read(int fd, struct dz_report_reader *reader, pid_t *pid,
                              struct dz_fault *fault);

/* ---- readiness.c: what conditions need before the fork ---- */

/* Detach: a socket for notify; the pipe of fd:N, whose number dz_check_kept holds by
 * /dev/null; what is at the path of path:FILE now. */
int dz_readiness_open(struct dz_start *start, struct dz_fault *fault);

/* Detach, in the target's process: the pipe's end becomes descriptor N. */
int dz_readiness_pass(struct dz_start *start, struct dz_fault *fault);

/* Commit: NOTIFY_SOCKET names our socket. */
int dz_notify_pass(struct dz_start *start, struct dz_fault *fault);

/* Reads what is at a PATH condition's file now; inode 0: nothing that can be seen. */
void dz_look_at_path(const struct dz_condition *condition, struct dz_stat *about);

/* ---- streams.c: descriptors 0, 1 and 2 ---- */

int dz_guard_streams(struct dz_start *start, struct dz_fault *fault);
int dz_open_streams(struct dz_start *start, struct dz_fault *fault);
int dz_keep_stderr(struct dz_start *start, struct dz_fault *fault);
int dz_replace_streams(struct dz_start *start, struct dz_fault *fault);

/* Prepare: checks that --reopen has a log to open again. */
int dz_check_reopen(struct dz_start *start, struct dz_fault *fault);

/* Returns what fd is open on. */
enum dz_fd_kind dz_kind_of_fd(int fd);

/* What becomes of a stream. */
enum dz_redirect { DZ_KEEP, DZ_NULL, DZ_LOG, DZ_FILE /* that its option names */ };

/* Returns that for stream number, which is of that kind now: its option decides, else
 * the table of dznohup(1). */
enum dz_redirect dz_redirect_of(const struct dz_plan *plan, enum dz_mode mode,
                                enum dz_fd_kind kind, int number);

/* Returns the option that decides about stream number.  -o decides about stderr too if
 * it names a file and -e is not given. */
const struct dz_output *dz_option_of_stream(const struct dz_plan *plan, int number);

/* Returns the path of the log that was opened for stream 1 or 2, or NULL. */
const char *dz_stream_log(const struct dz_start *start, int number);

/* ---- descriptors.c: from 3 ---- */

int dz_check_kept(struct dz_start *start, struct dz_fault *fault);
int dz_close_rest(struct dz_start *start, struct dz_fault *fault);

/* Detach: LISTEN_PID becomes this process, if descriptors are passed by it. */
int dz_pass_listen_fds(struct dz_start *start, struct dz_fault *fault);

/* Returns the smallest descriptor >= from that is to be kept, or -1. */
int dz_next_kept(const struct dz_start *start, int from);

/* Closes descriptors from..to, both included. */
int dz_close_between(int from, int to);

/* ---- open_log.c ---- */

/*
 * Opens the default log for appending: nohup.out in the cwd, else in $HOME, mode 0600
 * whatever the umask.  Follows no symbolic link of another user.  Returns the
 * descriptor, close-on-exec, with its absolute path in log.
 */
int dz_open_default_log(char **envp, struct dz_log *log, struct dz_fault *fault);

/* Opens path for appending, mode 0666 less umask, as dz_open_default_log; but follows
 * root's links, since /dev/stdout is one. */
int dz_open_log(const char *path, const char *step, struct dz_log *log,
                struct dz_fault *fault);

/*
 * open(2) with O_WRONLY|O_APPEND|O_CREAT.  Follows a symbolic link as the last
 * component only if it is ours or, with trust_root, root's.  Sets *made if the file is
 * new. Returns the descriptor, non-blocking and close-on-exec, or -1 and sets errno:
 * EPERM for another user's link.
 */
int dz_open_append(const char *path, mode_t mode, bool trust_root, bool *made);

/*
 * Opens the log at path again in the place of descriptor fd, which is never closed in
 * between.  A new file gets the mode of the old one.  Returns 0, or -1 and sets errno;
 * fd is unchanged then.  For a signal handler, one at a time: uses a page of stack at
 * most.
 */
int dz_reopen_log(const char *path, int fd);

/* ---- signals.c, seccomp.c ---- */

/* First of all: HUP, TTIN and TTOU ignored, CHLD at default. */
int dz_ignore_hangup(struct dz_start *start, struct dz_fault *fault);

/* Commit: every other disposition that is ignored to default, empty mask. */
int dz_reset_signals(struct dz_start *start, struct dz_fault *fault);

/*
 * Commit, DZ_PIN_SECCOMP: a filter that answers each later request of this process and
 * its descendants to change HUP, TTIN or TTOU with success and does nothing.
 * seccomp(2); sets no_new_privs.
 */
int dz_filter_signals(struct dz_start *start, struct dz_fault *fault);

/* ---- environment.c ---- */

/* The library's own variable in the image that it executes anew, with the number of the
 * pipe to report on. */
#define DZ_RESUME "DZ_RESUME="

/* Returns whether LD_PRELOAD in envp names libdz.so, in whatever directory. */
bool dz_is_preloaded(char **envp);

/*
 * Makes entry, "NAME=value", the variable of that name.  It takes the place of the old
 * one, of a DZ_* that is going to be removed, or of a spare entry.
 */
int dz_set_variable(struct dz_start *start, const char *name, char *entry,
                    struct dz_fault *fault);

/* Commit: PYTHONUNBUFFERED=1 with DZ_BUFFER_LINE or _NONE, unless it is set. */
int dz_set_unbuffered(struct dz_start *start, struct dz_fault *fault);

/*
 * Commit: takes libdz.so out of LD_PRELOAD, and every DZ_* out of the environment. With
 * --inherit libdz.so stays, and DZ_INSIDE tells it its powers.
 */
int dz_clean_environment(struct dz_start *start, struct dz_fault *fault);

/* ---- publish.c: pidfile and record of a start ---- */

/*
 * Prepare: finds the state directory; if the job is named, claims its record and checks
 * that no job runs under that name.  An unnamed job without a usable state directory is
 * no error.
 */
int dz_record_claim(struct dz_start *start, struct dz_fault *fault);

/* Returns 0 if a start may have the name, as far as a look tells; makes nothing. */
int dz_name_check(const char *name, char **envp, struct dz_fault *fault);

/*
 * Prepare: claims the pidfile that the plan asks for and checks that its process does
 * not run.  What is replaced is noted in start->pidfile_old.
 */
int dz_pidfile_claim(struct dz_start *start, struct dz_fault *fault);

/* Commit: writes pidfile and record of this process. */
int dz_publish(struct dz_start *start, struct dz_fault *fault);

/* The caller: the job is another process now; both files name pid from here on. */
int dz_publish_again(struct dz_start *start, pid_t pid, struct dz_fault *fault);

/* The job ended with 0 before its caller is told that it was started: removes the
 * pidfile, and adds the status to the record. */
void dz_publish_exited(struct dz_start *start);

/* A start that has failed: removes whatever of the two names start->pid. */
void dz_unpublish(struct dz_start *start);

/* ---- trace.c: a row for -v ---- */

/* Writes "STEP     pid N ppid N pgid N sid N tty T" about this process. */
void dz_format_ids(const char *step, char *at, size_t size);

#endif
