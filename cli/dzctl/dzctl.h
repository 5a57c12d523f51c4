/*
 * The room of dzctl: jobs and their records, and a file for each command.
 *
 * Needs base, job and, of plan, the conditions.  dzctl is our own process, so it may
 * allocate and use stdio.  A command gets its own arguments: argv[0] is the command's
 * name.  It returns the exit status.  Unless a comment says otherwise, a function
 * returns 0, or -1 with *fault filled in.
 */
#ifndef DZCTL_H
#define DZCTL_H

#include <stdbool.h>
#include <stdio.h>

#include "job.h"
#include "plan.h"

extern char **environ;

/* Exit statuses besides 0 and DZ_EXIT_FAILURE (a usage error, 125).  Those of "status"
 * are LSB's. */
enum {
    CTL_FAILED = 1,      /* the command failed, or its answer is no */
    CTL_DEAD = 1,        /* status: the job has ended, a record or pidfile is left */
    CTL_NOT_RUNNING = 3, /* there is no such job */
    CTL_UNKNOWN = 4      /* dzctl cannot tell whether the job runs */
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
    const char *options;  /* the letters of its options */
    const char *all_help; /* what --all does */
    const char *lacks;    /* the message if there are too few operands */
    int least;            /* number of operands; with --all one less */
    int most;
    int (*run)(const struct ctl_command *command, int argc, char **argv);
};

extern const char ctl_about_jobs[];

/* The arguments of a command.  A field is used if the command has that option. */
struct arguments {
    bool all;
    bool any;
    bool json;
    bool follow;
    bool all_runs;
    bool stop;
    int64_t timeout;      /* milliseconds; -1 if not given */
    const char *schedule; /* NULL if not given */
    int lines;
    char **names; /* the operands */
    int count;
};

/* Prints what the command does and its options. */
void print_command_help(const struct ctl_command *command);

/*
 * Parses argv by the command's row, in which letters stand for options.  Returns true.
 * If it printed a message or help, it returns false and sets *status to the exit
 * status.
 */
bool parse_arguments(struct arguments *arguments, const struct ctl_command *command,
                     int argc, char **argv, int *status);

/* ---- read_job.c, records.c: jobs by their records ---- */

enum job_state {
    JOB_RUNS,
    JOB_ENDED,   /* the end of its process, and of its keeper, is proven */
    JOB_UNKNOWN, /* it may run; job->why says why that is not known */
    JOB_NONE     /* there is no such job */
};

/* What the processes of a job use; see job_measure. */
struct usage {
    int processes;  /* 0: not known */
    double seconds; /* of processor time */
    double age;     /* seconds since the start of the job's process */
    double share;   /* of one processor, over that time */
    int64_t bytes;  /* of resident memory */
};

