/*
 * Looks whether the conditions of a wait hold.
 *
 * If an event announces a condition, the caller's loop waits for that event.  Nothing
 * announces listening sockets, files and sleep.  (inotify(7) would not do for files:
 * the directory may not exist yet, and network file systems report nothing.)  They are
 * looked at again and again: each millisecond at first, then as often as a small part
 * of a processor allows.
 */
#include "wait.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    /* Between two looks at a file: the wait so far divided by the first of these, but
     * no more than the second. */
    PATH_PART = 100,
    PATH_MOST_MS = 20,

    /* After a look for sockets the pause is its processor time times a factor. */
    FIRST_PART = 20,     /* the factor until FIRST_MS after the exec */
    FIRST_MS = 500,      /* so long */
    OWN_PART = 400,      /* the later factor for the job's own process */
    WALK_PART = 800,     /* the later factor for all of its processes */
    PAUSE_MOST_MS = 250, /* the longest pause */

    /* Between two looks whether the job sleeps: the longer of the two. */
    SAMPLE_MS = 5,
    SAMPLE_PART = 20, /* times the processor time of a look */

    /* More looks than SAMPLES, over at least ASLEEP_MS, have to find the job asleep. */
    SAMPLES = 10,
    ASLEEP_MS = 100,

    BLIND_MS = 100 /* without /proc, settle means alive for so long */
};

/* One look at the conditions. */
struct look {
    struct dz_ready *ready;
    struct dz_start *start;
    const struct dz_members *members;
    int64_t now;
    bool own;  /* it is time to look for listening sockets of the job's own process */
    bool walk; /* and of all of its processes */
};

static const struct dz_condition *condition_of(const struct look *look, int number)
{
    return &dz_wait_of(look->start->plan)->list[number];
}

/* ---- each kind ---- */

static bool exec_holds(const struct look *look, int number)
{
    (void)look;
    (void)number;
    return true; /* nothing is looked at before the program was executed */
}

/*
 * Counts a census.  Returns how long the job has had to start so far.  Time in which
 * the job waits for a processor or a disk does not count: an interpreter loads its
 * modules then.
 */
static int64_t count_census(struct dz_ready *ready, const struct dz_census *census,
                            int64_t now)
{
    if (census->busy)
        ready->busy += now - ready->sampled;
    else
        ready->idle += now - ready->sampled;
    if (!census->asleep || census->processes == 0)
        ready->samples = 0;
    else if (ready->samples++ == 0)
        ready->asleep_since = now;
    ready->sampled = now;
    return ready->idle + (census->used < ready->busy ? census->used : ready->busy);
}

static bool settle_holds(const struct look *look, int number)
{
    struct dz_ready *ready = look->ready;
    int64_t timeout = look->start->plan->timeout;
    int64_t before;
    int64_t pause;
    struct dz_census census;

    if (look->start->ended || (timeout > 0 && look->now >= ready->began + timeout))
        return true;
    if (look->members->root == 0) {
        ready->sample_at = ready->executed + BLIND_MS;
        return look->now >= ready->sample_at;
    }
    if (look->now < ready->sample_at)
        return false;
    if (ready->sampled == 0)
        ready->sampled = ready->executed;
    before = dz_processor_time();
    dz_take_census(look->members, &census); /* cannot fail with /proc */
    pause = (dz_processor_time() - before) * SAMPLE_PART / 1000;
    ready->sample_at = look->now + (pause > SAMPLE_MS ? pause : SAMPLE_MS);
    if (count_census(ready, &census, look->now) >= condition_of(look, number)->number)
        return true;
    /* On a busy machine looks may be far apart, so a number of looks is needed, too. */
    return ready->samples > SAMPLES && look->now >= ready->asleep_since + ASLEEP_MS;
}

static bool alive_holds(const struct look *look, int number)
{
    return look->start->ended ||
           look->now >= look->ready->executed + condition_of(look, number)->number;
}

static bool main_holds(const struct look *look, int number)
{
    (void)number;
    return look->ready->done;
}

struct wanted {
    const struct dz_condition *condition;
    pid_t pid; /* that holds such a socket */
};

