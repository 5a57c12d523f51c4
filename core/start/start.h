/*
 * The start room: what a start finds and does, step by step, from the plan to exec or
 * main().
 *
 * Needs base, job and plan.  The rules of base.h hold here too, with one exception:
 * dz_run, dz_fail and dz_waiter_ends may end a child that this room has forked.
 * Unless a comment says otherwise, a function returns 0, or -1 with *fault filled in.
 */
#ifndef START_H
#define START_H

#include "base.h"
#include "job.h"
#include "plan.h"

/* ---- the start ---- */

/* Which process of a start this is. */
enum dz_role {
    DZ_CALLER_ROLE, /* the process that was called; in stay mode it becomes the target
                     */
    DZ_WAITER_ROLE, /* waits in the caller's place */
    DZ_CHILD_ROLE,  /* the first child of leave mode, between the forks */
    DZ_TARGET_ROLE  /* the target's own process in leave mode */
};

/* Why a plan that asked for DZ_STAY ended as DZ_LEAVE. */
enum dz_leave_reason {
    DZ_NOT_LEFT,
    DZ_LEFT_FOREGROUND, /* the caller was the terminal's foreground job */
    DZ_LEFT_GROUP       /* the caller's process group has other members */
};

/* What a descriptor is open on. */
enum dz_fd_kind {
    DZ_CLOSED,
    DZ_TERMINAL,
    DZ_PIPE,
    DZ_SOCKET,
    DZ_OTHER,
    DZ_CALLERS /* stdin alone: a file or pipe that our parent reads, too */
};

/* The room for the file name of a default log; no job has a longer name. */
enum { DZ_LOG_NAME = NAME_MAX + sizeof ".log" };

/* A log that was opened. */
struct dz_log {
    int64_t size;        /* when it was opened: this run writes after that */
    const char *refused; /* why the default log in the cwd was not used, or NULL */
    char path[PATH_MAX]; /* absolute; empty: none */
};

/* What the job has told by sd_notify(3). */
struct dz_notify {
    int fd;            /* our socket, or -1 */
    char variable[64]; /* "NOTIFY_SOCKET=@...", for the target */
    bool ready;
    pid_t main_pid;    /* the last MAINPID, 0: none */
    int err;           /* the last ERRNO, 0: none */
    int64_t extend_ms; /* the last EXTEND_TIMEOUT_USEC, 0: none since it was read */
    char status[128];  /* the last STATUS */
    /* Called with each datagram of the job; NULL: not wanted. */
    void (*hear)(void *hearer, const char *text);
    void *hearer;
};

/* What a keeper knows of its job; all zero without one. */
struct dz_kept {
    pid_t keeper; /* 0: none */
    pid_t first;  /* of the first run; 0 before it */
    /* Of the run before: the files name that run until the next one publishes. */
    pid_t before;
    int restarts;  /* so far */
    int last;      /* status of the run before, as of waitpid(2); -1: unknown */
    bool silent;   /* that run was ended by the watchdog */
    int64_t began; /* when the first run did; seconds since the epoch */
    char name[25]; /* of the record of an unnamed job; empty: not claimed */
};

struct dz_ready; /* core/wait */

enum {
    DZ_WRITE_SIGNALS = 2, /* SIGPIPE and SIGXFSZ */
    /* Words of the kernel's struct sigaction, at most.  The handler is the first one on
     * every machine that we build for. */
    DZ_ACTION_WORDS = 8
};

struct dz_start {
    const struct dz_plan *plan;
    enum dz_mode mode; /* the plan's, or DZ_LEAVE if it could not stay */
    enum dz_role role;
    char **envp;   /* of the target; changed in place */
    int env_spare; /* free entries after its end, the NULL not counted */
    /* Called after each step; NULL: not wanted. */
    void (*trace)(const struct dz_start *start, const char *step);
    /* Called each second of a wait, or once after three.  If it was called, it is
     * called once more at the end, with 0.  NULL: not wanted. */
    void (*waiting)(const struct dz_start *start, const struct dz_ready *ready,
                    int seconds);
    bool waiting_once;

