/*
 * What must be true before a start is called good, and how it is seen.  The
 * rules of dz.h hold here too.
 */
#ifndef WAIT_H
#define WAIT_H

#include <signal.h>

#include "job.h"

/* ---- conditions.c: what is waited for ------------------------------------------- */

enum dz_condition_kind {
    DZ_WAIT_EXEC,   /* the program was executed */
    DZ_WAIT_ALIVE,  /* and has not died with a failure for some time */
    DZ_WAIT_MAIN,   /* its libraries are loaded: the shim's word */
    DZ_WAIT_LISTEN, /* the job has a listening socket */
    DZ_WAIT_NOTIFY, /* it has said READY=1, sd_notify(3) */
    DZ_WAIT_FD,     /* it has written a newline to a descriptor */
    DZ_WAIT_PATH    /* a file has appeared */
};

struct dz_condition {
    enum dz_condition_kind kind;
    const char *text; /* as it was written, without a terminating zero */
    int length;
    int number;       /* ALIVE: milliseconds; LISTEN: the port, 0 for none; FD */
    const char *path; /* LISTEN: of a Unix socket, or NULL; PATH: the file */
    int path_length;
    struct dz_stat before; /* PATH: what was there at the start; inode 0: nothing */
    bool holds;
};

enum { DZ_CONDITIONS = 8 };

struct dz_conditions {
    int count;     /* 0: alive for 0.1 seconds */
    bool defaults; /* read from the environment: the command line replaces them */
    struct dz_condition list[DZ_CONDITIONS];
};

/* Add "listen:80,notify" and the like; the option table's parser. */
int dz_parse_conditions(void *field, const char *value, struct dz_fault *fault);

/* Seconds, also with a fraction, to int64_t milliseconds; the same. */
int dz_parse_seconds(void *field, const char *value, struct dz_fault *fault);

/* The condition of that kind, or NULL. */
const struct dz_condition *dz_condition(const struct dz_conditions *conditions,
                                        enum dz_condition_kind kind);

/*
 * Look at the file of a PATH condition: whether it is there and is not what was
 * there at the start.  remember: this is the start.
 */
bool dz_path_appeared(struct dz_condition *condition, bool remember);

/* Write those that do not hold yet to text: "listen:80, notify". */
void dz_add_missing(const struct dz_conditions *conditions, struct dz_text *text);

/* ---- diag.c: listening TCP sockets, told by the kernel ------------------------- */

/* One listening socket. */
struct dz_socket {
    int port;         /* 0: a Unix one */
    const char *path; /* of a Unix one, "" where it has none */
    uint64_t inode;
};

typedef bool (*dz_visit_socket)(const struct dz_socket *socket, void *data);

/*
 * Visit the listening TCP sockets of AF_INET or AF_INET6 in our own network
 * namespace until a visit says true.  1 where one did, 0, or -1 where the kernel
 * does not tell (it was built without, or a filter): some may have been visited.
 */
int dz_diag_listening(int family, dz_visit_socket visit, void *data);

/* ---- sockets.c: who listens -------------------------------------------- */

/*
 * A number that changes when a listening socket of TCP, TCP6 or the Unix domain
 * comes or goes in pid's network namespace (our own where it is gone).  A quick
 * look, to know when the long one is worth it.
 */
uint64_t dz_listeners(pid_t pid);

/* Whether a member of family listens as condition says; likely is a member, looked
 * at first.  1, 0, -1 with errno. */
int dz_family_listens(const struct dz_family *family, pid_t likely,
                      const struct dz_condition *condition);

/* ---- notify.c: sd_notify(3), both ways --------------------------------- */

struct dz_notify {
    int fd;            /* our socket, or -1 */
    char variable[64]; /* "NOTIFY_SOCKET=@...", for the target */
    bool ready;
    pid_t main_pid;    /* that it told, 0: none */
    int64_t extend_ms; /* the last EXTEND_TIMEOUT_USEC, 0: none since asked */
    char status[128];  /* the last STATUS */
};

/* Detach: a socket for the target, where notify is waited for. */
int dz_notify_open(struct dz_plan *plan, struct dz_fault *fault);

/* Commit: put its name into the environment, right before that is scrubbed. */
int dz_notify_pass(struct dz_plan *plan, struct dz_fault *fault);

/* Read what has come; datagrams from processes outside family do not count. */
void dz_notify_read(struct dz_notify *notify, const struct dz_family *family);

/*
 * Tell our own manager, NOTIFY_SOCKET in envp, that the service is ready and
 * which process it is, unless pid is 0; wait until it has taken that in.  Nothing where
 * there is none.  -1 with errno.
 */
int dz_notify_manager(char **envp, pid_t pid);

/* ---- report.c: what the target's process tells its caller -------------- */

/*
 * In a child: tell the caller our PID (0 in the first child, which is not the
 * target), a failure, or that all is done.
 */
int dz_report_pid(const struct dz_plan *plan, pid_t pid, struct dz_fault *fault);
void dz_report_fault(const struct dz_plan *plan, const struct dz_fault *fault);
int dz_report_done(const struct dz_plan *plan, struct dz_fault *fault);

/* Read exactly size bytes from a pipe.  Whether they came; errno is 0 at its end. */
bool dz_read_all(int fd, void *data, size_t size);

enum dz_report {
    DZ_REPORT_MORE, /* a frame was read: there is more to come */
    DZ_REPORT_EXEC, /* end-of-file: executed, or dead */
    DZ_REPORT_DONE, /* the shim is done */
    DZ_REPORT_FAULT /* and the fault is filled in */
};

/* In the caller: read one frame from plan->await_fd; sets plan->pid.  Blocks
 * for the rest of a frame only, which its writer is about to write. */
enum dz_report dz_report_read(struct dz_plan *plan, struct dz_fault *fault);

/* ---- ready.c: whether the conditions hold ------------------------------ */

struct dz_ready {
    int64_t began;      /* of the wait; all times are dz_milliseconds */
    int64_t executed;   /* when the program was, for alive:SEC */
    bool done;          /* the shim has said so */
    bool closed;        /* the pipe of fd:N has ended without a newline */
    int64_t look_at;    /* next look for what tells nobody; INT64_MAX: nothing */
    int64_t walk_at;    /* next walk over all descriptors */
    uint64_t listeners; /* at the last look */
};

/* The wait begins.  No condition means alive:0.1. */
void dz_ready_init(struct dz_ready *ready, struct dz_conditions *wait, int64_t now);

/* Look at what does not hold yet, if its time has come.  Whether all hold. */
bool dz_ready_look(struct dz_ready *ready, struct dz_plan *plan,
                   const struct dz_family *family);

/* When to look again if nothing happens before. */
int64_t dz_ready_next(const struct dz_ready *ready, const struct dz_conditions *wait);

/* ---- await.c: the caller's wait
 * ------------------------------------------------------ */

/* INT, QUIT and TERM: what ends a wait, and the job with it. */
void dz_interrupts(sigset_t *set);

/*
 * In the caller: wait until the target runs and the plan's conditions hold.
 * Returns 0 with plan->pid, or -1 when it does not run; then fault->status is
 * what to exit with, and no process or file of the start is left.
 */
int dz_await(struct dz_plan *plan, struct dz_fault *fault);

/*
 * End this process by the signal that interrupted the wait, so that a shell that
 * waits for us knows that it was meant too.
 */
void dz_end_by(int number);

#endif
