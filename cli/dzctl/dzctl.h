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
    JOB_ENDED,     /* its process is gone */
    JOB_ELSEWHERE, /* of another PID namespace of this boot: it may run there */
    JOB_NONE       /* there is no such job */
};

/* A job; its strings are allocated, NULL where unknown. */
struct job {
    enum job_state state;
    struct dz_record record; /* without a record: who alone; pid 0: nobody */
    bool recorded;
    int status; /* as of waitpid(2) where it is known, else -1 */
    char *file; /* of the record, absolute */
    char *name;
    char *cwd;
    char *log;
    char *error_log; /* stderr's, if it has one of its own */
    char *pidfile;
    char **argv;
    char **options; /* "NAME" or "NAME=VALUE", as of dznohup's command line */
    int umask;      /* of the caller; -1: unknown */
    char *problem;  /* a pidfile's: why nobody is believed to be meant */
};

/* What is said of a JOB_ELSEWHERE. */
extern const char job_elsewhere[];

void job_free(struct job *job);

/*
 * Read the record file in the state directory that folder is open on and path
 * names.  -1 with errno: EPERM for one that may not be believed, EINVAL for none.
 */
int job_read(struct job *job, int folder, const char *path, const char *file);

/* All records, sorted by name, those without one behind by PID.  *jobs is
 * allocated; a state directory that is not there has none. */
int job_list(struct job **jobs, size_t *count, struct dz_fault *fault);

/* Remove the job's record, and its pidfile if that names it. */
void job_forget(const struct job *job);

/* Adds to the record how the job has ended. */
void job_note_status(const struct job *job, int status);

/* "web", or its PID. */
const char *job_called(const struct job *job, char digits[24]);

/* ---- find.c: jobs by what users call them ---- */

/*
 * Find what word means: a pidfile if it holds a slash, a PID if it is all
 * digits, else a name.  A word that means nobody gives JOB_NONE, or JOB_ENDED for
 * a pidfile that is stale.  -1 where that cannot be found out, with status
 * CTL_FAILED: no state directory to be trusted, a pidfile that may not be believed;
 * or 125, a word that can mean no job.
 */
int job_find(struct job *job, const char *word, struct dz_fault *fault);

/* ---- json.c ---- */

/*
 * Write string to stdout as a JSON string, RFC 8259, quotes included.  A byte
 * that is no part of valid UTF-8 becomes U+FFFD.
 */
void json_string(const char *string);

/* The same, or null for NULL. */
void json_text(const char *string);

/* ---- show.c: what is shown of a job ---- */

/* Returns a copy on one line, "-" for NULL; NULL if memory runs out. */
char *shown_text(const char *string);

/* Returns the date and time of the start, "-" if unknown; NULL if memory runs out. */
char *shown_since(const struct job *job);

/* Prints a job as a JSON object; called is what the user called it. */
void show_json(const struct job *job, const char *called);

/* "running", "ended (status 3)", "ended (SIGKILL)", "ended (status unknown)". */
const char *shown_state(const struct job *job, char words[48]);

/* ---- wait.c ---- */

/*
 * Wait for the end of a job until the clock (dz_milliseconds) reaches until.
 * Returns its status as of waitpid(2), -1 where nobody tells it, -2 where it has
 * not ended.
 */
int await_job(const struct job *job, int64_t until);

/* ---- the commands ---- */

int command_list(const struct ctl_command *command, int argc, char **argv);
int command_status(const struct ctl_command *command, int argc, char **argv);
int command_stop(const struct ctl_command *command, int argc, char **argv);
int command_wait(const struct ctl_command *command, int argc, char **argv);
int command_log(const struct ctl_command *command, int argc, char **argv);
int command_inspect(const struct ctl_command *command, int argc, char **argv);
int command_clear(const struct ctl_command *command, int argc, char **argv);

#endif