    /* SIGPIPE and SIGXFSZ: ignored while we write, and what they are afterwards. */
    bool guarded[DZ_WRITE_SIGNALS];
    unsigned long write_actions[DZ_WRITE_SIGNALS][DZ_ACTION_WORDS];

    int umask; /* of the caller */
    enum dz_leave_reason leave_reason;
    bool led_session;   /* stay: this process led its session already */
    bool terminal_kept; /* stay: other processes share the session's terminal */
    bool left_keyboard; /* stay: Ctrl-C reached the caller, and not the target */
    bool left_shell;    /* stay: after fg, Ctrl-C would not reach the target */
    bool had_terminal;  /* a standard stream was a terminal and is replaced */
    enum dz_fd_kind stream[3];
    int new_fd[3];                 /* the descriptor that becomes 0, 1, 2; -1: keep */
    struct dz_pidfile pidfile_old; /* the pidfile before this start */
    int listen_fds;                /* descriptors passed by LISTEN_FDS to us */
    char **listen_pid;             /* the entry of envp that is LISTEN_PID= */
    char listen_text[32];          /* the new value of that entry */
    int stderr_fd; /* the caller's stderr, close-on-exec if it is a copy */
    int report_fd; /* child: the report pipe's write end, or -1 */
    int await_fd;  /* caller: the report pipe's read end, or -1 */
    struct dz_notify notify;
    int ready_fd;     /* fd:N: the pipe's write end, or -1 */
    int await_ready;  /* caller: that pipe's read end, or -1 */
    pid_t waiter_pid; /* caller: the process that waits in its place, or 0 */
    int result_fd;    /* the pipe between caller and waiter, or -1 */
    pid_t child;      /* caller: the first child */
    pid_t pid;        /* the target's */
    struct dz_kept kept;
    bool ended;         /* caller: the target has ended already, with status 0 */
    bool quick;         /* launcher: the first child may borrow our memory */
    bool is_in_memory;  /* the state directory is on a tmpfs */
    bool records_early; /* the first child makes the record, not the target */
    bool needs_answer;  /* launcher: the preloaded library must answer */
    bool adopts;        /* launcher: the job is already running, and is not our child */
    const pid_t *with;  /* launcher: the processes that were adopted with it */
    size_t with_count;
    bool retitled; /* the command of the plan is not what it was started with */
    const struct dz_inside *inside;       /* library: DZ_INSIDE; NULL: there was none */
    const struct dz_fault *why_no_record; /* NULL: the job has one, or needs none */
    int notify_errno; /* caller: errno of the message to our own manager, or 0 */
    int interrupt;    /* caller: the signal that ended the wait, or 0 */
    bool holds_interrupts;
    uint64_t interrupts; /* signals that end the wait: bit N-1 */
    uint64_t handlers;   /* those of them that have a handler of ours */
    struct dz_stat
        path_before[DZ_CONDITIONS]; /* path:FILE at the start; inode 0: none */

    /* Paths come last: each is a page, and the first write to a page takes as long as
     * ten system calls.  A start without paths touches none of these pages. */
    struct dz_claim pidfile_claim;
    struct dz_claim record_claim;
    struct dz_log log; /* for stdout, perhaps for stderr too */
    struct dz_log error_log;
    char state[PATH_MAX]; /* the state directory; empty: none can be used */
    char cwd[PATH_MAX];   /* the caller's; empty: unknown */
    struct dz_fault no_record;
};

/* Fills in a start that is all zero. */
void dz_start_init(struct dz_start *start, const struct dz_plan *plan, char **envp);

/* ---- steps.c ---- */

enum {
    DZ_GO = 0,    /* this process is the target now: exec, or return to main */
    DZ_CALLER = 1 /* this process is the caller: call dz_await */
};

/*
 * The phases of a start.  Prepare: in the caller's cwd, with its stderr, before any
 * fork; most steps that can fail are in this phase.  Detach: forks and sessions of
 * leave mode.  Commit: in the target's process.  Close, a part of commit: descriptors
 * from 3.
 */
