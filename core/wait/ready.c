/*
 * Looking whether the conditions of a wait hold.
 *
 * Where an event can be waited for, the caller's loop does.  Listening sockets
 * and files announce themselves to nobody (a file's folder may come later than
 * it, and a network file system tells nothing), so they are looked for again
 * and again: each millisecond at first, more seldom as the wait gets longer.
 */
#include "start.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    LOOK_PART = 100,   /* between two looks: this part of the time waited so far, */
    LOOK_MOST_MS = 20, /* but no more than this */
    WALK_MS = 100,     /* between two walks where nobody has begun to listen, */
    WALK_PART = 10     /* and no more than this part of the time is spent so */
};

static bool is_looked_for(const struct dz_condition *condition)
{
    return condition->kind == DZ_WAIT_LISTEN || condition->kind == DZ_WAIT_PATH;
}

void dz_ready_init(struct dz_ready *ready, struct dz_conditions *wait, int64_t now)
{
    static const struct dz_condition alive = {
        .kind = DZ_WAIT_ALIVE, .text = "alive:0.1", .length = 9, .number = 100};

    memset(ready, 0, sizeof *ready);
    ready->began = now;
    ready->look_at = INT64_MAX;
    if (wait->count == 0)
        wait->list[wait->count++] = alive;
    for (int i = 0; i < wait->count; i++)
        if (is_looked_for(&wait->list[i]))
            ready->look_at = now;
}

/*
 * Whether it is time to walk over all descriptors of all the job's processes:
 * a listening socket has come or gone, or it is long ago.  One may have been
 * there before, and the walk over /proc may have missed a process that was being
 * forked.
 */
static bool is_time_to_walk(struct dz_ready *ready, pid_t pid, int64_t now)
{
    uint64_t listeners = dz_listeners(pid);
    bool walk = listeners != ready->listeners || now >= ready->walk_at;

    ready->listeners = listeners;
    return walk;
}

static void look(struct dz_ready *ready, struct dz_plan *plan,
                 const struct dz_family *family, int64_t now)
{
    bool listens = dz_condition(&plan->wait, DZ_WAIT_LISTEN) != NULL;
    bool walk = listens && is_time_to_walk(ready, plan->pid, now);

    for (int i = 0; i < plan->wait.count; i++) {
        struct dz_condition *condition = &plan->wait.list[i];
        if (condition->holds)
            continue;
        if (condition->kind == DZ_WAIT_PATH)
            condition->holds = dz_path_appeared(condition, false);
        else if (condition->kind == DZ_WAIT_LISTEN && walk)
            /* -1, no /proc: it cannot be seen, as the time-out will say. */
            condition->holds =
                dz_family_listens(family, plan->ended ? 0 : plan->pid, condition) == 1;
    }
    int64_t after = dz_milliseconds();
    int64_t pause = (after - ready->began) / LOOK_PART;
    if (walk) {
        int64_t rest = (after - now) * WALK_PART;
        ready->walk_at = after + (rest > WALK_MS ? rest : WALK_MS);
    }
    ready->look_at = after + (pause < 1              ? 1
                              : pause > LOOK_MOST_MS ? LOOK_MOST_MS
                                                     : pause);
}

/* Read the pipe of fd:N: a newline is what is waited for. */
static bool read_newline(struct dz_ready *ready, int *fd)
{
    char data[64];
    ssize_t n;

    while ((n = read(*fd, data, sizeof data)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0 && memchr(data, '\n', (size_t)n) != NULL) {
            close(*fd); /* read: its end is nothing that is to wake us */
            *fd = -1;
            return true;
        }
    ready->closed = n == 0; /* nobody is left who could write one */
    return false;
}

static bool holds(struct dz_ready *ready, struct dz_plan *plan,
                  const struct dz_condition *condition, int64_t now)
{
    switch (condition->kind) {
    case DZ_WAIT_EXEC:
        return true;
    case DZ_WAIT_ALIVE:
        return plan->ended || now >= ready->executed + condition->number;
    case DZ_WAIT_MAIN:
        return ready->done;
    case DZ_WAIT_NOTIFY:
        return plan->notify.ready;
    case DZ_WAIT_FD:
        return read_newline(ready, &plan->await_ready);
    default:
        return false;
    }
}

bool dz_ready_look(struct dz_ready *ready, struct dz_plan *plan,
                   const struct dz_family *family)
{
    int64_t now = dz_milliseconds();
    bool all = true;

    if (now >= ready->look_at)
        look(ready, plan, family, now);
    for (int i = 0; i < plan->wait.count; i++) {
        struct dz_condition *condition = &plan->wait.list[i];
        if (!condition->holds && !is_looked_for(condition))
            condition->holds = holds(ready, plan, condition, now);
        all = all && condition->holds;
    }
    return all;
}

int64_t dz_ready_next(const struct dz_ready *ready, const struct dz_conditions *wait)
{
    int64_t next = ready->look_at;

    for (int i = 0; i < wait->count; i++) {
        const struct dz_condition *condition = &wait->list[i];
        int64_t due = ready->executed + condition->number;
        if (condition->kind == DZ_WAIT_ALIVE && !condition->holds && due < next)
            next = due;
    }
    return next;
}
