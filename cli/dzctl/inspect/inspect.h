/*
 * The room of dzctl inspect: the facts of /proc about a process, and what they mean.
 *
 * Needs base, job and dzctl.  A fact that could not be read has an errno instead of a
 * value: EACCES or EPERM if we are not permitted to see it.  No text is cut.  Strings
 * are allocated and never freed: dzctl inspects one process and exits.
 */
#ifndef INSPECT_H
#define INSPECT_H

#include "dzctl.h"

#include <sys/stat.h>

enum kind {
    KIND_TERMINAL, /* a tty, except a pty's master side */
    KIND_FILE,
    KIND_DIRECTORY,
    KIND_PIPE, /* with or without a name */
    KIND_SOCKET,
    KIND_DEVICE,
    KIND_OTHER /* eventfd(2), epoll(7) and the like */
};

struct descriptor {
    int number;
    int err; /* errno of reading it; 0: the fields that follow are set */
    char *target;
    enum kind kind;
    bool reads;
    bool writes;
    dev_t device; /* device and inode identify a pipe */
    ino_t inode;
};

struct signals {
    uint64_t ignored, caught, blocked; /* signal N is bit N-1 */
};

/* Another process and its name. */
struct peer {
    struct dz_process process;
    char name[128]; /* the kernel's names are shorter; one line */
};

struct facts {
    struct dz_process process;
    char *name;
    char *arguments; /* argv as the process shows it, each argument ended by a zero */
    size_t arguments_size;
    bool kernel_thread;
    int umask; /* -1: the kernel does not show it */
    struct signals signals;
    char *cwd;
    int cwd_err;
    char *preload; /* LD_PRELOAD at its start, or NULL */
    int preload_err;
    struct descriptor *fds; /* in the order of their numbers */
    size_t fd_count;
    int fds_err;
};

/* ---- facts.c ---- */

/*
 * Reads the facts of pid.  Returns 0, or -1 with a fault of status CTL_FAILED if there
 * is no such process or it ends meanwhile.  Of a zombie only facts->process is set.
 */
int facts_read(pid_t pid, struct facts *facts, struct dz_fault *fault);

/* Returns whether the process has ended and awaits its parent. */
bool facts_zombie(const struct facts *facts);

/* Returns the descriptor of that number, or NULL if it is closed or not seen. */
const struct descriptor *facts_fd(const struct facts *facts, int number);

/* Returns "terminal", "pipe" and so on. */
const char *kind_name(enum kind kind);

/* Returns whether a set has that signal. */
bool has_signal(uint64_t set, int number);

/* Reads the signal sets of another process.  Returns 0, or -1 and sets errno. */
int signals_read(pid_t pid, struct signals *signals);

enum { PROC_PATH_MAX = 64 };

/* Writes the path of a file of a process in /proc.  That is the file of a thread that
 * has not ended: once the first thread has ended, its own files are empty. */
void proc_path(char path[PROC_PATH_MAX], const struct dz_process *process,
               const char *file);

/* Reads a process and its name.  Returns 0, or -1 and sets errno. */
int peer_read(pid_t pid, struct peer *peer);

/*
 * Returns a text as asprintf(3) does, with control characters replaced.  If memory runs
 * out, it prints a message and exits.
 */
char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Works as realloc(3).  If memory runs out, it prints a message and exits. */
void *grown(void *at, size_t size);

/* ---- other_processes.c: facts that need a walk over all processes ---- */

/* The readers of a pipe that a process writes to. */
struct readers {
    bool none;          /* the pipe has no reader in any PID namespace */
    bool hidden;        /* we could not look into every process */
    struct peer *peers; /* all but the writer and dzctl itself */
    size_t count;
};

/* Returns the readers of a pipe that a process has open for writing. */
struct readers find_readers(const struct dz_process *writer,
                            const struct descriptor *pipe);

/*
 * Finds the parent of a member of group if it is of the session but of another group: a
 * shell whose job the group is.  Returns whether there is one.  POSIX calls a group
 * without one orphaned.
 */
bool find_watcher(pid_t group, pid_t session, struct peer *watcher);

/* Returns whether pid is a descendant of ancestor. */
bool descends(pid_t pid, pid_t ancestor);

/* Returns the file name of pid's program, or NULL if we may not see it. */
char *program_name(pid_t pid);

/* ---- judge.c, checks.c ---- */

enum mark {
    MARK_NOTE,  /* does not count */
    MARK_HOLDS, /* as it should be */
    MARK_FAILS, /* such a process is not a daemon */
    MARK_UNSEEN /* we are not permitted to see it */
};

struct check {
    enum mark mark;
    const char *name;
    const char *value;
    const char *why;    /* why it matters */
    const char *reason; /* part of the verdict if the check fails, or NULL */
};

/* Whether a hangup would kill a process. */
enum answer { ANSWER_NO, ANSWER_YES, ANSWER_MAY };

struct report {
    struct facts facts;
    struct usage usage; /* of the process and, if it is a job, of the job's others */
    char terminal[32];  /* the controlling terminal, or empty */
    enum answer killed; /* by that terminal's hangup */
    struct check *checks;
    size_t count;
    bool complete; /* every fact that counts was seen */
    bool daemon;
    const char *verdict;
};

/* Fills in the report from its facts. */
void judge(struct report *report);

/* Adds a row.  Returns it; it is valid until the next is added. */
struct check *add_check(struct report *report, enum mark mark, const char *name,
                        const char *value, const char *why);

/* Adds a row for a fact that could not be read.  err is the errno.  Returns the row. */
struct check *add_unseen(struct report *report, const char *name, int err);

/* ---- hangup.c ---- */

/* Tells whether its terminal's hangup would kill a process.  Sets *why to the reason.
 */
enum answer judge_hangup(const struct dz_process *process,
                         const struct signals *signals, const char **why);

/* ---- judge_streams.c ---- */

/* Adds the rows of descriptors 0, 1, 2 and of each further one. */
void judge_descriptors(struct report *report);

#endif
