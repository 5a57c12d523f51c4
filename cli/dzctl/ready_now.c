/*
 * ready: whether conditions hold for a job that runs, those of its start by default.
 */
#include "dzctl.h"

#include <poll.h>
#include <string.h>

enum { FIRST_MS = 20, MOST_MS = 1000 /* between two looks */ };

struct question {
    const char *word;
    const char *asked; /* the conditions; NULL: those of the start */
    int64_t until;
};

/* Parses the conditions, which then point to text.  Returns 0, or -1 with the fault. */
static int parse(struct dz_conditions *conditions, const char *text,
                 struct dz_fault *fault)
{
    memset(conditions, 0, sizeof *conditions);
    return text == NULL ? 0 : dz_parse_conditions(conditions, text, fault);
}

/* Returns the value of --wait in the record, or NULL. */
static const char *wait_of_start(const struct job *job)
{
    for (char **at = job->options; at != NULL && *at != NULL; at++)
        if (strncmp(*at, "wait=", 5) == 0)
            return *at + 5;
    return NULL;
}

/* Refuses conditions of which only a start can know.  Returns 0 or 125. */
static int check_asked(const struct question *question)
{
    struct dz_conditions conditions;
    struct dz_fault fault;

    if (parse(&conditions, question->asked, &fault) < 0)
        return ctl_usage("ready", question->asked, fault.reason);
    if (dz_condition(&conditions, DZ_WAIT_NOTIFY) != NULL ||
        dz_condition(&conditions, DZ_WAIT_FD) != NULL)
        return ctl_usage("ready", question->asked,
                         "only a start can wait for notify and fd:N");
    return 0;
}

static int not_ready(const struct question *question, int status, const char *reason,
                     struct dz_fault *fault)
{
    dz_fault(fault, "ready", question->word, 0, reason);
    fault->status = status;
    return -1;
}

/* Asks all of the conditions.  Returns 1 if they hold; 0 with the fault if not; or -1
 * with the fault if they cannot any more. */
static int ask(const struct question *question, struct job *job, struct dz_fault *fault)
{
    struct dz_conditions conditions;
    char words[sizeof fault->reason];
    struct dz_text text = dz_text(words, sizeof words);
    const char *own = question->asked == NULL ? wait_of_start(job) : question->asked;
    const char *directory = question->asked == NULL ? job->cwd : NULL;

    if (job->state == JOB_UNKNOWN) {
        job_fault_unknown(job, "ready", question->word, fault);
        fault->status = CTL_UNKNOWN;
        return -1;
    }
    if (job->state == JOB_NONE && job->record.who.pid == 0)
        return fault_no_job("ready", question->word, fault);
    if (job->state != JOB_RUNS)
        return not_ready(question, CTL_FAILED, "is not running", fault);
    if (job->waits) {
        not_ready(question, CTL_FAILED, "is about to be started again", fault);
        return 0;
    }
    if (parse(&conditions, own, fault) < 0)
        return not_ready(question, CTL_FAILED, "its record is not readable", fault);
    for (int i = 0; i < conditions.count; i++) {
        if (condition_holds(job, &conditions.list[i], directory, question->until))
            continue;
        add_not_ready(job, &conditions.list[i], &text);
        not_ready(question, CTL_FAILED, words, fault);
        return 0;
    }
    return 1;
}

/* Asks until the conditions hold or the time is over.  Returns the exit status. */
static int ask_on(const struct question *question, bool once)
{
    int pause = FIRST_MS;

    for (;;) {
        struct dz_fault fault;
        struct job job;
        job_init(&job);
        int result = job_find(&job, question->word, &fault);
        if (result == 0)
            result = ask(question, &job, &fault);
        job_free(&job);
        if (result > 0)
            return 0;
        int64_t left = question->until - dz_milliseconds();
        if (result < 0 || once || left <= 0)
            return ctl_tell(&fault);
        poll(NULL, 0, left < pause ? (int)left : pause);
        pause = 2 * pause < MOST_MS ? 2 * pause : MOST_MS;
    }
}

int command_ready(const struct ctl_command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct question question = {.until = INT64_MAX};
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status))
        return status;
    question.word = arguments.names[0];
    question.asked = arguments.count > 1 ? arguments.names[1] : NULL;
    if (arguments.timeout >= 0)
        question.until = dz_milliseconds() + arguments.timeout;
    status = check_asked(&question);
    return status != 0 ? status : ask_on(&question, arguments.timeout < 0);
}
