/*
 * The one table of options.
 *
 * The command line, the twins in the environment, --help, the completions, -n,
 * DZ_INSIDE and the record of a job are all made from it.  Faults name options as their
 * step.  dzctl looks some up in a record by name.  No other code knows their names.
 */
#include "plan.h"

#include <string.h>

#define FIELD(name) offsetof(struct dz_plan, name)

enum {
    BOTH = DZ_CLI | DZ_SHIM,
    KEPT = BOTH | DZ_RECORDED,            /* an option of a start */
    KEEPER = DZ_CLI | DZ_RECORDED,        /* libdz.so alone has no keeper */
    INSIDE = KEPT | DZ_HANDED | DZ_POWER, /* and a power inside the target */
    ALIAS = DZ_CLI /* a second name of an option; the first name shows its field */
};

const struct dz_option dz_options[] = {
    {.name = "daemon",
     .letter = 'd',
     .uses = ALIAS | DZ_SHORT,
     .field = FIELD(mode),
     .parse = dz_parse_mode,
     .help = "start COMMAND in the background, print its PID"},
    {.name = "mode",
     .twin = "DZ_MODE",
     .arg = "stay|leave",
     .uses = KEPT,
     .field = FIELD(mode),
     .parse = dz_parse_mode,
     .show = dz_show_mode,
     .help = "stay: keep this PID; leave: as --daemon"},
    {.name = "keep-session",
     .twin = "DZ_KEEP_SESSION",
     .uses = KEPT,
     .field = FIELD(keep_session),
     .parse = dz_parse_flag,
     .show = dz_show_flag,
     .help = "change only what options name, and not the session"},
    {.name = "output",
     .letter = 'o',
     .twin = "DZ_OUTPUT",
     .arg = "FILE",
     .uses = KEPT | DZ_SHORT,
     .field = FIELD(output),
     .parse = dz_parse_output,
     .show = dz_show_output,
     .help = "append output to FILE, syslog:, journal: or |COMMAND"},
    {.name = "error",
     .letter = 'e',
     .twin = "DZ_ERROR",
     .arg = "FILE",
     .uses = KEPT,
     .field = FIELD(error),
     .parse = dz_parse_error,
     .show = dz_show_output,
     .help = "append stderr alone to FILE, or send it as -o does"},
    {.name = "input",
     .letter = 'i',
     .twin = "DZ_INPUT",
     .arg = "FILE",
     .uses = KEPT,
     .field = FIELD(input),
     .parse = dz_parse_input,
     .show = dz_show_output,
     .help = "read stdin from FILE; - keeps stdin"},
    {.name = "timestamps",
     .twin = "DZ_TIMESTAMPS",
     .arg = "[FORMAT]",
     .uses = DZ_CLI | DZ_RECORDED,
     .field = FIELD(timestamps),
     .parse = dz_parse_timestamps,
     .show = dz_show_text,
     .help = "begin each line of output with its time"},
    {.name = "rotate",
     .twin = "DZ_ROTATE",
     .arg = "SIZE[,COUNT]",
     .uses = DZ_CLI | DZ_RECORDED,
     .field = FIELD(rotate),
     .parse = dz_parse_rotation,
     .show = dz_show_rotation,
     .help = "rename a log that reaches SIZE; keep COUNT (5)"},
    {.name = "chdir",
     .letter = 'C',
     .twin = "DZ_CHDIR",
     .arg = "DIR",
     .uses = KEPT | DZ_SHORT,
     .field = FIELD(chdir),
     .parse = dz_parse_text,
     .show = dz_show_text,
     .help = "run in DIR instead of /; . is the current directory"},
    {.name = "umask",
     .letter = 'u',
     .twin = "DZ_UMASK",
     .arg = "MASK",
     .uses = KEPT,
     .field = FIELD(umask),
     .parse = dz_parse_umask,
     .show = dz_show_umask,
     .help = "set the umask, in octal"},
    {.name = "ignore",
     .twin = "DZ_IGNORE",
     .arg = "SIG,...",
     .uses = KEPT,
     .field = FIELD(ignore),
     .parse = dz_parse_signals,
     .show = dz_show_signals,
     .help = "ignore these signals as well"},
    {.name = "keep-fd",
     .twin = "DZ_KEEP_FD",
     .arg = "N,...",
     .uses = KEPT,
     .field = FIELD(keep_fd),
     .parse = dz_parse_fds,
     .show = dz_show_text,
     .help = "keep these descriptors open"},
    {.name = "wait",
     .letter = 'w',
     .twin = "DZ_WAIT",
     .arg = "COND,...",
     .uses = KEPT | DZ_SHORT,
     .field = FIELD(wait),
     .parse = dz_parse_conditions,
     .show = dz_show_conditions,
     .help = "with -d: return when these conditions hold"},
    {.name = "timeout",
     .letter = 't',
     .twin = "DZ_TIMEOUT",
     .arg = "SEC",
     .uses = KEPT | DZ_SHORT,
     .field = FIELD(timeout),
     .parse = dz_parse_timeout,
     .show = dz_show_timeout,
     .help = "stop COMMAND if it is not ready within SEC (30)"},
    {.name = "ready-fd",
     .twin = "DZ_READY_FD",
     .arg = "N",
     .uses = DZ_CLI,
     .field = FIELD(ready_fd),
     .parse = dz_parse_ready_fd,
     .show = dz_show_ready_fd,
     .help = "write a newline to descriptor N when ready"},
    {.name = "pidfile",
     .letter = 'p',
     .twin = "DZ_PIDFILE",
     .arg = "FILE",
     .uses = KEPT | DZ_SHORT,
     .field = FIELD(pidfile),
     .parse = dz_parse_text,
     .show = dz_show_text,
     .help = "write the PID to FILE; only one job at a time"},
    {.name = "name",
     .twin = "DZ_NAME",
     .arg = "NAME",
     .uses = KEPT | DZ_SHORT,
     .field = FIELD(name),
     .parse = dz_parse_name,
     .show = dz_show_text,
     .help = "name the job for dzctl; only one job at a time"},
    {.name = "if-not-running",
     .twin = "DZ_IF_NOT_RUNNING",
     .uses = KEPT,
     .field = FIELD(if_not_running),
     .parse = dz_parse_flag,
     .show = dz_show_flag,
     .help = "if the job runs, print its PID and exit with 0"},
    {.twin = "DZ_STATE_DIR",
     .arg = "DIR",
     .uses = BOTH,
     .field = FIELD(state_dir),
     .parse = dz_parse_directory,
     .show = dz_show_text,
     .help = "directory for the records of jobs"},
    {.twin = "DZ_ONLY",
     .arg = "NAME,...",
     .uses = BOTH, /* dznohup may run in a start script for which this is set */
     .field = FIELD(only),
     .parse = dz_parse_text,
     .show = dz_show_text,
     .help = "act only in programs with these names"},
    {.name = "line-buffered",
     .uses = ALIAS | DZ_SHORT,
     .field = FIELD(buffer),
     .parse = dz_parse_buffer,
     .help = "flush stdio at each line, for live logs"},
    {.name = "buffer",
     .twin = "DZ_BUFFER",
     .arg = "line|none|full",
     .uses = INSIDE | DZ_SPREADS,
     .field = FIELD(buffer),
     .parse = dz_parse_buffer,
     .show = dz_show_buffer,
     .help = "choose how stdio buffers stdout"},
    {.name = "pin-signals",
     .twin = "DZ_PIN",
     .arg = "[default|all|seccomp]",
     .uses = INSIDE,
     .field = FIELD(pin),
     .parse = dz_parse_pin,
     .show = dz_show_pin,
     .help = "keep HUP, TTIN and TTOU ignored"},
    {.name = "no-daemon",
     .twin = "DZ_NODAEMON",
     .arg = "[quiet]",
     .uses = INSIDE,
     .field = FIELD(no_daemon),
     .parse = dz_parse_no_daemon,
     .show = dz_show_no_daemon,
     .help = "keep a self-daemonizing program in this process"},
    {.name = "reopen",
     .twin = "DZ_REOPEN",
     .uses = INSIDE,
     .field = FIELD(reopen),
     .parse = dz_parse_flag,
     .show = dz_show_flag,
     .help = "reopen the log at SIGHUP"},
    {.name = "inherit",
     .twin = "DZ_INHERIT",
     .uses = KEPT | DZ_HANDED,
     .field = FIELD(inherit),
     .parse = dz_parse_flag,
     .show = dz_show_flag,
     .help = "apply pin-signals, no-daemon, reopen to children too"},
    {.name = "keep",
     .twin = "DZ_KEEP",
     .uses = KEEPER,
     .field = FIELD(keep),
     .parse = dz_parse_flag,
     .show = dz_show_flag,
     .help = "stay as keeper: record the end, reap, pass signals"},
    {.name = "restart",
     .twin = "DZ_RESTART",
     .arg = "[on-failure|always][:MAX]",
     .uses = KEEPER | DZ_SHORT,
     .field = FIELD(restart),
     .parse = dz_parse_restart,
     .show = dz_show_restart,
     .help = "start COMMAND again when it ends"},
    {.name = "restart-delay",
     .twin = "DZ_RESTART_DELAY",
     .arg = "SEC[,MAX]",
     .uses = KEEPER,
     .field = FIELD(delay),
     .parse = dz_parse_delay,
     .show = dz_show_delay,
     .help = "wait SEC (0.1) first, doubling up to MAX (60)"},
    {.name = "restart-keep-children",
     .twin = "DZ_RESTART_KEEP_CHILDREN",
     .uses = KEEPER,
     .field = FIELD(keep_children),
     .parse = dz_parse_flag,
     .show = dz_show_flag,
     .help = "do not end what a run has left behind"},
    {.name = "watchdog",
     .twin = "DZ_WATCHDOG",
     .arg = "SEC",
     .uses = KEEPER,
     .field = FIELD(watchdog),
     .parse = dz_parse_timeout,
     .show = dz_show_watchdog,
     .help = "end COMMAND if it sends no WATCHDOG=1 within SEC"},
    {.name = "signal-group",
     .twin = "DZ_SIGNAL_GROUP",
     .uses = KEEPER,
     .field = FIELD(signal_group),
     .parse = dz_parse_flag,
     .show = dz_show_flag,
     .help = "the keeper passes signals on to the process group"},
    {.name = "dry-run",
     .letter = 'n',
     .twin = "DZ_DRY_RUN",
     .uses = DZ_CLI | DZ_SHORT,
     .field = FIELD(dry_run),
     .parse = dz_parse_flag,
     .show = dz_show_flag,
     .help = "show what would be done; run nothing"},
    {.name = "verbose",
     .letter = 'v',
     .twin = "DZ_VERBOSE",
     .uses = KEPT,
     .field = FIELD(verbose),
     .parse = dz_parse_flag,
     .show = dz_show_flag,
     .help = "show pid, ppid, pgid, sid and tty after each step"},
    {.name = "quiet",
     .letter = 'q',
     .twin = "DZ_QUIET",
     .uses = KEPT,
     .field = FIELD(quiet),
     .parse = dz_parse_flag,
     .show = dz_show_flag,
     .help = "print errors only"},
    {.name = "nohup",
     .uses = DZ_CLI,
     .field = FIELD(nohup),
     .parse = dz_parse_flag,
     .show = dz_show_flag,
     .help = "behave exactly as nohup(1)"},
    {.name = "shim",
     .twin = "DZ_SHIM",
     .arg = "PATH",
     .uses = KEPT,
     .field = FIELD(shim),
     .parse = dz_parse_text,
     .show = dz_show_text,
     .help = "preload this libdz.so if one is needed"},
    {.name = "resume",
     .arg = "PID",
     .uses = DZ_CLI,
     .field = FIELD(resume),
     .parse = dz_parse_pid,
     .show = dz_show_pid,
     .help = "be the new keeper of a job, for dzctl keep"},
    {.name = "adopt",
     .arg = "PID",
     .uses = DZ_CLI | DZ_SHORT,
     .field = FIELD(adopt),
     .parse = dz_parse_pid,
     .show = dz_show_pid,
     .help = "make a running program a daemon"},
    {.name = "tree",
     .uses = DZ_CLI,
     .field = FIELD(tree),
     .parse = dz_parse_flag,
     .show = dz_show_flag,
     .help = "with --adopt: adopt descendants and group too"},
    {.name = "pipes",
     .uses = DZ_CLI,
     .field = FIELD(pipes),
     .parse = dz_parse_flag,
     .show = dz_show_flag,
     .help = "with --adopt: output to a pipe goes to the log, too"},
    {.name = "keep-handlers",
     .uses = DZ_CLI,
     .field = FIELD(keep_handlers),
     .parse = dz_parse_flag,
     .show = dz_show_flag,
     .help = "with --adopt: do not ignore signals that PID handles"},
    {.name = "help",
     .letter = 'h',
     .arg = "[all]",
     .uses = DZ_CLI | DZ_SHORT,
     .field = FIELD(help),
     .parse = dz_parse_help,
     .help = "print this help, or all of it, and exit"},
    {.name = "version",
     .letter = 'V',
     .uses = DZ_CLI,
     .field = FIELD(version),
     .parse = dz_parse_flag,
     .show = dz_show_flag,
     .help = "print the version and exit"},
    {.help = NULL},
};

