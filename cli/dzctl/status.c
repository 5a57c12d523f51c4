/*
 * status: whether a job runs, in one line or as JSON.
 */
#include "dzctl.h"

#include <stdlib.h>

/* Prints ", 1.2 s of CPU time (0.5% since the start), 12M of memory". */
static void print_usage(const struct usage *usage)
{
    char share[SHOWN_MAX];
    char memory[SHOWN_MAX];

    if (usage->processes == 0)
        return;
    printf(", %.1f s of CPU time (%s since the start), %s of memory", usage->seconds,
           shown_share(usage, share), shown_memory(usage, memory));
    if (usage->processes > 1)
        printf(" in %d processes", usage->processes);
}

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
    char when[SHOWN_MAX];
    char *log = shown_text(job->log);
    char *note = shown_text(job->note);

    printf("%s: ", job->recorded ? job_called(job, digits) : word);
    if (job->state == JOB_UNKNOWN)
        printf("unknown (%s)", job->why);
    else
        printf("%s", shown_state(job, words));
    if (job->record.who.pid > 0)
        printf(", PID %ld", (long)job->record.who.pid);
    if (job->record.keeper.pid > 0) {
        print_usage(&job->usage);
        print_kept(job);
    } else if (job->recorded) {
        printf(", started %s", shown_time(started_at(job), false, when));
    }
    if (job->record.keeper.pid == 0 && job->ended > 0) {
        printf(", ended %s", shown_time(job->ended, false, when));
    }
    if (job->record.keeper.pid == 0)
        print_usage(&job->usage);
    if (job->log != NULL && log != NULL)
        printf(", log %s", log);
    if (job->problem != NULL)
        printf(", pidfile %s", job->problem);
    if (job->note != NULL && *job->note != '\0' && note != NULL)
        printf(", %s", note);
    putchar('\n');
    free(log);
    free(note);
}

/* Prints one object, or an array of them. */
static void print_json(const struct choice *choices, size_t count, bool array)
{
    for (size_t i = 0; i < count; i++) {
        if (array)
            fputs(i == 0 ? "[\n" : ",\n", stdout);
        show_json(&choices[i].job, choices[i].word);
    }
    fputs(!array ? "\n" : count == 0 ? "[]\n" : "\n]\n", stdout);
}

int command_status(const struct ctl_command *command, int argc, char **argv)
{
    static const int statuses[] = {[JOB_RUNS] = 0,
                                   [JOB_ENDED] = CTL_DEAD,
                                   [JOB_UNKNOWN] = CTL_UNKNOWN,
                                   [JOB_NONE] = CTL_NOT_RUNNING};
    struct arguments arguments;
    struct choice *choices;
    size_t count;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    status = select_jobs(&arguments, 0, CTL_UNKNOWN, &choices, &count);
    measure_choices(choices, count);
    for (size_t i = 0; i < count; i++) {
        status = ctl_worst(status, statuses[choices[i].job.state]);
        if (!arguments.json)
            print_status(&choices[i].job, choices[i].word);
    }
    if (arguments.json && (count > 0 || arguments.all))
        print_json(choices, count, arguments.all || arguments.count > 1);
    free_choices(choices, count);
    return ctl_finish(status);
}