enum { DZ_PREPARE = 1, DZ_DETACH = 2, DZ_COMMIT = 4, DZ_CLOSE = 8, DZ_ALL = 15 };

/* Returns the directory to change to, or NULL to stay in the caller's. */
const char *dz_directory_of(const struct dz_start *start);

/* Runs the steps of these phases in order.  Returns DZ_GO or DZ_CALLER, or -1 after
 * dz_fail. */
int dz_run(struct dz_start *start, int phases, struct dz_fault *fault);

/*
 * Ends a start that has failed: removes pidfile and record.  In a child of leave mode,
 * sends *fault to the caller and calls _exit(2).  Elsewhere returns -1; the caller of
 * this function writes *fault to start->stderr_fd.
 */
int dz_fail(struct dz_start *start, const struct dz_fault *fault);

/* In the library: tells the caller that the start is done, and closes the descriptors
 * that an exec would have closed. */
void dz_report_ready(struct dz_start *start);

/* ---- session.c ---- */

/*
 * Stay mode: makes this process leave its session for one of its own.  If it cannot, or
 * is the foreground job of a shell, sets start->mode to DZ_LEAVE and
 * start->leave_reason.  With DZ_STAY_ONLY, fails instead of leaving.
 */
int dz_own_session(struct dz_start *start, struct dz_fault *fault);

/* Returns the reason for which dz_own_session would leave.  Changes nothing; needs
 * /proc. */
enum dz_leave_reason dz_would_leave(void);

/* ---- fork.c, waiter.c: the processes of leave mode ---- */

/* In this order.  dz_first_fork returns DZ_CALLER in the caller. */
int dz_report_pipe(struct dz_start *start, struct dz_fault *fault);
int dz_first_fork(struct dz_start *start, struct dz_fault *fault);
int dz_new_session(struct dz_start *start, struct dz_fault *fault);
int dz_second_fork(struct dz_start *start, struct dz_fault *fault);

/*
 * If the caller must not be the job's subreaper, or the job has a keeper, forks a
 * waiter, which goes on in its place.  Then returns DZ_CALLER in the caller, and sets
 * start->waiter_pid.  A waiter that is the keeper does not end after a good start.
 */
int dz_make_waiter(struct dz_start *start, struct dz_fault *fault);

/* In the target's process: if the caller has a waiter, tells the caller the PID of this
 * process. */
void dz_tell_caller(struct dz_start *start);

/* In the waiter: tells the caller which process it waits for, and until when.
 * Elsewhere does nothing. */
void dz_waiter_continues(const struct dz_start *start, int64_t deadline);

/* In the waiter: tells the caller how the start has ended. */
void dz_waiter_tells(struct dz_start *start, int result, const struct dz_fault *fault);

/* Works as dz_waiter_tells, and calls _exit(2). */
__attribute__((noreturn)) void dz_waiter_ends(struct dz_start *start, int result,
                                              const struct dz_fault *fault);

/* In the caller: waits for what dz_waiter_tells sends; sets start's pid, ended and
 * interrupt.  If the waiter is killed or does not answer in time, stops the job and
 * removes its files. */
int dz_await_waiter(struct dz_start *start, struct dz_fault *fault);

/* ---- interrupt.c: the signals that end a wait ---- */

/* Blocks INT, QUIT and TERM for the wait, except those that are ignored or blocked. */
void dz_hold_interrupts(struct dz_start *start);

/* In a child: sets what dz_hold_interrupts catches to default.  The mask stays. */
int dz_drop_interrupts(struct dz_start *start, struct dz_fault *fault);

/* Opens a descriptor that can be read when an interrupt has come.  Returns it, or -1
 * with the fault. */
int dz_open_interrupts(const struct dz_start *start, struct dz_fault *fault);

/* Returns the number of an interrupt that has come, or 0. */
int dz_read_interrupt(int fd);

/* ---- report.c: what the target's process tells its caller ---- */

/* Writes to a pipe whose reader may be gone, without raising SIGPIPE.  Returns 0, or -1
 * and sets errno: EPIPE if the reader is gone. */
