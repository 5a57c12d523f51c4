/*
 * The command line and the help text, both made from the core's option table.
 */
#include "dznohup.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* The value of getopt_long for row N of the table is LONG + N.  It is above any
 * character, because optopt of musl is a wide one. */
enum { LONG = 0x110000 };

static bool on_command_line(const struct dz_option *option)
{
    return option->name != NULL && (option->uses & DZ_CLI) != 0;
}

/* Returns whether the option has an argument.  "[X]" is optional: --name=X or --name.
 */
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

/* Writes the table in the two forms of getopt_long.  letters has 3 bytes a row, and 3
 * more. */
static void make_forms(struct option *longs, char *letters)
{
    *letters++ = '+'; /* stop at the first operand */
    *letters++ = ':'; /* return ':' for a missing argument */
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
            if (argument_of(option) == required_argument)
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

/* Fills in the fault for an argument that getopt_long has refused. */
static int refuse(int answer, const char *argument, struct dz_fault *fault)
{
    char letter[3] = {'-', (char)optopt, '\0'};
    char word[40];

    /* In "-xyz" names the letter, unless that is a part of a character only. */
    if (optopt >= ' ' && optopt <= '~')
        argument = letter;

    if (answer == ':')
        return dz_fault(fault, argument, NULL, 0,
                        "needs an argument; see dznohup --help");
    if (optopt >= LONG)
        return dz_fault(fault, "options", argument, 0, "takes no argument");
    snprintf(word, sizeof word, "%.*s", (int)strcspn(argument, "="), argument);
    dz_fault(fault, "options", argument, 0, "unknown option; see dznohup --help");
    answer_habit(word, "", fault);
    return -1;
}

/* An option may be abbreviated to the beginning of its name.  Refuses an abbreviation
 * that is an option of another tool: --watch is not --watchdog. */
static int check_habit(const struct dz_option *option, const char *argument,
                       struct dz_fault *fault)
{
    size_t length = strcspn(argument, "=");
    char word[40];
    struct dz_text text = dz_text(word, sizeof word);

    if (strncmp(argument, "--", 2) != 0 ||
        (length == strlen(option->name) + 2 &&
         memcmp(argument + 2, option->name, length - 2) == 0))
        return 0;
    dz_add_bytes(&text, argument, length);
    dz_fault(fault, "options", word, 0, NULL);
    return answer_habit(word, "", fault) ? -1 : 0;
}

static int set_option(struct dz_plan *plan, int answer, const char *argument,
                      struct dz_fault *fault)
{
    const struct dz_option *option =
        answer >= LONG ? &dz_options[answer - LONG] : find_letter(answer);
    char called[40];
    struct dz_text text = dz_text(called, sizeof called);

    if (answer >= LONG && check_habit(option, argument, fault) < 0)
        return -1;
    /* Not by snprintf(3), whose frame is a page of the stack. */
    dz_add(&text, answer >= LONG ? "--" : "-");
    if (answer >= LONG)
        dz_add(&text, option->name);
    else
        dz_add_char(&text, (char)answer);
    if (dz_plan_set(plan, option, option->arg != NULL ? optarg : NULL, called, fault) ==
        0)
        return 0;
    if (option->arg != NULL && optarg != NULL) {
        char word[128];
        snprintf(word, sizeof word, "--%s=%s", option->name, optarg);
        answer_habit(word, "", fault);
    }
    return -1;
}

int parse_options(struct dz_plan *plan, int argc, char **argv, int *operand,
                  struct dz_fault *fault)
{
    size_t n = count_options();
    /* On the stack: malloc(3) costs three system calls, and most launches need none. */
    struct option longs[n + 1];
    char letters[3 * n + 3];
    int result = 0;
    int answer;
    int at = optind; /* index of the argument that getopt_long reads next */

    make_forms(longs, letters);
    opterr = 0;
    while (result == 0 &&
           (answer = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (answer == '?' || answer == ':')
            result = refuse(answer, argv[at], fault);
        else
            result = set_option(plan, answer, argv[at], fault);
        at = optind;
    }
    *operand = optind;
    return result;
}

/* Prints an option's row; twin: with its variable, in a line of its own if the row
 * would be longer than 79 characters. */
static void print_row(const struct dz_option *option, bool twin)
{
    enum { HELP_AT = 27, LONGEST = 79 };
    char left[48];
    int length;
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
    length = printf("  %-23s  %s", left, option->help);
    if (twin && option->twin != NULL) {
        length += (int)strlen(option->twin) + 3;
        printf("%s%*s[%s]", length > LONGEST ? "\n" : " ",
               length > LONGEST ? HELP_AT : 0, "", option->twin);
    }
    putchar('\n');
}

/* Prints "COND: exec, ..." of the table, in lines of at most 79 characters.  The
 * completions read it up to the full stop. */
static void print_conditions(void)
{
    char scratch[DZ_CONDITION_MAX];
    size_t column = (size_t)printf("\nCOND:") - 1;
    const char *at = dz_condition_forms(scratch);

    while (*at != '\0') {
        size_t length = strcspn(at, " ");
        bool wraps = column + 1 + length > 78;
        printf("%s%.*s", wraps ? "\n" : " ", (int)length, at);
        column = wraps ? length : column + 1 + length;
        at += length + (at[length] == ' ');
    }
    printf(".\n");
}

/* Prints the rows of the options that have all those uses. */
static void print_rows(int uses, bool twin)
{
    for (const struct dz_option *option = dz_options; option->help != NULL; option++)
        if (on_command_line(option) && (option->uses & uses) == uses)
            print_row(option, twin);
}

int print_help(enum dz_help which)
{
    printf("Usage: dznohup [OPTION]... [--] COMMAND [ARG]...\n"
           "Run COMMAND as a daemon: in its own session, immune to hangups, with its "
           "output\n"
           "in a log, and / as its working directory.\n\n"
           "  dznohup COMMAND &     keep the PID: $!, wait and kill %%1 still work\n"
           "  dznohup -d COMMAND    start COMMAND, print its PID, return\n\n");
    if (which == DZ_HELP_ALL) {
        print_rows(DZ_CLI, true);
        print_conditions();
        printf("The default COND is settle.\n"
               "The variable in brackets sets the option's default.  It also sets the "
               "option\n"
               "for LD_PRELOAD=libdz.so COMMAND, except DZ_DRY_RUN.\n");
    } else {
        print_rows(DZ_CLI | DZ_SHORT, false);
        printf("\n--help=all shows every option and COND.  See also dzctl --help, "
               "dznohup(1).\n");
    }
    printf("Exit status: that of COMMAND, or with -d 0 if it was started.  122 if the "
           "job\n"
           "is already running, 124 if it was not ready in time, 125 if dznohup "
           "failed,\n"
           "126 if COMMAND cannot be executed, 127 if it was not found.\n");
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -1;
}