/* A job.  Its strings are NULL if unknown. */
struct job {
    enum job_state state;
    const char *why;         /* JOB_UNKNOWN: the reason; not allocated */
    struct dz_record record; /* without a record: who alone; pid 0: no process */
    bool recorded;
    int status;       /* as of waitpid(2), or -1 if unknown */
    bool keeper_runs; /* this and the next: the job has a keeper, which runs */
    bool waits;       /* its keeper is about to start it again */
    int retitled;     /* 1: argv is not what it was started with */
    int restarts;
    int last;        /* how the run before has ended, as of waitpid(2); -1: unknown */
    int watchdog;    /* 1: the watchdog has ended that run */
    int64_t began;   /* the first run; this and the next: seconds since the epoch */
    int64_t ended;   /* the last run; 0: it has not, or that is unknown */
    int64_t ready;   /* the run that dzctl restart has asked for; 0: not yet, or none */
    char *note;      /* what the keeper says is wrong */
    int64_t noticed; /* when the end was noticed, or 0 */
    int64_t log_size; /* of its logs when it was started */
    int64_t error_log_size;
    char *file; /* the record's absolute path; in lists */
    char *name;
    char *cwd;
    char *log;
    char *error_log; /* stderr's, if it has its own */
    char *pidfile;
    char **argv;
    char **options; /* "NAME" or "NAME=VALUE", as of dznohup's command line */
    char **with;    /* "PID START": what was adopted with it */
    char **older;   /* "PID START": what was in its session before it */
    struct usage usage;
    int umask;          /* of the caller; -1: unknown */
    char *problem;      /* why its pidfile names no process */
    char *real_pidfile; /* pidfile, if no record names it */
    char **lists;       /* holds argv, options, older and the record's strings */
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

/* Allocated memory that the text of a record is read to; empty at first. */
struct text_room {
    char *text;
    size_t size;
};

/* Like job_read; many calls may use one room, which the caller frees. */
int job_read_by(struct job *job, int directory, const char *path, const char *file,
                struct text_room *room);

/* Reads all records, sorted by name, then those without a name by PID.  *jobs is
 * allocated.  A missing state directory has no jobs. */
int job_list(struct job **jobs, size_t *count, struct dz_fault *fault);

/* ---- usage.c ---- */

/* Looks at all processes at once, for job_was_seen and the next job_measure. */
void job_walk(void);

/* Returns whether job_walk has found that process, running.  If not, the caller must
 * look the process up. */
bool job_was_seen(const struct dz_identity *who);

/* Fills in what each job that runs uses, by one walk over /proc: its session if that is
 * its own, else its process and what descends from that. */
void job_measure(struct job *const *jobs, size_t count);

/* ---- job.c: changing and removing ---- */

/* Removes the pidfile of a job that has ended. */
void job_remove_pidfile(const struct job *job);

/* Removes the record and pidfile of a job whose end is proven. */
void job_forget(const struct job *job);

/* Notes that the job has ended just now, with that status or -1, in its record too. */
void job_note_end(struct job *job, int status);

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

/* Asks the keeper to stop its job: signal, and KILL after timeout.  Returns 0, or -1
 * and sets errno: ESRCH if the keeper has ended. */
int kept_ask_stop(const struct job *job, int signal, int64_t timeout);

/* Takes the end that the keeper has recorded. */
void job_take_kept_end(struct job *job);

/* Makes the keeper start its job again, and prints the new PID.  Returns the exit
 * status. */
int kept_restart(const struct job *job, const char *word, int64_t timeout);

/* Appends ", started ..., restarted 3 times, last: exit status 5" and so on. */
void kept_words(const struct job *job, struct dz_text *text);

/* ---- launch.c ---- */

/* Returns the value of an option in the record, "" for a flag, or NULL. */
const char *option_of(const struct job *job, const char *name);

/* Reads the environment with which a process was executed.  Returns an allocated list,
 * or NULL and sets errno. */
char **read_environment(pid_t pid);

/* Returns whether that variable belongs to one start alone, as NOTIFY_SOCKET does. */
bool is_of_a_start(const char *entry);

/* ---- taken.c: what a new keeper takes from the program ---- */

/* In the child that becomes dznohup: copies descriptors from the process, under their
 * numbers.  list names them, as for --keep-fd.  Returns 0, or -1 with the fault. */
int take_descriptors(pid_t pid, const char *list, struct dz_fault *fault);

/* Returns the path of the file that the process has as its stream, or NULL if that has
 * none. */
const char *stream_path(pid_t pid, int number, char path[PATH_MAX]);

/* ---- launch.c, again ---- */

/* Frees what read_environment has returned. */
void free_environment(char **list);

/* Returns 0 if the record has all that dznohup needs, or -1 with the fault. */
int check_again(const struct job *job, const char *command, const char *word,
                struct dz_fault *fault);

/*
 * Runs dznohup with the options and words of the job: it starts the job or, if resume
 * is not 0, becomes the keeper of that process.  Sets *pid to the job's.  Returns the
 * exit status.
 */
int run_launcher(const struct job *job, char **envp, pid_t resume, pid_t *pid);

/* ---- keep.c ---- */

/* Returns whether the job runs, and its keeper has ended. */
bool lacks_keeper(const struct job *job);

/* Puts another keeper in the place of the one that has ended, and reads the job anew.
 * quiet: no message, and the job is as before if that fails.  Returns the exit status.
 */
int keep_again(struct job *job, bool quiet);

/* ---- select.c: the jobs that a command is about ---- */

/* A job and what the user called it. */
struct choice {
    struct job job;
    const char *word; /* without one: its name, or its PID in digits */
    char digits[24];
};

/*
 * Finds the jobs that arguments name from operand first on or, with --all, all that
 * have a record.  Reports each that cannot be found, and returns the greatest status of
 * those reports, 0 without one.  failure, if not 0, stands for CTL_FAILED then.
 * *choices is allocated.
 */
int select_jobs(const struct arguments *arguments, int first, int failure,
                struct choice **choices, size_t *count);

/* Drops the jobs that do not run. */
void keep_running(struct choice *choices, size_t *count);

/* Calls job_measure for them. */
void measure_choices(struct choice *choices, size_t count);

void free_choices(struct choice *choices, size_t count);

/* The name that the user of a word may have meant. */
struct nearest {
    const char *word;
    size_t distance;         /* of name */
    char name[NAME_MAX + 1]; /* "": none is near */
};

/* Puts name into *nearest if it is near the word, and nearer than the one there. */
void take_nearer(struct nearest *nearest, const char *name);

/* Fills in *fault: there is no job called word, and which name is the nearest.  Its
 * status is CTL_NOT_RUNNING.  Returns -1. */
int fault_no_job(const char *command, const char *word, struct dz_fault *fault);

/* ---- send.c ---- */

/* Returns 0 if the job runs, or -1 with the fault. */
int check_runs(const struct choice *choice, const char *command,
               struct dz_fault *fault);

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

/* Appends "status 3" or "SIGKILL" for a status as of waitpid(2). */
void add_status(struct dz_text *text, int status);

enum { SHOWN_MAX = 32 };

/* Return a text, which may be in room; "-" if the value is unknown.  Of seconds since
 * the epoch, shown_time returns date and time.  If brief, it returns the time of today,
 * or the date of another day. */
const char *shown_time(int64_t seconds, bool brief, char room[SHOWN_MAX]);
const char *shown_share(const struct usage *usage, char room[SHOWN_MAX]);  /* "0.5%" */
const char *shown_memory(const struct usage *usage, char room[SHOWN_MAX]); /* "12M" */

/* Returns when the job was started, or 0. */
int64_t started_at(const struct job *job);

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

/* ---- schedule.c: what stop sends, and when ---- */

enum { SCHEDULE_MAX = 16 };

struct schedule {
    int count;
    struct {
        int signal;
        int64_t wait; /* milliseconds after it */
    } steps[SCHEDULE_MAX];
};

/* Parses "TERM,5,KILL", or a signal alone, which KILL follows after timeout.  Returns
 * NULL, or the reason of a refusal. */
const char *parse_schedule(struct schedule *schedule, const char *text,
                           int64_t timeout);

/* ---- targets.c: stops several jobs at a time ---- */

/* A job that is to be stopped. */
struct target {
    struct job *job;
    const char *word;
    bool kept;                  /* its keeper stops it, and is waited for */
    pid_t session;              /* to be ended with it; 0: none */
    struct dz_identity *spared; /* of that session */
    size_t spared_count;
    struct dz_identity *with; /* to be ended with it, each with its session */
    size_t with_count;
    bool shares_session;       /* the job has no session of its own; below.c */
    struct dz_identity *below; /* descendants of the job that were seen */
    size_t below_count;
    int pidfd; /* or -1 */
    bool ended;
    int64_t killed; /* the milliseconds after which it took KILL, or -1 */
    int err;        /* why it cannot be stopped, or 0 */
};

/* Makes a target of a job that runs. */
void target_init(struct target *target, struct job *job, const char *word);

void target_free(struct target *target);

/* Returns the session that the job runs in, which is read while it runs; 0 if the
 * session is not its own. */
pid_t job_own_session(const struct job *job);

/* Stops all of them by the schedule, then what is left of their sessions.  Notes the
 * ends. */
void stop_targets(struct target *targets, size_t count,
                  const struct schedule *schedule);

/* ---- rest.c ---- */

/* Stops what is left of the sessions of targets that have ended.  Sets their err. */
void stop_rests(struct target *targets, size_t count, int64_t until);

/* ---- below.c ---- */

/* If the job has no session of its own, notes its present descendants.  Sets the
 * target's err if that fails. */
void note_descendants(struct target *target);

/* Ends the noted descendants, and what they fork meanwhile: TERM, and KILL when the
 * clock reaches until.  Sets the target's err. */
void stop_descendants(struct target *target, int64_t until);

/* ---- source.c, follow.c ---- */

/* A log that is shown. */
struct source {
    const struct choice *choice;
    const char *path;
    int fd;        /* or -1 */
    bool labelled; /* the job's name is before each line */
    char *begun;   /* the beginning of a line, without its end */
    size_t length;
    size_t room;
    bool done; /* follow: the job has ended and all was read */
};

/* Copies the log to stdout from its position on.  Returns 0, or -1 and sets errno;
 * *written is false if stdout failed. */
int copy_rest(struct source *source, bool *written);

/* Prints a labelled line that lacks its end.  Returns as copy_rest. */
int end_begun_line(struct source *source, bool *written);

/* Prints new lines until all jobs have ended.  Returns as copy_rest, and sets *failed
 * to the log that cannot be read. */
int follow(struct source *sources, size_t count, bool *written, struct source **failed);

/* ---- log.c ---- */

/* Returns where this run begins in a log, job->log or job->error_log. */
int64_t begin_of_run(const struct job *job, const char *log,
                     const struct dz_stat *about);

/* ---- asking.c: the conditions of --wait, asked of a job that runs ---- */

/*
 * Returns whether the condition holds.  directory is that of relative paths and of
 * commands; NULL: the current one.  A command is ended at the time until.
 */
bool condition_holds(struct job *job, const struct dz_condition *condition,
                     const char *directory, int64_t until);

/* Appends what has not happened. */
void add_not_ready(struct job *job, const struct dz_condition *condition,
                   struct dz_text *text);

/* ---- the commands ---- */

int command_list(const struct ctl_command *command, int argc, char **argv);
int command_status(const struct ctl_command *command, int argc, char **argv);
int command_restart(const struct ctl_command *command, int argc, char **argv);
int command_start(const struct ctl_command *command, int argc, char **argv);
int command_keep(const struct ctl_command *command, int argc, char **argv);
int command_rotate(const struct ctl_command *command, int argc, char **argv);
int command_unit(const struct ctl_command *command, int argc, char **argv);
int command_stop(const struct ctl_command *command, int argc, char **argv);
int command_wait(const struct ctl_command *command, int argc, char **argv);
int command_log(const struct ctl_command *command, int argc, char **argv);
int command_inspect(const struct ctl_command *command, int argc, char **argv);
int command_clear(const struct ctl_command *command, int argc, char **argv);
int command_signal(const struct ctl_command *command, int argc, char **argv);
int command_ready(const struct ctl_command *command, int argc, char **argv);
int command_pid(const struct ctl_command *command, int argc, char **argv);

#endif
