/*
 * What stop sends to a job, and when: "HUP,1,TERM,5,KILL".
 */
#include "dzctl.h"

#include <signal.h>
#include <string.h>

enum { KILLED_MS = 5000 /* a process that lives so long after KILL hangs in a call */ };

static const char wrong[] =
    "not a signal, nor signals and seconds in turn, like TERM,5,KILL";

/* Adds a signal.  Returns whether there is room. */
static bool add_signal(struct schedule *schedule, int signal)
{
    if (signal < 1 || schedule->count == SCHEDULE_MAX)
        return false;
    schedule->steps[schedule->count].signal = signal;
    schedule->steps[schedule->count].wait = signal == SIGKILL ? KILLED_MS : 0;
    schedule->count++;
    return true;
}

const char *parse_schedule(struct schedule *schedule, const char *text, int64_t timeout)
{
    bool timed = false; /* the last part was a time */

    memset(schedule, 0, sizeof *schedule);
    if (strchr(text, ',') == NULL) {
        if (!add_signal(schedule, dz_signal_number(text, strlen(text))))
            return "not a signal";
        schedule->steps[0].wait = timeout;
        add_signal(schedule, SIGKILL);
        return NULL;
    }
    for (;; text++) {
        const char *end = text + strcspn(text, ",");
        int64_t *wait =
            schedule->count > 0 ? &schedule->steps[schedule->count - 1].wait : NULL;
        /* After a signal a number is a time. */
        if (wait != NULL && !timed && *text >= '0' && *text <= '9') {
            if (dz_read_seconds(&text, wait) < 0 || text != end)
                return wrong;
            timed = true;
        } else {
            if (!add_signal(schedule, dz_signal_number(text, (size_t)(end - text))))
                return wrong;
            timed = false;
        }
        text = end;
        if (*text == '\0')
            return NULL;
    }
}
