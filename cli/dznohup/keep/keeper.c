/*
 * The keeper: the launcher, which stays with its job.
 *
 * In leave mode it is forked by the caller, and tells it how the first start went.  In
 * stay mode it is the process that the caller knows.  It leads the session, and the
 * program is its child.  One loop sleeps in poll(2): with nothing to do, it sleeps
 * until a signal comes.
 *
 * Invariant: once keeper->stopping is set, no run begins any more.
 */
#include "keep.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    REST_MS = 5000,     /* from TERM to KILL for what a run has left behind */
    LAST_REST_MS = 1000 /* and, at a stop, at least */
};

/* ---- the end of the first start ---- */

/* Tells the caller that the job runs. */
static void tell_started(struct keeper *keeper)
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

/* Tells the caller that the first start has failed, and why.  Nothing of it is left.
 * Returns the exit status. */
static int tell_failed(struct keeper *keeper)
{
    struct dz_start *start = keeper->start;

    dz_unpublish(start);
    if (start->result_fd >= 0)
        dz_waiter_ends(start, -1, &keeper->fault);
    return keeper->fault.status;
}

/* ---- the phases ---- */

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

    /* With PID 1 the kernel ends all else. */
    if (signal_members(keeper, late ? SIGKILL : 0) == 0 ||
        (getpid() == 1 && keeper->stopping))
        begin_draining(keeper);
    else if (late)
        keeper->until =
            dz_milliseconds() + 10; /* for those that are forked meanwhile */
}

/* Tells the program to end. */
static void begin_stopping(struct keeper *keeper, int number, int64_t within)
{
    int64_t now = dz_milliseconds();

    keeper->phase = PHASE_STOPPING;
    keeper->until = within > INT64_MAX - now ? INT64_MAX : now + within;
    keeper->stop_until = keeper->until;
    pass_signal(keeper, number);
    pass_signal(keeper, SIGCONT); /* a stopped program does not act on it */
}

/*
 * Returns whether a run that was never ready is a failed start.  A program that ends
 * early has run, and its end is the end of a run: later, and in stay mode unless a
 * condition was asked for.
 */
static bool is_failed_start(const struct keeper *keeper)
{
    if (!keeper->watch.exited)
        return true;
    return !keeper->told &&
           (keeper->start->mode == DZ_LEAVE || keeper->start->plan->wait.count > 0);
}

/* The run is not ready, and will not be. */
static void fail_run(struct keeper *keeper)
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

/*
 * Tells our own manager that a run is ready.  The keeper is the service's main process:
 * its end is that of the job.  Of the first run the caller of leave mode tells.  In
 * stay mode without a condition the program has the manager's socket itself.
 */
static void notify_manager(struct keeper *keeper, bool first)
{
    const struct dz_start *start = keeper->start;
    struct dz_text text;
    char words[64];
    int result;

    if (start->mode == DZ_STAY && first && start->plan->ready_fd > 0) {
        result = dz_tell_manager(start, getpid(), 0);
        close(start->plan->ready_fd); /* all was written */
    } else if (start->mode == DZ_LEAVE ? first : start->plan->wait.count == 0) {
        return;
    } else {
        result = dz_notify_manager(start->envp, getpid(), 0);
    }
    if (result == 0)
        return;
    text = dz_text(words, sizeof words);
    dz_add(&text, "the manager: ");
    dz_add_error(&text, errno);
    say_line(keeper, words);
}

/* The run is ready. */
static void begin_running(struct keeper *keeper)
{
    notify_manager(keeper, !keeper->told);
    keeper->pidfd = keeper->watch.pidfd;
    keeper->watch.pidfd = -1;
    dz_watch_close(&keeper->watch);
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
    keeper->phase = PHASE_STARTING;
    if (run_begin(keeper, &keeper->fault) == 0)
        return;
    keeper->failed = true;
    keeper->reaped = true;
    keeper->status = keeper->fault.status << 8;
    begin_ending(keeper);
}