static int is_wanted(const struct dz_listener *listener, void *data)
{
    struct wanted *wanted = data;

    if (!dz_condition_names(wanted->condition, listener->port, listener->path))
        return 0;
    wanted->pid = listener->pid;
    return 1;
}

static bool listen_holds(const struct look *look, int number)
{
    struct wanted wanted = {.condition = condition_of(look, number)};

    if (look->own)
        dz_process_listens(look->start->pid, &look->ready->seen, is_wanted, &wanted);
    if (look->walk && wanted.pid == 0)
        dz_job_listens(look->members, is_wanted, &wanted);
    if (wanted.pid != 0)
        look->ready->listener = wanted.pid;
    return wanted.pid != 0;
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

    if (look->now < look->ready->look_at)
        return false;
    dz_look_at_path(condition_of(look, number), &now);
    return now.inode != 0 &&
           (!dz_same_file(&now, before) || now.modified != before->modified ||
            now.modified_ns != before->modified_ns);
}

static bool log_holds(const struct look *look, int number)
{
    return look->now >= look->ready->look_at &&
           dz_find_log_line(&look->ready->log_line, look->start,
                            condition_of(look, number));
}

static bool cmd_holds(const struct look *look, int number)
{
    return dz_probe_look(&look->ready->probe, look->start, condition_of(look, number),
                         look->now);
}

/* ---- when to look next, if no event comes ---- */

static int64_t next_never(const struct dz_ready *ready, const struct dz_start *start,
                          const struct dz_condition *condition)
{
    (void)ready;
    (void)start;
    (void)condition;
    return INT64_MAX;
}

static int64_t next_settle(const struct dz_ready *ready, const struct dz_start *start,
                           const struct dz_condition *condition)
{
    (void)start;
    (void)condition;
    return ready->sample_at;
}

static int64_t next_alive(const struct dz_ready *ready, const struct dz_start *start,
                          const struct dz_condition *condition)
{
    (void)start;
    return ready->executed + condition->number;
}

static int64_t next_listen(const struct dz_ready *ready, const struct dz_start *start,
                           const struct dz_condition *condition)
{
    (void)start;
    (void)condition;
    return ready->own_at < ready->walk_at ? ready->own_at : ready->walk_at;
}

static int64_t next_path(const struct dz_ready *ready, const struct dz_start *start,
                         const struct dz_condition *condition)
{
    (void)start;
    (void)condition;
    return ready->look_at;
}

static int64_t next_cmd(const struct dz_ready *ready, const struct dz_start *start,
                        const struct dz_condition *condition)
{
    enum { BLIND_PROBE_MS = 5 }; /* there is no pidfd */

    (void)start;
    (void)condition;
    if (ready->probe.who.pid == 0)
        return ready->probe.next_at;
    return ready->probe.pidfd >= 0 ? INT64_MAX : dz_milliseconds() + BLIND_PROBE_MS;
}

/* ---- the table ---- */

struct way {
    bool (*holds)(const struct look *look, int number);
    int64_t (*next)(const struct dz_ready *ready, const struct dz_start *start,
                    const struct dz_condition *condition);
};

/* A kind that is missing here does not compile. */
static struct way way_of(enum dz_condition_kind kind)
{
    switch (kind) {
    case DZ_WAIT_EXEC:
        return (struct way){exec_holds, next_never};
    case DZ_WAIT_SETTLE:
        return (struct way){settle_holds, next_settle};
    case DZ_WAIT_ALIVE:
        return (struct way){alive_holds, next_alive};
    case DZ_WAIT_MAIN:
        return (struct way){main_holds, next_never};
    case DZ_WAIT_LISTEN:
        return (struct way){listen_holds, next_listen};
    case DZ_WAIT_NOTIFY:
        return (struct way){notify_holds, next_never};
    case DZ_WAIT_FD:
        return (struct way){fd_holds, next_never};
    case DZ_WAIT_PATH:
        return (struct way){path_holds, next_path};
    case DZ_WAIT_LOG:
        return (struct way){log_holds, next_path};
    case DZ_WAIT_CMD:
        return (struct way){cmd_holds, next_cmd};
    }
    return (struct way){exec_holds, next_never}; /* not reached */
}

/* ---- all of them ---- */

void dz_ready_init(struct dz_ready *ready, int64_t now)
{
    memset(ready, 0, sizeof *ready);
    ready->began = now;
}