void dz_plan_init(struct dz_plan *plan, char **argv)
{
    plan->umask = -1;
    plan->timeout = DZ_DEFAULT_TIMEOUT;
    plan->delay.first = DZ_DEFAULT_DELAY;
    plan->delay.most = DZ_DEFAULT_DELAY_MOST;
    plan->argv = argv;
    plan->wait.defaults = true;
}

int dz_plan_set(struct dz_plan *plan, const struct dz_option *option, const char *value,
                const char *called, struct dz_fault *fault)
{
    void *field = (char *)plan + option->field;

    if (option->parse(field, value, fault) == 0)
        return 0;
    struct dz_text step = dz_text(fault->step, sizeof fault->step);
    dz_add(&step, called); /* a name of the table: it fits */
    return -1;
}

const char *dz_plan_show(const struct dz_plan *plan, const struct dz_option *option,
                         int use, char *scratch)
{
    return (option->uses & use) == 0 || option->show == NULL
               ? NULL
               : option->show((const char *)plan + option->field, scratch);
}

/* Returns the option whose twin is the first length bytes of entry, or NULL. */
static const struct dz_option *find_twin(const char *entry, size_t length)
{
    for (const struct dz_option *option = dz_options; option->help != NULL; option++)
        if (option->twin != NULL && strlen(option->twin) == length &&
            memcmp(option->twin, entry, length) == 0)
            return option;
    return NULL;
}