int dz_write_pipe(int fd, const void *data, size_t size);

/*
 * Reads from a non-blocking pipe until size bytes of an object are there; *have counts
 * them from call to call.  Returns 1 if all are there, 0 if more must come, or -1 at
 * the pipe's end or on an error; errno is 0 at the end.
 */
int dz_read_on(int fd, void *object, size_t size, size_t *have);

/* In a child: tells the caller its PID, a failure, or that all is done. */
int dz_report_pid(int fd, pid_t pid, struct dz_fault *fault);
void dz_report_fault(int fd, const struct dz_fault *told);
/* In the target's process, before exec: tells why the job has no record. */
void dz_report_note(int fd, const struct dz_fault *told);
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
    DZ_REPORT_NOTE,  /* the job has no record; the fault says why */
    DZ_REPORT_EXEC,  /* end-of-file: executed, or dead */
    DZ_REPORT_DONE,  /* the library is done */
    DZ_REPORT_FAULT  /* the fault is filled in */
};

/*
 * In the caller: reads from fd, a non-blocking pipe, and goes on where the last call
 * stopped.  A writer may be stopped between two writes.  fault is the one of the calls
 * before.
 */
enum dz_report dz_report_read(int fd, struct dz_report_reader *reader, pid_t *pid,
                              struct dz_fault *fault);

/* ---- readiness.c: what conditions need before the fork ---- */

/* Detach: opens a socket for notify and the pipe of fd:N, and looks at the file of
 * path:FILE.  dz_check_kept has opened /dev/null as descriptor N. */
int dz_readiness_open(struct dz_start *start, struct dz_fault *fault);

/* Opens the socket for what the job tells by sd_notify(3), and sets start->notify.
 * name is that of an abstract socket, "@NAME", or NULL for one that the kernel
 * chooses. */
int dz_notify_open(struct dz_start *start, const char *name, struct dz_fault *fault);

/* Detach, in the target's process: makes the pipe's write end descriptor N. */
int dz_readiness_pass(struct dz_start *start, struct dz_fault *fault);

/* Commit: makes NOTIFY_SOCKET name our socket. */
int dz_notify_pass(struct dz_start *start, struct dz_fault *fault);

/* Looks at the file of a PATH condition.  Sets inode 0 if none can be seen. */
void dz_look_at_path(const struct dz_condition *condition, struct dz_stat *about);

/* ---- streams.c: descriptors 0, 1 and 2 ---- */

int dz_guard_streams(struct dz_start *start, struct dz_fault *fault);
int dz_open_streams(struct dz_start *start, struct dz_fault *fault);
int dz_keep_stderr(struct dz_start *start, struct dz_fault *fault);
int dz_replace_streams(struct dz_start *start, struct dz_fault *fault);

/* Prepare: checks that --reopen has a log. */
int dz_check_reopen(struct dz_start *start, struct dz_fault *fault);

/* Returns the kind of file that fd is open on; never DZ_CALLERS. */
enum dz_fd_kind dz_kind_of_fd(int fd);

/* Returns the kind of a standard stream in that mode. */
enum dz_fd_kind dz_kind_of_stream(enum dz_mode mode, int number);

/* What becomes of a stream. */
enum dz_redirect {
    DZ_KEEP,
    DZ_NULL,
    DZ_LOG,
    DZ_FILE, /* the file of its option */
    DZ_PUMP  /* a pipe of the keeper's, which writes to syslog and so on */
};

/* Returns what becomes of stream number, which is of that kind: its option decides,
 * else the table of dznohup(1). */
enum dz_redirect dz_redirect_of(const struct dz_plan *plan, enum dz_mode mode,
                                enum dz_fd_kind kind, int number);

/* Returns the option that decides about stream number.  Without -e, an -o that names a
 * file decides about stderr too. */
const struct dz_output *dz_option_of_stream(const struct dz_plan *plan, int number);

/* Returns whether stream 1 or 2 goes to a log of ours. */
bool dz_has_log(const struct dz_start *start, int number);

