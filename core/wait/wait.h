/*
 * The wait room: how the caller finds out whether a start has succeeded, and what it
 * says about the start.
 *
 * Needs all the rooms below it: base, job, plan, start.  The rules of base.h hold here
 * too.
 */
#ifndef WAIT_H
#define WAIT_H

#include "start.h"

/* ---- sock_diag.c: listening TCP sockets, told by the kernel ---- */

/* One listening socket. */
struct dz_socket {
    int port;         /* 0: a Unix one */
    const char *path; /* of a Unix one, "" if it has none */
    uint64_t inode;
};

typedef bool (*dz_visit_socket)(const struct dz_socket *socket, void *data);

/*
 * Visits the listening TCP sockets of AF_INET or AF_INET6 in our own network namespace
 * until a visit returns true.  Returns 1 if one did, 0, or -1 if the kernel does not
 * tell (it was built without, or a filter): some may have been visited.
 */
int dz_diag_listening(int family, dz_visit_socket visit, void *data);

/* ---- listen.c: which process listens ---- */

/*
 * Returns a number that changes when a listening socket of TCP, TCP6 or the Unix domain
 * comes or goes in pid's network namespace (our own if it is gone).  A quick look, to
 * know when the long one is worth it.
 */
uint64_t dz_listeners(pid_t pid);

/* Tells whether a member listens as condition says; likely is a member, looked at
 * first.  Returns 1, 0, or -1 and sets errno. */
int dz_members_listen(const struct dz_members *members, pid_t likely,
                      const struct dz_condition *condition);

/* ---- notify.c: sd_notify(3), both ways ---- */

/* Reads the datagrams that have arrived.  Ignores those of processes that are no
 * members. */
void dz_notify_read(struct dz_notify *notify, const struct dz_members *members);

/*
 * Tells our own manager, NOTIFY_SOCKET in envp, that the service is ready and, unless
 * pid is 0, which process it is.  Waits until the manager has read that.  If there is
 * no manager, does nothing.  Returns 0, or -1 and sets errno.
 */
int dz_notify_manager(char **envp, pid_t pid);

/* ---- ready.c: whether the conditions hold ---- */

struct dz_ready {
    int64_t began;      /* of the wait; all times are dz_milliseconds */
    int64_t executed;   /* when the program was, for alive:SEC */
    bool done;          /* the library has said so */
    bool closed;        /* the pipe of fd:N has ended without a newline */
    int64_t look_at;    /* next look at what has no event; INT64_MAX: none */
    int64_t walk_at;    /* next walk over all descriptors */
    uint64_t listeners; /* at the last look */
    bool holds[DZ_CONDITIONS];
};

/* Begins the wait. */
void dz_ready_init(struct dz_ready *ready, const struct dz_conditions *wait,
                   int64_t now);

/* Looks at the conditions that do not hold yet, if it is time.  Returns whether all
 * hold. */
bool dz_ready_look(struct dz_ready *ready, struct dz_start *start,
                   const struct dz_members *members);

/* Returns when to look again if no event comes before. */
int64_t dz_ready_next(const struct dz_ready *ready, const struct dz_conditions *wait);

/* Appends the conditions that do not hold yet: "listen:80, notify". */
void dz_add_missing(const struct dz_ready *ready, const struct dz_start *start,
                    struct dz_text *text);

/* ---- await.c: the caller's wait ---- */

/*
 * In the caller: waits until the program runs and the plan's conditions hold.  Returns
 * 0 with start->pid, or -1 with the fault.  After a failure no process or file of the
 * start is left except its log.
 */
int dz_await(struct dz_start *start, struct dz_fault *fault);

/* ---- say.c: messages of both sides ---- */

enum { DZ_WAITING_MAX = PATH_MAX + 512 };

/*
 * Writes the line for start->waiting, which replaces the line before on the terminal:
 * the conditions, the seconds so far, the program's STATUS.  For 0 seconds: clears the
 * line.  Returns its length.
 */
size_t dz_waiting_text(const struct dz_start *start, const struct dz_ready *ready,
                       const char *program, int seconds, char line[DZ_WAITING_MAX]);

/* Writes the notes to start->stderr_fd: a pidfile that was replaced, a manager that
 * could not be told. */
void dz_say_notes(const struct dz_start *start, const char *program);

/* Returns whether there is a note before the program runs. */
bool dz_has_notes(const struct dz_start *start);

/*
 * Appends the rest of the line about a good start, after "PID 12": " is running,
 * appending output to LOG".  where is "" or words that follow "running".
 */
void dz_add_started(const struct dz_start *start, const char *where,
                    struct dz_text *text);

/*
 * Copies the last lines that this run wrote to its log, at most 10, to descriptor to,
 * after a line "PROGRAM: the end of LOG:".  Nothing if there are none.
 */
void dz_show_log(const struct dz_start *start, const char *program, int to);

#endif
