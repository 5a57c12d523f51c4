/*
 * unit: a systemd unit that runs a job as its record tells.
 *
 * systemd does by itself what it can.  For the rest the unit runs dznohup in stay mode,
 * which systemd then knows as the main process.
 */
#include "dzctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- text ---- */

/* Prints a value of a unit: a percent sign begins a specifier. */
static void print_value(const char *text)
{
    for (; *text != '\0'; text++)
        fputs(*text == '%' ? "%%" : (char[]){*text, '\0'}, stdout);
}

/* Prints a word of a command line, in quotes if it needs them. */
static void print_word(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_@+=:,./-";

    if (*word != '\0' && word[strspn(word, plain)] == '\0') {
        fputs(word, stdout);
        return;
    }
    putchar('"');
    for (; *word != '\0'; word++) {
        unsigned char c = (unsigned char)*word;
        if (c < ' ' || c == 0x7f)
            printf("\\x%02x", c);
        else if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c == '%' || c == '$')
            printf("%c%c", c, c);
        else
            putchar(c);
    }
    putchar('"');
}

/* Prints "KEY=PATH", with what goes before the path. */
static void print_path(const char *key, const char *before, const char *path)
{
    printf("%s=%s", key, before);
    print_value(path);
    putchar('\n');
}

/* ---- what systemd cannot do ---- */

static bool begins(const char *text, const char *word)
{
    return text != NULL && strncmp(text, word, strlen(word)) == 0;
}

/* Returns whether the output goes where systemd can send it. */
static bool is_simple_output(const char *value)
{
    return value == NULL || (!begins(value, "|") && !begins(value, "syslog:"));
}

/* Options that systemd has nothing for. */
static const char *const own_options[] = {
    "timestamps", "rotate", "ignore",  "buffer", "pin-signals",
    "no-daemon",  "reopen", "inherit", "shim",   "signal-group"};
enum { OWN_OPTIONS = sizeof own_options / sizeof own_options[0] };

/* Returns whether systemd itself tells when the job is ready. */
static bool has_simple_wait(const struct job *job)
{
    const char *wait = option_of(job, "wait");

    return wait == NULL || strcmp(wait, "notify") == 0 || strcmp(wait, "exec") == 0;
}

static bool needs_launcher(const struct job *job)
{
    for (size_t i = 0; i < OWN_OPTIONS; i++)
        if (option_of(job, own_options[i]) != NULL)
            return true;
    return !is_simple_output(option_of(job, "output")) ||
           !is_simple_output(option_of(job, "error")) || !has_simple_wait(job);
}

/* ---- paths ---- */

/* Returns an allocated DIRECTORY/FILE, or a copy of FILE if that is absolute. */
static char *join(const char *directory, const char *file)
{
    char *path = NULL;

    if (file[0] == '/')
        return strdup(file);
    return asprintf(&path, "%s/%s", directory, file) < 0 ? NULL : path;
}

/* Returns the directory that the program runs in, allocated. */
static char *directory_of(const struct job *job)
{
    const char *option = option_of(job, "chdir");

    if (option == NULL)
        return strdup(option_of(job, "keep-session") != NULL ? job->cwd : "/");
    return strcmp(option, ".") == 0 ? strdup(job->cwd) : join(job->cwd, option);
}

/* Returns the absolute path of a command, allocated; a name that is not on PATH as it
 * is. */
static char *find_command(const char *name, const char *directory)
{
    const char *path = getenv("PATH");
    char *copy;

    if (strchr(name, '/') != NULL)
        return join(directory, name);
    copy = strdup(path != NULL ? path : "/usr/local/bin:/usr/bin:/bin");
    for (char *save = NULL, *part = copy != NULL ? strtok_r(copy, ":", &save) : NULL;
         part != NULL; part = strtok_r(NULL, ":", &save)) {
        char *found = join(part, name);
        if (found != NULL && found[0] == '/' && access(found, X_OK) == 0) {
            free(copy);
            return found;
        }
        free(found);
    }
    free(copy);
    return strdup(name);
}

