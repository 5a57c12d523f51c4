/*
 * The words of a command: its options and operands.
 */
#include "dzctl.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>

static const struct option options[] = {
    {"json", no_argument, NULL, 'j'},
    {"follow", no_argument, NULL, 'f'},
    {"timeout", required_argument, NULL, 't'},
    {"signal", required_argument, NULL, 's'},
    {"lines", required_argument, NULL, 'n'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* 0, or 125 with a message. */
static int set(struct words *words, const char *command, int letter)
{
    struct dz_fault fault;
    const char *at = optarg;

    switch (letter) {
    case 'j':
        words->json = true;
        return 0;
    case 'f':
        words->follow = true;
        return 0;
    case 't':
        if (dz_parse_seconds(&words->timeout, optarg, &fault) == 0)
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

bool parse_words(struct words *words, int argc, char **argv, const char *allowed,
                 int least, int most, int *status)
{
    int letter;
    char word[3] = "-";
    int index = -1; /* of a long option */

    memset(words, 0, sizeof *words);
    words->timeout = -1;
    words->signal = SIGTERM;
    words->lines = 10;
    opterr = 0;
    *status = 0;
    while ((letter = getopt_long(argc, argv, ":hfn:t:s:", options, &index)) != -1) {
        const char *given = argv[optind - 1];
        /* A short one: the words behind may have been moved before it. */
        if (index < 0 &&
            (word[1] = (char)(letter == '?' || letter == ':' ? optopt : letter)) != 0)
            given = word;
        index = -1;
        if (letter == 'h') {
            *status = ctl_help(argv[0]);
            return false;
        }
        if (letter == ':')
            *status = ctl_usage(argv[0], given, "needs an argument");
        else if (letter == '?' || strchr(allowed, letter) == NULL)
            *status = ctl_usage(argv[0], given, "unknown option");
        else
            *status = set(words, argv[0], letter);
        if (*status != 0)
            return false;
    }
    words->names = argv + optind;
    words->count = argc - optind;
    if (words->count < least)
        *status = ctl_usage(argv[0], NULL, "which job? give a NAME, PID or PIDFILE");
    else if (words->count > most)
        *status = ctl_usage(argv[0], words->names[most], "one word too many");
    return *status == 0;
}
