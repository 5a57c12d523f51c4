/*
 * Stops a job: TERM, time, KILL, until none of its processes is left.
 *
 * Each signal goes through a pidfd that was compared with the process that is meant.
 * So another process that got the PID meanwhile does not get the signal.  CONT follows
 * TERM, because a stopped process does not act on TERM.
 */
#include "job.h"

#include <errno.h>
#include <signal.h>

enum { KILLED_MS = 5000 /* a process that lives so long after KILL hangs in a call */ };

struct round {
    const struct dz_members *members;
    int signal;
    int err;                  /* the first failure other than ESRCH */
    bool any;                 /* a member lives */
    struct dz_identity first; /* of those that live */
};

static void signal_one(struct round *round, const struct dz_identity *who)
{
    if (dz_signal_process(who, round->signal) < 0) {
        if (errno != ESRCH && round->err == 0)
            round->err = errno;
        return;
    }
    /* The first signal may have ended the process, so no failure matters. */
    if (round->signal != SIGKILL)
        dz_signal_process(who, SIGCONT);
}

static int visit_member(const struct dz_process *process, void *data)
{
    struct round *round = data;
    struct dz_identity who;

    if (dz_identify(process->pid, &who) < 0 || !dz_is_process(&who, process))
        return 0; /* the process has ended, and another may have its PID */
    if (!round->any)
        round->first = who;
    round->any = true;
    if (round->signal != 0)
        signal_one(round, &who);
    return 0;
}

/*
 * Signals each member; 0 signals none.  A member that cannot be signalled does not keep
 * the signal from the others.  round->any is false only if no member is left.  Returns
 * 0, or -1 and sets errno.
 */
static int signal_members(struct round *round, int signal)
{
    round->signal = signal;
    round->any = false;
    /* One walk first: it signals no member twice. */
    if (dz_members_each(round->members, visit_member, round) < 0)
        return -1;
    return round->any ? 0 : dz_members_all(round->members, visit_member, round);
}

static int failure(const struct round *round)
{
    errno = round->err != 0 ? round->err : EBUSY;
    return -1;
}

int dz_stop_members(const struct dz_members *members, int64_t until)
{
    struct round round = {.members = members};

    if (signal_members(&round, SIGTERM) < 0)
        return -1;
    /* Wait for one after the other; none gets TERM twice. */
    while (round.any && dz_await_end(&round.first, until) && dz_milliseconds() < until)
        if (signal_members(&round, 0) < 0)
            return -1;
    int64_t last = dz_milliseconds() + KILLED_MS;
    while (round.any) {
        round.signal = SIGKILL;
        round.any = false;
        if (dz_members_all(members, visit_member, &round) < 0)
            return -1;
        if (round.any &&
            (!dz_await_end(&round.first, last) || dz_milliseconds() >= last))
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
