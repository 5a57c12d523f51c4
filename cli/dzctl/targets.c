/*
 * Stops several jobs at a time: a signal to all of them, then one wait for all.
 *
 * All signals go through core/job, which compares the identity first.  The number of a
 * session can be reused, as a PID can.  So a session is ended only if the job was seen
 * running in it.
 */
#include "dzctl.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    REST_MS = 1000,
    TELL_MS = 3000,
    KEEPER_MS = 10000 /* for what a keeper does after the time of the stop */
};

pid_t job_own_session(const struct job *job)
{
    struct dz_process process;

    if (dz_read_process(job->record.who.pid, &process) < 0 ||
        !dz_is_process(&job->record.who, &process) || process.session == getsid(0))
        return 0;
    /* If the leader lives and is not the job, the session is the leader's. */
    if (process.session != process.pid && dz_is_running(process.session))
        return 0;
    /* A session that the job does not lead is its own if a start made it. */
    if (process.session != process.pid &&
        (!job->recorded || process.session != job->record.session))
        return 0;
    return process.session > 1 ? process.session : 0;
}

/* Parses the processes of a list of the record.  Returns them, allocated, or NULL.  If
 * memory runs out, sets err: it is unknown then which to spare or to end. */
static struct dz_identity *read_list(struct target *target, char *const *list,
                                     size_t *parsed)
{
    struct dz_identity *processes;
    size_t count = 0;

    while (list != NULL && list[count] != NULL)
        count++;
    if (count == 0)
        return NULL;
    processes = calloc(count, sizeof *processes);
    if (processes == NULL)
        target->err = ENOMEM;
    for (size_t i = 0; processes != NULL && i < count; i++)
        *parsed += dz_record_parse_process(list[i], &processes[*parsed]);
    return processes;
}

/* Returns the process that is waited for. */
static const struct dz_identity *process_of(const struct target *target)
{
    const struct dz_record *record = &target->job->record;

    return target->kept ? &record->keeper : &record->who;
}

void target_init(struct target *target, struct job *job, const char *word)
{
    *target = (struct target){.job = job, .word = word, .pidfd = -1, .killed = -1};
    target->kept = job->keeper_runs;
    target->session = target->kept ? 0 : job_own_session(job);
    target->spared = read_list(target, job->older, &target->spared_count);
    target->with = read_list(target, job->with, &target->with_count);
    target->shares_session = job->recorded && job->record.session == 0;
    target->pidfd = dz_open_process(process_of(target));
    if (target->pidfd < 0 && errno == ESRCH)
        target->ended = true;
}

void target_free(struct target *target)
{
    dz_close_fd(&target->pidfd);
    free(target->spared);
    free(target->with);
    free(target->below);
}

static void signal_target(struct target *target, int signal)
{
    const struct dz_identity *who = &target->job->record.who;

    note_descendants(target);
    if (dz_signal_process(who, signal) < 0) {
        if (errno == ESRCH)
            target->ended = true;
        else
            target->err = errno;
        return;
    }
    /* A stopped process does not act on TERM.  The first signal may have ended it, so
     * no failure matters. */
    if (signal != SIGKILL)
        dz_signal_process(who, SIGCONT);
}

/* Waits until the target has ended or the clock reaches until. */
static void await_target(struct target *target, int64_t until)
{
    struct pollfd wanted = {.fd = target->pidfd, .events = POLLIN};

    if (target->pidfd < 0) {
        target->ended = dz_await_end(process_of(target), until);
        return;
    }
    for (;;) {
        int64_t left = until - dz_milliseconds();
        left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
        int ready = poll(&wanted, 1, (int)left); /* EINTR: look again */
        target->ended = ready > 0 && (wanted.revents & POLLIN) != 0;
        if (target->ended || left == 0)
            return;
    }
}

static bool is_awaited(const struct target *target)
{
    return !target->ended && target->err == 0;
}

