/*
 * wait: waits for the end of jobs and exits with their status.
 */
#include "dzctl.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LOOK_MS = 5, /* between two looks if the system has no pidfd */
    STOP_MS = 10000
};

static int tell_unknown(const char *word, const char *reason)
{
    struct dz_fault fault;

    dz_fault(&fault, "wait", word, 0, reason);
    return ctl_tell(&fault);
}

static int tell_errno(int err)
{
    struct dz_fault fault;

    dz_fault(&fault, "wait", NULL, err, NULL);
    return ctl_tell(&fault);
}

/* ---- one job ---- */

struct waited {
    struct choice *choice;
    int pidfd;  /* or -1 */
    bool ended; /* or it cannot be waited for */
};

/* Takes the status of a job that has ended. */
static void end(struct waited *waited)
{
    struct job *job = &waited->choice->job;

    waited->ended = true;
    if (job->keeper_runs)
        job_take_kept_end(job);
    else
        job_note_end(job, dz_final_status(waited->pidfd, job->record.who.pid));
}

static void begin(struct waited *waited, struct choice *choice)
{
    struct job *job = &choice->job;

    waited->choice = choice;
    waited->pidfd = -1;
    waited->ended = job->state != JOB_RUNS;
    if (waited->ended)
        return;
    /* Waits for the job's end, not for that of a run. */
    waited->pidfd =
        dz_open_process(job->keeper_runs ? &job->record.keeper : &job->record.who);
    if (waited->pidfd < 0 && errno == ESRCH)
        end(waited); /* just now */
}

/* Looks whether the job has ended; told: its pidfd says so. */
static void look(struct waited *waited, bool told)
{
    const struct job *job = &waited->choice->job;

    if (told || (waited->pidfd < 0 && dz_record_state(&job->record, NULL) == DZ_ENDED))
        end(waited);
}

/* Returns the exit status of the command, after a message if there is none of the job.
 */
static int tell_result(const struct waited *waited)
{
    const struct job *job = &waited->choice->job;
    const char *word = waited->choice->word;
    struct dz_fault fault;

    if (!waited->ended) {
        tell_unknown(word, "still running");
        return DZ_EXIT_TIMEOUT;
    }
    if (job->state == JOB_NONE) {
        fault_no_job("wait", word, &fault);
        fault.status = DZ_EXIT_FAILURE; /* 3 might be a job's own */
        return ctl_tell(&fault);
    }
    if (job->state == JOB_UNKNOWN) {
        job_fault_unknown(job, "wait", word, &fault);
        fault.status = DZ_EXIT_FAILURE;
        return ctl_tell(&fault);
    }
    if (job->status < 0)
        return tell_unknown(word, "has ended; its exit status is unknown");
    return WIFSIGNALED(job->status) ? DZ_EXIT_SIGNAL + WTERMSIG(job->status)
                                    : WEXITSTATUS(job->status);
}

/* ---- several ---- */

struct wait {
    struct waited *jobs;
    struct pollfd *events; /* those of the jobs, and then of the signals */
    size_t count;
    int64_t until;
    bool any;
    int signals; /* signalfd(2), or -1 */
};

/* Returns whether there is nothing more to wait for. */
static bool is_over(const struct wait *wait)
{
    size_t ended = 0;

    for (size_t i = 0; i < wait->count; i++)
        ended += wait->jobs[i].ended;
    return ended == wait->count || (wait->any && ended > 0);
}

/* Stops all jobs that run. */
static void stop_jobs(const struct wait *wait)
{
    struct target *targets = calloc(wait->count, sizeof *targets);
    struct schedule schedule;
    size_t count = 0;

    parse_schedule(&schedule, "TERM", STOP_MS);
    for (size_t i = 0; targets != NULL && i < wait->count; i++)
        if (!wait->jobs[i].ended)
            target_init(&targets[count++], &wait->jobs[i].choice->job,
                        wait->jobs[i].choice->word);
    if (targets != NULL)
        stop_targets(targets, count, &schedule);
    for (size_t i = 0; i < count; i++) {
        job_remove_pidfile(targets[i].job);
        target_free(&targets[i]);
    }
    for (size_t i = 0; i < wait->count; i++)
        wait->jobs[i].ended = wait->jobs[i].choice->job.state != JOB_RUNS;
    free(targets);
}

/* Waits for an event.  Returns whether a signal has come. */
static bool await_event(const struct wait *wait)
{
    int64_t left = wait->until - dz_milliseconds();

    left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
    for (size_t i = 0; i < wait->count; i++) {
        wait->events[i] = (struct pollfd){.fd = wait->jobs[i].pidfd, .events = POLLIN};
        if (wait->jobs[i].ended)
            wait->events[i].fd = -1;
        else if (wait->jobs[i].pidfd < 0 && left > LOOK_MS)
            left = LOOK_MS;
    }
    wait->events[wait->count] = (struct pollfd){.fd = wait->signals, .events = POLLIN};
    if (poll(wait->events, wait->count + 1, (int)left) < 0)
        return false; /* EINTR: look again */
    for (size_t i = 0; i < wait->count; i++)
        if (!wait->jobs[i].ended)
            look(&wait->jobs[i], wait->events[i].revents != 0);
    return wait->events[wait->count].revents != 0;
}

/* Opens a descriptor that can be read when TERM, INT or HUP has come. */
static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL); /* cannot fail with these arguments */
    return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Reports how the jobs have ended.  Returns the exit status. */
static int tell_results(const struct wait *wait)
{
    int status = 0;

    for (size_t i = 0; i < wait->count; i++) {
        if (wait->any && is_over(wait) && !wait->jobs[i].ended)
            continue;
        status = ctl_worst(status, tell_result(&wait->jobs[i]));
        if (!wait->any || !wait->jobs[i].ended)
            continue;
        printf("%s\n", wait->jobs[i].choice->word);
        break;
    }
    return status;
}

static int wait_for(struct wait *wait, struct choice *choices)
{
    for (size_t i = 0; i < wait->count; i++)
        begin(&wait->jobs[i], &choices[i]);
    while (!is_over(wait)) {
        if (dz_milliseconds() >= wait->until)
            break;
        if (await_event(wait))
            stop_jobs(wait);
    }
    for (size_t i = 0; i < wait->count; i++)
        dz_close_fd(&wait->jobs[i].pidfd);
    return ctl_finish(tell_results(wait));
}

int command_wait(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct wait wait = {.until = INT64_MAX, .signals = -1};
    struct choice *choices;
    size_t count;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    /* 1 would be the job's own status. */
    status = select_jobs(&arguments, 0, DZ_EXIT_FAILURE, &choices, &count);
    if (arguments.all)
        keep_running(choices, &count); /* the others have ended before */
    wait.count = count;
    wait.jobs = calloc(wait.count + 1, sizeof *wait.jobs);
    wait.events = calloc(wait.count + 1, sizeof *wait.events);
    wait.any = arguments.any;
    if (arguments.timeout >= 0)
        wait.until = dz_milliseconds() + arguments.timeout;
    if (arguments.stop)
        wait.signals = open_signals();
    if (wait.jobs == NULL || wait.events == NULL ||
        (arguments.stop && wait.signals < 0))
        status = tell_errno(errno);
    else
        status = ctl_worst(status, wait_for(&wait, choices));
    dz_close_fd(&wait.signals);
    free(wait.jobs);
    free(wait.events);
    free_choices(choices, count);
    return status;
}
