/*
 * stop: ends jobs and what is left of their sessions.
 */
#include "dzctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { STOP_MS = 10000 };

/* Returns whether the job is one of ours, or word is a pidfile. */
static bool is_ours(const struct job *job, const char *word)
{
    return job->recorded || strchr(word, '/') != NULL;
}

static int refuse_stranger(const struct job *job, struct dz_fault *fault)
{
    char reason[80];

    snprintf(reason, sizeof reason, "PID %ld is not one of your jobs; use kill(1)",
             (long)job->record.who.pid);
    dz_fault(fault, "stop", NULL, 0, reason);
    fault->status = CTL_FAILED;
    return -1;
}

/* Returns 1 if the job is to be stopped, 0 if there is nothing to stop, or -1 with the
 * fault if that is refused. */
static int check(const struct job *job, const char *word, struct dz_fault *fault)
{
    if (job->state == JOB_UNKNOWN)
        return job_fault_unknown(job, "stop", word, fault);
    /* A pidfile goes when its job is stopped. */
    if (job->state == JOB_NONE && strchr(word, '/') == NULL)
        return fault_no_job("stop", word, fault);
    if (job->state != JOB_RUNS)
        return 0;
    if (job->record.who.pid < 2 || job->record.keeper.pid == 1) {
        dz_fault(fault, "stop", word, 0,
                 "refused: stopping PID 1 would end the whole system or container");
        fault->status = CTL_FAILED;
        return -1;
    }
    return is_ours(job, word) ? 1 : refuse_stranger(job, fault);
}

static bool is_process(const struct target *target, const struct job *job)
{
    return target->job->record.who.pid == job->record.who.pid &&
           target->job->record.who.start == job->record.who.start;
}

/* Adds the job to the targets, unless another word has named it. */
static void add_target(struct target *targets, size_t *count, struct choice *choice)
{
    for (size_t i = 0; i < *count; i++)
        if (is_process(&targets[i], &choice->job))
            return;
    target_init(&targets[(*count)++], &choice->job, choice->word);
}

/* Reports a job that did not run, which is a success, and removes its pidfile. */
static void say_nothing_to_stop(const struct choice *choice)
{
    const struct job *job = &choice->job;
    char state[48];

    printf("%s: nothing to stop: %s%s%s\n", choice->word, shown_state(job, state),
           job->problem != NULL ? ", pidfile " : "",
           job->problem != NULL ? job->problem : "");
    job_remove_pidfile(job);
}

/* Reports how the stop went, and removes the pidfile of a job that has ended.  Returns
 * the exit status. */
static int say_result(const struct target *target)
{
    const struct job *job = target->job;
    struct dz_fault fault;
    char digits[24];

    if (target->err != 0) {
        dz_fault_number(&fault, "stop", job->record.who.pid, target->err,
                        target->err == EBUSY ? "still runs" : NULL);
        fault.status = CTL_FAILED;
        return ctl_tell(&fault);
    }
    printf("%s: stopped, PID %ld",
           job->recorded ? job_called(job, digits) : target->word,
           (long)job->record.who.pid);
    if (target->killed >= 0)
        printf(", by SIGKILL after %g s", (double)target->killed / 1000);
    putchar('\n');
    job_remove_pidfile(job);
    return 0;
}

/* Allows as many descriptors as this process may have: each job needs a pidfd. */
static void allow_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); /* a job without a pidfd is polled */
}

/* Stops the jobs.  Returns the exit status. */
static int stop_all(struct choice *choices, size_t count,
                    const struct schedule *schedule, bool all)
{
    struct target *targets = calloc(count + 1, sizeof *targets);
    struct dz_fault fault;
    size_t running = 0;
    int status = 0;

    for (size_t i = 0; targets != NULL && i < count; i++) {
        int wanted = check(&choices[i].job, choices[i].word, &fault);
        /* Without a keeper, what the program writes at its end would be lost. */
        if (wanted > 0 && lacks_keeper(&choices[i].job))
            keep_again(&choices[i].job, true);
        if (wanted > 0)
            add_target(targets, &running, &choices[i]);
        else if (wanted < 0)
            status = ctl_worst(status, ctl_tell(&fault));
        else if (!all)
            say_nothing_to_stop(&choices[i]);
    }
    if (targets == NULL) {
        dz_fault(&fault, "stop", NULL, ENOMEM, NULL);
        return ctl_tell(&fault);
    }
    stop_targets(targets, running, schedule);
    for (size_t i = 0; i < running; i++) {
        status = ctl_worst(status, say_result(&targets[i]));
        target_free(&targets[i]);
    }
    free(targets);
    return status;
}

int command_stop(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct schedule schedule;
    struct choice *choices;
    size_t count;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    const char *text = arguments.schedule != NULL ? arguments.schedule : "TERM";
    const char *wrong = parse_schedule(
        &schedule, text, arguments.timeout >= 0 ? arguments.timeout : STOP_MS);
    if (wrong == NULL && strchr(text, ',') != NULL && arguments.timeout >= 0)
        wrong = "has times of its own; leave out --timeout";
    if (wrong != NULL)
        return ctl_usage("stop", text, wrong);
    allow_descriptors();
    status = select_jobs(&arguments, 0, 0, &choices, &count);
    status = ctl_worst(status, stop_all(choices, count, &schedule, arguments.all));
    free_choices(choices, count);
    return ctl_finish(status);
}
