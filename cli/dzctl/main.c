/*
 * dzctl: look at and manage what runs.
 *
 * One table of commands; each is in a file of its own.
 */
#include "dzctl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char about_jobs[] =
    "\nA JOB with a slash is a pidfile, one of digits a PID, any other a name.\n";
static const char version[] = "dzctl " DZ_VERSION "\n";

static const struct {
    const char *name;
    const char *words;
    const char *help;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"list", "[--json]", "all jobs", command_list},
    {"status", "[--json] JOB", "does it run? 0 yes, 1 ended, 3 none, 4 unknown",
     command_status},
    {"stop", "[-t SEC] [-s SIG] JOB...", "TERM, and KILL after SEC seconds (10)",
     command_stop},
    {"wait", "[-t SEC] JOB", "wait for its end, and end with its status", command_wait},
    {"log", "[-f] [-n N] JOB", "the last N lines (10) of its log; -f: go on",
     command_log},
    {"inspect", "[--json] JOB", "is this process a proper daemon, and why not",
     command_inspect},
    {"clear", "[JOB...]", "forget jobs that have ended", command_clear},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

int ctl_tell(const struct dz_fault *fault)
{
    dz_fault_write(fault, "dzctl", 2);
    return fault->status;
}

int ctl_usage(const char *command, const char *word, const char *reason)
{
    struct dz_fault fault;

    dz_fault(&fault, command, word, 0, reason);
    return ctl_tell(&fault);
}

int ctl_finish(int status)
{
    struct dz_fault fault;

    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    dz_fault(&fault, "stdout", NULL, errno, NULL);
    fault.status = CTL_FAILED;
    return ctl_tell(&fault);
}

static int print_help(void)
{
    fputs("Usage: dzctl COMMAND [OPTION]... [JOB]...\n"
          "Look at and manage what dznohup and libdz.so have started.\n\n",
          stdout);
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-7s %-24s %s\n", commands[i].name, commands[i].words,
               commands[i].help);
    fputs(about_jobs, stdout);
    return ctl_finish(0);
}

int ctl_help(const char *command, const char *allowed)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(command, commands[i].name) == 0)
            printf("Usage: dzctl %s %s\n%s\n\n", commands[i].name, commands[i].words,
                   commands[i].help);
    print_options(allowed);
    fputs(about_jobs, stdout);
    return ctl_finish(0);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return ctl_usage("command", NULL, "none given; see dzctl --help");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return print_help();
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        fputs(version, stdout);
        return ctl_finish(0);
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return ctl_usage("command", argv[1], "unknown; see dzctl --help");
}
