/*
 * The phases of a run, from its start to the next one.
 *
 * Invariant: once keeper->stopping is set, no run begins any more.
 */
#include "keep.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    REST_MS = 5000,     /* from TERM to KILL for what a run has left behind */
    LAST_REST_MS = 1000 /* and, at a stop, at least */
};

/* Tells the caller that the job runs. */
void tell_started(struct keeper *keeper)
{
    struct dz_start *start = keeper->start;

    keeper->told = true;
    if (start->result_fd >= 0)
        dz_waiter_tells(start, 0, NULL);
    if (start->stderr_fd != 2)
        dz_close(start->stderr_fd);
    start->stderr_fd = 2;
    start->trace = NULL;
    start->waiting = NULL;
}

static void begin_delay(struct keeper *keeper)
{
    int64_t delay = -1;
    bool follows;

    keeper->phase = PHASE_OVER;
    if (keeper->failed && !keeper->told)
        return; /* the first start has failed: the caller is told */
    record_ended(keeper);
    follows = restart_follows(keeper, &delay);
    if (keeper->again && !keeper->stopping) {
        keeper->failures = 0;
        keeper->delay = keeper->start->plan->delay.first;
        manager_reloading(keeper);
        keeper->phase = PHASE_DELAY;
        keeper->until = dz_milliseconds();
        return;
    }
    if (!follows) {
        if (keeper->failures > 1 && !keeper->stopping)
            say_ended(keeper, -1);
        return;
    }
    say_ended(keeper, delay);
    manager_reloading(keeper);
    keeper->phase = PHASE_DELAY;
    keeper->until = dz_milliseconds() + delay;
}

/* All of the run has ended.  What it wrote is written before its end is recorded. */
static void begin_draining(struct keeper *keeper)
{
    keeper->phase = PHASE_DRAINING;
    limit_drain(keeper);
}

static void look_at_drain(struct keeper *keeper)
{
    bool late = dz_milliseconds() >= keeper->until;

    if (!pump_drain(&keeper->pump) && !late)
        return;
    if (late)
        say_line(keeper, "the end of the output could not be written");
    begin_delay(keeper);
}

/* The program has ended.  Ends what it has left behind. */
static void begin_ending(struct keeper *keeper)
{
    bool leaves =
        keeper->start->plan->keep_children && !keeper->stopping && !keeper->again;
    int64_t now = dz_milliseconds();

    keeper->phase = PHASE_ENDING;
    hear_program(keeper); /* its last words */
    dz_close_fd(&keeper->start->notify.fd);
    dz_close_fd(&keeper->pidfd);
    dz_claim_release(&keeper->start->pidfile_claim);
    dz_claim_release(&keeper->start->record_claim);
    keeper->until = now + REST_MS;
    if (keeper->stopping || keeper->again)
        keeper->until = keeper->stop_until > now + LAST_REST_MS ? keeper->stop_until
                                                                : now + LAST_REST_MS;
    if (leaves || signal_members(keeper, SIGTERM) == 0)
        begin_draining(keeper);
}

static void look_at_ending(struct keeper *keeper)
{
    bool late = dz_milliseconds() >= keeper->until;

    /* When PID 1 ends, the kernel ends all other processes. */
    if (signal_members(keeper, late ? SIGKILL : 0) == 0 ||
        (getpid() == 1 && keeper->stopping))
        begin_draining(keeper);
    else if (late)
        keeper->until =
            dz_milliseconds() + 10; /* for those that are forked meanwhile */
}

/* Tells the program to end. */
void begin_stopping(struct keeper *keeper, int number, int64_t within)
{
    int64_t now = dz_milliseconds();

    keeper->phase = PHASE_STOPPING;
    keeper->until = within > INT64_MAX - now ? INT64_MAX : now + within;
    keeper->stop_until = keeper->until;
    pass_signal(keeper, number);
    pass_signal(keeper, SIGCONT); /* a stopped program does not act on it */
}

/*
 * Returns whether a run that was never ready is a failed start.  The early end of a
 * program is only the end of a run once the caller was told of the first start, and in
 * stay mode without a condition.
 */
