/*
 * The ground that all of core stands on: faults, text, facts about processes
 * and files.  The rules of dz.h hold here too.
 */
#ifndef BASE_H
#define BASE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Exit statuses, those of env(1), nohup(1) and timeout(1). */
enum {
    DZ_EXIT_TIMEOUT = 124,    /* the wait timed out; the target was stopped */
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

/* The same: what object stands for runs already, as pid. */
int dz_fault_running(struct dz_fault *fault, const char *step, const char *object,
                     pid_t pid);

/*
 * Write "PROGRAM: STEP: OBJECT: REASON\n" with a terminating zero to text and
 * return its length.  Control characters are shown as '?', so that it is one
 * line whatever the object is called.
 */
size_t dz_fault_text(const struct dz_fault *fault, const char *program,
                     char text[DZ_MESSAGE_MAX]);

/* "Permission denied" and so on; "error 140" for one that has no name here. */
struct dz_text;
void dz_add_error(struct dz_text *text, int err);

/* Write that line to fd. */
void dz_fault_write(const struct dz_fault *fault, const char *program, int fd);

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
void dz_add_number(struct dz_text *text, int64_t number);

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

/* The same for 64 bits; *number is set.  Returns 0 or -1. */
int dz_read_long(const char **at, int64_t *number);

/* ---- proc.c: facts from /proc ----------------------------------------------- */

/*
 * Read what one read(2) of size - 1 bytes gives, and terminate it: a small file
 * of /proc comes whole so.  Returns their number; -1 with errno.
 */
ssize_t dz_read_file(const char *path, char *data, size_t size);

struct dz_process {
    pid_t pid;
    char state; /* R, S, D, T, t, Z, X, I, as in proc_pid_stat(5) */
    pid_t ppid;
    pid_t pgrp;
    pid_t session;
    int tty; /* device number of the controlling terminal, 0: none */
    int threads;
    bool exiting;     /* its first thread is; its descriptors may be closed already */
    bool executed;    /* since it was forked */
    pid_t foreground; /* that terminal's foreground process group, or -1 */
    uint64_t start;   /* clock ticks after boot, AT_CLKTCK of getauxval(3) a second */
    int wait_status;  /* of a zombie, as of waitpid(2); 0 where we may not see it */
};

/* Read /proc/PID/stat.  -1 with errno. */
int dz_read_process(pid_t pid, struct dz_process *process);

/* Whether it has ended; as a zombie it has. */
bool dz_has_ended(const struct dz_process *process);

/* Whether pid is a process that has not ended. */
bool dz_lives(pid_t pid);

/*
 * Whether /proc is there and of our own PID namespace: else its numbers mean
 * others, or nobody.
 */
bool dz_proc_is_ours(void);

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

/* ---- stat.c: what a file is -------------------------------------------------- */

struct dz_stat {
    unsigned mode; /* as st_mode, stat(3type) */
    unsigned uid;
    unsigned links;
    uint64_t size;
    uint64_t inode;
    uint64_t device;
    int64_t modified; /* seconds since the epoch, and nanoseconds */
    int64_t modified_ns;
};

/*
 * The absolute form of path, which is not looked at.  -1 with errno:
 * ENAMETOOLONG, or as getcwd(3).
 */
int dz_make_absolute(const char *path, char absolute[PATH_MAX]);

/* As fstatat(2); with an empty path, what the descriptor folder is open on.
 * -1 with errno. */
int dz_stat(int folder, const char *path, bool follow, struct dz_stat *about);

#endif