/* Returns the time of the next look after one that took so many microseconds. */
static int64_t after_pause(const struct look *look, int64_t microseconds, int part)
{
    bool first = look->now < look->ready->executed + FIRST_MS;
    int64_t pause = microseconds * (first ? FIRST_PART : part) / 1000;

    pause = pause < 1 ? 1 : pause > PAUSE_MOST_MS ? PAUSE_MOST_MS : pause;
    return dz_milliseconds() + pause;
}

static void look_at_all(const struct look *look)
{
    const struct dz_conditions *wait = dz_wait_of(look->start->plan);

    for (int i = 0; i < wait->count; i++)
        if (!look->ready->holds[i])
            look->ready->holds[i] = way_of(wait->list[i].kind).holds(look, i);
}

static bool all_hold(const struct dz_ready *ready, const struct dz_start *start)
{
    for (int i = 0; i < dz_wait_of(start->plan)->count; i++)
        if (!ready->holds[i])
            return false;
    return !start->needs_answer || ready->done;
}

bool dz_ready_look(struct dz_ready *ready, struct dz_start *start,
                   const struct dz_members *members)
{
    struct look look = {
        .ready = ready, .start = start, .members = members, .now = dz_milliseconds()};
    bool listens = dz_condition(dz_wait_of(start->plan), DZ_WAIT_LISTEN) != NULL;
    int64_t pause = (look.now - ready->began) / PATH_PART;

    look.walk = listens && look.now >= ready->walk_at;
    look.own = listens && !look.walk && look.now >= ready->own_at && !start->ended;
    look_at_all(&look);
    if (look.now >= ready->look_at) {
        pause = pause < 1 ? 1 : pause > PATH_MOST_MS ? PATH_MOST_MS : pause;
        ready->look_at = dz_milliseconds() + pause;
    }
    if (look.walk || look.own) {
        /* What the loop has used since the last look counts as well. */
        int64_t used = dz_processor_time() - ready->used;
        ready->used += used;
        if (look.walk)
            ready->walk_at = after_pause(&look, used, WALK_PART);
        ready->own_at = after_pause(&look, look.walk ? 0 : used, OWN_PART);
    }
    return all_hold(ready, start);
}

void dz_ready_listen_again(struct dz_ready *ready, const struct dz_start *start)
{
    const struct dz_conditions *wait = dz_wait_of(start->plan);

    for (int i = 0; i < wait->count; i++)
        if (wait->list[i].kind == DZ_WAIT_LISTEN)
            ready->holds[i] = false;
    ready->listener = 0;
    ready->walk_at = 0;
}

int64_t dz_ready_next(const struct dz_ready *ready, const struct dz_start *start)
{
    const struct dz_conditions *wait = dz_wait_of(start->plan);
    int64_t next = INT64_MAX;

    for (int i = 0; i < wait->count; i++) {
        int64_t due = way_of(wait->list[i].kind).next(ready, start, &wait->list[i]);
        if (!ready->holds[i] && due < next)
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

/* ---- the message of a time-out ---- */

static int each_listener(void *members, dz_visit_listener visit, void *data)
{
    return dz_job_listens(members, visit, data);
}

void dz_add_unmet(const struct dz_ready *ready, const struct dz_start *start,
                  const struct dz_members *members, struct dz_text *text)
{
    static const struct dz_condition answer = {.kind = DZ_WAIT_MAIN, .text = ""};
    const struct dz_conditions *wait = dz_wait_of(start->plan);
    struct dz_members of_job = *members;
    const char *separator = "";
    bool listens = true;

    for (int i = 0; i < wait->count; i++) {
        if (ready->holds[i])
            continue;
        dz_add(text, separator);
        dz_add_unmet_condition(&wait->list[i], text);
        listens = listens && wait->list[i].kind != DZ_WAIT_LISTEN;
        separator = ", ";
    }
    if (!listens)
        dz_add_listeners(each_listener, &of_job, text);
    if (start->needs_answer && !ready->done &&
        dz_condition(wait, DZ_WAIT_MAIN) == NULL) {
        dz_add(text, separator);
        dz_add_unmet_condition(&answer, text);
    }
}