/* Says that jobs take their time: the first of them, and how many more. */
static void say_waiting(const struct target *targets, size_t count)
{
    const char *first = NULL;
    char more[40] = "";
    size_t left = 0;

    for (size_t i = 0; i < count; i++) {
        if (!is_awaited(&targets[i]))
            continue;
        first = left++ == 0 ? targets[i].word : first;
    }
    if (left > 1)
        snprintf(more, sizeof more, " and %zu more", left - 1);
    if (first != NULL)
        fprintf(stderr, "dzctl: stop: waiting for %s%s\n", first, more);
}

/* Waits until all targets have ended or the clock reaches until. */
static void await_targets(struct target *targets, size_t count, int64_t until,
                          int64_t *tell_at)
{
    for (size_t i = 0; i < count; i++) {
        if (is_awaited(&targets[i]) && *tell_at < until) {
            await_target(&targets[i], *tell_at);
            if (is_awaited(&targets[i]) && dz_milliseconds() >= *tell_at) {
                say_waiting(targets, count);
                *tell_at = INT64_MAX;
            }
        }
        if (is_awaited(&targets[i]))
            await_target(&targets[i], until);
    }
}

/* Returns the milliseconds before KILL. */
static int64_t time_of(const struct schedule *schedule)
{
    int64_t time = 0;

    for (int i = 0; i < schedule->count && schedule->steps[i].signal != SIGKILL; i++)
        time += schedule->steps[i].wait;
    return time;
}

/* Asks all keepers to stop their jobs.  They begin with the schedule's first signal,
 * and send KILL after the time of all of it. */
static void ask_keepers(struct target *targets, size_t count,
                        const struct schedule *schedule)
{
    for (size_t i = 0; i < count; i++) {
        struct target *target = &targets[i];
        if (!target->kept || target->ended)
            continue;
        if (kept_ask_stop(target->job, schedule->steps[0].signal, time_of(schedule)) <
                0 &&
            errno != ESRCH)
            target->err = errno;
    }
}

/* Waits for a keeper.  One that hangs is killed, and then its job. */
static void await_keeper(struct target *target, int64_t until, int64_t time)
{
    struct job *job = target->job;

    if (is_awaited(target))
        await_target(target, until);
    if (target->ended) {
        job_take_kept_end(job);
        target->killed = job->status == SIGKILL ? time : -1;
        return;
    }
    if (target->err != 0)
        return;
    if (dz_stop_process(&job->record.keeper, SIGKILL, 0) < 0 ||
        dz_stop_process(&job->record.who, SIGKILL, 0) < 0) {
        target->err = errno;
        return;
    }
    target->killed = time;
    target->session = job->record.session;
    target->ended = true;
    job_note_end(job, -1);
}

void stop_targets(struct target *targets, size_t count, const struct schedule *schedule)
{
    int64_t tell_at = dz_milliseconds() + TELL_MS;
    int64_t time = time_of(schedule);
    int64_t keepers = dz_milliseconds() + time + KEEPER_MS;
    int64_t waited = 0;
    int64_t until = 0;

    ask_keepers(targets, count, schedule);
    for (int step = 0; step < schedule->count; step++) {
        int signal = schedule->steps[step].signal;
        for (size_t i = 0; i < count; i++) {
            if (!is_awaited(&targets[i]) || targets[i].kept)
                continue;
            signal_target(&targets[i], signal);
            if (signal == SIGKILL && is_awaited(&targets[i]))
                targets[i].killed = waited;
        }
        until = dz_milliseconds() + schedule->steps[step].wait;
        await_targets(targets, count, until, &tell_at);
        waited += schedule->steps[step].wait;
    }
    for (size_t i = 0; i < count; i++) {
        if (targets[i].kept)
            await_keeper(&targets[i], keepers, time);
        else if (targets[i].ended)
            job_note_end(
                targets[i].job,
                dz_final_status(targets[i].pidfd, targets[i].job->record.who.pid));
        else if (targets[i].err == 0)
            targets[i].err = EBUSY;
    }
    int64_t rest = dz_milliseconds() + REST_MS;
    rest = until > rest ? until : rest;
    for (size_t i = 0; i < count; i++)
        stop_descendants(&targets[i], rest);
    stop_rests(targets, count, rest);
}