/* Does what is due.  Returns when to look again if no event comes. */
static int64_t look(struct keeper *keeper)
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
        /* fall through */
    case PHASE_RUNNING:
        if (!reap_program(keeper))
            return keeper->phase == PHASE_STOPPING ? keeper->until : INT64_MAX;
        begin_ending(keeper);
        return 0;
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

/* ---- signals ---- */

/* In the first start: the caller is told of the interrupt. */
static void interrupt_start(struct keeper *keeper, int number)
{
    char words[64];
    struct dz_text text = dz_text(words, sizeof words);

    keeper->start->interrupt = number;
    dz_add(&text, "interrupted by SIG");
    dz_add_signal(&text, number);
    dz_fault(&keeper->fault, "wait", NULL, 0, words);
    keeper->fault.status = DZ_EXIT_SIGNAL + number;
    keeper->failed = true;
}

static void stop(struct keeper *keeper, const struct request *request)
{
    /* A caller that waits for the first start is told that it was interrupted. */
    bool awaited = !keeper->told && keeper->start->result_fd >= 0;

    if (request->again && !keeper->stopping && !awaited)
        keeper->again = true;
    else
        keeper->stopping = true;
    switch (keeper->phase) {
    case PHASE_STARTING:
        dz_watch_close(&keeper->watch);
        if (awaited)
            interrupt_start(keeper, request->number);
        begin_stopping(keeper, request->stop_signal, request->stop_within);
        break;
    case PHASE_RUNNING:
        begin_stopping(keeper, request->stop_signal, request->stop_within);
        break;
    case PHASE_STOPPING:
        pass_signal(keeper, request->stop_signal);
        break;
    case PHASE_DRAINING:
        keeper->stop_until = 0;
        limit_drain(keeper);
        break;
    case PHASE_DELAY:
        if (keeper->stopping)
            keeper->phase = PHASE_OVER;
        keeper->until = 0;
        break;
    case PHASE_ENDING:
    case PHASE_OVER:
        break;
    }
}

/* If the program was suspended by a signal that we have passed on, suspends the keeper
 * too: a shell with job control waits for that. */
static void follow_suspension(struct keeper *keeper)
{
    siginfo_t info = {.si_pid = 0};

    if (!keeper->suspended || keeper->reaped ||
        waitid(P_PID, (id_t)keeper->start->pid, &info, WSTOPPED | WNOHANG) < 0 ||
        info.si_pid == 0)
        return;
    keeper->suspended = false;
    kill(getpid(), SIGSTOP); /* PID 1 cannot be stopped so, and goes on */
}

static void take_signal(struct keeper *keeper, const struct request *request)
{
    switch (request->number) {
    case SIGCHLD:
        break; /* each round of the loop reaps */
    case SIGTERM:
    case SIGINT:
    case SIGQUIT:
        stop(keeper, request);
        break;
    case SIGHUP:
        run_reopen_logs(keeper);
        pump_reopen(&keeper->pump);
        if (!keeper->reaped && program_catches(keeper, SIGHUP))
            pass_signal(keeper, SIGHUP);
        break;
    case SIGUSR2:
        if (keeper->start->plan->rotate.size > 0)
            pump_rotate(&keeper->pump);
        else
            pass_signal(keeper, SIGUSR2);
        break;
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        keeper->suspended = true;
        pass_signal(keeper, request->number);
        break;
    default:
        pass_signal(keeper, request->number);
        break;
    }
}

/* ---- the loop ---- */

