/*
 * Messages about a start that launcher and library share.
 *
 * The launcher or the library writes the lines composed here.  Notes and the log are
 * written directly.
 */
#include "wait.h"

#include <string.h>
#include <unistd.h>

size_t dz_waiting_text(const struct dz_start *start, const struct dz_ready *ready,
                       const char *program, int seconds, char line[DZ_WAITING_MAX])
{
    struct dz_text text = dz_text(line, DZ_WAITING_MAX);

    dz_add(&text, "\r\033[K"); /* ECMA-48: to the line's beginning, and clear it */
    if (seconds == 0)
        return text.length;
    dz_add(&text, program);
    dz_add(&text, ": waiting for ");
    dz_add_missing(ready, start, &text);
    dz_add(&text, ", ");
    dz_add_number(&text, seconds);
    dz_add(&text, " s");
    if (start->notify.status[0] != '\0') {
        dz_add(&text, ": ");
        dz_add(&text, start->notify.status);
    }
    return text.length;
}

size_t dz_slow_text(const struct dz_start *start, const struct dz_ready *ready,
                    const char *program, char line[DZ_WAITING_MAX])
{
    struct dz_text text = dz_text(line, DZ_WAITING_MAX - 1);

    dz_add(&text, program);
    dz_add(&text, ": waiting for ");
    dz_add_missing(ready, start, &text);
    if (start->plan->timeout > 0) {
        dz_add(&text, ", up to ");
        dz_add_seconds(&text, start->plan->timeout);
        dz_add(&text, " s");
    }
    dz_one_line(line);
    line[text.length] = '\n';
    return text.length + 1;
}

static void note(const struct dz_start *start, const char *program, const char *object,
                 int err, const char *reason)
{
    struct dz_fault fault;

    dz_fault(&fault, "note", object, err, reason);
    dz_fault_write(&fault, program, start->stderr_fd);
}

/* Returns whether the program gets /dev/null in place of the caller's own stdin. */
static bool lacks_stdin(const struct dz_start *start)
{
    return start->stream[0] == DZ_CALLERS && start->new_fd[0] >= 0 &&
           start->plan->input.kind == DZ_OUTPUT_UNSET;
}

void dz_say_notes(const struct dz_start *start, const char *program)
{
    char words[64];
    char name[DZ_LOG_NAME];
    struct dz_text text = dz_text(words, sizeof words);

    if (start->plan->quiet)
        return;
    dz_pidfile_words(&start->pidfile_old, &text);
    if (text.length > 0) {
        dz_add(&text, "; replaced");
        note(start, program, start->plan->pidfile, 0, words);
    }
    if (start->notify_errno != 0)
        note(start, program, "NOTIFY_SOCKET", start->notify_errno, NULL);
    if (start->log.refused != NULL)
        note(start, program, dz_default_log(start->plan->name, name), 0,
             start->log.refused);
    if (lacks_stdin(start))
        note(start, program, "stdin", 0,
             "the caller reads it, so the program gets /dev/null; -i - passes it on");
}

bool dz_has_notes(const struct dz_start *start)
{
    return lacks_stdin(start) || start->log.refused != NULL ||
           start->pidfile_old.state == DZ_PIDFILE_EMPTY ||
           start->pidfile_old.state == DZ_PIDFILE_GARBAGE ||
           start->pidfile_old.state == DZ_PIDFILE_STALE;
}

/* Shows what this run wrote to one log, open on fd.  Returns whether it wrote
 * anything. */
static bool show_file(const struct dz_log *log, int fd, const char *program, int to)
{
    char heading[PATH_MAX + 64];
    struct dz_text text = dz_text(heading, sizeof heading);
    struct dz_stat about;

    if (fd < 0 || dz_stat(fd, "", true, &about) < 0 || (int64_t)about.size <= log->size)
        return false;
    dz_add(&text, program);
    dz_add(&text, ": this run wrote to ");
    dz_add(&text, log->path);
    dz_add(&text, ":");
    dz_one_line(heading);
    dz_add(&text, "\n");
    dz_write(to, heading, text.length); /* no stderr: nowhere to say so */
    return dz_show_run(fd, log->size, to) > 0;
}

void dz_show_log(const struct dz_start *start, const char *program, int to)
{
    /* Programs say why they fail on stderr. */
    if (start->error_log.path[0] != '\0' &&
        show_file(&start->error_log, start->new_fd[2], program, to))
        return;
    if (start->log.path[0] != '\0')
        show_file(&start->log,
                  start->new_fd[1] >= 0 ? start->new_fd[1] : start->new_fd[2], program,
                  to);
}

void dz_add_started(const struct dz_start *start, const char *where,
                    struct dz_text *text)
{
    if (where != NULL) {
        dz_add(text, start->ended ? " has exited with status 0" : " is running");
        dz_add(text, where);
    }
    if (start->log.path[0] == '\0')
        return;
    dz_add(text, where != NULL ? ", " : "");
    dz_add(text,
           start->new_fd[1] >= 0 ? "appending output to " : "appending stderr to ");
    dz_add(text, start->log.path);
}