static bool is_failed_start(const struct keeper *keeper)
{
    if (!keeper->watch.exited)
        return true;
    return !keeper->told &&
           (keeper->start->mode == DZ_LEAVE || keeper->start->plan->wait.count > 0);
}

/* The run is not ready, and will not be. */
void fail_run(struct keeper *keeper)
{
    dz_watch_close(&keeper->watch);
    keeper->failed = is_failed_start(keeper);
    keeper->reaped = keeper->watch.exited;
    keeper->status = keeper->watch.status;
    if (!keeper->failed && !keeper->told)
        tell_started(keeper);
    if (keeper->reaped)
        begin_ending(keeper);
    else
        begin_stopping(keeper, SIGTERM, REST_MS);
}

/* The run is ready. */
static void begin_running(struct keeper *keeper)
{
    int words = keeper->start->notify.fd;

    manager_ready(keeper, !keeper->told);
    keeper->pidfd = keeper->watch.pidfd;
    keeper->watch.pidfd = -1;
    if (hears_program(keeper))
        keeper->start->notify.fd = -1;
    dz_watch_close(&keeper->watch);
    if (hears_program(keeper))
        keeper->start->notify.fd = words;
    watchdog_feed(keeper);
    keeper->phase = PHASE_RUNNING;
    dz_claim_release(&keeper->start->pidfile_claim);
    dz_claim_release(&keeper->start->record_claim);
    if (!keeper->told)
        tell_started(keeper);
    if (keeper->asked)
        record_ready(keeper);
    keeper->asked = false;
    if (keeper->start->ended) {
        keeper->reaped = true;
        keeper->status = keeper->watch.status;
        begin_ending(keeper);
    }
}

static void look_at_start(struct keeper *keeper, int64_t *until)
{
    int result = dz_watch_look(&keeper->watch, until, &keeper->fault);

    if (result > 0)
        begin_running(keeper);
    else if (result < 0)
        fail_run(keeper);
}

static void begin_run(struct keeper *keeper)
{
    keeper->asked = keeper->again;
    keeper->again = false;
    keeper->start->kept.restarts++;
    keeper->start->kept.last = keeper->status;
    keeper->start->kept.silent = keeper->watchdog.bitten;
    keeper->phase = PHASE_STARTING;
    if (run_begin(keeper, &keeper->fault) == 0)
        return;
    keeper->failed = true;
    keeper->reaped = true;
    keeper->status = keeper->fault.status << 8;
    begin_ending(keeper);
}

/* Hears the program, and begins what follows its end.  Returns whether it has ended. */
static bool look_at_program(struct keeper *keeper)
{
    hear_program(keeper);
    if (!reap_program(keeper))
        return false;
    begin_ending(keeper);
    return true;
}

/* Does what is due.  Returns when to look again if no event comes. */
int64_t look_at_run(struct keeper *keeper)
{
    int64_t until = INT64_MAX;

    switch (keeper->phase) {
    case PHASE_STARTING:
        look_at_start(keeper, &until);
        return keeper->phase == PHASE_STARTING ? until : 0;
    case PHASE_STOPPING:
        if (dz_milliseconds() >= keeper->until) {
            pass_signal(keeper, SIGKILL);
            keeper->until = INT64_MAX;
        }
        return look_at_program(keeper) ? 0 : keeper->until;
    case PHASE_RUNNING:
        if (look_at_program(keeper))
            return 0;
        if (watchdog_bites(keeper))
            begin_stopping(keeper, SIGABRT, REST_MS);
        return keeper->phase == PHASE_RUNNING ? keeper->watchdog.until : keeper->until;
    case PHASE_ENDING:
        look_at_ending(keeper);
        return keeper->phase == PHASE_ENDING ? keeper->until : 0;
    case PHASE_DRAINING:
        look_at_drain(keeper);
        return keeper->phase == PHASE_DRAINING ? keeper->until : 0;
    case PHASE_DELAY:
        if (dz_milliseconds() < keeper->until)
            return keeper->until;
        begin_run(keeper);
        return 0;
    case PHASE_OVER:
        break;
    }
    return 0;
}
