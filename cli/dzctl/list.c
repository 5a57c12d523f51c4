/*
 * list: all jobs, as a table for people or as JSON for programs.
 *
 * Each column but the last is as wide as its longest cell.  On a terminal a line is cut
 * at the edge of the screen.
 */
#include "dzctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum column {
    NAME,
    PID,
    STATE,
    STARTED,
    ENDED,
    CPU,
    MEM,
    RESTARTS,
    LOG,
    COMMAND,
    COLUMNS
};

enum { GAP = 2 };

static const char *const headings[COLUMNS] = {"NAME",  "PID",    "STATE", "STARTED",
                                              "ENDED", "CPU",    "MEM",   "RESTARTS",
                                              "LOG",   "COMMAND"};

/* Room for the cells that are made of numbers. */
struct scratch {
    char pid[24];
    char state[48];
    char started[SHOWN_MAX];
    char ended[SHOWN_MAX];
    char cpu[SHOWN_MAX];
    char memory[SHOWN_MAX];
    char restarts[24];
};

/* The table that is printed. */
struct table {
    struct job *const *jobs;
    size_t count;
    bool has_ended; /* it has a column ENDED */
    bool has_kept;  /* it has a column RESTARTS */
    int widths[COLUMNS];
    int screen; /* columns of the terminal */
};

/* Fills in the cells of a job but that of COMMAND. */
static void fill_cells(const struct job *job, struct scratch *scratch,
                       const char *cells[COLUMNS])
{
    struct dz_text pid = dz_text(scratch->pid, sizeof scratch->pid);
    struct dz_text restarts = dz_text(scratch->restarts, sizeof scratch->restarts);

    dz_add_number(&pid, job->record.who.pid);
    dz_add_number(&restarts, job->restarts);
    cells[NAME] = job->name != NULL ? job->name : "-";
    cells[PID] = scratch->pid;
    cells[STATE] = shown_state(job, scratch->state);
    cells[STARTED] = shown_time(started_at(job), true, scratch->started);
    cells[ENDED] = shown_time(job->ended, true, scratch->ended);
    cells[CPU] = shown_share(&job->usage, scratch->cpu);
    cells[MEM] = shown_memory(&job->usage, scratch->memory);
    cells[RESTARTS] = job->record.keeper.pid > 0 ? scratch->restarts : "-";
    cells[LOG] = job->log != NULL ? job->log : "-";
    cells[COMMAND] = "";
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
    static const char blanks[] = "                                ";
    enum { BLANKS = sizeof blanks - 1 };

    if (count > *left)
        count = *left;
    *left -= count;
    for (; count > 0; count -= BLANKS)
        fwrite(blanks, 1, (size_t)(count < BLANKS ? count : BLANKS), stdout);
}

/* Prints a word of a command as a shell takes it. */
static void print_word(const char *word, int *left)
{
    size_t size = strlen(word) * DZ_QUOTED_MAX + DZ_QUOTES;
    char *room = dz_needs_quotes(word) ? malloc(size) : NULL;
    struct dz_text text;

    if (room == NULL) {
        print_text(word, left);
        return;
    }
    text = dz_text(room, size);
    dz_add_quoted(&text, word);
    print_text(room, left);
    free(room);
}

/* Prints a line.  words: those of the command, or NULL. */
static void print_line(const struct table *table, const char *const cells[COLUMNS],
                       char *const *words)
{
    int left = table->screen;

    for (int i = 0; i < COLUMNS && left > 0; i++) {
        if ((i == ENDED && !table->has_ended) || (i == RESTARTS && !table->has_kept))
            continue;
        print_text(cells[i], &left);
        if (i < COMMAND && left > 0)
            print_blanks(table->widths[i] - width_of(cells[i]) + GAP, &left);
    }
    for (char *const *word = words; word != NULL && *word != NULL && left > 0; word++) {
        if (word != words)
            print_blanks(1, &left);
        if (left > 0)
            print_word(*word, &left);
    }
    putchar('\n');
}

static void print_table(struct table *table)
{
    static char dash[] = "-";
    static char *const unknown[] = {dash, NULL};
    struct scratch scratch;
    const char *cells[COLUMNS];

    table->screen = screen_width();
    widen(table->widths, headings);
    for (size_t i = 0; i < table->count; i++) {
        table->has_ended = table->has_ended || table->jobs[i]->state == JOB_ENDED;
        table->has_kept = table->has_kept || table->jobs[i]->record.keeper.pid > 0;
        fill_cells(table->jobs[i], &scratch, cells);
        widen(table->widths, cells);
    }
    print_line(table, headings, NULL);
    for (size_t i = 0; i < table->count; i++) {
        char *const *argv = table->jobs[i]->argv;
        fill_cells(table->jobs[i], &scratch, cells);
        print_line(table, cells, argv != NULL ? argv : unknown);
    }
}

/* Returns whether list shows a job without -a. */
static bool is_shown(const struct job *job)
{
    return job->name != NULL || job->state != JOB_ENDED;
}

static void print_json(struct job *const *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 ? "[\n" : ",\n", stdout);
        show_json(jobs[i], NULL);
    }
    fputs(count == 0 ? "[]\n" : "\n]\n", stdout);
}

/* Says that there is nothing to show; ended: jobs that -a would show. */
static void say_no_jobs(size_t ended)
{
    if (ended == 0)
        puts("no jobs");
    else
        printf("no jobs; -a shows %zu that %s ended\n", ended,
               ended == 1 ? "has" : "have");
}

int command_list(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct table table = {0};
    static struct job *jobs; /* the end of the process frees them */
    struct job **shown;
    struct dz_fault fault;
    size_t count;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    job_walk();
    if (job_list(&jobs, &count, &fault) < 0) {
        fault.status = CTL_FAILED;
        return ctl_tell(&fault);
    }
    shown = calloc(count + 1, sizeof *shown);
    for (size_t i = 0; shown != NULL && i < count; i++)
        if (arguments.all || is_shown(&jobs[i]))
            shown[table.count++] = &jobs[i];
    table.jobs = shown;
    job_measure(table.jobs, table.count);
    if (arguments.json)
        print_json(table.jobs, table.count);
    else if (table.count == 0)
        say_no_jobs(count);
    else
        print_table(&table);
    free(shown);
    return ctl_finish(status);
}
