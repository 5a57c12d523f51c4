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
    watchdog_feed(keeper);   /* the program could not speak */
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
    case SIGABRT: /* by the manager's watchdog */
        if (keeper->manager.within > 0)
            stop(keeper, request);
        else
            pass_signal(keeper, SIGABRT);
        break;
    case SIGHUP:
        run_reopen_logs(keeper);
        pump_reopen(&keeper->pump);
        if (!keeper->reaped && program_takes(keeper, SIGHUP))
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
        WORDS,
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
    wanted[WORDS] = (struct pollfd){.fd = keeper->start->notify.fd, .events = POLLIN};
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
        int64_t until = look_at_run(keeper);
        int64_t feed = manager_look(keeper);
        reap_orphans(keeper);
        if (keeper->phase != PHASE_OVER)
            take_events(keeper, feed < until ? feed : until);
    }
}

/* ---- the whole ---- */

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
    manager_find(keeper);
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
    resume_hearing(keeper);
    return 0;
}

/* The job is over: ends the pump, removes the pidfile, and records the status. */
static void end_job(struct keeper *keeper)
{
    int status = keeper->failed ? keeper->fault.status << 8 : keeper->status;
    bool pumped = keeper->pump.count > 0;
    char words[96];
    struct dz_text text = dz_text(words, sizeof words);

    if (status < 0)
        say_line(keeper, "it is unknown how the program ended");
    close_pump(keeper);
    for (int i = 0; i < RECORD_TRIES; i++) {
        if (dz_publish_exited(keeper->start, status) == 0)
            return;
        poll(NULL, 0, RECORD_TRY_MS);
    }
    dz_add(&text, "the end of the job could not be recorded: ");
    dz_add_error(&text, errno);
    if (!pumped)
        say_line(keeper, words);
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
        pump_close(&keeper.pump, 0);
        dz_fail(start, fault);
        return -1;
    }
    loop(&keeper);
    if (!keeper.told && keeper.failed) {
        close_pump(&keeper);
        *fault = keeper.fault;
        tell_failed(&keeper);
        return -1;
    }
    if (!keeper.told)
        tell_started(&keeper);
    end_job(&keeper);
    return exit_status(&keeper);
}