/* Returns the path of the log that was opened for stream 1 or 2, or NULL. */
const char *dz_stream_log(const struct dz_start *start, int number);

/* ---- descriptors.c: from 3 ---- */

int dz_check_kept(struct dz_start *start, struct dz_fault *fault);
int dz_close_rest(struct dz_start *start, struct dz_fault *fault);

/* Returns the descriptor that path names: /dev/stdin, /dev/stdout, /dev/stderr,
 * /dev/fd/N or /proc/self/fd/N.  Returns -1 for any other path. */
int dz_named_fd(const char *path);

/* Detach: if LISTEN_FDS passes descriptors, sets LISTEN_PID to this process. */
int dz_pass_listen_fds(struct dz_start *start, struct dz_fault *fault);

/* Returns the smallest descriptor >= from that is kept, or -1. */
int dz_next_kept(const struct dz_start *start, int from);

/* Closes descriptors from..to, both included. */
int dz_close_between(int from, int to);

/* ---- open_log.c ---- */

/* Returns the file name of a job's default log: NAME.log, or nohup.out without a name.
 */
const char *dz_default_log(const char *job, char room[DZ_LOG_NAME]);

/*
 * Opens the default log of a job for appending: in the cwd, else in $HOME, with mode
 * 0600 whatever the umask.  Takes no FIFO, and no file or symbolic link of another
 * user. Returns the descriptor, close-on-exec, and fills in *log; or -1.
 */
int dz_open_default_log(const char *job, char **envp, struct dz_log *log,
                        struct dz_fault *fault);

/* Opens path for appending, with mode 0666 less umask.  Follows links of this user and
 * of root (/dev/stdout is one).  Returns the descriptor, close-on-exec, or -1. */
int dz_open_log(const char *path, const char *step, struct dz_log *log,
                struct dz_fault *fault);

/* Fills in the fault of opening a log, for errno.  If the file could not be created,
 * its directory is to blame.  absolute is the whole path, or empty.  Returns -1. */
int dz_log_fault(struct dz_fault *fault, const char *step, const char *path,
                 const char *absolute, const char *reason);

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

/*
 * Ignores SIGPIPE and SIGXFSZ, so that a failing write of ours returns an error, and
 * saves their dispositions.  Must be called before any other function of this room.
 */
void dz_guard_writes(struct dz_start *start);

/* Sets SIGPIPE and SIGXFSZ to what was saved, which dz_reset_signals has adapted for
 * the target.  Must be called after our last write, right before exec or main(). */
int dz_unguard_writes(struct dz_start *start, struct dz_fault *fault);

/* Prepare: ignores HUP, TTIN and TTOU, and sets CHLD to default. */
int dz_ignore_hangup(struct dz_start *start, struct dz_fault *fault);

/* Commit: ignores what dz_ignored_signals() says.  Without --keep-session sets every
 * other ignored signal to default, and empties the mask.  SIGPIPE and SIGXFSZ follow in
 * dz_unguard_writes. */
int dz_reset_signals(struct dz_start *start, struct dz_fault *fault);

/*
 * Commit, DZ_PIN_SECCOMP: installs a seccomp(2) filter.  Requests of this process and
 * its descendants to change HUP, TTIN or TTOU succeed and do nothing.  Sets
 * no_new_privs.
 */
int dz_filter_signals(struct dz_start *start, struct dz_fault *fault);

/* ---- environment.c ---- */

/* The library's own variable when it executes the program again: the number of the
 * report pipe. */
#define DZ_RESUME "DZ_RESUME="

/* Returns whether that value of LD_PRELOAD names a libdz.so, in any directory. */
bool dz_names_library(const char *preload);

/* Returns whether LD_PRELOAD in envp names a libdz.so, in any directory. */
bool dz_is_preloaded(char **envp);

/* Copies the last name of a libdz.so in LD_PRELOAD.  Returns 0, or -1 if there is none
 * or it is too long. */
int dz_preloaded_name(char **envp, char name[PATH_MAX]);

/*
 * Makes entry, "NAME=value", the variable of that name.  The entry takes the place of
 * the old one, of a DZ_* that is going to be removed, or of a spare one.
 */
