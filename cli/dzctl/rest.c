/*
 * Ends what is left of sessions whose jobs have ended: TERM, time, KILL, until none of
 * their processes is left.
 *
 * One walk over /proc serves all sessions.
 */
#include "dzctl.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { KILLED_MS = 5000 /* a process that lives so long after KILL hangs in a call */ };

struct rests {
    struct target **targets; /* sorted by their sessions */
    size_t count;
    int signal;               /* 0: none is sent */
    bool any;                 /* a process is left */
    struct dz_identity first; /* of those */
    struct target *of_first;
};

static int by_session(const void *a, const void *b)
{
    const struct target *one = *(struct target *const *)a;
    const struct target *other = *(struct target *const *)b;

    return (one->session > other->session) - (one->session < other->session);
}

static int compare_session(const void *key, const void *element)
{
    pid_t session = *(const pid_t *)key;
    const struct target *target = *(struct target *const *)element;

    return (session > target->session) - (session < target->session);
}

static void signal_one(struct target *target, const struct dz_identity *who, int signal)
{
    if (dz_signal_process(who, signal) < 0) {
        if (errno != ESRCH && target->err == 0)
            target->err = errno;
        return;
    }
    /* It may have ended by the first signal, so no failure matters. */
    if (signal != SIGKILL)
        dz_signal_process(who, SIGCONT);
}

static int visit(const struct dz_process *process, void *data)
{
    struct rests *rests = data;
    struct target **found = bsearch(&process->session, rests->targets, rests->count,
                                    sizeof *rests->targets, compare_session);
    struct dz_identity who;

    if (found == NULL)
        return 0;
    struct dz_members members = {.session = (*found)->session,
                                 .except = getpid(),
                                 .spared = (*found)->spared,
                                 .spared_count = (*found)->spared_count};
    if (!dz_members_has(&members, process->pid) ||
        dz_identify(process->pid, &who) < 0 || !dz_is_process(&who, process))
        return 0; /* spared, or ended: another may have its PID */
    if (!rests->any) {
        rests->first = who;
        rests->of_first = *found;
    }
    rests->any = true;
    if (rests->signal != 0)
        signal_one(*found, &who, rests->signal);
    return 0;
}

/* Signals each process that is left; 0 signals none.  Returns 0, or -1 and sets errno.
 */
static int signal_rests(struct rests *rests, int signal)
{
    rests->signal = signal;
    rests->any = false;
    /* One walk first: it signals none twice. */
    if (signal != SIGKILL) {
        if (dz_processes_each(visit, rests) < 0)
            return -1;
        if (rests->any)
            return 0;
    }
    return dz_processes_all(visit, rests);
}

/* Returns 0 when none is left, or -1 and sets errno. */
static int end_rests(struct rests *rests, int64_t until)
{
    if (signal_rests(rests, SIGTERM) < 0)
        return -1;
    /* Wait for one after the other; none gets TERM twice. */
    while (rests->any && dz_await_end(&rests->first, until) &&
           dz_milliseconds() < until)
        if (signal_rests(rests, 0) < 0)
            return -1;
    int64_t last = dz_milliseconds() + KILLED_MS;
    while (rests->any) {
        if (signal_rests(rests, SIGKILL) < 0)
            return -1;
        if (!rests->any)
            break;
        if (!dz_await_end(&rests->first, last) || dz_milliseconds() >= last) {
            errno = rests->of_first->err != 0 ? rests->of_first->err : EBUSY;
            return -1;
        }
    }
    return 0;
}

void stop_rests(struct target *targets, size_t count, int64_t until)
{
    struct rests rests = {.targets = calloc(count + 1, sizeof *rests.targets)};

    for (size_t i = 0; i < count; i++) {
        if (targets[i].session == 0 || targets[i].err != 0)
            continue;
        if (rests.targets == NULL)
            targets[i].err = ENOMEM;
        else
            rests.targets[rests.count++] = &targets[i];
    }
    if (rests.count > 0) {
        qsort(rests.targets, rests.count, sizeof *rests.targets, by_session);
        int err = end_rests(&rests, until) == 0 ? 0 : errno;
        for (size_t i = 0; i < rests.count; i++)
            if (err == 0 || rests.of_first == NULL ||
                rests.targets[i] == rests.of_first)
                rests.targets[i]->err = err;
    }
    free(rests.targets);
}
