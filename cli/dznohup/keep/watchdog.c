/*
 * The watchdog of --watchdog: a program that falls silent is ended.
 *
 * It learns by WATCHDOG_USEC and WATCHDOG_PID how often it has to speak, as from
 * systemd, and speaks by WATCHDOG=1 on the keeper's own socket.
 */
#include "keep.h"

#include <string.h>

/* Returns the milliseconds within which the program must speak: the shorter time of
 * ours and our manager's, or 0 if there is none. */
static int64_t told_within(const struct keeper *keeper)
{
    int64_t own = keeper->start->plan->watchdog;
    int64_t managers = keeper->manager.within;

    return own == 0 || (managers > 0 && managers < own) ? managers : own;
}

/* In the child: writes "NAME=number", and makes that the variable. */
static int set_number(struct dz_start *start, const char *name, int64_t number,
                      char entry[48], struct dz_fault *fault)
{
    struct dz_text text = dz_text(entry, 48);

    dz_add(&text, name);
    dz_add(&text, "=");
    dz_add_number(&text, number);
    return dz_set_variable(start, name, entry, fault);
}

int watchdog_pass(struct keeper *keeper, struct dz_fault *fault)
{
    static char within[48];
    static char pid[48];
    struct dz_start *start = keeper->start;
    int64_t milliseconds = told_within(keeper);

    if (milliseconds == 0 || start->notify.fd < 0)
        return 0;
    return set_number(start, "WATCHDOG_USEC", milliseconds * 1000, within, fault) < 0 ||
                   set_number(start, "WATCHDOG_PID", start->pid, pid, fault) < 0
               ? -1
               : 0;
}

void watchdog_begin(struct keeper *keeper)
{
    keeper->watchdog.within = keeper->start->plan->watchdog;
    keeper->watchdog.until = INT64_MAX;
    keeper->watchdog.triggered = false;
    keeper->watchdog.bitten = false;
}

void watchdog_feed(struct keeper *keeper)
{
    int64_t now = dz_milliseconds();
    int64_t within = keeper->watchdog.within;

    keeper->watchdog.until =
        within == 0 || within > INT64_MAX - now ? INT64_MAX : now + within;
}

void watchdog_hear(struct keeper *keeper, const char *value)
{
    if (strcmp(value, "1") == 0)
        watchdog_feed(keeper);
    else if (strcmp(value, "trigger") == 0)
        keeper->watchdog.triggered = true;
}

void watchdog_change(struct keeper *keeper, const char *value)
{
    int64_t microseconds;

    if (dz_read_long(&value, &microseconds) < 0 || *value != '\0')
        return;
    keeper->watchdog.within = microseconds / 1000 + (microseconds % 1000 > 0);
    watchdog_feed(keeper);
}

bool watchdog_bites(struct keeper *keeper)
{
    char words[96];
    struct dz_text text = dz_text(words, sizeof words);

    if (!keeper->watchdog.triggered && dz_milliseconds() < keeper->watchdog.until)
        return false;
    if (keeper->watchdog.triggered) {
        dz_add(&text, "watchdog: the program asked for its end");
    } else {
        dz_add(&text, "watchdog: no WATCHDOG=1 for ");
        dz_add_seconds(&text, keeper->watchdog.within);
        dz_add(&text, " s");
    }
    dz_add(&text, "; ending the program by SIGABRT");
    say_line(keeper, words);
    keeper->watchdog.until = INT64_MAX;
    keeper->watchdog.triggered = false;
    keeper->watchdog.bitten = true;
    return true;
}
