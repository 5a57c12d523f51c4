/*
 * How many processes a job has, whether all of them sleep, and what they have used.
 *
 * A process that loads, computes, or waits for a processor or a disk is not in state
 * S.  A process that has finished its start waits for an event, with all threads in
 * state S.
 */
#include "wait.h"

#include <string.h>
#include <sys/auxv.h>

struct states {
    pid_t pid;
    bool living; /* a thread of it has not ended */
    bool asleep; /* all of its threads sleep */
    bool busy;   /* one of them runs, or waits for a processor or a disk */
};

static int visit_thread(int thread, int directory, void *data)
{
    struct states *states = data;
    char path[64];
    char line[512];
    struct dz_text text = dz_text(path, sizeof path);
    const char *end;

    (void)directory;
    dz_add(&text, "/proc/");
    dz_add_number(&text, states->pid);
    dz_add(&text, "/task/");
    dz_add_number(&text, thread);
    dz_add(&text, "/stat");
    if (dz_read_file(path, line, sizeof line) < 0)
        return 0;             /* it has ended */
    end = strrchr(line, ')'); /* a name may hold any character */
    if (end == NULL || end[1] != ' ' || end[2] == 'Z' || end[2] == 'X')
        return 0;
    states->living = true;
    states->asleep = states->asleep && end[2] == 'S';
    states->busy = states->busy || end[2] == 'R' || end[2] == 'D';
    return 0;
}

static int count_process(pid_t pid, void *data)
{
    struct dz_census *census = data;
    struct states states = {.pid = pid, .asleep = true};
    char path[32];
    struct dz_text text = dz_text(path, sizeof path);
    struct dz_process process;

    if (dz_read_process(pid, &process) == 0)
        census->used += process.used * 1000 / (int64_t)getauxval(AT_CLKTCK);
    dz_add(&text, "/proc/");
    dz_add_number(&text, pid);
    dz_add(&text, "/task");
    dz_each_number(path, visit_thread, &states); /* -1: it has ended */
    if (!states.living)
        return 0;
    census->processes++;
    census->sum += (uint64_t)pid * UINT64_C(0x9e3779b97f4a7c15);
    census->asleep = census->asleep && states.asleep;
    census->busy = census->busy || states.busy;
    return 0;
}

int dz_take_census(const struct dz_members *members, struct dz_census *census)
{
    *census = (struct dz_census){.asleep = true};
    if (members->root == 0)
        return -1;
    return dz_each_job_process(members, count_process, census);
}
