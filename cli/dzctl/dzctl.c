/*
 * dzctl: looks at jobs and manages them.
 *
 * One table of commands; each is in a file of its own.
 */
#include "dzctl.h"

#include <string.h>

static const char version[] = "dzctl " DZ_VERSION "\n";

/* A command is a row here and a file. */
static const struct ctl_command commands[] = {
    {.name = "list",
     .words = "[--json]",
     .help = "all jobs",
     .options = "j",
     .run = command_list},
    {.name = "status",
     .words = "[--json] JOB",
     .help = "does it run? 0 yes, 1 ended, 3 none, 4 unknown",
     .options = "j",
     .least = 1,
     .most = 1,
     .run = command_status},
    {.name = "stop",
     .words = "[-t SEC] [-s SIG] JOB...",
     .help = "TERM, and KILL after SEC seconds (10)",
     .options = "ts",
     .least = 1,
     .most = INT_MAX,
     .run = command_stop},
    {.name = "wait",
     .words = "[-t SEC] JOB",
     .help = "wait for its end, and end with its status",
     .options = "t",
     .least = 1,
     .most = 1,
     .run = command_wait},
    {.name = "log",
     .words = "[-f] [-n N] JOB",
     .help = "the last N lines (10) of its log; -f: go on",
     .options = "fn",
     .least = 1,
     .most = 1,
     .run = command_log},
    {.name = "inspect",
     .words = "[--json] JOB",
     .help = "is this process a proper daemon, and why not",
     .options = "j",
     .least = 1,
     .most = 1,
     .run = command_inspect},
    {.name = "clear",
     .words = "[JOB...]",
     .help = "forget jobs that have ended",
     .options = "",
     .most = INT_MAX,
     .run = command_clear},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int print_help(void)
{
    fputs("Usage: dzctl COMMAND [OPTION]... [JOB]...\n"
          "Look at and manage what dznohup and libdz.so have started.\n\n",
          stdout);
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-7s %-24s %s\n", commands[i].name, commands[i].words,
               commands[i].help);
    fputs(ctl_about_jobs, stdout);
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
            return commands[i].run(&commands[i], argc - 1, argv + 1);
    return ctl_usage("command", argv[1], "unknown; see dzctl --help");
}
