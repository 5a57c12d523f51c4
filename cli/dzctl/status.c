/*
 * status: whether a job runs, in one line or as JSON.
 */
#include "dzctl.h"

#include <stdlib.h>

/* Prints what the keeper has recorded. */
static void print_kept(const struct job *job)
{
    char words[256];
    struct dz_text text = dz_text(words, sizeof words);

    kept_words(job, &text);
    fputs(words, stdout);
}

static void print_status(const struct job *job, const char *word)
{
    char digits[24];
    char words[48];
    char since[32];
    char *log = shown_text(job->log);
    char *note = shown_text(job->note);

    shown_since(job, since);
    printf("%s: ", job->recorded ? job_called(job, digits) : word);
    if (job->state == JOB_UNKNOWN)
        printf("unknown (%s)", job->why);
    else
        printf("%s", shown_state(job, words));
    if (job->record.who.pid > 0)
        printf(", PID %ld", (long)job->record.who.pid);
    if (job->record.keeper.pid > 0)
        print_kept(job);
    else if (job->recorded)
        printf(", since %s", since);
    if (job->log != NULL && log != NULL)
        printf(", log %s", log);
    if (job->problem != NULL)
        printf(", pidfile %s", job->problem);
    if (job->note != NULL && note != NULL)
        printf(", %s", note);
    putchar('\n');
    free(log);
    free(note);
}

int command_status(const struct ctl_command *command, int argc, char **argv)
{
    static const int statuses[] = {[JOB_RUNS] = 0,
                                   [JOB_ENDED] = CTL_DEAD,
                                   [JOB_UNKNOWN] = CTL_UNKNOWN,
                                   [JOB_NONE] = CTL_NOT_RUNNING};
    struct arguments arguments;
    struct job job;
    struct dz_fault fault;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    if (job_find(&job, arguments.names[0], &fault) < 0) {
        if (fault.status == CTL_FAILED)
            fault.status = CTL_UNKNOWN;
        return ctl_tell(&fault);
    }
    if (arguments.json) {
        show_json(&job, arguments.names[0]);
        putchar('\n');
    } else {
        print_status(&job, arguments.names[0]);
    }
    status = statuses[job.state];
    job_free(&job);
    return ctl_finish(status);
}
