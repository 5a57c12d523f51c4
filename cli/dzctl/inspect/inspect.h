/*
 * The room of dzctl inspect: what /proc tells about a process, and what that means.
 *
 * Needs base, job and dzctl.  A fact that could not be read has an errno beside it
 * instead of a value: EACCES or EPERM if we are not permitted to see it.  Nothing is
 * cut.  Every string is allocated and lives as long as this process, which looks once
 * and ends.
 */
#ifndef INSPECT_H
#define INSPECT_H

#include "dzctl.h"

#include <sys/stat.h>

enum kind {
    KIND_TERMINAL, /* any tty but the master side of a pseudo-terminal */
    KIND_FILE,
    KIND_FOLDER,
    KIND_PIPE, /* with or without a name */
    KIND_SOCKET,
    KIND_DEVICE,
    KIND_OTHER /* eventfd(2), epoll(7) and the like */
};

struct descriptor {
    int number;
    int err; /* of reading it; 0: what follows is true */
    char *target;
    enum kind kind;
    bool reads;
    bool writes;
    dev_t device; /* with inode: which pipe it is */
    ino_t inode;
};

struct signals {
    uint64_t ignored, caught, blocked; /* signal N is bit N-1 */
};

/* One process, as others are shown. */
struct peer {
    struct dz_process process;
    char name[128]; /* longer than any that the kernel has; one line */
};

struct facts {
    struct dz_process process;
    char *name;
    char *words; /* argv, each word ended by a zero; as the process shows it */
    size_t words_size;
    bool kernel_thread;
    int umask; /* -1: the kernel does not tell */
    struct signals signals;
    char *cwd;
    int cwd_err;
    char *preload; /* LD_PRELOAD at its start; NULL: none */
    int preload_err;
    struct descriptor *fds; /* in the order of their numbers */
    size_t fd_count;
    int fds_err;
};

/* ---- facts.c ---- */

/*
 * Read all about pid.  The fault's status is CTL_FAILED: no such process, or
 * one that ended meanwhile.  A zombie has no more than its process.
 */
int facts_read(pid_t pid, struct facts *facts, struct dz_fault *fault);

/* Whether it has ended, and only its status is still there. */
bool facts_zombie(const struct facts *facts);

/* The descriptor of that number; NULL: closed, or not seen. */
const struct descriptor *facts_fd(const struct facts *facts, int number);

/* Read one descriptor; folder is open on /proc/PID/fd. */
void descriptor_read(int folder, int number, struct descriptor *descriptor);

/* "terminal", "pipe", ... */
const char *kind_name(enum kind kind);

/* Whether a set of signals has this one. */
bool has_signal(uint64_t set, int number);

/* Read what another process does with signals.  -1 with errno. */
int signals_read(pid_t pid, struct signals *signals);

/* Read what a process is called.  -1 with errno where there is none. */
int peer_read(pid_t pid, struct peer *peer);

/*
 * As asprintf(3), but of one line, and there always is a result: the process
 * ends with a message where memory does.
 */
char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As realloc(3), but there always is a result. */
void *grown(void *at, size_t size);

/* ---- other_processes.c: what only a look at every other process tells ---- */

/* Who has the other end of a pipe that a process writes to. */
struct readers {
    bool none;          /* it has no reader, here or elsewhere */
    bool hidden;        /* some process could not be looked into */
    struct peer *peers; /* not the writer itself, and not us */
    size_t count;
};

/* Find the readers of a pipe that process pid has open for writing. */
struct readers find_readers(pid_t pid, const struct descriptor *pipe);

/*
 * The process that watches over a job: the parent of a member of group, in the
 * same session but another group.  POSIX calls a group that has none orphaned.
 * Whether there is one.
 */
bool find_watcher(pid_t group, pid_t session, struct peer *watcher);

/* Whether pid is a descendant of ancestor. */
bool descends(pid_t pid, pid_t ancestor);

/* The last part of the name of pid's program, or NULL where it is not seen. */
char *program_name(pid_t pid);

enum mark {
    MARK_NOTE,  /* worth knowing, no condition */
    MARK_HOLDS, /* as it should be */
    MARK_FAILS, /* no daemon with this */
    MARK_UNSEEN /* not told to us: neither good nor bad */
};

struct check {
    enum mark mark;
    const char *name;
    const char *value;
    const char *why;    /* why it matters */
    const char *reason; /* of one that fails: its part of the verdict, or NULL */
};

/* Whether the end of a terminal would kill it. */
enum answer { ANSWER_NO, ANSWER_YES, ANSWER_MAY };

struct report {
    struct facts facts;
    char terminal[32];  /* its controlling terminal; empty: none */
    enum answer killed; /* by that terminal's end */
    struct check *checks;
    size_t count;
    bool complete; /* all that counts could be seen */
    bool daemon;
    const char *verdict;
};

/* Fill in all of report from its facts. */
void judge(struct report *report);

/* Add a row, and return it. */
struct check *add_check(struct report *report, enum mark mark, const char *name,
                        const char *value, const char *why);

/* A row that could not be read for err. */
struct check *add_unseen(struct report *report, const char *name, int err);

/* ---- hangup.c ---- */

/* Whether the end of its terminal would kill a process; *why says why. */
enum answer judge_hangup(const struct dz_process *process,
                         const struct signals *signals, const char **why);

/* ---- judge_streams.c ---- */

/* Add the rows of 0, 1, 2 and of each further descriptor. */
void judge_descriptors(struct report *report);

#endif
