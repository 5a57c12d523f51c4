/*
 * The launcher's messages on the caller's stderr.
 *
 * They are written by write(2).  In stay mode this process is about to become the
 * target, and stdio's buffers would be lost.
 */
#include "dznohup.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char program[] = "dznohup";

/* Writes text to fd.  If that fails, there is no other place for a message. */
static void put(int fd, const char *text)
{
    dz_write(fd, text, strlen(text));
}

int tell(int fd, const struct dz_fault *fault)
{
    dz_fault_write(fault, program, fd);
    return fault->status;
}

static const char *why_left(enum dz_leave_reason left)
{
    switch (left) {
    case DZ_LEFT_FOREGROUND:
        return " in the background";
    case DZ_LEFT_GROUP:
        return " apart from its pipeline";
    default:
        return "";
    }
}

/* Returns whether the log is the default one, whose path is told to the user. */
static bool has_default_log(const struct dz_start *start)
{
    return start->log.path[0] != '\0' && start->plan->output.kind != DZ_OUTPUT_FILE;
}

/* Returns whether the keyboard reached the caller, or will after fg, and does not reach
 * the program. */
static bool has_left_keyboard(const struct dz_start *start)
{
    return start->mode == DZ_STAY && (start->left_keyboard || start->left_shell);
}

bool has_words(const struct dz_start *start)
{
    return !start->plan->quiet &&
           (has_default_log(start) || start->leave_reason != DZ_NOT_LEFT ||
            start->terminal_kept || has_left_keyboard(start) || dz_has_notes(start) ||
            start->why_no_record != NULL || start->notify_errno != 0);
}

/* Says why the job has no record.  libdz.so prints no such line. */
static void say_unrecorded(const struct dz_start *start)
{
    const struct dz_fault *why = start->why_no_record;
    struct dz_fault note;
    char words[sizeof note.reason];
    struct dz_text text = dz_text(words, sizeof words); /* our reasons fit */

    if (why->reason[0] != '\0')
        dz_add(&text, why->reason);
    else
        dz_add_error(&text, why->err);
    dz_add(&text, "; the job has no record");
    dz_fault(&note, "note", why->object, 0, words);
    tell(start->stderr_fd, &note);
}

static void say_terminal_kept(const struct dz_start *start)
{
    put(start->stderr_fd, "dznohup: warning: other processes share the session, which "
                          "keeps its controlling terminal\n");
}

static void say_left_keyboard(const struct dz_start *start)
{
    char line[PATH_MAX];
    struct dz_text text = dz_text(line, sizeof line);

    dz_add(&text, "dznohup: ");
    dz_add(&text, start->left_shell ? "fg and Ctrl-C do not reach the program"
                                    : "Ctrl-C does not reach the program");
    dz_add(&text, "; to stop it: ");
    if (start->plan->name != NULL) {
        dz_add(&text, "dzctl stop ");
        dz_add(&text, start->plan->name);
    } else {
        dz_add(&text, "kill ");
        dz_add_number(&text, getpid());
    }
    dz_add(&text, "\n");
    put(start->stderr_fd, line);
}

void say_started(const struct dz_start *start)
{
    char line[PATH_MAX + 256];
    struct dz_text text = dz_text(line, sizeof line);

    if (!has_words(start))
        return;
    dz_say_notes(start, program);
    if (start->why_no_record != NULL)
        say_unrecorded(start);
    if (start->terminal_kept)
        say_terminal_kept(start);
    if (has_left_keyboard(start))
        say_left_keyboard(start);
    if (!has_default_log(start) && start->leave_reason == DZ_NOT_LEFT)
        return;
    dz_add(&text, "dznohup: ");
    if (start->mode == DZ_LEAVE) {
        dz_add(&text, "PID ");
        dz_add_number(&text, start->pid);
    }
    dz_add_started(
        start, start->mode == DZ_LEAVE ? why_left(start->leave_reason) : NULL, &text);
    dz_one_line(line);
    dz_add(&text, "\n");
    put(start->stderr_fd, line);
}

void say_relative(const struct dz_start *start, const char *argument)
{
    char text[PATH_MAX + 256];

    /* The argument names an existing file, so it is no longer than PATH_MAX. */
    snprintf(text, sizeof text,
             "%s: warning: %.*s %s a relative path, but the program will run in /; "
             "use -C . to run it here",
             program, PATH_MAX, argument,
             strcmp(argument, "LD_LIBRARY_PATH") == 0 ? "holds" : "is");
    dz_one_line(text);
    put(start->stderr_fd, text);
    put(start->stderr_fd, "\n");
}

void say_waiting(const struct dz_start *start, const struct dz_ready *ready,
                 int seconds)
{
    char line[DZ_WAITING_MAX];

    dz_write(start->stderr_fd, line,
             dz_waiting_text(start, ready, program, seconds, line));
}

void say_slow(const struct dz_start *start, const struct dz_ready *ready)
{
    char line[DZ_WAITING_MAX];

    dz_write(start->stderr_fd, line, dz_slow_text(start, ready, program, line));
}

void say_waiting_once(const struct dz_start *start, const struct dz_ready *ready,
                      int seconds)
{
    if (seconds > 0) /* 0: the wait is over, and the line stays */
        say_slow(start, ready);
}

void say_failed(const struct dz_start *start)
{
    dz_show_log(start, program, start->stderr_fd);
}

void say_step(const struct dz_start *start, const char *step)
{
    char row[160];
    char line[200];

    dz_format_ids(step, row, sizeof row);
    snprintf(line, sizeof line, "%s: %s\n", program, row);
    put(start->stderr_fd, line);
}
