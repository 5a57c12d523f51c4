/*
 * The options and operands of a command.
 */
#include "dzctl.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* The options of all commands.  Each command allows some of them. */
static const struct {
    char letter;
    const char *name;
    const char *arg; /* NULL for a flag */
    const char *help;
} table[] = {
    /* A capital, and j: letters[] has no short form. */
    {'a', "all", NULL, NULL /* the command's all_help */},
    {'A', "any", NULL, "wait for the first that ends, and print its name"},
    {'f', "follow", NULL, "print new lines until the job has ended"},
    {'j', "json", NULL, "print JSON"},
    {'n', "lines", "N", "number of lines to print (10)"},
    {'R', "all-runs", NULL, "print lines of earlier runs too"},
    {'s', "signal", "SIG", "signal to send first (TERM), or SIG,SEC,SIG,..."},
    {'S', "stop", NULL, "stop the job at TERM, INT or HUP"},
    {'t', "timeout", "SEC", "seconds to wait"},
    {'h', "help", NULL, "print this help"},
};
enum { OPTIONS = sizeof table / sizeof table[0] };
static const char letters[] = ":afhn:s:t:";

const char ctl_about_jobs[] =
    "\nA JOB with a slash is a pidfile, of digits alone a PID, any other a name.\n";

void print_command_help(const struct ctl_command *command)
{
    char option[32];

    printf("Usage: dzctl %s %s\n%s\n\n", command->name, command->synopsis,
           command->help);
    for (size_t i = 0; i < OPTIONS; i++) {
        const char *arg = table[i].arg;
        const char *help = table[i].help != NULL ? table[i].help : command->all_help;
        if (table[i].letter != 'h' && strchr(command->options, table[i].letter) == NULL)
            continue;
        snprintf(option, sizeof option, "--%s%s%s", table[i].name,
                 arg != NULL ? "=" : "", arg != NULL ? arg : "");
        if (strchr(letters, table[i].letter) != NULL)
            printf("  -%c, %-14s  %s\n", table[i].letter, option, help);
        else
            printf("      %-14s  %s\n", option, help);
    }
}

/* Fills in the table for getopt_long(3). */
static void list_options(struct option options[OPTIONS + 1])
{
    memset(options, 0, (OPTIONS + 1) * sizeof *options);
    for (size_t i = 0; i < OPTIONS; i++) {
        options[i].name = table[i].name;
        options[i].has_arg = table[i].arg != NULL ? required_argument : no_argument;
        options[i].val = (unsigned char)table[i].letter;
    }
}

/* Sets the field of an option from optarg.  Returns 0, or 125 after a message. */
static int set_option(struct arguments *arguments, const char *command, int letter)
{
    const char *at = optarg;

    switch (letter) {
    case 'a':
        arguments->all = true;
        return 0;
    case 'A':
        arguments->any = true;
        return 0;
    case 'R':
        arguments->all_runs = true;
        return 0;
    case 'S':
        arguments->stop = true;
        return 0;
    case 'j':
        arguments->json = true;
        return 0;
    case 'f':
        arguments->follow = true;
        return 0;
    case 't':
        if (dz_read_seconds(&at, &arguments->timeout) == 0 && *at == '\0')
            return 0;
        return ctl_usage(command, optarg, "not a number of seconds");
    case 's':
        arguments->schedule = optarg;
        return 0;
    default:
        arguments->lines = dz_read_number(&at);
        if (arguments->lines >= 0 && *at == '\0')
            return 0;
        return ctl_usage(command, optarg, "not a number of lines");
    }
}

/* Refuses an operand beyond the last that the command takes.  Returns 125. */
static int refuse_operand(const struct ctl_command *command, const char *operand)
{
    char *reason = NULL;
    int status;

    if (asprintf(&reason, "takes %s; unexpected argument '%s'",
                 command->most == 0 ? "no JOB" : "one JOB", operand) < 0)
        reason = NULL;
    status =
        ctl_usage(command->name, NULL, reason != NULL ? reason : "unexpected argument");
    free(reason);
    return status;
}

bool parse_arguments(struct arguments *arguments, const struct ctl_command *command,
                     int argc, char **argv, int *status)
{
    struct option options[OPTIONS + 1];
    int letter;
    char short_option[3] = "-";
    int index = -1; /* of the long option in options[] */

    memset(arguments, 0, sizeof *arguments);
    arguments->timeout = -1;
    arguments->lines = 10;
    list_options(options);
    opterr = 0;
    *status = 0;
    while ((letter = getopt_long(argc, argv, letters, options, &index)) != -1) {
        const char *given = argv[optind - 1];
        /* getopt_long(3) may have moved operands in front of a short option. */
        if (index < 0 &&
            (short_option[1] =
                 (char)(letter == '?' || letter == ':' ? optopt : letter)) != 0)
            given = short_option;
        index = -1;
        if (letter == 'h') {
            print_command_help(command);
            fputs(ctl_about_jobs, stdout);
            *status = ctl_finish(0);
            return false;
        }
        if (letter == ':')
            *status = ctl_usage(argv[0], given, "needs an argument");
        else if (letter == '?' || strchr(command->options, letter) == NULL)
            *status = ctl_usage(argv[0], given, "unknown option");
        else
            *status = set_option(arguments, argv[0], letter);
        if (*status != 0)
            return false;
    }
    arguments->names = argv + optind;
    arguments->count = argc - optind;
    if (arguments->all && command->least > 0 && arguments->count >= command->least)
        *status = ctl_usage(argv[0], arguments->names[command->least - 1],
                            "write --all or JOBs, not both");
    else if (arguments->count < command->least - arguments->all)
        *status = ctl_usage(argv[0], NULL, command->lacks);
    else if (arguments->count > command->most)
        *status = refuse_operand(command, arguments->names[command->most]);
    return *status == 0;
}
