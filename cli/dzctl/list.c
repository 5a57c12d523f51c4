/*
 * What is printed of jobs: a table for people, JSON for programs.
 */
#include "dzctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- the table ---- */

enum column { NAME, PID, STATE, SINCE, LOG, COMMAND, COLUMNS };

static const char *const headings[COLUMNS] = {"NAME",  "PID", "STATE",
                                              "SINCE", "LOG", "COMMAND"};

struct row {
    char *cells[COLUMNS];
};

/* The words of the command with blanks between them. */
static char *command_cell(const struct job *job)
{
    size_t length = 1;
    char *text;
    char *at;

    if (job->argv == NULL)
        return strdup("-");
    for (char **word = job->argv; *word != NULL; word++)
        length += strlen(*word) + 1;
    text = malloc(length);
    if (text == NULL)
        return NULL;
    at = text;
    for (char **word = job->argv; *word != NULL; word++) {
        at = stpcpy(at, word == job->argv ? "" : " ");
        at = stpcpy(at, *word);
    }
    dz_one_line(text);
    return text;
}

static struct row make_row(const struct job *job)
{
    char digits[24];
    char words[48];
    struct row row;

    snprintf(digits, sizeof digits, "%ld", (long)job->record.who.pid);
    row.cells[NAME] = shown_text(job->name);
    row.cells[PID] = strdup(digits);
    row.cells[STATE] = strdup(shown_state(job, words));
    row.cells[SINCE] = shown_since(job);
    row.cells[LOG] = shown_text(job->log);
    row.cells[COMMAND] = command_cell(job);
    return row;
}

/* How many columns of the screen a text takes; one for each character, as the
 * bytes of UTF-8 that continue one take none. */
static int width_of(const char *text)
{
    int width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* Of the terminal; INT_MAX where stdout is none: nothing is cut in a file. */
static int screen_width(void)
{
    struct winsize size;

    if (ioctl(1, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return INT_MAX;
    return size.ws_col;
}

/* Print the characters of text from number first on, at most count. */
static void print_part(const char *text, int first, int count)
{
    for (int at = -1; *text != '\0'; text++) {
        at += ((unsigned char)*text & 0xc0) != 0x80;
        if (at >= first && at < first + count)
            putchar(*text);
    }
}

/* Print text in width columns: one that is too long ends in "...", or, a path,
 * begins so.  last: without blanks behind it. */
static void print_cell(const char *text, int width, bool path, bool last)
{
    static const char cut[] = "...";
    int dots = width < 3 ? width : 3;
    int has = width_of(text);

    if (has > width && path) {
        print_part(cut, 0, dots);
        print_part(text, has - (width - dots), width - dots);
    } else if (has > width) {
        print_part(text, 0, width - dots);
        print_part(cut, 0, dots);
    } else {
        fputs(text, stdout);
    }
    for (; has < width && !last; has++)
        putchar(' ');
}

enum { GAP = 2 };

/* What the columns take in all; one of width 0 is left out. */
static int total_width(const int widths[COLUMNS])
{
    int total = -GAP;

    for (int i = 0; i < COLUMNS; i++)
        total += widths[i] > 0 ? widths[i] + GAP : 0;
    return total;
}

/* Take width from a column, down to least, as far as the screen needs it. */
static void shrink(int widths[COLUMNS], enum column column, int least, int screen)
{
    int over = total_width(widths) - screen;

    if (over <= 0 || widths[column] <= least)
        return;
    widths[column] = widths[column] - over > least ? widths[column] - over : least;
}

/*
 * The widths of the columns: what the longest cell takes, less where that is
 * wider than the screen.  The long ones give first, then go: the log, since when,
 * the command.  The name, by which one goes on, is the last to be cut.
 */
static void set_widths(const struct row *rows, size_t count, int widths[COLUMNS])
{
    enum { LEAST = 12, STATE_LEAST = 7 };
    int screen = screen_width();
    int command;

    for (int i = 0; i < COLUMNS; i++) {
        widths[i] = width_of(headings[i]);
        for (size_t j = 0; j < count; j++) {
            int width = width_of(rows[j].cells[i]);
            widths[i] = width > widths[i] ? width : widths[i];
        }
    }
    command = widths[COMMAND];
    shrink(widths, LOG, widths[COMMAND] > 2 * LEAST ? 2 * LEAST : LEAST, screen);
    shrink(widths, COMMAND, 2 * LEAST, screen);
    shrink(widths, LOG, LEAST, screen);
    shrink(widths, COMMAND, LEAST, screen);
    shrink(widths, LOG, 0, total_width(widths) > screen ? 0 : screen);
    shrink(widths, SINCE, 0, total_width(widths) > screen ? 0 : screen);
    shrink(widths, STATE, STATE_LEAST, screen);
    shrink(widths, COMMAND, 0, total_width(widths) > screen ? 0 : screen);
    shrink(widths, NAME, 4, screen);
    int left = screen - total_width(widths);
    if (screen != INT_MAX && widths[COMMAND] > 0 && left > 0)
        widths[COMMAND] =
            command < widths[COMMAND] + left ? command : widths[COMMAND] + left;
}

static void print_row(char *const *cells, const int widths[COLUMNS])
{
    int last = COMMAND;

    while (last > NAME && widths[last] == 0)
        last--;
    for (int i = 0; i <= last; i++) {
        if (widths[i] == 0)
            continue;
        print_cell(cells[i], widths[i], i == LOG, i == last);
        fputs(i == last ? "\n" : "  ", stdout);
    }
}

static int print_table(const struct job *jobs, size_t count)
{
    struct row *rows = calloc(count + 1, sizeof *rows);
    int widths[COLUMNS];
    bool complete = rows != NULL;

    for (size_t i = 0; complete && i < count; i++) {
        rows[i] = make_row(&jobs[i]);
        for (int j = 0; j < COLUMNS; j++)
            complete = complete && rows[i].cells[j] != NULL;
    }
    if (complete && count > 0) {
        set_widths(rows, count, widths);
        print_row((char *const *)headings, widths);
        for (size_t i = 0; i < count; i++)
            print_row(rows[i].cells, widths);
    }
    for (size_t i = 0; rows != NULL && i < count; i++)
        for (int j = 0; j < COLUMNS; j++)
            free(rows[i].cells[j]);
    free(rows);
    return complete ? 0 : -1;
}

int command_list(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct job *jobs;
    struct dz_fault fault;
    size_t count;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    if (job_list(&jobs, &count, &fault) < 0) {
        fault.status = CTL_FAILED;
        return ctl_tell(&fault);
    }
    if (arguments.json) {
        for (size_t i = 0; i < count; i++) {
            fputs(i == 0 ? "[\n" : ",\n", stdout);
            show_json(&jobs[i], NULL);
        }
        fputs(count == 0 ? "[]\n" : "\n]\n", stdout);
    } else if (print_table(jobs, count) < 0) {
        status = CTL_FAILED;
        dz_fault(&fault, "list", NULL, ENOMEM, NULL);
        ctl_tell(&fault);
    }
    for (size_t i = 0; i < count; i++)
        job_free(&jobs[i]);
    free(jobs);
    return ctl_finish(status);
}
