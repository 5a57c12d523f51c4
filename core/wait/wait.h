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

/* ---- census.c: what the job's processes do ---- */

struct dz_census {
    int processes;
    uint64_t sum; /* of their PIDs, mixed: it changes when one comes or goes */
    bool asleep;  /* each thread of each of them is in state S */
    bool busy;    /* a thread runs, or waits for a processor or a disk */
    int64_t used; /* processor time, in milliseconds */
};

/* Counts the members, and looks what they do.  Returns 0, or -1 without a /proc of our
 * own. */
int dz_take_census(const struct dz_members *members, struct dz_census *census);

/* ---- notify.c: sd_notify(3), both ways ---- */

/* Reads the datagrams that have arrived.  Ignores those of processes that are no
 * members. */
void dz_notify_read(struct dz_notify *notify, const struct dz_members *members);

/*
 * Tells our own manager, NOTIFY_SOCKET in envp, that the service is ready and, unless
 * pid is 0, which process it is.  Waits until the manager has read that.  If there is
 * no manager, does nothing.  If sender is not 0 and we have that privilege, the message
 * names that process as its sender.  Returns 0, or -1 and sets errno.
 */
int dz_notify_manager(char **envp, pid_t pid, pid_t sender);

/* Returns whether NOTIFY_SOCKET in envp names a manager that we can tell something. */
bool dz_has_manager(char **envp);

/* Sends lines of sd_notify(3) to the manager.  If there is none, does nothing.  Returns
 * 0, or -1 and sets errno. */
int dz_tell_words(char **envp, const char *text);

/* Works as dz_notify_manager, and writes the newline of --ready-fd. */
int dz_tell_manager(const struct dz_start *start, pid_t pid, pid_t sender);

/* ---- log_line.c: log:TEXT ---- */

/* How far the logs of stdout and stderr were searched; zero before. */
struct dz_log_line {
    bool begun[2];
    int64_t at[2];
};

/* Searches what is new in this run's logs.  Returns whether a line contains the text.
 */
bool dz_find_log_line(struct dz_log_line *search, const struct dz_start *start,
                      const struct dz_condition *condition);

/* ---- probe.c: cmd:COMMAND ---- */

/* The command that is being tried; zero before. */
struct dz_probe {
    struct dz_identity who; /* pid 0: it does not run */
    int pidfd;              /* if it runs, or -1 */
    int64_t next_at;        /* the next try; dz_milliseconds */
    int pause;              /* before the try after that */
};

/* Looks whether the command has ended, or starts it anew.  Returns whether it has
 * succeeded. */
bool dz_probe_look(struct dz_probe *probe, struct dz_start *start,
                   const struct dz_condition *condition, int64_t now);

/* Ends the command if it runs. */
void dz_probe_end(struct dz_probe *probe);

/* ---- ready.c: whether the conditions hold ---- */

struct dz_ready {
    int64_t began;    /* of the wait; all times are dz_milliseconds */
    int64_t executed; /* when the program was */
    bool done;        /* the library has said that its work is done */
    bool closed;      /* the pipe of fd:N has ended without a newline */
    bool holds[DZ_CONDITIONS];
    int64_t look_at; /* next look at a file */
    struct dz_log_line log_line;
    struct dz_probe probe;
    /* listen */
    pid_t listener; /* the process that holds the socket, 0 for none */
    int64_t own_at; /* next look at the sockets of the job's own process */
    struct dz_seen seen;
    int64_t walk_at; /* next look at the sockets of all its processes */
    int64_t used;    /* processor time by the last look */
    /* settle */
    int64_t sample_at;    /* next look whether the job sleeps */
    int64_t sampled;      /* the last one */
    int64_t asleep_since; /* the first one in a row that found it asleep */
    int samples;          /* how many in that row */
    int64_t idle;         /* milliseconds so far in which it was not busy */
    int64_t busy;         /* milliseconds so far in which it was busy */
};

/* Begins the wait. */
void dz_ready_init(struct dz_ready *ready, int64_t now);

/* Looks at the conditions that do not hold yet, if it is time.  Returns whether all
 * hold. */
bool dz_ready_look(struct dz_ready *ready, struct dz_start *start,
                   const struct dz_members *members);

/* Looks for the listening sockets anew: the process that was found has ended. */
void dz_ready_listen_again(struct dz_ready *ready, const struct dz_start *start);

/* Returns when to look again if no event comes before. */
int64_t dz_ready_next(const struct dz_ready *ready, const struct dz_start *start);

/* Appends the conditions that do not hold yet: "listen:80, notify". */
void dz_add_missing(const struct dz_ready *ready, const struct dz_start *start,
                    struct dz_text *text);

/* Appends what has not happened, for the message of a time-out: "does not listen on 80
 * (it listens on 8080), has not sent READY=1". */
void dz_add_unmet(const struct dz_ready *ready, const struct dz_start *start,
                  const struct dz_members *members, struct dz_text *text);

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

/* After so many seconds one line tells a caller without a terminal what is awaited. */
enum { DZ_SLOW_S = 3 };

/* Writes that line, its newline included.  Returns its length. */
size_t dz_slow_text(const struct dz_start *start, const struct dz_ready *ready,
                    const char *program, char line[DZ_WAITING_MAX]);

/* Writes the notes to start->stderr_fd: a pidfile that was replaced, a manager that
 * could not be told. */
void dz_say_notes(const struct dz_start *start, const char *program);

/* Returns whether there is a note before the program runs. */
bool dz_has_notes(const struct dz_start *start);

/*
 * Appends the rest of the line about a good start, after "PID 12": " is running,
 * appending output to LOG".  where is "" or words that follow "running"; with NULL only
 * the log is told.
 */
void dz_add_started(const struct dz_start *start, const char *where,
                    struct dz_text *text);

/*
 * Copies what this run wrote to its log to descriptor to, after a line "PROGRAM: this
 * run wrote to LOG:".  Of more than 25 lines it copies the first 8 and the last 16,
 * with the number left out between.  If there is nothing, writes nothing.
 */
void dz_show_log(const struct dz_start *start, const char *program, int to);

#endif
