/*
 * Words about a start that launcher and library both say.
 *
 * They are composed here and written by who speaks, but for the notes, which
 * go to the caller's stderr line by line.
 */
#include "start.h"

#include <string.h>
#include <unistd.h>

size_t dz_waiting_text(const struct dz_plan *plan, const char *program, int seconds,
                       char line[DZ_WAITING_MAX])
{
    struct dz_text text = dz_text(line, DZ_WAITING_MAX);

    dz_add(&text, "\r\033[K"); /* to the line's beginning, and clear it: ECMA-48 */
    if (seconds == 0)
        return text.length;
    dz_add(&text, program);
    dz_add(&text, ": waiting for ");
    dz_add_missing(&plan->wait, &text);
    dz_add(&text, ", ");
    dz_add_number(&text, seconds);
    dz_add(&text, " s");
    if (plan->notify.status[0] != '\0') {
        dz_add(&text, ": ");
        dz_add(&text, plan->notify.status);
    }
    return text.length;
}

static void note(const struct dz_plan *plan, const char *program, const char *object,
                 int err, const char *reason)
{
    struct dz_fault fault;

    dz_fault(&fault, "note", object, err, reason);
    dz_fault_write(&fault, program, plan->tell_fd);
}

void dz_say_notes(const struct dz_plan *plan, const char *program)
{
    char words[64];
    struct dz_text text = dz_text(words, sizeof words);

    if (plan->quiet)
        return;
    dz_pidfile_words(&plan->pidfile_old, &text);
    if (text.length > 0) {
        dz_add(&text, "; replaced");
        note(plan, program, plan->pidfile, 0, words);
    }
    if (plan->manager != 0)
        note(plan, program, "NOTIFY_SOCKET", plan->manager, NULL);
}

bool dz_has_notes(const struct dz_plan *plan)
{
    return plan->pidfile_old.state == DZ_PIDFILE_EMPTY ||
           plan->pidfile_old.state == DZ_PIDFILE_GARBAGE ||
           plan->pidfile_old.state == DZ_PIDFILE_STALE;
}