/* Sets the option of one entry, "DZ_NAME=value". */
static int set_twin(struct dz_plan *plan, const char *entry, int use,
                    struct dz_fault *fault)
{
    size_t length = strcspn(entry, "=");
    const struct dz_option *option = find_twin(entry, length);

    if (option == NULL) {
        dz_fault(fault, "environment", entry, 0,
                 "unknown variable; see dznohup --help=all");
        if (length < sizeof fault->object)
            fault->object[length] = '\0'; /* the name without the value */
        return -1;
    }
    if ((option->uses & use) == 0)
        return dz_fault(fault, "environment", option->twin, 0,
                        use == DZ_SHIM ? "only dznohup uses this variable"
                                       : "only libdz.so uses this variable");
    if (entry[length] == '\0') /* no '=': execve(2) was given no variable */
        return dz_fault(fault, "environment", entry, 0, "has no value");
    return dz_plan_set(plan, option, entry + length + 1, option->twin, fault);
}

int dz_plan_environment(struct dz_plan *plan, char **envp, int use,
                        struct dz_fault *fault)
{
    for (char **at = envp; *at != NULL; at++)
        if (strncmp(*at, "DZ_", 3) == 0 && set_twin(plan, *at, use, fault) < 0)
            return -1;
    plan->wait.defaults = true;
    return 0;
}

