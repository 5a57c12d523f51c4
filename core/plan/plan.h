/*
 * The plan room: what the caller asks for, and nothing else.  The option table, the
 * values of options, the conditions of a wait, and the variable that hands the powers
 * over to the library.
 *
 * Needs base.  Only the code that reads the options changes a plan.
 * Unless a comment says otherwise, a function returns 0, or -1 with *fault filled in.
 */
#ifndef PLAN_H
#define PLAN_H

#include "base.h"

enum dz_mode {
    DZ_STAY,     /* keep this PID; leave if this is a foreground job or a pipeline */
    DZ_LEAVE,    /* fork twice; the caller gets its prompt back */
    DZ_STAY_ONLY /* keep this PID or fail; only a plan has this, never a start */
};

/* How C stdio buffers stdout in the target; AS_IS: unchanged. */
enum dz_buffer { DZ_BUFFER_AS_IS, DZ_BUFFER_LINE, DZ_BUFFER_NONE, DZ_BUFFER_FULL };

/* What --help prints: the options of most starts, or all there is. */
enum dz_help { DZ_HELP_NONE, DZ_HELP_SHORT, DZ_HELP_ALL };

/* Which requests of the target about HUP, TTIN and TTOU have no effect. */
enum dz_pin {
    DZ_PIN_NONE,
    DZ_PIN_DEFAULT, /* SIG_DFL */
    DZ_PIN_ALL,     /* SIG_DFL and handlers */
    DZ_PIN_SECCOMP  /* all, by a filter in the kernel */
};

/* Whether a program that daemonizes itself stays in its process. */
enum dz_no_daemon {
    DZ_MAY_DAEMONIZE,
    DZ_NO_DAEMON,      /* it stays, and what it sends to /dev/null goes to the log */
    DZ_NO_DAEMON_QUIET /* it stays, and its output goes where it sends it */
};

/* ---- keeping.c: the options that need the keeper ---- */

/* After which end of the program the keeper starts it again. */
enum dz_restart_policy {
    DZ_RESTART_NEVER,
    DZ_RESTART_ON_FAILURE, /* not after status 0, nor after HUP, INT, TERM or PIPE */
    DZ_RESTART_ALWAYS
};

struct dz_restart {
    enum dz_restart_policy policy;
    int most; /* runs that fail in a row; 0: no limit */
};

/* The time before a restart, in milliseconds: it doubles from first up to most. */
struct dz_delay {
    int64_t first;
    int64_t most;
};

enum { DZ_DEFAULT_DELAY = 100, DZ_DEFAULT_DELAY_MOST = 60000 };

int dz_parse_restart(void *field, const char *value, struct dz_fault *fault);
const char *dz_show_restart(const void *field, char *scratch);
int dz_parse_delay(void *field, const char *value, struct dz_fault *fault);
const char *dz_show_delay(const void *field, char *scratch);
const char *dz_show_watchdog(const void *field, char *scratch);

/* Returns whether the plan needs the keeper, a process of ours that stays. */
struct dz_plan;
bool dz_wants_keeper(const struct dz_plan *plan);

/* ---- output.c: what -o, -e and -i name ---- */

enum dz_output_kind {
    DZ_OUTPUT_UNSET,   /* the table of dznohup(1) decides */
    DZ_OUTPUT_KEEP,    /* "-": keep the caller's stream */
    DZ_OUTPUT_FILE,    /* text is the file's name */
    DZ_OUTPUT_SYSLOG,  /* syslog:[FACILITY][.LEVEL]; text is what follows the colon */
    DZ_OUTPUT_JOURNAL, /* journal: */
    DZ_OUTPUT_COMMAND  /* |COMMAND; text is the command */
};

struct dz_output {
    enum dz_output_kind kind;
    const char *text;
    int priority; /* SYSLOG, JOURNAL: facility and level as of syslog(3) */
};

/* Log rotation: at size bytes, count old logs are kept.  size 0: none. */
struct dz_rotation {
    int64_t size;
    int count;
};

/* Parse -i; -o; -e, whose level is err if it names none. */
int dz_parse_input(void *field, const char *value, struct dz_fault *fault);
int dz_parse_output(void *field, const char *value, struct dz_fault *fault);
int dz_parse_error(void *field, const char *value, struct dz_fault *fault);
const char *dz_show_output(const void *field, char *scratch);

