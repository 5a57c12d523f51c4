/*
 * How long a thread has waited in its call, which the kernel does not tell.
 *
 * /proc/PID/task/TID/sched has the moment at which the thread ran last, by the clock of
 * the processor that it ran on.  We run there for an instant ourselves, so that the
 * same file of ours shows what that clock says now.  What a hypervisor takes from the
 * processor is missing in it: a wait may seem shorter than it was, and never longer.
 */
#include "adopt.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NANOSECONDS = 1000000000, FILE_MAX = 8192 };

int64_t monotonic_nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with a valid clock */
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- what /proc tells of a thread ---- */

/* Reads a file of a thread, or of this one if tid is 0.  Returns whether it could. */
static bool read_task(pid_t pid, pid_t tid, const char *file, char *text, size_t size)
{
    char path[80];

    if (tid == 0)
        snprintf(path, sizeof path, "/proc/thread-self/%s", file);
    else
        snprintf(path, sizeof path, "/proc/%d/task/%d/%s", (int)pid, (int)tid, file);
    return dz_read_file(path, text, size) > 0;
}

/* Returns what follows the colon of a line of sched, or NULL. */
static const char *sched_value(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    if (at == NULL || (at = strchr(at, ':')) == NULL)
        return NULL;
    return at + 1 + strspn(at + 1, " ");
}

/* Reads when the thread ran last, in nanoseconds, and how often it has gone to sleep.
 * Returns whether both are known. */
static bool read_sched(pid_t pid, pid_t tid, int64_t *ran, int64_t *sleeps)
{
    char text[FILE_MAX];
    const char *at;
    int64_t fraction;

    if (!read_task(pid, tid, "sched", text, sizeof text) ||
        (at = sched_value(text, "se.exec_start")) == NULL ||
        dz_read_long(&at, ran) < 0 || *at++ != '.' || dz_read_long(&at, &fraction) < 0)
        return false;
    *ran = *ran * 1000000 + fraction; /* six digits */
    at = sched_value(text, "nr_voluntary_switches");
    return at != NULL && dz_read_long(&at, sleeps) == 0 && *ran > 0;
}

/* Returns how often the thread has been on a processor, or -1 if that is not known. */
static int64_t count_runs(pid_t pid, pid_t tid)
{
    enum { NUMBERS = 3 };
    char text[96];
    const char *at = text;
    int64_t runs = -1;

    if (!read_task(pid, tid, "schedstat", text, sizeof text))
        return -1;
    for (int i = 0; i < NUMBERS; i++, at++)
        if (dz_read_long(&at, &runs) < 0)
            return -1;
    return runs > 0 ? runs : -1;
}

/* Returns the processor that the thread ran on last, or -1. */
static int last_processor(pid_t pid, pid_t tid)
{
    enum { FIELDS = 36 /* from the state, the third field, to the 39th */ };
    char text[1024];
    const char *at;

    if (!read_task(pid, tid, "stat", text, sizeof text) ||
        (at = strrchr(text, ')')) == NULL)
        return -1;
    for (int i = 0; i < FIELDS + 1 && at != NULL; i++)
        at = strchr(at + 1, ' ');
    if (at == NULL)
        return -1;
    at++;
    return dz_read_number(&at);
}

void read_call(pid_t pid, pid_t tid, struct waited_call *waited)
{
    enum { WORDS = 4 };
    char text[256];
    unsigned long long at[WORDS];

    waited->number = -1;
    /* "running" and "-1" with two addresses are no calls. */
    if (!read_task(pid, tid, "syscall", text, sizeof text) ||
        sscanf(text, "%llu %llx %*x %*x %*x %*x %*x %llx %llx", &at[0], &at[1], &at[2],
               &at[3]) != WORDS)
        return;
    waited->number = (long)at[0];
    waited->first = at[1];
    waited->stack = at[2];
    waited->next = at[3];
}

/* Returns whether a call of that number may be one that any stop interrupts. */
static bool may_time_out(long number)
{
    for (const struct timed_call *call = timed_calls; call->form != TIME_NONE; call++)
        if (call->number == number)
            return true;
    return false;
}

