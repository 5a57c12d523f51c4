/*
 * The room of dzctl: jobs and their records, and a file for each command.
 *
 * Needs base and job alone.  dzctl is our own process, so it may allocate and use
 * stdio.  A command gets its own arguments: argv[0] is the command's name.  It returns
 * the exit status.  If a comment says nothing else, a function returns 0, or -1 and
 * fills in *fault.
 */
#ifndef DZCTL_H
#define DZCTL_H

#include <stdbool.h>
#include <stdio.h>

#include "job.h"

extern char **environ;

/* Exit statuses besides 0 and DZ_EXIT_FAILURE (a usage error, 125).  Those of "status"
 * are LSB's. */
enum {
    CTL_FAILED = 1,      /* the command failed, or its answer is no */
    CTL_DEAD = 1,        /* status: the job has ended, a record or pidfile is left */
    CTL_NOT_RUNNING = 3, /* status: there is no such job */
    CTL_UNKNOWN = 4      /* status: dzctl cannot tell whether the job runs */
};

/* ---- tell.c ---- */

/* Prints "dzctl: STEP: OBJECT: REASON" on stderr.  Returns fault->status. */
int ctl_tell(const struct dz_fault *fault);

/* Prints "dzctl: COMMAND: ARGUMENT: REASON", a usage error.  Returns 125. */
int ctl_usage(const char *command, const char *argument, const char *reason);

/* Flushes stdout.  Returns status, or CTL_FAILED after a message if that fails. */
int ctl_finish(int status);

/* Returns the exit status that stands for several jobs: the greater of two. */
int ctl_worst(int one, int other);

/* ---- arguments.c: the options and operands of a command ---- */

/* A command's row in the table of dzctl.c. */
struct ctl_command {
    const char *name;
    const char *synopsis; /* its arguments, for --help */
    const char *help;
    const char *options; /* the letters of its options */
    int least;           /* number of operands */
    int most;
    int (*run)(const struct ctl_command *command, int argc, char **argv);
};

extern const char ctl_about_jobs[];

/* The arguments of a command.  A field is used if the command has that option. */
struct arguments {
    bool json;
    bool follow;
    int64_t timeout; /* milliseconds; -1 if not given */
    int signal;
    int lines;
    char **names; /* the operands */
    int count;
};

/*
 * Parses argv by the command's row.  Letters stand for options: f (--follow), j
 * (--json), n (--lines), s (--signal), t (--timeout).  Returns true.  If it printed a
 * message or help, it returns false and sets *status to the exit status.
 */
bool parse_arguments(struct arguments *arguments, const struct ctl_command *command,
                     int argc, char **argv, int *status);

/* ---- job.c: jobs by their records ---- */

enum job_state {
    JOB_RUNS,
    JOB_ENDED,   /* the end of its process is proven */
    JOB_UNKNOWN, /* it may run; job->why says why that is not known */
    JOB_NONE     /* there is no such job */
};

/* A job.  Its strings are allocated, NULL if unknown. */
struct job {
    enum job_state state;
    const char *why;         /* JOB_UNKNOWN: the reason; not allocated */
    struct dz_record record; /* without a record: who alone; pid 0: no process */
    bool recorded;
    int status; /* as of waitpid(2), or -1 if unknown */
    char *file; /* the record's absolute path */
    char *name;
    char *cwd;
    char *log;
    char *error_log; /* stderr's, if it has its own */
    char *pidfile;
    char **argv;
    char **options;   /* "NAME" or "NAME=VALUE", as of dznohup's command line */
    char **older;     /* "PID START": what was in its session before it */
    int umask;        /* of the caller; -1: unknown */
    bool keeper_runs; /* the job has a keeper, and that runs; this and the next: kept */
    bool waits;       /* its keeper is about to start it again */
    int restarts;
    int last;      /* how the run before has ended, as of waitpid(2); -1: unknown */
    int64_t began; /* the first run; this and the next: seconds since the epoch */
    int64_t ended; /* the last run; 0: it has not */
    int64_t ready; /* the run that dzctl restart has asked for; 0: not yet, or none */
    char *note;    /* what the keeper says is wrong */
    char *problem; /* why its pidfile names no process */
};

/* Makes an empty job, JOB_NONE. */
void job_init(struct job *job);

void job_free(struct job *job);

/*
 * Reads a record.  directory is open on the state directory, path is its path.  Returns
 * 0, or -1 and sets errno: EPERM for a file that is not trusted, EINVAL for one that is
 * not a record.
 */
