/*
 * Looking whether the conditions of a wait hold.
 *
 * If an event announces a condition, the caller's loop waits for that.  Listening
 * sockets and files announce themselves to no process (a file's directory may come
 * later than the file, and a network file system tells nothing).  They are looked for
 * again and again: each millisecond at first, more seldom as the wait gets longer.
 */
#include "wait.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    LOOK_PART = 100,   /* between two looks: this part of the time waited so far, */
    LOOK_MOST_MS = 20, /* but no more than this */
    WALK_MS = 100,     /* between two walks if no process has begun to listen, */
    WALK_PART = 10     /* and no more than this part of the time is spent so */
};

/* One look at the conditions. */
struct look {
    struct dz_ready *ready;
    struct dz_start *start;
    const struct dz_members *members;
    int64_t now;
    bool walk; /* it is time to walk over all descriptors */
};

/* ---- each kind ---- */

static bool exec_holds(const struct look *look, int number)
{
    (void)look;
    (void)number;
    return true; /* nothing is looked at before the program was executed */
}

static bool alive_holds(const struct look *look, int number)
{
    const struct dz_condition *condition = &dz_wait_of(look->start->plan)->list[number];

    return look->start->ended || look->now >= look->ready->executed + condition->number;
}

static bool main_holds(const struct look *look, int number)
{
    (void)number;
    return look->ready->done;
}

static bool listen_holds(const struct look *look, int number)
{
    const struct dz_condition *condition = &dz_wait_of(look->start->plan)->list[number];
    pid_t likely = look->start->ended ? 0 : look->start->pid;

    /* -1, no /proc: it cannot be seen, as the time-out will say. */
    return look->walk && dz_members_listen(look->members, likely, condition) == 1;
}

static bool notify_holds(const struct look *look, int number)
{
    (void)number;
    return look->start->notify.ready;
}

/* Reads the pipe: a newline is what is waited for. */
static bool fd_holds(const struct look *look, int number)
{
    int *fd = &look->start->await_ready;
    char data[64];
    ssize_t n;

    (void)number;
    while ((n = read(*fd, data, sizeof data)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0 && memchr(data, '\n', (size_t)n) != NULL) {
            dz_close_fd(fd); /* its end shall not wake us */
            return true;
        }
    look->ready->closed = n == 0; /* no process is left that could write one */
    return false;
}

static bool path_holds(const struct look *look, int number)
{
    const struct dz_stat *before = &look->start->path_before[number];
    struct dz_stat now;

    dz_look_at_path(&dz_wait_of(look->start->plan)->list[number], &now);
    return now.inode != 0 &&
           (!dz_same_file(&now, before) || now.modified != before->modified ||
            now.modified_ns != before->modified_ns);
}

/* ---- the table ---- */

struct way {
    bool (*holds)(const struct look *look, int number);
    bool polled; /* no event announces it */
};

/* A kind that is missing here does not compile. */
static struct way way_of(enum dz_condition_kind kind)
{
    switch (kind) {
    case DZ_WAIT_EXEC:
        return (struct way){.holds = exec_holds};
    case DZ_WAIT_ALIVE:
        return (struct way){.holds = alive_holds};
    case DZ_WAIT_MAIN:
        return (struct way){.holds = main_holds};
    case DZ_WAIT_LISTEN:
        return (struct way){.holds = listen_holds, .polled = true};
    case DZ_WAIT_NOTIFY:
        return (struct way){.holds = notify_holds};
    case DZ_WAIT_FD:
        return (struct way){.holds = fd_holds};
    case DZ_WAIT_PATH:
        return (struct way){.holds = path_holds, .polled = true};
    }
    __builtin_unreachable();
}

/* ---- the wait ---- */

void dz_ready_init(struct dz_ready *ready, const struct dz_conditions *wait,
                   int64_t now)
{
    memset(ready, 0, sizeof *ready);
    ready->began = now;
    ready->look_at = INT64_MAX;
    for (int i = 0; i < wait->count; i++)
        if (way_of(wait->list[i].kind).polled)
            ready->look_at = now;
}

/*
 * Returns whether it is time to walk over all descriptors of all the job's processes: a
 * listening socket has come or gone, or the last walk is long ago.  A socket may have
 * been there before, and a walk over /proc may miss a process that is being forked.
 */
static bool is_time_to_walk(struct dz_ready *ready, pid_t pid, int64_t now)
{
    uint64_t listeners = dz_listeners(pid);
    bool walk = listeners != ready->listeners || now >= ready->walk_at;

    ready->listeners = listeners;
    return walk;
}

/* Sets when to look again for what is polled. */
static void set_next_look(const struct look *look)
{
    struct dz_ready *ready = look->ready;
    int64_t after = dz_milliseconds();
    int64_t pause = (after - ready->began) / LOOK_PART;

    if (look->walk) {
        int64_t rest = (after - look->now) * WALK_PART;
        ready->walk_at = after + (rest > WALK_MS ? rest : WALK_MS);
    }
    pause = pause < 1 ? 1 : pause > LOOK_MOST_MS ? LOOK_MOST_MS : pause;
    ready->look_at = after + pause;
}

bool dz_ready_look(struct dz_ready *ready, struct dz_start *start,
                   const struct dz_members *members)
{
    const struct dz_conditions *wait = dz_wait_of(start->plan);
    struct look look = {
        .ready = ready, .start = start, .members = members, .now = dz_milliseconds()};
    bool poll = look.now >= ready->look_at;
    bool all = !start->needs_answer || ready->done;

    if (poll && dz_condition(wait, DZ_WAIT_LISTEN) != NULL)
        look.walk = is_time_to_walk(ready, start->pid, look.now);
    for (int i = 0; i < wait->count; i++) {
        struct way way = way_of(wait->list[i].kind);
        if (!ready->holds[i] && (poll || !way.polled))
            ready->holds[i] = way.holds(&look, i);
        all = all && ready->holds[i];
    }
    if (poll)
        set_next_look(&look);
    return all;
}

int64_t dz_ready_next(const struct dz_ready *ready, const struct dz_conditions *wait)
{
    int64_t next = ready->look_at;

    for (int i = 0; i < wait->count; i++) {
        int64_t due = ready->executed + wait->list[i].number;
        if (wait->list[i].kind == DZ_WAIT_ALIVE && !ready->holds[i] && due < next)
            next = due;
    }
    return next;
}

void dz_add_missing(const struct dz_ready *ready, const struct dz_start *start,
                    struct dz_text *text)
{
    const struct dz_conditions *wait = dz_wait_of(start->plan);
    const char *separator = "";

    for (int i = 0; i < wait->count; i++) {
        if (ready->holds[i])
            continue;
        dz_add(text, separator);
        dz_add_bytes(text, wait->list[i].text, (size_t)wait->list[i].length);
        separator = ", ";
    }
    if (start->needs_answer && !ready->done &&
        dz_condition(wait, DZ_WAIT_MAIN) == NULL) {
        dz_add(text, separator);
        dz_add(text, "the answer of libdz.so");
    }
}