int dz_parse_timestamps(void *field, const char *value, struct dz_fault *fault);
int dz_parse_rotation(void *field, const char *value, struct dz_fault *fault);
const char *dz_show_rotation(const void *field, char *scratch);

/* Returns whether a stream's output needs a process of ours that writes it. */
struct dz_plan;
bool dz_wants_pump(const struct dz_plan *plan);

/* The name of the default format of time stamps: RFC 3339 with microseconds. */
#define DZ_STAMP_DEFAULT "rfc3339"

/* ---- conditions.c: the conditions of --wait ---- */

enum dz_condition_kind {
    DZ_WAIT_EXEC,   /* the program was executed */
    DZ_WAIT_SETTLE, /* all threads of the job have slept for some time */
    DZ_WAIT_ALIVE,  /* the program has not failed for some time */
    DZ_WAIT_MAIN,   /* the library has answered: main() is next */
    DZ_WAIT_LISTEN, /* the job has a listening socket */
    DZ_WAIT_NOTIFY, /* the job has sent READY=1, sd_notify(3) */
    DZ_WAIT_FD,     /* the job has written a newline to a descriptor */
    DZ_WAIT_PATH,   /* a file has appeared */
    DZ_WAIT_LOG,    /* a line that this run has written to a log contains a text */
    DZ_WAIT_CMD     /* a shell command has succeeded */
};

struct dz_condition {
    enum dz_condition_kind kind;
    const char *text; /* as the user wrote it, without a terminating zero */
    int length;
    int number; /* SETTLE, ALIVE: milliseconds; LISTEN: the port, 0 for none; FD */
    /* LISTEN: of a Unix socket, or NULL; PATH: the file; LOG: the text; CMD: the
     * command */
    const char *path;
    int path_length;
};

/* The most conditions of a plan, and the most bytes of a condition's text. */
enum { DZ_CONDITIONS = 8, DZ_CONDITION_MAX = PATH_MAX + 16 };

struct dz_conditions {
    int count;
    bool defaults; /* from the environment: the first --wait replaces them */
    struct dz_condition list[DZ_CONDITIONS];
};

/* Adds the conditions of a list like "listen:80,notify". */
int dz_parse_conditions(void *field, const char *value, struct dz_fault *fault);
const char *dz_show_conditions(const void *field, char *scratch);

/* Returns the list of all conditions for a message: "exec, alive:SEC". */
const char *dz_condition_forms(char *scratch);

/* Returns whether LISTEN means a socket of that port, or of that path. */
bool dz_condition_names(const struct dz_condition *condition, int port,
                        const char *path);

/* Appends what has not happened if the condition does not hold: "does not listen on
 * 80". */
void dz_add_unmet_condition(const struct dz_condition *condition, struct dz_text *text);

/* Returns what the plan waits for: its conditions, or settle if it names none. */
const struct dz_conditions *dz_wait_of(const struct dz_plan *plan);

/* Returns the condition of that kind, or NULL. */
const struct dz_condition *dz_condition(const struct dz_conditions *conditions,
                                        enum dz_condition_kind kind);

/* ---- options.c: the one table of options ---- */

struct dz_plan {
    enum dz_mode mode;
    bool keep_session; /* stay: what no option names stays as the caller has it */
    struct dz_output output;
    struct dz_output error;
    struct dz_output input;
    const char *timestamps; /* a format of strftime(3), DZ_STAMP_DEFAULT, or NULL */
    struct dz_rotation rotate;
    const char *chdir; /* NULL: / */
    int umask;         /* -1: unchanged */
    uint64_t ignore;   /* signals to ignore besides HUP, TTIN, TTOU: bit N-1 */
    const char *keep_fd;
    struct dz_conditions wait;
    int64_t timeout; /* milliseconds; 0: none */
    int ready_fd;    /* --ready-fd: a newline goes there; 0: none */
    bool managed;    /* launcher: a manager waits to be told that the job is ready */
    const char *pidfile;
    const char *name;
    bool if_not_running;   /* a job that is already running is no failure */
    const char *state_dir; /* read by dz_state_open from envp, as dzctl does */
    const char *only;      /* library: DZ_ONLY */
    enum dz_buffer buffer; /* this and the next three: inside the target, libdz(7) */
    enum dz_pin pin;
    enum dz_no_daemon no_daemon;
    bool reopen;
    bool inherit;
    bool keep; /* this and the next five: the keeper */
    struct dz_restart restart;
    struct dz_delay delay;
    bool keep_children; /* what a run leaves behind stays for the next */
    int64_t watchdog;   /* milliseconds within which the program speaks; 0: any */
    bool signal_group;  /* signals go to the program's process group */
    const char *shim;   /* launcher: path of libdz.so */
    bool verbose;
    bool quiet;
    bool dry_run;
    bool nohup;
    enum dz_help help;
    bool version;
    pid_t resume; /* a job that runs, whose keeper is gone; 0: a command is started */
    pid_t adopt;  /* a program that runs, to be made a daemon; 0: none */
    bool tree;    /* this and the next two: of --adopt */
    bool pipes;
    bool keep_handlers;