/* Returns the path of dznohup, allocated: beside this program, or as a command. */
static char *find_launcher(const char *directory)
{
    static const char name[] = "/dznohup";
    char path[PATH_MAX + sizeof name];
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    char *slash;

    path[n > 0 ? n : 0] = '\0';
    slash = strrchr(path, '/');
    if (slash != NULL) {
        memcpy(slash, name, sizeof name); /* it has room */
        if (access(path, X_OK) == 0)
            return strdup(path);
    }
    return find_command(name + 1, directory);
}

/* ---- the parts ---- */

/* Prints an option for dznohup. */
static void print_option(const char *name, const char *value)
{
    char *word = NULL;

    if (value == NULL ||
        asprintf(&word, "--%s%s%s", name, *value != '\0' ? "=" : "", value) < 0)
        return;
    putchar(' ');
    print_word(word);
    free(word);
}

/* Prints -o or -e for dznohup: the log's absolute path, or what the option names. */
static void print_stream(const struct job *job, const char *name, const char *log)
{
    const char *value = option_of(job, name);
    bool is_path = is_simple_output(value) && !begins(value, "journal:") && log != NULL;

    print_option(name, is_path ? log : value);
}

/* Prints dznohup and its options. */
static void print_launcher(const struct job *job)
{
    char *path = find_launcher(job->cwd);

    print_word(path != NULL ? path : "dznohup");
    free(path);
    fputs(" --mode=stay --keep -C .", stdout);
    print_option("name", job->name);
    print_stream(job, "output", job->log);
    print_stream(job, "error", job->error_log);
    for (size_t i = 0; i < OWN_OPTIONS; i++)
        print_option(own_options[i], option_of(job, own_options[i]));
    print_option("wait", option_of(job, "wait"));
    print_option("timeout", option_of(job, "timeout"));
    fputs(" -- ", stdout);
}

static void print_command(const struct job *job)
{
    char *program = find_command(job->argv[0], job->cwd);

    fputs("ExecStart=", stdout);
    if (needs_launcher(job))
        print_launcher(job);
    print_word(program != NULL ? program : job->argv[0]);
    free(program);
    for (char **word = job->argv + 1; *word != NULL; word++) {
        putchar(' ');
        print_word(*word);
    }
    putchar('\n');
}

/* Prints where systemd is to send a stream. */
static void print_output(const struct job *job, const char *key, const char *option,
                         const char *log)
{
    if (begins(option_of(job, option), "journal:"))
        printf("%s=journal\n", key);
    else if (log != NULL)
        print_path(key, "append:", log);
}

static void print_streams(const struct job *job)
{
    const char *input = option_of(job, "input");

    if (input != NULL && strcmp(input, "-") != 0 && strcmp(input, "/dev/null") != 0) {
        char *path = join(job->cwd, input);
        print_path("StandardInput", "file:", path != NULL ? path : input);
        free(path);
    }
    if (needs_launcher(job))
        return; /* dznohup opens them */
    print_output(job, "StandardOutput", "output", job->log);
    print_output(job, "StandardError", "error", job->error_log);
    if (job->name != NULL)
        print_path("SyslogIdentifier", "", job->name);
}

/* Returns the number of failures in a row after which the job is over, 0: any. */
static long most_failures(const char *restart)
{
    const char *colon = restart != NULL ? strchr(restart, ':') : NULL;

    return colon != NULL ? strtol(colon + 1, NULL, 10) : 0;
}

static void print_restart(const struct job *job)
{
    const char *restart = option_of(job, "restart");
    const char *delay = option_of(job, "restart-delay");

    if (restart == NULL || begins(restart, "no"))
        return;
    printf("Restart=%s\nRestartSec=%.*s\n",
           begins(restart, "always") ? "always" : "on-failure",
           delay != NULL ? (int)strcspn(delay, ",") : 3, delay != NULL ? delay : "0.1");
}

