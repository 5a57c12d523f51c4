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

/* A session that is to be ended. */
struct rest {
    pid_t session;
    struct target *target;
    const struct dz_identity *leader; /* to be ended too; NULL: it has ended */
};

struct rests {
    struct rest *list; /* sorted by the sessions */
    size_t count;
    int signal;               /* 0: none is sent */
    bool any;                 /* a process is left */
    struct dz_identity first; /* of those */
    struct target *of_first;
};

static int by_session(const void *a, const void *b)
{
    const struct rest *one = a;
    const struct rest *other = b;

    return (one->session > other->session) - (one->session < other->session);
}

static void signal_one(struct target *target, const struct dz_identity *who, int signal)
{
    if (dz_signal_process(who, signal) < 0) {
        if (errno != ESRCH && target->err == 0)
            target->err = errno;
        return;
    }
    /* The first signal may have ended the process, so no failure matters. */
    if (signal != SIGKILL)
        dz_signal_process(who, SIGCONT);
}

/* Returns whether the process is the leader, or in a session that was the leader's.
 * Another process may have the leader's PID by now. */
static bool is_of_leader(const struct dz_identity *leader,
                         const struct dz_process *process)
{
    struct dz_process now;

    if (process->pid == leader->pid)
        return dz_is_process(leader, process);
    return dz_read_process(leader->pid, &now) < 0 || dz_is_process(leader, &now);
}

/* Returns whether the process is left of that session. */
static bool is_left(const struct rest *rest, const struct dz_process *process)
{
    struct dz_members members = {.session = rest->session,
                                 .except = getpid(),
                                 .spared = rest->target->spared,
                                 .spared_count = rest->target->spared_count};

    return rest->leader != NULL ? is_of_leader(rest->leader, process)
                                : dz_members_has(&members, process->pid);
}

static int visit(const struct dz_process *process, void *data)
{
    struct rests *rests = data;
    struct rest key = {.session = process->session};
    const struct rest *found =
        bsearch(&key, rests->list, rests->count, sizeof *rests->list, by_session);
    struct dz_identity who;

    if (found == NULL || !is_left(found, process) ||
        dz_identify(process->pid, &who) < 0 || !dz_is_process(&who, process))
        return 0; /* spared, or ended: another may have its PID */
    if (!rests->any) {
        rests->first = who;
        rests->of_first = found->target;
    }
    rests->any = true;
    if (rests->signal != 0)
        signal_one(found->target, &who, rests->signal);
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

/* Adds the sessions of a target that has ended. */
static void add_rests(struct rests *rests, struct target *target)
{
    if (target->session != 0)
        rests->list[rests->count++] = (struct rest){target->session, target, NULL};
    for (size_t i = 0; i < target->with_count; i++)
        rests->list[rests->count++] =
            (struct rest){target->with[i].pid, target, &target->with[i]};
}

void stop_rests(struct target *targets, size_t count, int64_t until)
{
    struct rests rests = {0};
    size_t most = 1;

    for (size_t i = 0; i < count; i++)
        most += 1 + targets[i].with_count;
    rests.list = calloc(most, sizeof *rests.list);
    for (size_t i = 0; i < count; i++) {
        if ((targets[i].session == 0 && targets[i].with_count == 0) ||
            targets[i].err != 0)
            continue;
        if (rests.list == NULL)
            targets[i].err = ENOMEM;
        else
            add_rests(&rests, &targets[i]);
    }
    if (rests.list != NULL && rests.count > 0) {
        qsort(rests.list, rests.count, sizeof *rests.list, by_session);
        int err = end_rests(&rests, until) == 0 ? 0 : errno;
        for (size_t i = 0; i < rests.count; i++)
            if (err == 0 || rests.of_first == NULL ||
                rests.list[i].target == rests.of_first)
                rests.list[i].target->err = err;
    }
    free(rests.list);
}