    char **argv; /* the command; NULL if it is unknown */
};

/* What an option is for. */
enum {
    DZ_CLI = 1,       /* dznohup takes it */
    DZ_SHIM = 2,      /* libdz.so takes its twin */
    DZ_POWER = 4,     /* the library acts on it inside the target */
    DZ_HANDED = 8,    /* DZ_INSIDE hands it over to the library */
    DZ_RECORDED = 16, /* the record of a job holds it, for a restart */
    DZ_SPREADS = 32,  /* it reaches what the target starts, even without --inherit */
    DZ_SHORT = 64     /* --help shows it; --help=all shows every option */
};

/* The longest text that a show function writes to its scratch. */
enum { DZ_SHOWN_MAX = DZ_CONDITIONS * DZ_CONDITION_MAX };

/*
 * A row.  arg is NULL for a flag; an argument "[X]" is optional.  The row with a NULL
 * help ends the table.  parse sets the field from a value, which is NULL for a flag.
 * show, its inverse, returns the value as it would be written ("" for a flag), or NULL
 * if the field has its default.  If two rows have one field, one of them has no show.
 */
struct dz_option {
    const char *name; /* NULL: a twin only */
    char letter;      /* 0: none */
    const char *twin; /* NULL: none */
    const char *arg;
    int uses;
    size_t field; /* offset in struct dz_plan */
    int (*parse)(void *field, const char *value, struct dz_fault *fault);
    const char *(*show)(const void *field, char *scratch);
    const char *help;
};

extern const struct dz_option dz_options[];

/* Fills a plan, zero before, with the defaults. */
void dz_plan_init(struct dz_plan *plan, char **argv);

/*
 * Sets one option of plan; value is NULL for a flag.  The step of a fault is the string
 * called, the option as the user wrote it: "--umask" or "DZ_UMASK".
 */
int dz_plan_set(struct dz_plan *plan, const struct dz_option *option, const char *value,
                const char *called, struct dz_fault *fault);

/* Returns the value of an option as it would be written, or NULL if it is not of that
 * use or has its default; scratch has room for DZ_SHOWN_MAX bytes. */
const char *dz_plan_show(const struct dz_plan *plan, const struct dz_option *option,
                         int use, char *scratch);

/* Sets plan from every DZ_* in envp; use is DZ_CLI or DZ_SHIM.  An unknown variable is
 * a fault. */
int dz_plan_environment(struct dz_plan *plan, char **envp, int use,
                        struct dz_fault *fault);

/* Returns whether the plan needs the library inside the target. */
bool dz_wants_powers(const struct dz_plan *plan);

/* Returns the signals that the target is to ignore: bit N-1.  All others are at their
 * defaults, or with --keep-session as the caller has them. */
uint64_t dz_ignored_signals(const struct dz_plan *plan);

/* Checks that the options can be combined, once all of them have been read.  In stay
 * mode drops conditions that are only a default. */
int dz_plan_check(struct dz_plan *plan, struct dz_fault *fault);

/* ---- values.c: parsers, each with its inverse ---- */

