/*
 * dzctl: shows and manages jobs.
 *
 * This is the table of commands.  Each command has a file of its own.
 */
#include "dzctl.h"

#include <string.h>

static const char version[] = "dzctl " DZ_VERSION "\n";

static const char lacks_job[] = "needs a JOB: a name, a PID or a pidfile";

/* A new command is a row here and a file. */
static const struct ctl_command commands[] = {
    {.name = "list",
     .synopsis = "[-a] [--json]",
     .help = "show all jobs",
     .options = "aj",
     .all_help = "jobs without a name that have ended, too",
     .run = command_list},
    {.name = "status",
     .synopsis = "[--json] [-a] JOB...",
     .help = "state; exit 0: runs, 1: ended, 3: no job, 4: unknown",
     .options = "aj",
     .all_help = "all jobs",
     .lacks = lacks_job,
     .least = 1,
     .most = INT_MAX,
     .run = command_status},
    {.name = "pid",
     .synopsis = "JOB...",
     .help = "print the PID of a job that runs",
     .options = "",
     .lacks = lacks_job,
     .least = 1,
     .most = INT_MAX,
     .run = command_pid},
    {.name = "ready",
     .synopsis = "[-t SEC] JOB [COND,...]",
     .help = "exit 0 if the conditions of --wait hold, else 1",
     .options = "t",
     .lacks = lacks_job,
     .least = 1,
     .most = 2,
     .run = command_ready},
    {.name = "stop",
     .synopsis = "[-t SEC] [-s SIG] [-a] JOB...",
     .help = "send TERM, then KILL after SEC seconds (10)",
     .options = "ast",
     .all_help = "all jobs that run",
     .lacks = lacks_job,
     .least = 1,
     .most = INT_MAX,
     .run = command_stop},
    {.name = "restart",
     .synopsis = "[-t SEC] JOB...",
     .help = "stop a job, and start it again as it was started",
     .options = "t",
     .lacks = lacks_job,
     .least = 1,
     .most = INT_MAX,
     .run = command_restart},
    {.name = "start",
     .synopsis = "JOB...",
     .help = "start a job that has ended as it was started",
     .options = "",
     .lacks = lacks_job,
     .least = 1,
     .most = INT_MAX,
     .run = command_start},
    {.name = "keep",
     .synopsis = "[-a] JOB...",
     .help = "put a new keeper in the place of one that is gone",
     .options = "a",
     .all_help = "all jobs whose keeper is gone",
     .lacks = lacks_job,
     .least = 1,
     .most = INT_MAX,
     .run = command_keep},
    {.name = "rotate",
     .synopsis = "[-a] JOB...",
     .help = "rotate the log of a job with --rotate now",
     .options = "a",
     .all_help = "all jobs with --rotate",
     .lacks = lacks_job,
     .least = 1,
     .most = INT_MAX,
     .run = command_rotate},
    {.name = "signal",
     .synopsis = "[-a] SIG JOB...",
     .help = "send a signal to the job's process",
     .options = "a",
     .all_help = "all jobs that run",
     .lacks = "needs a signal and a JOB: a name, a PID or a pidfile",
     .least = 2,
     .most = INT_MAX,
     .run = command_signal},
    {.name = "wait",
     .synopsis = "[-t SEC] [--any] [--stop] [-a] JOB...",
     .help = "wait for the job, exit with its exit status",
     .options = "aAtS",
     .all_help = "all jobs that run",
     .lacks = lacks_job,
     .least = 1,
     .most = INT_MAX,
     .run = command_wait},
    {.name = "log",
     .synopsis = "[-f] [-n N] [--all-runs] [-a] JOB...",
     .help = "print the last N lines (10) that a job wrote",
     .options = "afnR",
     .all_help = "all jobs that run",
     .lacks = lacks_job,
     .least = 1,
     .most = INT_MAX,
     .run = command_log},
    {.name = "inspect",
     .synopsis = "[--json] JOB",
     .help = "check whether a process is a proper daemon",
     .options = "j",
     .lacks = lacks_job,
     .least = 1,
     .most = 1,
     .run = command_inspect},
    {.name = "unit",
     .synopsis = "JOB",
     .help = "print a systemd unit that runs the job",
     .options = "",
     .lacks = lacks_job,
     .least = 1,
     .most = 1,
     .run = command_unit},
    {.name = "clear",
     .synopsis = "[JOB...]",
     .help = "forget jobs that have ended",
     .options = "",
     .most = INT_MAX,
     .run = command_clear},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

/* Words of other tools: the command that is meant, or else what to write. */
static const struct {
    const char *word;
    const char *command;
    const char *answer;
} words[] = {
    {"ps", "list", NULL},
    {"ls", "list", NULL},
    {"logs", "log", NULL},
    {"tail", "log", NULL},
    {"rm", "clear", NULL},
    {"delete", "clear", NULL},
    {"show", "status", NULL},
    {"info", "status", NULL},
    {"kill", NULL,
     "to end a job write dzctl stop JOB; to send a signal, dzctl signal SIG JOB"},
    {"reload", NULL, "write dzctl signal HUP JOB"},
    {"run", NULL, "write dznohup -d --name=NAME COMMAND"},
    {"attach", NULL, "write dzctl log -f JOB"},
    {"top", NULL, "write dzctl list"},
    {"describe", NULL, "write dzctl inspect JOB"},
};
enum { WORDS = sizeof words / sizeof words[0] };

/* Returns the operands in a synopsis: what follows the options. */
static const char *operands_of(const char *synopsis)
{
    while (strncmp(synopsis, "[-", 2) == 0) {
        synopsis = strchr(synopsis, ']') + 1; /* of a row of the table */
        synopsis += *synopsis == ' ';
    }
    return synopsis;
}

static void print_help(void)
{
    fputs("Usage: dzctl COMMAND [OPTION]... [JOB]...\n"
          "Show and manage the jobs that dznohup and libdz.so have started.\n\n",
          stdout);
    for (size_t i = 0; i < COMMANDS; i++)
        printf("  %-8s %-15s %s\n", commands[i].name, operands_of(commands[i].synopsis),
               commands[i].help);
    fputs(ctl_about_jobs, stdout);
    fputs("dzctl COMMAND --help shows the options of a command, --help=all those of "
          "all.\n"
          "See also dznohup --help, dzctl(1).\n",
          stdout);
}

static void print_all_help(void)
{
    print_help();
    for (size_t i = 0; i < COMMANDS; i++) {
        putchar('\n');
        print_command_help(&commands[i]);
    }
}

static const struct ctl_command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

/* Reports that there is no such command, and which is the nearest.  Returns 125. */
static int refuse_command(const char *word)
{
    struct nearest nearest = {.word = word};
    char reason[64];

    for (size_t i = 0; word[0] != '\0' && i < COMMANDS; i++)
        take_nearer(&nearest, commands[i].name);
    if (nearest.name[0] != '\0')
        snprintf(reason, sizeof reason, "unknown; did you mean %.16s?", nearest.name);
    else
        snprintf(reason, sizeof reason, "unknown; see dzctl --help");
    return ctl_usage("command", word, reason);
}

/* Runs a command that is called by another tool's word, or says what to write. */
static int run_other_word(int argc, char **argv)
{
    for (size_t i = 0; i < WORDS; i++) {
        if (strcmp(argv[0], words[i].word) != 0)
            continue;
        if (words[i].command == NULL)
            return ctl_usage(argv[0], NULL, words[i].answer);
        const struct ctl_command *command = find_command(words[i].command);
        return command->run(command, argc, argv);
    }
    return refuse_command(argv[0]);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return ctl_usage("command", NULL, "missing; see dzctl --help");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help();
        return ctl_finish(0);
    }
    if (strcmp(argv[1], "--help=all") == 0) {
        print_all_help();
        return ctl_finish(0);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        fputs(version, stdout);
        return ctl_finish(0);
    }
    const struct ctl_command *command = find_command(argv[1]);
    return command != NULL ? command->run(command, argc - 1, argv + 1)
                           : run_other_word(argc - 1, argv + 1);
}
