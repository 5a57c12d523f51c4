/*
 * The one table of options, and the plan that is read from it.
 *
 * The launcher reads it for its command line, its help and its defaults from
 * the environment; the shim for its settings.  Nothing else in the project
 * knows an option's name.
 */
#include "start.h"

#include <errno.h>
#include <string.h>

#define FIELD(name) offsetof(struct dz_plan, name)

enum { DEFAULT_TIMEOUT = 30000 /* milliseconds */ };

static int parse_text(void *field, const char *value, struct dz_fault *fault)
{
    if (*value == '\0')
        return dz_fault(fault, NULL, NULL, 0, "empty");
    *(const char **)field = value;
    return 0;
}

static int parse_folder(void *field, const char *value, struct dz_fault *fault)
{
    if (*value != '/')
        return dz_fault(fault, NULL, value, 0, "not an absolute path");
    *(const char **)field = value;
    return 0;
}

static int parse_flag(void *field, const char *value, struct dz_fault *fault)
{
    if (value != NULL && strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
        return dz_fault(fault, NULL, value, 0, "neither 0 nor 1");
    *(bool *)field = value == NULL || *value == '1';
    return 0;
}

/* The value is stay or leave; NULL for --daemon. */
static int parse_mode(void *field, const char *value, struct dz_fault *fault)
{
    enum dz_mode *mode = field;

    if (value == NULL || strcmp(value, "leave") == 0)
        *mode = DZ_LEAVE;
    else if (strcmp(value, "stay") == 0)
        *mode = DZ_STAY;
    else
        return dz_fault(fault, NULL, value, 0, "neither stay nor leave");
    return 0;
}

/* The value is line, none or full; NULL for --line-buffered. */
static int parse_buffer(void *field, const char *value, struct dz_fault *fault)
{
    enum dz_buffer *buffer = field;

    if (value == NULL || strcmp(value, "line") == 0)
        *buffer = DZ_BUFFER_LINE;
    else if (strcmp(value, "none") == 0)
        *buffer = DZ_BUFFER_NONE;
    else if (strcmp(value, "full") == 0)
        *buffer = DZ_BUFFER_FULL;
    else
        return dz_fault(fault, NULL, value, 0, "neither line, none nor full");
    return 0;
}

/* The value is default, all or seccomp; NULL for the option without one. */
static int parse_pin(void *field, const char *value, struct dz_fault *fault)
{
    enum dz_pin *pin = field;

    if (value == NULL || strcmp(value, "default") == 0)
        *pin = DZ_PIN_DEFAULT;
    else if (strcmp(value, "all") == 0)
        *pin = DZ_PIN_ALL;
    else if (strcmp(value, "seccomp") == 0)
        *pin = DZ_PIN_SECCOMP;
    else
        return dz_fault(fault, NULL, value, 0, "neither default, all nor seccomp");
    return 0;
}

/* Octal, as umask(1) takes it. */
static int parse_umask(void *field, const char *value, struct dz_fault *fault)
{
    int mask = 0;
    const char *at = value;

    for (; *at >= '0' && *at <= '7' && mask <= 0777; at++)
        mask = mask * 8 + (*at - '0');
    if (*at != '\0' || at == value || mask > 0777)
        return dz_fault(fault, NULL, value, 0, "not an octal mask from 0 to 777");
    *(int *)field = mask;
    return 0;
}

/* HUP,SIGUSR1,10,RTMIN+1 */
static int parse_signals(void *field, const char *value, struct dz_fault *fault)
{
    uint64_t set = 0; /* a later option takes the place of an earlier one */
    const char *at = value;

    for (;;) {
        size_t length = strcspn(at, ",");
        int number = dz_signal_number(at, length);
        if (number < 1)
            return dz_fault(fault, NULL, value, 0, "not a list of signals");
        if (number == 9 || number == 19) /* sigaction(2): EINVAL */
            return dz_fault(fault, NULL, value, 0, "KILL and STOP cannot be ignored");
        set |= UINT64_C(1) << (number - 1);
        if (at[length] == '\0')
            break;
        at += length + 1;
    }
    *(uint64_t *)field = set;
    return 0;
}

/* 3,7,12; the text is kept, so there is no limit to their number. */
static int parse_fds(void *field, const char *value, struct dz_fault *fault)
{
    const char *at = value;

    for (;;) {
        int fd = dz_read_number(&at);
        if (fd < 0 || (*at != ',' && *at != '\0'))
            return dz_fault(fault, NULL, value, 0, "not a list of descriptors");
        if (fd < 3)
            return dz_fault(fault, NULL, value, 0,
                            "0, 1 and 2 are kept by -i -, -o - and -e -");
        if (*at == '\0')
            break;
        at++;
    }
    *(const char **)field = value;
    return 0;
}

/* A file's name, and what dzctl can tell from a PID and from an option. */
static int parse_name(void *field, const char *value, struct dz_fault *fault)
{
    size_t digits = 0;
    size_t length = strlen(value);

    for (size_t i = 0; i < length; i++) {
        digits += value[i] >= '0' && value[i] <= '9';
        if ((unsigned char)value[i] <= ' ' || value[i] == '\177' || value[i] == '/')
            return dz_fault(fault, NULL, value, 0,
                            "a name has no slash, blank or control character");
    }
    if (length == 0)
        return dz_fault(fault, NULL, NULL, 0, "empty");
    if (digits == length || value[0] == '.' || value[0] == '-')
        return dz_fault(fault, NULL, value, 0,
                        "a name is not a number and begins with no dot or dash");
    *(const char **)field = value;
    return 0;
}

const struct dz_option dz_options[] = {
    {"daemon", 'd', NULL, NULL, DZ_CLI, FIELD(mode), parse_mode,
     "start it in the background, print its PID, and return"},
    {"mode", 0, "DZ_MODE", "stay|leave", DZ_CLI | DZ_SHIM, FIELD(mode), parse_mode,
     "stay: keep this PID; leave: as --daemon"},
    {"output", 'o', "DZ_OUTPUT", "FILE", DZ_CLI | DZ_SHIM, FIELD(output), parse_text,
     "append output to FILE; - keeps stdout"},
    {"error", 'e', "DZ_ERROR", "FILE", DZ_CLI | DZ_SHIM, FIELD(error), parse_text,
     "append stderr to FILE; - keeps it"},
    {"input", 'i', "DZ_INPUT", "FILE", DZ_CLI | DZ_SHIM, FIELD(input), parse_text,
     "read stdin from FILE; - keeps it"},
    {"chdir", 'C', "DZ_CHDIR", "DIR", DZ_CLI | DZ_SHIM, FIELD(chdir), parse_text,
     "run in DIR instead of /; . stays here"},
    {"umask", 'u', "DZ_UMASK", "MASK", DZ_CLI | DZ_SHIM, FIELD(umask), parse_umask,
     "set the umask, in octal"},
    {"ignore", 0, "DZ_IGNORE", "SIG,...", DZ_CLI | DZ_SHIM, FIELD(ignore),
     parse_signals, "ignore these signals too"},
    {"keep-fd", 0, "DZ_KEEP_FD", "N,...", DZ_CLI | DZ_SHIM, FIELD(keep_fd), parse_fds,
     "leave these descriptors open"},
    {"wait", 'w', "DZ_WAIT", "COND,...", DZ_CLI | DZ_SHIM, FIELD(wait),
     dz_parse_conditions, "with -d: return when these hold"},
    {"timeout", 't', "DZ_TIMEOUT", "SEC", DZ_CLI | DZ_SHIM, FIELD(timeout),
     dz_parse_seconds, "or stop it after SEC (30), with 124"},
    {"pidfile", 'p', "DZ_PIDFILE", "FILE", DZ_CLI | DZ_SHIM, FIELD(pidfile), parse_text,
     "write the PID to FILE; one at a time"},
    {"name", 0, "DZ_NAME", "NAME", DZ_CLI | DZ_SHIM, FIELD(name), parse_name,
     "the job's NAME, for dzctl; one at a time"},
    {NULL, 0, "DZ_STATE_DIR", "DIR", DZ_CLI | DZ_SHIM, FIELD(state_dir), parse_folder,
     "where the records of jobs are"},
    {NULL, 0, "DZ_ONLY", "NAME,...", DZ_SHIM, FIELD(only), parse_text,
     "act only in programs of these names"},
    {"line-buffered", 0, NULL, NULL, DZ_CLI, FIELD(buffer), parse_buffer,
     "live logs: stdio flushed at each line"},
    {"buffer", 0, "DZ_BUFFER", "line|none|full", DZ_CLI | DZ_SHIM, FIELD(buffer),
     parse_buffer, "how stdio buffers stdout"},
    {"pin-signals", 0, "DZ_PIN", "[default|all|seccomp]", DZ_CLI | DZ_SHIM, FIELD(pin),
     parse_pin, "HUP, TTIN, TTOU stay ignored"},
    {"no-daemon", 0, "DZ_NODAEMON", NULL, DZ_CLI | DZ_SHIM, FIELD(no_daemon),
     parse_flag, "a program that daemonizes itself stays"},
    {"reopen", 0, "DZ_REOPEN", NULL, DZ_CLI | DZ_SHIM, FIELD(reopen), parse_flag,
     "open the log anew at SIGHUP"},
    {"inherit", 0, "DZ_INHERIT", NULL, DZ_CLI | DZ_SHIM, FIELD(inherit), parse_flag,
     "the last five for what it starts, too"},
    {"dry-run", 'n', "DZ_DRY_RUN", NULL, DZ_CLI, FIELD(dry_run), parse_flag,
     "say what would be done, and run nothing"},
    {"verbose", 'v', "DZ_VERBOSE", NULL, DZ_CLI | DZ_SHIM, FIELD(verbose), parse_flag,
     "pid, ppid, pgid, sid, tty at each step"},
    {"quiet", 'q', "DZ_QUIET", NULL, DZ_CLI | DZ_SHIM, FIELD(quiet), parse_flag,
     "say nothing but errors"},
    {"nohup", 0, NULL, NULL, DZ_CLI, FIELD(nohup), parse_flag,
     "be nohup(1) and nothing more"},
    {"shim", 0, "DZ_SHIM", "PATH", DZ_CLI | DZ_SHIM, FIELD(shim), parse_text,
     "the libdz.so to preload where it is needed"},
    {"help", 'h', NULL, NULL, DZ_CLI, FIELD(help), parse_flag, "print this help"},
    {"version", 'V', NULL, NULL, DZ_CLI, FIELD(version), parse_flag,
     "print the version"},
    {.help = NULL},
};

/* Both sides have it in static memory: zero already, and to write zeros would
 * touch seven pages that are mostly not needed. */
void dz_plan_init(struct dz_plan *plan, char **argv, char **envp)
{
    plan->umask = -1;
    plan->timeout = DEFAULT_TIMEOUT;
    dz_claim_init(&plan->pidfile_claim);
    dz_claim_init(&plan->record_claim);
    plan->notify.fd = -1;
    plan->ready_fd = -1;
    plan->outcome_fd = -1;
    plan->await_ready = -1;
    plan->argv = argv;
    plan->envp = envp;
    for (int i = 0; i < 3; i++)
        plan->to[i] = -1;
    plan->tell_fd = 2;
    plan->report_fd = -1;
    plan->await_fd = -1;
}

int dz_plan_set(struct dz_plan *plan, const struct dz_option *option, const char *value,
                const char *called, struct dz_fault *fault)
{
    void *field = (char *)plan + option->field;

    if (option->parse(field, value, fault) == 0)
        return 0;
    struct dz_text step = dz_text(fault->step, sizeof fault->step);
    dz_add(&step, called); /* names of the table: they fit */
    return -1;
}

/* The option whose twin entry ("DZ_OUTPUT=file") sets, or NULL. */
static const struct dz_option *find_twin(const char *entry, size_t length)
{
    for (const struct dz_option *option = dz_options; option->help != NULL; option++)
        if (option->twin != NULL && strlen(option->twin) == length &&
            memcmp(option->twin, entry, length) == 0)
            return option;
    return NULL;
}

int dz_plan_environment(struct dz_plan *plan, int side, struct dz_fault *fault)
{
    for (char **at = plan->envp; *at != NULL; at++) {
        size_t length = strcspn(*at, "=");
        const struct dz_option *option;

        if (strncmp(*at, "DZ_", 3) != 0)
            continue;
        /* Below a target with --inherit: none of the launcher's settings. */
        if (side == DZ_CLI && length == strlen(DZ_INSIDE) &&
            memcmp(*at, DZ_INSIDE, length) == 0)
            continue;
        option = find_twin(*at, length);
        if (option == NULL) {
            dz_fault(fault, "environment", *at, 0, "unknown variable");
            if (length < sizeof fault->object)
                fault->object[length] = '\0'; /* the name without the value */
            return -1;
        }
        if ((option->sides & side) == 0)
            return dz_fault(fault, "environment", option->twin, 0,
                            side == DZ_SHIM ? "only dznohup knows this one"
                                            : "only libdz.so knows this one");
        if ((*at)[length] == '\0') /* no '=': not a variable that execve(2) is to get */
            return dz_fault(fault, "environment", *at, 0, "has no value");
        if (dz_plan_set(plan, option, *at + length + 1, option->twin, fault) < 0)
            return -1;
    }
    plan->wait.defaults = true;
    return 0;
}

int dz_plan_check(const struct dz_plan *plan, struct dz_fault *fault)
{
    const struct dz_condition *alive = dz_condition(&plan->wait, DZ_WAIT_ALIVE);

    /* In stay mode this process becomes the program: nobody is there to wait. */
    if (plan->mode == DZ_STAY && plan->wait.count > 0)
        return dz_fault(fault, "wait", NULL, 0,
                        "only in leave mode: -d, DZ_MODE=leave");
    if (alive != NULL && plan->timeout > 0 && alive->number > plan->timeout)
        return dz_fault(fault, "wait", NULL, 0, "alive:SEC is longer than the timeout");
    if (plan->reopen && plan->pin != DZ_PIN_NONE)
        return dz_fault(fault, "reopen", NULL, 0,
                        "acts on SIGHUP, which --pin-signals keeps ignored");
    /* DZ_PIN_SECCOMP is inherited anyway. */
    if (plan->inherit && !dz_wants_powers(plan) && plan->pin == DZ_PIN_NONE)
        return dz_fault(fault, "inherit", NULL, 0,
                        "of what? see --line-buffered, --pin-signals, --no-daemon, "
                        "--reopen");
    return 0;
}
