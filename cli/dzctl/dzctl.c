/*
 * dzctl: shows and manages jobs.
 *
 * This is the table of commands.  Each command has a file of its own.
 */
#include "dzctl.h"

#include <string.h>

static const char version[] = "dzctl " DZ_VERSION "\n";

/* A new command is a row here and a file. */
static const struct ctl_command commands[] = {
    {.name = "list",
     .synopsis = "[--json]",
     .help = "show all jobs",
     .options = "j",
     .run = command_list},
    {.name = "status",
     .synopsis = "[--json] JOB",
     .help = "exit 0: runs, 1: ended, 3: no job, 4: unknown",
     .options = "j",
     .least = 1,
     .most = 1,
     .run = command_status},
    {.name = "stop",
     .synopsis = "[-t SEC] [-s SIG] JOB...",
     .help = "send TERM, then KILL after SEC seconds (10)",
     .options = "ts",
     .least = 1,
     .most = INT_MAX,
     .run = command_stop},
    {.name = "restart",
     .synopsis = "[-t SEC] JOB...",
     .help = "stop it, and start it again as it was started",
     .options = "t",
     .least = 1,
     .most = INT_MAX,
     .run = command_restart},
    {.name = "start",
     .synopsis = "JOB...",
     .help = "start a job that has ended as it was started",
     .options = "",
     .least = 1,
     .most = INT_MAX,
     .run = command_start},
    {.name = "wait",
     .synopsis = "[-t SEC] JOB",
     .help = "wait for the job, exit with its exit status",
     .options = "t",
     .least = 1,
     .most = 1,
     .run = command_wait},
    {.name = "log",
     .synopsis = "[-f] [-n N] JOB",
     .help = "print the last N lines (10) of its log",
     .options = "fn",
     .least = 1,
     .most = 1,
     .run = command_log},
    {.name = "inspect",
     .synopsis = "[--json] JOB",
     .help = "check whether a process is a proper daemon",
     .options = "j",
     .least = 1,
     .most = 1,
     .run = command_inspect},
    {.name = "clear",
     .synopsis = "[JOB...]",
     .help = "forget jobs that have ended",
     .options = "",
     .most = INT_MAX,
     .run = command_clear},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int print_help(void)
{
    fputs("Usage: dzctl COMMAND [OPTION]... [JOB]...\n"
          "Show and manage the jobs that dznohup and libdz.so have started.\n\n",
          stdout);
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-7s %-24s %s\n", commands[i].name, commands[i].synopsis,
               commands[i].help);
    fputs(ctl_about_jobs, stdout);
    return ctl_finish(0);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return ctl_usage("command", NULL, "missing; see dzctl --help");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return print_help();
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        fputs(version, stdout);
        return ctl_finish(0);
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(&commands[i], argc - 1, argv + 1);
    return ctl_usage("command", argv[1], "unknown; see dzctl --help");
}
