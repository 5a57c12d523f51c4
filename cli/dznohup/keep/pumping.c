/*
 * The keeper and its pump: streams that go through it, commands that are no part of the
 * job, and the note on the record when it cannot write.
 */
#include "keep.h"

#include <string.h>

enum {
    DRAIN_MS = 1000,   /* at a stop, at least, for an output that takes nothing */
    COMMAND_MS = 10000 /* for a command to end after the end of its input */
};

/* Writes the path that the rings' files begin with.  Returns false if the job has no
 * record: then a keeper that is killed leaves nothing behind. */
static bool ring_base(const struct dz_start *start, char base[PATH_MAX])
{
    const char *name = start->plan->name != NULL ? start->plan->name : start->kept.name;
    struct dz_text text = dz_text(base, PATH_MAX);

    if (name[0] == '\0' || start->state[0] == '\0' || start->why_no_record != NULL)
        return false;
    dz_add(&text, start->state);
    dz_add(&text, "/.");
    dz_add(&text, name);
    dz_add(&text, ".ring");
    return !text.cut;
}

int open_pump(struct keeper *keeper, struct dz_fault *fault)
{
    struct dz_start *start = keeper->start;
    char base[PATH_MAX];
    int old = -1;

    if (!dz_wants_pump(start->plan))
        return 0;
    if (pump_open(&keeper->pump, start, ring_base(start, base) ? base : NULL,
                  keeper->taken.pid, fault) < 0)
        return -1;
    for (int i = 1; i < 3; i++) {
        int fd = pump_target_fd(&keeper->pump, i);
        if (fd < 0)
            continue;
        if (start->new_fd[i] >= 0 && start->new_fd[i] != old)
            dz_close(start->new_fd[i]); /* the pump has its own */
        old = start->new_fd[i];
        start->new_fd[i] = fd;
    }
    return 0;
}

void spare_commands(struct keeper *keeper)
{
    for (int i = 0; i < keeper->pump.count; i++) {
        pid_t command = keeper->pump.channels[i].output.command;
        if (command != keeper->commands[i].pid &&
            (command == 0 || dz_identify(command, &keeper->commands[i]) < 0))
            memset(&keeper->commands[i], 0, sizeof keeper->commands[i]);
    }
    keeper->members.spared = keeper->commands;
    keeper->members.spared_count = (size_t)keeper->pump.count;
}

void note_trouble(struct keeper *keeper)
{
    char line[sizeof keeper->note + 16];
    char words[sizeof keeper->note];
    struct dz_text now = dz_text(words, sizeof words);
    struct dz_text text = dz_text(line, sizeof line);

    /* While a run starts, there is no record yet, or this process holds its lock. */
    if (keeper->pump.count == 0 || keeper->phase == PHASE_STARTING)
        return;
    pump_trouble(&keeper->pump, &now);
    dz_one_line(words);
    if (strcmp(words, keeper->note) == 0)
        return;
    memcpy(keeper->note, words, sizeof words);
    dz_add(&text, "note ");
    for (const char *at = words; *at != '\0'; at++) {
        if (*at == '\\')
            dz_add_char(&text, '\\');
        dz_add_char(&text, *at);
    }
    dz_add_char(&text, '\n');
    record_lines(keeper, line);
}

void limit_drain(struct keeper *keeper)
{
    int64_t soon = dz_milliseconds() + DRAIN_MS;

    keeper->until = INT64_MAX;
    if (keeper->stopping || keeper->again)
        keeper->until = keeper->stop_until > soon ? keeper->stop_until : soon;
}

void close_pump(struct keeper *keeper)
{
    pump_drain(&keeper->pump); /* the keeper's own last words */
    note_trouble(keeper);
    pump_close(&keeper->pump, dz_milliseconds() + COMMAND_MS);
}
