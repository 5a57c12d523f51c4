/*
 * The options and operands of a command.
 */
#include "dzctl.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>

/* The options of all commands; each allows some. */
static const struct {
    char letter;
    const char *name;
    const char *arg; /* NULL for a flag */
    const char *help;
} table[] = {
    {'f', "follow", NULL, "go on as it grows, until the job has ended"},
    {'j', "json", NULL, "JSON, for programs"}, /* without a short form: letters[] */
    {'n', "lines", "N", "how many of the last lines"},
    {'s', "signal", "SIG", "what to send first, TERM if not given"},
    {'t', "timeout", "SEC", "how long to wait"},
    {'h', "help", NULL, "print this help"},
};
enum { OPTIONS = sizeof table / sizeof table[0] };
static const char letters[] = ":fhn:s:t:";

const char ctl_about_jobs[] =
    "\nA JOB with a slash is a pidfile, one of digits a PID, any other a name.\n";

/* Prints the help of that command.  Returns as ctl_finish. */
static int print_help(const struct ctl_command *command)
{
    char option[32];

    printf("Usage: dzctl %s %s\n%s\n\n", command->name, command->words, command->help);
    for (size_t i = 0; i < OPTIONS; i++) {
        const char *arg = table[i].arg;
        if (table[i].letter != 'h' && strchr(command->options, table[i].letter) == NULL)
            continue;
        snprintf(option, sizeof option, "--%s%s%s", table[i].name,
                 arg != NULL ? "=" : "", arg != NULL ? arg : "");
        if (strchr(letters, table[i].letter) != NULL)
            printf("  -%c, %-14s  %s\n", table[i].letter, option, table[i].help);
        else
            printf("      %-14s  %s\n", option, table[i].help);
    }
    fputs(ctl_about_jobs, stdout);
    return ctl_finish(0);
}

/* As getopt_long(3) wants them. */
static void list_options(struct option options[OPTIONS + 1])
{
    memset(options, 0, (OPTIONS + 1) * sizeof *options);
    for (size_t i = 0; i < OPTIONS; i++) {
        options[i].name = table[i].name;
        options[i].has_arg = table[i].arg != NULL ? required_argument : no_argument;
        options[i].val = (unsigned char)table[i].letter;
    }
}

/* 0, or 125 with a message. */
static int set(struct words *words, const char *command, int letter)
{
    const char *at = optarg;

    switch (letter) {
    case 'j':
        words->json = true;
        return 0;
    case 'f':
        words->follow = true;
        return 0;
    case 't':
        if (dz_read_seconds(&at, &words->timeout) == 0 && *at == '\0')
            return 0;
        return ctl_usage(command, optarg, "not a number of seconds");
    case 's':
        words->signal = dz_signal_number(optarg, strlen(optarg));
        return words->signal > 0 ? 0 : ctl_usage(command, optarg, "not a signal");
    default:
        words->lines = dz_read_number(&at);
        if (words->lines >= 0 && *at == '\0')
            return 0;
        return ctl_usage(command, optarg, "not a number of lines");
    }
}

bool parse_words(struct words *words, const struct ctl_command *command, int argc,
                 char **argv, int *status)
{
    struct option options[OPTIONS + 1];
    int letter;
    char word[3] = "-";
    int index = -1; /* of a long option */

    memset(words, 0, sizeof *words);
    words->timeout = -1;
    words->signal = SIGTERM;
    words->lines = 10;
    list_options(options);
    opterr = 0;
    *status = 0;
    while ((letter = getopt_long(argc, argv, letters, options, &index)) != -1) {
        const char *given = argv[optind - 1];
        /* A short one: the words behind may have been moved before it. */
        if (index < 0 &&
            (word[1] = (char)(letter == '?' || letter == ':' ? optopt : letter)) != 0)
            given = word;
        index = -1;
        if (letter == 'h') {
            *status = print_help(command);
            return false;
        }
        if (letter == ':')
            *status = ctl_usage(argv[0], given, "needs an argument");
        else if (letter == '?' || strchr(command->options, letter) == NULL)
            *status = ctl_usage(argv[0], given, "unknown option");
        else
            *status = set(words, argv[0], letter);
        if (*status != 0)
            return false;
    }
    words->names = argv + optind;
    words->count = argc - optind;
    if (words->count < command->least)
        *status = ctl_usage(argv[0], NULL, "which job? give a NAME, PID or PIDFILE");
    else if (words->count > command->most)
        *status = ctl_usage(argv[0], words->names[command->most], "one word too many");
    return *status == 0;
}