static void take_events(struct keeper *keeper, int64_t until)
{
    enum {
        SIGNALS,
        END,
        PUMP,
        WATCH = PUMP + PUMP_POLLS,
        EVENTS = WATCH + DZ_WATCH_EVENTS
    };
    struct pollfd wanted[EVENTS];
    int64_t left = until == INT64_MAX ? -1 : until - dz_milliseconds();
    int pumped = pump_timeout(&keeper->pump);
    int count = WATCH;
    struct request request;

    wanted[SIGNALS] = (struct pollfd){.fd = keeper->signals, .events = POLLIN};
    wanted[END] = (struct pollfd){.fd = keeper->pidfd, .events = POLLIN};
    for (int i = PUMP; i < WATCH; i++)
        wanted[i].fd = -1;
    pump_polls(&keeper->pump, wanted + PUMP);
    if (keeper->phase == PHASE_STARTING) {
        dz_watch_wanted(&keeper->watch, wanted + WATCH);
        count = EVENTS;
    }
    if (until != INT64_MAX)
        left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
    if (pumped >= 0 && (left < 0 || pumped < left))
        left = pumped;
    if (poll(wanted, (nfds_t)count, (int)left) < 0)
        return; /* EINTR: SIGSTOP and CONT; the next round finds what has come */
    if (count == EVENTS &&
        dz_watch_take(&keeper->watch, wanted + WATCH, &keeper->fault) < 0)
        fail_run(keeper);
    while (next_signal(keeper, &request))
        take_signal(keeper, &request);
    pump_run(&keeper->pump);
    spare_commands(keeper);
    note_trouble(keeper);
    follow_suspension(keeper);
}

static void loop(struct keeper *keeper)
{
    while (keeper->phase != PHASE_OVER) {
        int64_t until = look(keeper);
        reap_orphans(keeper);
        if (keeper->phase != PHASE_OVER)
            take_events(keeper, until);
    }
}

/* ---- the whole ---- */

/* Returns the exit status of the keeper: that of the last run. */
static int exit_status(const struct keeper *keeper)
{
    int status = keeper->status;

    if (keeper->failed)
        return keeper->fault.status;
    if (status < 0)
        return DZ_EXIT_FAILURE;
    return WIFSIGNALED(status) ? DZ_EXIT_SIGNAL + WTERMSIG(status)
                               : WEXITSTATUS(status);
}

/* Makes this process the keeper. */
static int become_keeper(struct keeper *keeper, struct dz_fault *fault)
{
    struct dz_start *start = keeper->start;
    const char *directory = dz_directory_of(start);

    keeper->signals = -1;
    if (open_signals(keeper, fault) < 0)
        return -1;
    /* In stay mode the step setsid has done so, or PID 1 does not need it. */
    if (start->mode == DZ_LEAVE && setsid() < 0)
        return dz_fault(fault, "setsid", NULL, errno, NULL);
    start->kept.keeper = getpid();
    dz_kept_claim(start);
    if (start->plan->resume > 0 && find_program(keeper, fault) < 0)
        return -1;
    if (open_pump(keeper, fault) < 0)
        return -1;
    if (run_take_streams(keeper, fault) < 0)
        return -1;
    pump_run(&keeper->pump); /* its commands run before the program */
    /* A keeper that stays must not keep a file system busy. */
    if (directory != NULL && chdir("/") < 0)
        return dz_fault(fault, "chdir", "/", errno, NULL);
    return 0;
}

/* Starts the program, or goes on with one that runs. */
static int begin_first(struct keeper *keeper, struct dz_fault *fault)
{
    if (keeper->taken.pid == 0)
        return run_begin(keeper, fault);
    if (resume_program(keeper, fault) < 0)
        return -1;
    keeper->phase = PHASE_RUNNING;
    tell_started(keeper);
    return 0;
}

int keep_command(struct dz_start *start, const struct command *command,
                 const char *library, struct dz_fault *fault)
{
    static struct keeper keeper;

    keeper.start = start;
    keeper.command = command;
    keeper.library = library;
    keeper.pidfd = -1;
    keeper.delay = start->plan->delay.first;
    if (become_keeper(&keeper, fault) < 0 || begin_first(&keeper, fault) < 0) {
        dz_fail(start, fault);
        return -1;
    }
    loop(&keeper);
    close_pump(&keeper);
    if (!keeper.told && keeper.failed) {
        *fault = keeper.fault;
        tell_failed(&keeper);
        return -1;
    }
    if (!keeper.told)
        tell_started(&keeper);
    dz_publish_exited(start, keeper.failed ? keeper.fault.status << 8 : keeper.status);
    return exit_status(&keeper);
}
