/*
 * What is shown of a job: its state, times and JSON object.
 */
#include "dzctl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

void add_status(struct dz_text *text, int status)
{
    if (status < 0) {
        dz_add(text, "status unknown");
    } else if (WIFSIGNALED(status)) {
        dz_add(text, "SIG");
        dz_add_signal(text, WTERMSIG(status));
    } else {
        dz_add(text, "status ");
        dz_add_number(text, WEXITSTATUS(status));
    }
}

const char *shown_state(const struct job *job, char words[48])
{
    struct dz_text text = dz_text(words, 48);

    if (job->state == JOB_RUNS)
        return job->waits ? "restarting" : "running";
    if (job->state == JOB_UNKNOWN)
        return "unknown";
    if (job->state == JOB_NONE)
        return job->record.who.pid > 0 ? "not running" : "no such job";
    dz_add(&text, "ended (");
    add_status(&text, job->status);
    dz_add(&text, ")");
    return words;
}

/* ---- JSON ---- */

/* Prints the options of the start.  The value of a flag is true. */
static void json_options(const struct job *job)
{
    printf("\"options\": {");
    for (char **option = job->options; option != NULL && *option != NULL; option++) {
        char *value = strchr(*option, '=');
        printf("%s", option == job->options ? "" : ", ");
        if (value != NULL)
            *value = '\0';
        json_string(*option);
        printf(": ");
        if (value != NULL)
            json_string(value + 1);
        else
            printf("true");
        if (value != NULL)
            *value = '=';
    }
    printf("}");
}

void show_json(const struct job *job, const char *called)
{
    char words[48];
    struct dz_text text = dz_text(words, sizeof words);

    printf("{\"name\": ");
    json_text(job->recorded ? job->name : called);
    if (job->record.who.pid > 0)
        printf(", \"pid\": %ld, \"state\": ", (long)job->record.who.pid);
    else
        printf(", \"pid\": null, \"state\": ");
    json_string(job->state == JOB_RUNS    ? "running"
                : job->state == JOB_ENDED ? "ended"
                : job->state == JOB_NONE  ? "not running"
                                          : "unknown");
    printf(", \"status\": ");
    if (job->status >= 0 && !WIFSIGNALED(job->status))
        printf("%d, \"signal\": null", WEXITSTATUS(job->status));
    else if (job->status >= 0) {
        dz_add_signal(&text, WTERMSIG(job->status));
        printf("null, \"signal\": ");
        json_string(words);
    } else
        printf("null, \"signal\": null");
    if (job->recorded)
        printf(", \"session\": %ld, \"since\": %lld", (long)job->record.session,
               (long long)job->record.since);
    else
        printf(", \"session\": null, \"since\": null");
    if (job->record.keeper.pid > 0)
        printf(", \"keeper\": %ld, \"restarts\": %d", (long)job->record.keeper.pid,
               job->restarts);
    else
        printf(", \"keeper\": null, \"restarts\": null");
    printf(", \"log\": ");
    json_text(job->log);
    printf(", \"pidfile\": ");
    json_text(job->pidfile);
    printf(", \"cwd\": ");
    json_text(job->cwd);
    printf(", \"command\": [");
    for (char **word = job->argv; word != NULL && *word != NULL; word++) {
        printf("%s", word == job->argv ? "" : ", ");
        json_string(*word);
    }
    printf("], \"error_log\": ");
    json_text(job->error_log);
    if (job->umask >= 0)
        printf(", \"umask\": \"%03o\", ", (unsigned)job->umask);
    else
        printf(", \"umask\": null, ");
    json_options(job);
    printf("}");
}

char *shown_text(const char *string)
{
    char *text = strdup(string != NULL ? string : "-");

    if (text != NULL)
        dz_one_line(text);
    return text;
}

void shown_time(int64_t seconds, char text[32])
{
    time_t when = (time_t)seconds;
    struct tm local;

    snprintf(text, 32, "-");
    if (localtime_r(&when, &local) != NULL)
        strftime(text, 32, "%Y-%m-%d %H:%M:%S", &local);
}

void shown_since(const struct job *job, char text[32])
{
    snprintf(text, 32, "-");
    if (job->recorded)
        shown_time(job->record.since, text);
}
