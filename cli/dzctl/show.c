/*
 * What is shown of a job: its state, times and JSON object.
 */
#include "dzctl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
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
    dz_add(&text, job->watchdog != 0 ? ", watchdog)" : ")");
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

static void json_number(const char *name, int64_t number)
{
    if (number < 0)
        printf(", \"%s\": null", name);
    else
        printf(", \"%s\": %lld", name, (long long)number);
}

static void json_time(const char *name, int64_t seconds)
{
    json_number(name, seconds > 0 ? seconds : -1);
}

/* Prints the status as a shell and wait have it: 128+N for a signal. */
static void json_exit_status(const struct job *job)
{
    json_number("exit_status", job->status < 0 ? -1
                               : WIFSIGNALED(job->status)
                                   ? DZ_EXIT_SIGNAL + WTERMSIG(job->status)
                                   : WEXITSTATUS(job->status));
}

static void json_usage(const struct usage *usage)
{
    if (usage->processes == 0)
        printf(", \"cpu_seconds\": null, \"memory_bytes\": null");
    else
        printf(", \"cpu_seconds\": %.2f, \"memory_bytes\": %lld", usage->seconds,
               (long long)usage->bytes);
}

/* Prints the name of this host, so that the lists of several can be merged. */
static void json_host(void)
{
    static struct utsname host;

    printf(", \"host\": ");
    json_text(host.nodename[0] != '\0' || uname(&host) == 0 ? host.nodename : NULL);
}

static void json_words(const char *name, char *const *words)
{
    printf(", \"%s\": [", name);
    for (char *const *word = words; word != NULL && *word != NULL; word++) {
        printf("%s", word == words ? "" : ", ");
        json_string(*word);
    }
    printf("]");
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
    json_exit_status(job);
    if (job->recorded && job->record.session > 0)
        printf(", \"session\": %ld", (long)job->record.session);
    else
        printf(", \"session\": null");
    json_time("since", started_at(job));
    json_time("started", started_at(job));
    json_time("ended", job->ended);
    if (job->record.keeper.pid > 0)
        printf(", \"keeper\": %ld, \"restarts\": %d", (long)job->record.keeper.pid,
               job->restarts);
    else
        printf(", \"keeper\": null, \"restarts\": null");
    printf(", \"watchdog\": %s", job->watchdog != 0 ? "true" : "false");
    json_usage(&job->usage);
    json_host();
    printf(", \"log\": ");
    json_text(job->log);
    printf(", \"pidfile\": ");
    json_text(job->pidfile);
    printf(", \"cwd\": ");
    json_text(job->cwd);
    json_words("command", job->argv);
    json_words("argv", job->argv);
    printf(", \"error_log\": ");
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

/* Returns a number for the local day of a time: another day has another number. */
static int day_of(time_t when)
{
    struct tm local;

    return localtime_r(&when, &local) != NULL ? local.tm_year * 366 + local.tm_yday : 0;
}

/* Appends a number with that separator before it, in at least two digits. */
static void add_two_digits(struct dz_text *text, const char *separator, int number)
{
    dz_add(text, separator);
    if (number < 10)
        dz_add_char(text, '0');
    dz_add_number(text, number);
}

const char *shown_time(int64_t seconds, bool brief, char room[SHOWN_MAX])
{
    static int today;
    struct dz_text text = dz_text(room, SHOWN_MAX);
    time_t when = (time_t)seconds;
    struct tm local;

    if (today == 0)
        today = day_of((time_t)dz_now());
    if (seconds <= 0 || localtime_r(&when, &local) == NULL)
        return "-";
    bool has_date = !brief || local.tm_year * 366 + local.tm_yday != today;
    if (has_date) {
        dz_add_number(&text, local.tm_year + 1900);
        add_two_digits(&text, "-", local.tm_mon + 1);
        add_two_digits(&text, "-", local.tm_mday);
    }
    if (!brief || !has_date) {
        add_two_digits(&text, has_date ? " " : "", local.tm_hour);
        add_two_digits(&text, ":", local.tm_min);
        add_two_digits(&text, ":", local.tm_sec);
    }
    return room;
}

int64_t started_at(const struct job *job)
{
    return job->recorded ? job->record.since : 0;
}

const char *shown_share(const struct usage *usage, char room[SHOWN_MAX])
{
    double percent = usage->share * 100;

    if (usage->processes == 0)
        return "-";
    snprintf(room, SHOWN_MAX, percent < 10 ? "%.1f%%" : "%.0f%%", percent);
    return room;
}

const char *shown_memory(const struct usage *usage, char room[SHOWN_MAX])
{
    static const char units[] = "KMGTP";
    double size = (double)usage->bytes / 1024;
    size_t unit = 0;

    if (usage->processes == 0)
        return "-";
    while (size >= 1000 && unit < sizeof units - 2) {
        size /= 1024;
        unit++;
    }
    snprintf(room, SHOWN_MAX, size < 10 ? "%.1f%c" : "%.0f%c", size, units[unit]);
    return room;
}
