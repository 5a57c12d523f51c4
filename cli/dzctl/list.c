/*
 * list: all jobs, as a table for people or as JSON for programs.
 *
 * Each column but the last is as wide as its longest cell.  On a terminal a line is cut
 * at the edge of the screen.
 */
#include "dzctl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

enum column { NAME, PID, STATE, SINCE, LOG, COMMAND, COLUMNS };

enum { GAP = 2, TIME = sizeof "2026-01-01 00:00:00" - 1 };

static const char *const headings[COLUMNS] = {"NAME",  "PID", "STATE",
                                              "SINCE", "LOG", "COMMAND"};

/* Room for the cells that are made of numbers. */
struct scratch {
    char pid[24];
    char state[48];
    char since[32];
};

/* Fills in the cells of a job, but for SINCE; that of COMMAND is the first argument. */
static void fill_cells(const struct job *job, struct scratch *scratch,
                       const char *cells[COLUMNS])
{
    snprintf(scratch->pid, sizeof scratch->pid, "%ld", (long)job->record.who.pid);
    cells[NAME] = job->name != NULL ? job->name : "-";
    cells[PID] = scratch->pid;
    cells[STATE] = shown_state(job, scratch->state);
    cells[SINCE] = "-";
    cells[LOG] = job->log != NULL ? job->log : "-";
    cells[COMMAND] = job->argv != NULL ? job->argv[0] : "-";
}

static void widen(int widths[COLUMNS], const char *const cells[COLUMNS])
{
    for (int i = 0; i < COMMAND; i++) {
        int width = width_of(cells[i]);
        widths[i] = width > widths[i] ? width : widths[i];
    }
}

/* Returns the columns of the terminal, INT_MAX if stdout is not one. */
static int screen_width(void)
{
    struct winsize size;

    if (ioctl(1, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return INT_MAX;
    return size.ws_col;
}

/* Prints text in the *left columns of the line.  If it does not fit, its end is "..."
 * and nothing is left. */
static void print_text(const char *text, int *left)
{
    static const char dots[] = "...";
    enum { DOTS = sizeof dots - 1 };
    int width = width_of(text);

    if (width <= *left) {
        *left -= print_columns(text, width);
        return;
    }
    print_columns(text, *left > DOTS ? *left - DOTS : 0);
    print_columns(dots, *left > DOTS ? DOTS : *left);
    *left = 0;
}

/* Prints blanks, unless they reach the edge of the screen. */
static void print_blanks(int count, int *left)
{
    if (count > *left)
        count = *left;
    *left -= count;
    printf("%*s", count, "");
}

/* Prints a line.  arguments: further arguments of the command, or NULL. */
static void print_line(const char *const cells[COLUMNS], char *const *arguments,
                       const int widths[COLUMNS], int screen)
{
    int left = screen;

    for (int i = 0; i < COLUMNS && left > 0; i++) {
        print_text(cells[i], &left);
        if (i < COMMAND && left > 0)
            print_blanks(widths[i] - width_of(cells[i]) + GAP, &left);
    }
    for (; arguments != NULL && *arguments != NULL && left > 0; arguments++) {
        print_blanks(1, &left);
        if (left > 0)
            print_text(*arguments, &left);
    }
    putchar('\n');
}

static void print_table(const struct job *jobs, size_t count)
{
    struct scratch scratch;
    const char *cells[COLUMNS];
    int widths[COLUMNS] = {[SINCE] = TIME};
    int screen = screen_width();

    if (count == 0)
        return;
    widen(widths, headings);
    for (size_t i = 0; i < count; i++) {
        fill_cells(&jobs[i], &scratch, cells);
        widen(widths, cells);
    }
    print_line(headings, NULL, widths, screen);
    for (size_t i = 0; i < count; i++) {
        char **argv = jobs[i].argv;
        fill_cells(&jobs[i], &scratch, cells);
        shown_since(&jobs[i], scratch.since);
        cells[SINCE] = scratch.since;
        print_line(cells, argv != NULL && argv[0] != NULL ? argv + 1 : NULL, widths,
                   screen);
    }
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
    } else {
        print_table(jobs, count);
    }
    for (size_t i = 0; i < count; i++)
        job_free(&jobs[i]);
    free(jobs);
    return ctl_finish(status);
}