int dz_set_variable(struct dz_start *start, const char *name, char *entry,
                    struct dz_fault *fault);

/* Commit: for DZ_BUFFER_LINE and _NONE, sets PYTHONUNBUFFERED=1 unless it is set. */
int dz_set_unbuffered(struct dz_start *start, struct dz_fault *fault);

/* Commit: removes libdz.so from LD_PRELOAD, and every DZ_* from the environment. */
int dz_clean_environment(struct dz_start *start, struct dz_fault *fault);

/* In the library: takes DZ_INSIDE out of envp, and the last name out of LD_PRELOAD.
 * Their bytes are overwritten, so that /proc/PID/environ does not show them. */
void dz_take_inside(char **envp);

/* ---- publish.c, publish_record.c, publish_pidfile.c ---- */

/*
 * Prepare: finds the state directory.  For a named job, claims its record and checks
 * that no job of that name runs.  If an unnamed job has no usable state directory, that
 * is no error.
 */
int dz_record_claim(struct dz_start *start, struct dz_fault *fault);

/* Returns 0 if no job of that name runs.  Changes nothing. */
int dz_name_check(const char *name, char **envp, struct dz_fault *fault);

/*
 * Prepare: claims the plan's pidfile and checks that its process does not run.  Sets
 * start->pidfile_old to the old contents.
 */
int dz_pidfile_claim(struct dz_start *start, struct dz_fault *fault);

/* Writes pidfile and record of that process, in the launcher. */
int dz_publish_for(struct dz_start *start, pid_t pid, struct dz_fault *fault);

/* record_start.c: writes the record of that process to fd.  Returns 0, or -1 and sets
 * errno. */
int dz_record_write(const struct dz_start *start, int fd, pid_t pid);

/*
 * The record of an unnamed job, made by the first child while the target's process goes
 * on.  The caller sleeps meanwhile, so that is done only where no call waits.
 */
bool dz_may_record_early(const struct dz_start *start); /* for start->records_early */
void dz_record_early(struct dz_start *start, pid_t pid);

/* In the caller, once the target's PID is known: makes the record that the first child
 * was to make and has not made. */
void dz_record_late(struct dz_start *start);

/* Commit: writes pidfile and record of this process. */
int dz_publish(struct dz_start *start, struct dz_fault *fault);

/* In the keeper of an unnamed job, before the first run: claims its record.  A failure
 * is told as start->why_no_record. */
void dz_kept_claim(struct dz_start *start);

/* In the keeper, before another run: claims both files anew.  start->pid is that of the
 * run before. */
int dz_publish_prepare(struct dz_start *start, struct dz_fault *fault);

/* In the keeper: adds whole lines to the record.  Returns 0, or -1 and sets errno. */
int dz_publish_lines(const struct dz_start *start, const char *text);

/* In the caller: makes both files name pid, which is the job's process from now on. */
int dz_publish_again(struct dz_start *start, pid_t pid, struct dz_fault *fault);

/* In the caller or the keeper, for a job that has ended: removes the pidfile, and adds
 * the status, as of waitpid(2), to the record unless it is -1.  Returns 0, or -1 and
 * sets errno. */
int dz_publish_exited(struct dz_start *start, int status);

/* For a start that has failed: removes pidfile and record if they name start->pid. */
void dz_unpublish(struct dz_start *start);

/* ---- resumed.c ---- */

/* Prepare, --resume: claims the record of the job, whose keeper must have ended.
 * directory is open on the state directory. */
int dz_claim_resumed(struct dz_start *start, int directory, struct dz_fault *fault);

/* Gives that claim up. */
void dz_drop_resumed(struct dz_start *start);

/* In the new keeper: writes that record anew, with this keeper. */
int dz_publish_keeper(struct dz_start *start, struct dz_fault *fault);

/* ---- trace.c: a row for -v ---- */

/* Writes "STEP     pid N ppid N pgid N sid N tty T" about this process. */
void dz_format_ids(const char *step, char *at, size_t size);

#endif