/* In [Unit]: systemd gives up after five starts in ten seconds unless it is told. */
static void print_limit(const struct job *job)
{
    const char *restart = option_of(job, "restart");
    long most = most_failures(restart);

    if (restart == NULL)
        return;
    if (most == 0)
        puts("StartLimitIntervalSec=0");
    else
        printf("StartLimitIntervalSec=%ld\nStartLimitBurst=%ld\n", 10 * most, most);
}

/* Names the variables of the process, but not their values, which may be secret. */
static void print_environment(const struct job *job)
{
    char **list = job->state == JOB_RUNS ? read_environment(job->record.who.pid) : NULL;

    puts("# systemd sets the environment.  Add the variables that the program needs:");
    for (char **at = list; at != NULL && *at != NULL; at++) {
        if (begins(*at, "PATH=")) {
            fputs("Environment=", stdout);
            print_word(*at);
            putchar('\n');
        } else if (!is_of_a_start(*at) && strchr(*at, '=') != NULL) {
            printf("# Environment=%.*s=...\n", (int)strcspn(*at, "=\n"), *at);
        }
    }
    if (list != NULL)
        free_environment(list);
}

static const char *type_of(const struct job *job)
{
    const char *wait = option_of(job, "wait");

    return wait == NULL || strcmp(wait, "exec") == 0 ? "exec" : "notify";
}

static void print_service(const struct job *job, const char *directory)
{
    const char *mask = option_of(job, "umask");
    const char *watchdog = option_of(job, "watchdog");
    uid_t user = geteuid();

    printf("[Service]\nType=%s\n", type_of(job));
    if ((strcmp(type_of(job), "notify") == 0 || watchdog != NULL) &&
        !needs_launcher(job))
        puts("NotifyAccess=all");
    print_command(job);
    print_path("WorkingDirectory", "", directory);
    if (mask != NULL)
        printf("UMask=%s\n", mask);
    else if (job->umask >= 0)
        printf("UMask=%04o\n", (unsigned)job->umask);
    if (user != 0) /* a name would need the shared libraries of glibc */
        printf("User=%u\n", (unsigned)user);
    puts("IgnoreSIGPIPE=no");
    if (needs_launcher(job))
        puts("SuccessExitStatus=143"); /* the keeper's, at a stop */
    print_restart(job);
    if (watchdog != NULL)
        printf("WatchdogSec=%s\n", watchdog);
    print_streams(job);
    print_environment(job);
}

/* Returns why a unit cannot stand for the job, or NULL. */
static const char *obstacle(const struct job *job)
{
    if (!job->recorded || job->argv == NULL || job->argv[0] == NULL || job->cwd == NULL)
        return "has no record of its command";
    if (option_of(job, "keep-fd") != NULL)
        return "the descriptors of --keep-fd cannot be opened again; see "
               "systemd.socket(5)";
    if (strpbrk(job->cwd, "\n\r") != NULL ||
        (job->log != NULL && strpbrk(job->log, "\n\r") != NULL))
        return "a unit cannot hold the newline in its paths";
    return NULL;
}

int command_unit(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct dz_fault fault;
    struct job job;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    if (job_find(&job, arguments.names[0], &fault) < 0)
        return ctl_tell(&fault);
    if (job.state == JOB_NONE) {
        fault_no_job("unit", arguments.names[0], &fault);
        return ctl_tell(&fault);
    }
    const char *reason = obstacle(&job);
    char *directory = reason == NULL ? directory_of(&job) : NULL;
    if (directory == NULL) {
        dz_fault(&fault, "unit", arguments.names[0], ENOMEM, reason);
        fault.status = CTL_FAILED;
        return ctl_tell(&fault);
    }
    fputs("[Unit]\nDescription=", stdout);
    print_value(job.name != NULL ? job.name : job.argv[0]);
    puts("\nAfter=network.target");
    print_limit(&job);
    putchar('\n');
    print_service(&job, directory);
    puts("\n[Install]\nWantedBy=multi-user.target");
    free(directory);
    job_free(&job);
    return ctl_finish(0);
}