int dz_parse_text(void *field, const char *value, struct dz_fault *fault);
const char *dz_show_text(const void *field, char *scratch);
int dz_parse_directory(void *field, const char *value, struct dz_fault *fault);
int dz_parse_flag(void *field, const char *value, struct dz_fault *fault);
const char *dz_show_flag(const void *field, char *scratch);
int dz_parse_help(void *field, const char *value, struct dz_fault *fault);
int dz_parse_mode(void *field, const char *value, struct dz_fault *fault);
const char *dz_show_mode(const void *field, char *scratch);
int dz_parse_buffer(void *field, const char *value, struct dz_fault *fault);
const char *dz_show_buffer(const void *field, char *scratch);
int dz_parse_pin(void *field, const char *value, struct dz_fault *fault);
const char *dz_show_pin(const void *field, char *scratch);
int dz_parse_no_daemon(void *field, const char *value, struct dz_fault *fault);
const char *dz_show_no_daemon(const void *field, char *scratch);
int dz_parse_umask(void *field, const char *value, struct dz_fault *fault);
const char *dz_show_umask(const void *field, char *scratch);
int dz_parse_signals(void *field, const char *value, struct dz_fault *fault);
const char *dz_show_signals(const void *field, char *scratch);
int dz_parse_pid(void *field, const char *value, struct dz_fault *fault);
const char *dz_show_pid(const void *field, char *scratch);
int dz_parse_fds(void *field, const char *value, struct dz_fault *fault);
int dz_parse_ready_fd(void *field, const char *value, struct dz_fault *fault);
const char *dz_show_ready_fd(const void *field, char *scratch);
int dz_parse_name(void *field, const char *value, struct dz_fault *fault);
int dz_parse_timeout(void *field, const char *value, struct dz_fault *fault);
const char *dz_show_timeout(const void *field, char *scratch);

enum { DZ_DEFAULT_TIMEOUT = 30000 /* milliseconds */ };

/* ---- handover.c: what the library learns inside the target ---- */

/* The variable of a program for which dznohup, or the program before, has done all but
 * begin the powers. */
#define DZ_INSIDE "DZ_INSIDE"

/* The longest text of the options that are handed over. */
enum { DZ_POWERS_MAX = 128 };

/*
 * Writes the options that the library acts on: "buffer=line,reopen".  started: for a
 * program that the target starts, which gets --buffer alone unless --inherit is set.
 */
void dz_powers_text(const struct dz_plan *plan, bool started, char text[DZ_POWERS_MAX]);

enum dz_inside_kind {
    DZ_INSIDE_AWAITED, /* dznohup has executed the target, and another process of
                          dznohup waits for the answer */
    DZ_INSIDE_ALONE,   /* dznohup has become the target, and no process waits */
    DZ_INSIDE_NEXT,    /* the target has executed its next program */
    DZ_INSIDE_CHILD    /* the target has started the program */
};

/* The paths that are handed over. */
enum dz_inside_path {
    DZ_INSIDE_LOG,       /* of stdout, for --reopen */
    DZ_INSIDE_ERROR_LOG, /* of stderr */
    DZ_INSIDE_PIDFILE,   /* ALONE: to be removed if the powers cannot begin */
    DZ_INSIDE_RECORD,
    DZ_INSIDE_PATHS
};

struct dz_inside {
    enum dz_inside_kind kind;
    int fd; /* AWAITED: the pipe to report on; ALONE: the caller's stderr; else -1 */
    uint64_t held; /* signals that are blocked until the powers have begun: bit N-1 */
    uint64_t ignored; /* NEXT, CHILD: controlled signals that the program before took
                       * for ignored */
    struct dz_inside_log {
        uint64_t device; /* of the log's file; 0 if dznohup has written the variable */
        uint64_t inode;
    } logs[2];
    struct {
        const char *path; /* need not be terminated */
        size_t length;    /* 0: there is none */
    } paths[DZ_INSIDE_PATHS];
};

/* Sets a path; NULL is for none. */
void dz_inside_path(struct dz_inside *inside, enum dz_inside_path which,
                    const char *path);

/* Returns the bytes that the variable needs at most, its end included. */
size_t dz_inside_size(const char *powers, const struct dz_inside *inside);

/* Appends the variable, "NAME=VALUE". */
void dz_inside_write(const char *powers, const struct dz_inside *inside,
                     struct dz_text *text);

/* Reads the variable's value: sets the powers of plan, and *inside, whose paths are in
 * value.  Returns 0, or -1 if dz_inside_write did not write it. */
int dz_inside_read(struct dz_plan *plan, const char *value, struct dz_inside *inside);

#endif