int job_read(struct job *job, int directory, const char *path, const char *file);

/* Reads all records, sorted by name, then those without a name by PID.  *jobs is
 * allocated.  A missing state directory has no jobs. */
int job_list(struct job **jobs, size_t *count, struct dz_fault *fault);

/* Removes the record and pidfile of a job whose end is proven. */
void job_forget(const struct job *job);

/* Adds the exit status to the record. */
void job_note_status(const struct job *job, int status);

/* Returns the job's name, or its PID in digits. */
const char *job_called(const struct job *job, char digits[24]);

/* Fills in *fault: it is unknown whether the job runs, and why. */
int job_fault_unknown(const struct job *job, const char *command, const char *word,
                      struct dz_fault *fault);

/* ---- find.c: jobs by what users call them ---- */

/*
 * Finds the job that word names: a pidfile if it holds a slash, a PID if it is all
 * digits, else a name.  If there is none, the job is JOB_NONE; for a stale pidfile it
 * is JOB_ENDED.  Returns 0, or -1 with a fault.  Its status is CTL_FAILED if the state
 * directory or the pidfile is not trusted, 125 if word cannot name a job.
 */
int job_find(struct job *job, const char *word, struct dz_fault *fault);

/* ---- kept.c: jobs with a keeper ---- */

/*
 * Asks the keeper to stop its job, and waits for its end.  Returns 1 if that took KILL,
 * 0, or -1 and sets errno.  *stopped is false if the keeper did not answer and was
 * killed: the job may still run.
 */
int kept_stop(const struct job *job, int signal, int64_t timeout, bool *stopped);

/* Returns the status that the keeper has recorded at the job's end, as of waitpid(2),
 * or -1 if there is none. */
int kept_status(const struct job *job);

/* Makes the keeper start its job again, and prints the new PID.  Returns the exit
 * status. */
int kept_restart(const struct job *job, const char *word, int64_t timeout);

/* Appends ", started ..., restarted 3 times, last: exit status 5" and so on. */
void kept_words(const struct job *job, struct dz_text *text);

/* ---- json.c ---- */

/*
 * Prints string as a JSON string, RFC 8259, with its quotes.  A byte that is not part
 * of valid UTF-8 becomes U+FFFD.
 */
void json_string(const char *string);

/* Prints string as a JSON string, or null for NULL. */
void json_text(const char *string);

/* ---- show.c: what is shown of a job ---- */

/* Returns an allocated copy on one line, "-" for NULL.  Returns NULL if memory runs
 * out. */
char *shown_text(const char *string);

/* Writes the date and time of that moment. */
void shown_time(int64_t seconds, char text[32]);

/* Appends "status 3" or "SIGKILL" for a status as of waitpid(2). */
void add_status(struct dz_text *text, int status);

/* Writes the date and time of the start, "-" if unknown. */
void shown_since(const struct job *job, char text[32]);

/* Prints a job as a JSON object.  called is what the user called it. */
void show_json(const struct job *job, const char *called);

/* Returns "running", "ended (status 3)", "ended (SIGKILL)", "ended (status unknown)",
 * "unknown" and so on. */
const char *shown_state(const struct job *job, char words[48]);

/* ---- trusted.c ---- */

/* Opens a file for reading.  Does not follow a symbolic link that another user owns.
 * Returns the descriptor, or -1 and sets errno: EPERM for such a link. */
int open_trusted(const char *path);

/* ---- width.c ---- */

/* Returns the number of columns that a text takes on a terminal. */
int width_of(const char *text);

/* Prints as much of text as fits columns.  Returns the columns printed. */
int print_columns(const char *text, int columns);

/* ---- wait.c ---- */

/*
 * Waits for the end of a job until the clock (dz_milliseconds) reaches until.  Returns
 * its status as of waitpid(2), -1 if that is unknown, -2 if it has not ended.
 */
int await_job(const struct job *job, int64_t until);

/* ---- the commands ---- */

int command_list(const struct ctl_command *command, int argc, char **argv);
int command_status(const struct ctl_command *command, int argc, char **argv);
int command_restart(const struct ctl_command *command, int argc, char **argv);
int command_start(const struct ctl_command *command, int argc, char **argv);
int command_stop(const struct ctl_command *command, int argc, char **argv);
int command_wait(const struct ctl_command *command, int argc, char **argv);
int command_log(const struct ctl_command *command, int argc, char **argv);
int command_inspect(const struct ctl_command *command, int argc, char **argv);
int command_clear(const struct ctl_command *command, int argc, char **argv);

#endif
