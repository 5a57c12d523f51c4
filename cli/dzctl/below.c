/*
 * The descendants of a job that has no session of its own: what dzctl stop ends besides
 * its process.
 *
 * Once the process has ended, nothing shows what came from it.  So its descendants are
 * noted before it gets a signal, by their identities.  A descendant in a session of its
 * own has left the job.
 */
#include "dzctl.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { KILLED_MS = 5000 /* a process that lives so long after KILL hangs in a call */ };

struct search {
    struct target *target;
    pid_t session;
};

static bool is_noted(const struct target *target, const struct dz_process *process)
{
    for (size_t i = 0; i < target->below_count; i++)
        if (dz_is_process(&target->below[i], process))
            return true;
    return false;
}

/* Notes a process below the job's.  Returns -1 and sets errno if memory runs out. */
static int note(const struct dz_process *process, void *data)
{
    const struct search *search = data;
    struct target *target = search->target;
    struct dz_identity who;

    if (process->session != search->session || is_noted(target, process) ||
        dz_identify(process->pid, &who) < 0 || !dz_is_process(&who, process))
        return 0;
    struct dz_identity *more =
        realloc(target->below, (target->below_count + 1) * sizeof *more);
    if (more == NULL)
        return -1;
    more[target->below_count++] = who;
    target->below = more;
    return 0;
}

/* Notes what is below a process, if that still runs.  Returns 0, or -1 and sets errno.
 */
static int note_below(struct target *target, const struct dz_identity *root)
{
    struct dz_process process;

    if (dz_read_process(root->pid, &process) < 0 || !dz_is_process(root, &process))
        return 0;
    const struct dz_members members = {
        .root = process.pid, .oldest = process.start, .except = getpid()};
    struct search search = {.target = target, .session = process.session};
    return dz_members_each(&members, note, &search);
}

void note_descendants(struct target *target)
{
    if (!target->shares_session)
        return;
    if (note_below(target, &target->job->record.who) < 0)
        target->err = errno;
    /* The list grows meanwhile; a copy, because it moves as well. */
    for (size_t i = 0; i < target->below_count && target->err == 0; i++) {
        const struct dz_identity who = target->below[i];
        if (note_below(target, &who) < 0)
            target->err = errno;
    }
}

/* Signals all that were noted. */
static void signal_noted(struct target *target, int signal)
{
    for (size_t i = 0; i < target->below_count; i++) {
        if (dz_signal_process(&target->below[i], signal) < 0) {
            if (errno != ESRCH && target->err == 0)
                target->err = errno;
        } else if (signal != SIGKILL) {
            /* A stopped process does not act on TERM; no failure matters. */
            dz_signal_process(&target->below[i], SIGCONT);
        }
    }
}

/* Returns whether all that were noted have ended when the clock reaches until. */
static bool have_ended(const struct target *target, int64_t until)
{
    for (size_t i = 0; i < target->below_count; i++)
        if (!dz_await_end(&target->below[i], until))
            return false;
    return true;
}

void stop_descendants(struct target *target, int64_t until)
{
    if (target->below_count == 0 || target->err != 0)
        return;
    note_descendants(target);
    signal_noted(target, SIGTERM);
    if (target->err != 0 || have_ended(target, until))
        return;
    note_descendants(target);
    signal_noted(target, SIGKILL);
    if (target->err == 0 && !have_ended(target, dz_milliseconds() + KILLED_MS))
        target->err = EBUSY;
}
