/*
 * What the keeper tells: a line in the job's log, lines in its record.
 */
#include "keep.h"

#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void say_line(struct keeper *keeper, const char *words)
{
    char line[DZ_MESSAGE_MAX];
    struct dz_text text = dz_text(line, sizeof line - 1);
    struct pollfd wanted = {.fd = 2, .events = POLLOUT};

    if (keeper->start->plan->quiet)
        return;
    dz_add(&text, "dznohup: ");
    dz_add(&text, words);
    dz_one_line(line);
    if (pump_target_fd(&keeper->pump, 2) >= 0) {
        pump_say(&keeper->pump, line);
        return;
    }
    memcpy(line + text.length, "\n", 2);
    /* A pipe that is full, with a reader that does not read, must not hold the job. */
    if (poll(&wanted, 1, 0) > 0)
        dz_write(2, line, text.length + 1);
}

/* Appends "ended with status 5", "ended by SIGKILL". */
static void add_end(const struct keeper *keeper, struct dz_text *text)
{
    int status = keeper->status;

    dz_add(text, "ended");
    if (status >= 0 && WIFSIGNALED(status)) {
        dz_add(text, " by SIG");
        dz_add_signal(text, WTERMSIG(status));
    } else if (status >= 0) {
        dz_add(text, " with status ");
        dz_add_number(text, WEXITSTATUS(status));
    }
}

/* Appends milliseconds as seconds with one decimal. */
static void add_tenths(struct dz_text *text, int64_t milliseconds)
{
    dz_add_seconds(text, milliseconds < 100 ? milliseconds : milliseconds / 100 * 100);
}

void say_ended(struct keeper *keeper, int64_t delay)
{
    char line[DZ_MESSAGE_MAX];
    struct dz_text text = dz_text(line, sizeof line);

    if (keeper->failed) {
        char fault[DZ_MESSAGE_MAX];
        dz_fault_text(&keeper->fault, "", fault);
        fault[strcspn(fault, "\n")] = '\0';
        dz_add(&text, strncmp(fault, ": ", 2) == 0 ? fault + 2 : fault);
    } else {
        add_end(keeper, &text);
        dz_add(&text, " after ");
        add_tenths(&text, dz_milliseconds() - keeper->began);
        dz_add(&text, " s");
    }
    if (delay >= 0) {
        dz_add(&text, "; starting again");
        dz_add(&text, delay > 0 ? " in " : "");
        if (delay > 0) {
            add_tenths(&text, delay);
            dz_add(&text, " s");
        }
    } else {
        dz_add(&text, "; ");
        dz_add_number(&text, keeper->failures);
        dz_add(&text, " failures in a row, giving up");
    }
    say_line(keeper, line);
}

/* Adds a line of the record: the key, and the seconds since the epoch. */
static void add_now(struct dz_text *text, const char *key)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with a valid clock */
    dz_add(text, key);
    dz_add(text, " ");
    dz_add_number(text, now.tv_sec);
    dz_add(text, "\n");
}

void record_lines(const struct keeper *keeper, const char *lines)
{
    for (int i = 0; i < RECORD_TRIES; i++) {
        if (dz_publish_lines(keeper->start, lines) == 0)
            return;
        poll(NULL, 0, RECORD_TRY_MS);
    }
}

void record_ended(const struct keeper *keeper)
{
    char lines[128];
    struct dz_text text = dz_text(lines, sizeof lines);

    add_now(&text, "ended");
    dz_add(&text, "last ");
    dz_add_number(&text, keeper->status);
    if (keeper->start->plan->watchdog > 0)
        dz_add(&text, keeper->watchdog.bitten ? "\nwatchdog 1" : "\nwatchdog 0");
    dz_add(&text, "\n");
    record_lines(keeper, lines);
}

void record_ready(const struct keeper *keeper)
{
    char line[48];
    struct dz_text text = dz_text(line, sizeof line);

    add_now(&text, "ready");
    record_lines(keeper, line);
}