enum time_form time_of_call(const struct registers *registers, int *argument)
{
    long number = interrupted_call(registers);
    bool wide = is_wide(registers);

    for (const struct timed_call *call = timed_calls; call->form != TIME_NONE; call++)
        if (call->number == number && call->wide == wide &&
            (call->selector == 0 ||
             (uint64_t)call->selector == call_argument(registers, 0))) {
            *argument = call->argument;
            return (enum time_form)call->form;
        }
    return TIME_NONE;
}

bool waits_in_timed_call(pid_t pid, pid_t tid)
{
    struct waited_call waited;

    read_call(pid, tid, &waited);
    return waited.number >= 0 && may_time_out(waited.number);
}

/* ---- the clocks of the processors ---- */

struct clocks {
    cpu_set_t before; /* where this process may run */
    bool moved;
    bool known[CPU_SETSIZE];
    int64_t offset[CPU_SETSIZE]; /* CLOCK_MONOTONIC less the processor's clock */
};

/* Compares a processor's clock.  Returns whether it could. */
static bool compare_clock(struct clocks *clocks, int processor)
{
    struct timespec used;
    cpu_set_t there;
    int64_t ran;
    int64_t unheard;

    if (processor < 0 || processor >= CPU_SETSIZE)
        return false;
    if (clocks->known[processor])
        return true;
    CPU_ZERO(&there);
    CPU_SET((size_t)processor, &there);
    if (sched_setaffinity(0, sizeof there, &there) < 0)
        return false; /* this process may not run there */
    clocks->moved = true;
    /* Our time on the processor is asked for: that sets the moment at which we ran
     * last.  sched_yield(2) would, too, and give the processor away. */
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    int64_t now = monotonic_nanoseconds();
    if (!read_sched(0, 0, &ran, &unheard))
        return false;
    clocks->offset[processor] = now - ran;
    clocks->known[processor] = true;
    return true;
}

static void note_wait(struct clocks *clocks, const struct tracee *tracee,
                      struct thread *thread)
{
    int processor;
    int64_t ran;

    read_call(tracee->pid, thread->tid, &thread->waited);
    if (thread->waited.number < 0 || !may_time_out(thread->waited.number) ||
        !read_sched(tracee->pid, thread->tid, &ran, &thread->sleeps))
        return;
    thread->runs = count_runs(tracee->pid, thread->tid);
    processor = last_processor(tracee->pid, thread->tid);
    if (compare_clock(clocks, processor))
        thread->began = ran + clocks->offset[processor];
}

void note_waits(struct tracee *tracee)
{
    static struct clocks clocks;

    if (sched_getaffinity(0, sizeof clocks.before, &clocks.before) < 0)
        return; /* more processors than a set holds */
    for (size_t i = 0; i < tracee->count; i++) {
        tracee->threads[i].began = 0;
        tracee->threads[i].waited.number = -1;
        if (!tracee->threads[i].stopped && !tracee->threads[i].ended)
            note_wait(&clocks, tracee, &tracee->threads[i]);
    }
    /* If this fails we stay where we are, which harms nothing. */
    if (clocks.moved)
        sched_setaffinity(0, sizeof clocks.before, &clocks.before);
    clocks.moved = false;
}

/* Returns whether the thread has gone to sleep only once since then, for its stop.  If
 * more often, the stop has interrupted another call. */
static bool slept_once(pid_t pid, const struct thread *thread)
{
    /* A thread that another has displaced meanwhile has got a processor more often. */
    return (thread->runs > 0 && count_runs(pid, thread->tid) == thread->runs + 1) ||
           count_sleeps(pid, thread->tid) == thread->sleeps + 1;
}

int64_t time_waited(pid_t pid, const struct thread *thread)
{
    int64_t waited = monotonic_nanoseconds() - thread->began;

    return thread->began == 0 || waited < 0 || !slept_once(pid, thread) ? 0 : waited;
}
