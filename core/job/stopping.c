/*
 * Ending a job: TERM, time, KILL, until none of it is left.
 *
 * Each signal goes through a pidfd that was compared with who is meant, so a
 * PID that changes hands meanwhile is not hit.  After TERM comes CONT: a stopped
 * process does not act on it otherwise.
 */
#include "job.h"

#include <errno.h>
#include <signal.h>

enum { KILLED_MS = 5000 /* a process that lives so long after KILL hangs in a call */ };

struct round {
    const struct dz_members *members;
    int signal;
    int err;                  /* the first failure other than "it is gone" */
    bool any;                 /* somebody lives */
    struct dz_identity first; /* of those */
};

static void signal_one(struct round *round, const struct dz_identity *who)
{
    if (dz_signal_process(who, round->signal) < 0) {
        if (errno != ESRCH && round->err == 0)
            round->err = errno;
        return;
    }
    /* A second signal to the same process: if it is gone by now, so much the
     * better. */
    if (round->signal != SIGKILL)
        dz_signal_process(who, SIGCONT);
}

static int visit_member(const struct dz_process *process, void *data)
{
    struct round *round = data;
    struct dz_identity who;

    if (dz_identify(process->pid, &who) < 0 || who.start != process->start)
        return 0; /* gone, or another one already */
    if (!round->any)
        round->first = who;
    round->any = true;
    if (round->signal != 0)
        signal_one(round, &who);
    return 0;
}

/* One look at the members, with a signal to each; 0: none.  One that cannot be
 * signalled is noted, and keeps nothing from the others. */
static int look(struct round *round, int signal)
{
    round->signal = signal;
    round->any = false;
    /* None is said after two looks: one that was forked in the middle of a walk,
     * with a PID that it has passed, is missed by that. */
    if (dz_members_each(round->members, visit_member, round) < 0)
        return -1;
    return round->any ? 0 : dz_members_each(round->members, visit_member, round);
}

static int failure(const struct round *round)
{
    errno = round->err != 0 ? round->err : EBUSY;
    return -1;
}

int dz_stop_members(const struct dz_members *members, int64_t until)
{
    struct round round = {.members = members};

    if (look(&round, SIGTERM) < 0)
        return -1;
    /* One after the other: each is waited for, none is asked for twice. */
    while (round.any && dz_await_end(&round.first, until))
        if (look(&round, 0) < 0)
            return -1;
    int64_t last = dz_milliseconds() + KILLED_MS;
    while (round.any) {
        if (look(&round, SIGKILL) < 0)
            return -1;
        if (round.any && !dz_await_end(&round.first, last))
            return failure(&round);
    }
    return 0;
}

int dz_stop_process(const struct dz_identity *who, int signal, int64_t until)
{
    struct round round = {.signal = signal};
    int killed = 0;

    signal_one(&round, who);
    if (round.err == 0 && !dz_await_end(who, until)) {
        killed = 1;
        round.signal = SIGKILL;
        signal_one(&round, who);
        if (round.err == 0 && !dz_await_end(who, dz_milliseconds() + KILLED_MS))
            round.err = EBUSY;
    }
    return round.err == 0 ? killed : failure(&round);
}
