/*
 * What jobs use: the processor time and memory of their processes.
 *
 * One walk over /proc serves all jobs, however many they are.
 */
#include "dzctl.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* What is kept of a process. */
struct process {
    pid_t pid;
    pid_t ppid;
    pid_t session;
    uint64_t start;
    int64_t used;
    int64_t resident;
    bool ended;
    struct job *job; /* that it belongs to, or NULL */
};

struct table {
    struct process *list; /* sorted by PID */
    size_t count;
    size_t room;
};

/* A job and the session that is its own. */
struct owner {
    pid_t session;
    struct job *job;
    uint64_t start; /* of the job's process */
};

static int add_process(const struct dz_process *process, void *data)
{
    struct table *table = data;

    if (table->count == table->room) {
        size_t room = table->room > 0 ? 2 * table->room : 256;
        struct process *more = realloc(table->list, room * sizeof *more);
        if (more == NULL)
            return 1;
        table->list = more;
        table->room = room;
    }
    table->list[table->count++] = (struct process){.pid = process->pid,
                                                   .ppid = process->ppid,
                                                   .session = process->session,
                                                   .start = process->start,
                                                   .used = process->used,
                                                   .resident = process->resident,
                                                   .ended = dz_has_ended(process)};
    return 0;
}

static int by_pid(const void *a, const void *b)
{
    const struct process *one = a;
    const struct process *other = b;

    return (one->pid > other->pid) - (one->pid < other->pid);
}

static struct process *find(const struct table *table, pid_t pid)
{
    struct process key = {.pid = pid};

    return table->count > 0
               ? bsearch(&key, table->list, table->count, sizeof key, by_pid)
               : NULL;
}

/* The processes that a walk has found: none before it, and after they were measured. */
static struct table walked;

static void forget_walk(void)
{
    free(walked.list);
    walked = (struct table){0};
}

/* Returns whether /proc could be read. */
static bool walk(void)
{
    if (walked.count > 0)
        return true;
    if (dz_processes_each(add_process, &walked) != 0) {
        forget_walk();
        return false;
    }
    qsort(walked.list, walked.count, sizeof *walked.list, by_pid);
    return true;
}

void job_walk(void)
{
    walk(); /* else each process is looked up by itself */
}

bool job_was_seen(const struct dz_identity *who)
{
    const struct process *process = find(&walked, who->pid);
    struct dz_process found;

    if (process == NULL || process->ended || !dz_is_here(who))
        return false;
    found = (struct dz_process){.pid = process->pid, .start = process->start};
    return dz_is_process(who, &found);
}

static int by_session(const void *a, const void *b)
{
    const struct owner *one = a;
    const struct owner *other = b;

    return (one->session > other->session) - (one->session < other->session);
}

/* Marks the job's own process.  Returns the session if it is the job's, else 0. */
static pid_t mark_own(const struct table *table, struct job *job, uint64_t *start)
{
    struct process *process = find(table, job->record.who.pid);

    if (process == NULL)
        return 0;
    process->job = job;
    *start = process->start;
    if (process->session == process->pid ||
        (job->keeper_runs && process->session == job->record.keeper.pid))
        return process->session;
    /* A leader that lives is another's. */
    return process->session == job->record.session &&
                   find(table, process->session) == NULL
               ? process->session
               : 0;
}

/* Returns the job of the nearest ancestor that has one, or NULL. */
static struct job *job_above(const struct table *table, const struct process *process)
{
    enum { DEEPEST = 1000 }; /* PIDs that change during the walk might make a ring */

    for (int i = 0; i < DEEPEST && process != NULL; i++) {
        if (process->job != NULL)
            return process->job;
        process = find(table, process->ppid);
    }
    return NULL;
}

static void mark_all(const struct table *table, const struct owner *owners,
                     size_t count, bool shared)
{
    for (size_t i = 0; i < table->count; i++) {
        struct process *process = &table->list[i];
        struct owner key = {.session = process->session};
        const struct owner *owner =
            process->job == NULL && count > 0
                ? bsearch(&key, owners, count, sizeof key, by_session)
                : NULL;
        /* What is older than the job was in its session before it. */
        if (owner != NULL && process->start >= owner->start)
            process->job = owner->job;
    }
    for (size_t i = 0; shared && i < table->count; i++)
        if (table->list[i].job == NULL)
            table->list[i].job = job_above(table, &table->list[i]);
}

static void add_up(const struct table *table)
{
    double ticks = (double)sysconf(_SC_CLK_TCK);
    long page = sysconf(_SC_PAGESIZE);
    struct timespec up;

    clock_gettime(CLOCK_BOOTTIME, &up); /* cannot fail: the clock is valid */
    for (size_t i = 0; i < table->count; i++) {
        const struct process *process = &table->list[i];
        if (process->job == NULL)
            continue;
        struct usage *usage = &process->job->usage;
        usage->processes++;
        usage->seconds += (double)process->used / ticks;
        usage->bytes += process->resident * page;
        if (process->pid == process->job->record.who.pid)
            usage->age = (double)up.tv_sec + (double)up.tv_nsec / 1e9 -
                         (double)process->start / ticks;
    }
}

void job_measure(struct job *const *jobs, size_t count)
{
    struct owner *owners = calloc(count + 1, sizeof *owners);
    size_t owned = 0;
    bool shared = false;

    for (size_t i = 0; i < count; i++)
        shared = shared || jobs[i]->state == JOB_RUNS;
    if (owners == NULL || !shared || !walk()) {
        free(owners);
        forget_walk();
        return; /* nothing runs, or it cannot be known */
    }
    shared = false;
    for (size_t i = 0; i < count; i++) {
        uint64_t start = 0;
        pid_t session =
            jobs[i]->state == JOB_RUNS ? mark_own(&walked, jobs[i], &start) : 0;
        if (session > 1)
            owners[owned++] = (struct owner){session, jobs[i], start};
        else
            shared = shared || jobs[i]->state == JOB_RUNS;
    }
    qsort(owners, owned, sizeof *owners, by_session);
    mark_all(&walked, owners, owned, shared);
    add_up(&walked);
    for (size_t i = 0; i < count; i++) {
        struct usage *usage = &jobs[i]->usage;
        usage->share = usage->age > 0 ? usage->seconds / usage->age : 0;
    }
    free(owners);
    forget_walk();
}