bool dz_wants_powers(const struct dz_plan *plan)
{
    /* The kernel does DZ_PIN_SECCOMP, without the library. */
    return plan->buffer != DZ_BUFFER_AS_IS || plan->pin == DZ_PIN_DEFAULT ||
           plan->pin == DZ_PIN_ALL || plan->no_daemon != DZ_MAY_DAEMONIZE ||
           plan->reopen;
}

uint64_t dz_ignored_signals(const struct dz_plan *plan)
{
    return plan->ignore |
           (plan->keep_session && plan->pin == DZ_PIN_NONE ? 0 : dz_terminal_signals());
}

/* Checks that nothing needs a session of the job's own. */
static int check_session(const struct dz_plan *plan, struct dz_fault *fault)
{
    if (!plan->keep_session)
        return 0;
    if (plan->mode == DZ_LEAVE)
        return dz_fault(fault, "keep-session", NULL, 0,
                        "only in stay mode, but -d or DZ_MODE says leave");
    if (dz_wants_keeper(plan))
        return dz_fault(fault, "keep-session", NULL, 0,
                        "cannot be combined with --keep, --restart and other options "
                        "of the keeper, which has a session of its own");
    return 0;
}

int dz_plan_check(struct dz_plan *plan, struct dz_fault *fault)
{
    const struct dz_condition *alive = dz_condition(&plan->wait, DZ_WAIT_ALIVE);
    bool keeps = dz_wants_keeper(plan);

    /* In stay mode this process becomes the program, so only a keeper can wait.  A
     * default from the environment is for starts that leave. */
    if (plan->mode != DZ_LEAVE && plan->wait.defaults)
        plan->wait.count = 0;
    if (plan->mode != DZ_LEAVE && plan->wait.count > 0 && !keeps && !plan->managed)
        return dz_fault(fault, "wait", NULL, 0,
                        "needs -d, --keep or --restart; or a manager: NOTIFY_SOCKET "
                        "or --ready-fd");
    if (plan->mode != DZ_LEAVE && !keeps &&
        (dz_condition(&plan->wait, DZ_WAIT_MAIN) != NULL ||
         dz_condition(&plan->wait, DZ_WAIT_NOTIFY) != NULL ||
         dz_condition(&plan->wait, DZ_WAIT_FD) != NULL))
        return dz_fault(fault, "wait", NULL, 0,
                        "main, notify and fd:N need -d, --keep or --restart");
    if (alive != NULL && plan->timeout > 0 && alive->number > plan->timeout)
        return dz_fault(fault, "wait", NULL, 0, "alive:SEC is longer than the timeout");
    if (plan->reopen && plan->pin != DZ_PIN_NONE)
        return dz_fault(fault, "reopen", NULL, 0,
                        "acts on SIGHUP, which --pin-signals keeps ignored");
    if ((plan->delay.first != DZ_DEFAULT_DELAY ||
         plan->delay.most != DZ_DEFAULT_DELAY_MOST || plan->keep_children) &&
        plan->restart.policy == DZ_RESTART_NEVER)
        return dz_fault(fault,
                        plan->keep_children ? "restart-keep-children" : "restart-delay",
                        NULL, 0, "needs --restart");
    if (plan->resume > 0 && (!keeps || plan->mode != DZ_LEAVE))
        return dz_fault(fault, "resume", NULL, 0, "only dzctl keep uses this option");
    if (plan->if_not_running && plan->name == NULL && plan->pidfile == NULL)
        return dz_fault(fault, "if-not-running", NULL, 0, "needs --name or --pidfile");
    if (plan->signal_group && !keeps)
        return dz_fault(fault, "signal-group", NULL, 0, "needs --keep or --restart");
    /* Child processes have DZ_PIN_SECCOMP in any case. */
    if (plan->inherit && !dz_wants_powers(plan) && plan->pin == DZ_PIN_NONE)
        return dz_fault(fault, "inherit", NULL, 0,
                        "needs --line-buffered, --buffer, --pin-signals, --no-daemon "
                        "or --reopen");
    return check_session(plan, fault);
}
