/*
 * The command line and the help text, both made from the table in the core.
 */
#include "dznohup.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* getopt_long's value for the table's row N is LONG + N: above any character, as
 * musl's optopt is a wide one. */
enum { LONG = 0x110000 };

static bool on_command_line(const struct dz_option *option)
{
    return option->name != NULL && (option->uses & DZ_CLI) != 0;
}

/* "[X]" may be left out: --name=X or --name. */
static int argument_of(const struct dz_option *option)
{
    if (option->arg == NULL)
        return no_argument;
    return option->arg[0] == '[' ? optional_argument : required_argument;
}

static size_t count_options(void)
{
    size_t n = 0;

    while (dz_options[n].help != NULL)
        n++;
    return n;
}

/* The table in getopt's two forms; letters has room for 3 bytes a row. */
static void make_forms(struct option *longs, char *letters)
{
    *letters++ = '+'; /* stop at the first operand */
    *letters++ = ':'; /* tell a missing argument apart */
    for (size_t i = 0; dz_options[i].help != NULL; i++) {
        const struct dz_option *option = &dz_options[i];
        if (!on_command_line(option))
            continue;
        longs->name = option->name;
        longs->has_arg = argument_of(option);
        longs->flag = NULL;
        longs->val = LONG + (int)i;
        longs++;
        if (option->letter != 0) {
            *letters++ = option->letter;
            if (option->arg != NULL)
                *letters++ = ':';
        }
    }
    memset(longs, 0, sizeof *longs);
    *letters = '\0';
}

static const struct dz_option *find_letter(int letter)
{
    for (const struct dz_option *option = dz_options; option->help != NULL; option++)
        if (option->letter != 0 && option->letter == letter)
            return option;
    return NULL;
}

/* getopt has refused something in word: say what. */
static int refuse(int answer, const char *word, struct dz_fault *fault)
{
    char letter[3] = {'-', (char)optopt, '\0'};

    /* Within "-xyz" name the letter, unless it is a part of a character only. */
    if (optopt >= ' ' && optopt <= '~')
        word = letter;

    if (answer == ':')
        return dz_fault(fault, word, NULL, 0, "needs an argument; see dznohup --help");
    if (optopt >= LONG)
        return dz_fault(fault, "options", word, 0, "takes no argument");
    return dz_fault(fault, "options", word, 0, "unknown option; see dznohup --help");
}

static int set_option(struct dz_plan *plan, int answer, struct dz_fault *fault)
{
    const struct dz_option *option =
        answer >= LONG ? &dz_options[answer - LONG] : find_letter(answer);
    char called[40];

    if (answer >= LONG)
        snprintf(called, sizeof called, "--%s", option->name);
    else
        snprintf(called, sizeof called, "-%c", answer);
    return dz_plan_set(plan, option, option->arg != NULL ? optarg : NULL, called,
                       fault);
}

int parse_options(struct dz_plan *plan, int argc, char **argv, int *operand,
                  struct dz_fault *fault)
{
    size_t n = count_options();
    struct option longs[n + 1]; /* on the stack: most launches need no malloc(3), */
    char letters[3 * n + 3];    /* which costs three system calls and page faults */
    int result = 0;
    int answer;
    int at = optind; /* of the word that getopt is about to look at */

    make_forms(longs, letters);
    opterr = 0;
    while (result == 0 &&
           (answer = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (answer == '?' || answer == ':')
            result = refuse(answer, argv[at], fault);
        else
            result = set_option(plan, answer, fault);
        at = optind;
    }
    *operand = optind;
    return result;
}

static void print_row(const struct dz_option *option)
{
    char left[48];
    char letter[5] = "    ";

    if (option->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    if (argument_of(option) == optional_argument)
        snprintf(left, sizeof left, "%s--%s[=%s", letter, option->name,
                 option->arg + 1);
    else
        snprintf(left, sizeof left, "%s--%s%s%s", letter, option->name,
                 option->arg != NULL ? "=" : "",
                 option->arg != NULL ? option->arg : "");
    printf("  %-23s  %s", left, option->help);
    if (option->twin != NULL)
        printf(" [%s]", option->twin);
    putchar('\n');
}

int print_help(void)
{
    printf(
        "Usage: dznohup [OPTION]... [--] COMMAND [ARG]...\n"
        "Run COMMAND as a daemon: in a session of its own, deaf to hangups, with its\n"
        "output in a log and its working directory /.\n\n"
        "  dznohup COMMAND &     keeps the PID: $!, wait and kill %%1 go on working\n"
        "  dznohup -d COMMAND    starts it, prints its PID, and returns\n\n");
    for (const struct dz_option *option = dz_options; option->help != NULL; option++)
        if (on_command_line(option))
            print_row(option);
    printf(
        "\nCOND: exec, settle[:MAX] (the default), alive:SEC, main,\n"
        "listen[:PORT|:PATH], notify, fd:N, path:FILE.\n"
        "A variable in brackets is the option's default, and, but for DZ_DRY_RUN, its\n"
        "setting where libdz.so is preloaded by hand: LD_PRELOAD=libdz.so COMMAND.\n"
        "Exit status: COMMAND's own; 125 if dznohup fails, 126 if COMMAND cannot be\n"
        "executed, 127 if it is not found; with -d 0 if it was started, 124 if it was "
        "not\n"
        "ready in time.\n");
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -1;
}
