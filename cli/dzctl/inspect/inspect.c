/*
 * dzctl inspect: tells whether a process is a proper daemon, and why.
 *
 * facts.c reads the facts, judge.c judges them by its rules, and this file shows them
 * as a table or as JSON.  The process need not be a job.
 */
#include "inspect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- as a table ---- */

enum { NAME_WIDTH = 12, VALUE_WIDTH = 26, WHY_AT = 4 + NAME_WIDTH + VALUE_WIDTH };

static void print_check(const struct check *check)
{
    static const char *const marks[] = {[MARK_NOTE] = "-",
                                        [MARK_HOLDS] = "ok",
                                        [MARK_FAILS] = "NO",
                                        [MARK_UNSEEN] = "?"};
    int room = VALUE_WIDTH - width_of(check->value) - 1;

    printf("%-3s %-*s%s", marks[check->mark], NAME_WIDTH, check->name, check->value);
    if (room >= 0)
        printf("%*s ", room, "");
    else /* a long value has a line of its own, and is never cut */
        printf("\n%*s", WHY_AT, "");
    printf("%s\n", check->why);
}

static void print_arguments(const struct facts *facts)
{
    if (facts->arguments_size == 0)
        return;
    printf(":");
    for (size_t at = 0; at < facts->arguments_size;
         at += strlen(facts->arguments + at) + 1) {
        char *argument = text_of("%s", facts->arguments + at);
        printf(" %s", argument);
        free(argument);
    }
}

static void print_table(const struct report *report)
{
    const struct facts *facts = &report->facts;

    printf("%d (%s)", (int)facts->process.pid, facts->name);
    print_arguments(facts);
    printf("\n");
    for (size_t i = 0; i < report->count; i++)
        print_check(&report->checks[i]);
    printf("verdict: %s\n", report->verdict);
}

/* ---- as JSON ---- */

static void json_key(const char *key)
{
    printf(",\n  ");
    json_string(key);
    printf(": ");
}

static void json_number(const char *key, long number)
{
    json_key(key);
    printf("%ld", number);
}

static void json_bool(const char *key, bool value)
{
    json_key(key);
    printf("%s", value ? "true" : "false");
}

/* Prints a string, or null for NULL. */
static void json_named(const char *key, const char *value)
{
    json_key(key);
    if (value != NULL)
        json_string(value);
    else
        printf("null");
}

static void json_signals(const char *key, uint64_t set)
{
    const char *comma = "";

    json_key(key);
    printf("[");
    for (int number = 1; number <= 64; number++) {
        char name[16];
        struct dz_text text = dz_text(name, sizeof name);
        if (!has_signal(set, number))
            continue;
        dz_add_signal(&text, number);
        printf("%s", comma);
        json_string(name);
        comma = ", ";
    }
    printf("]");
}

static void json_arguments(const struct facts *facts)
{
    const char *comma = "";

    json_key("command");
    printf("[");
    for (size_t at = 0; at < facts->arguments_size;
         at += strlen(facts->arguments + at) + 1) {
        printf("%s", comma);
        json_string(facts->arguments + at);
        comma = ", ";
    }
    printf("]");
}

static void json_descriptors(const struct facts *facts)
{
    json_key("fds");
    if (facts->fds_err != 0) {
        printf("null");
        return;
    }
    printf("[");
    for (size_t i = 0; i < facts->fd_count; i++) {
        const struct descriptor *fd = &facts->fds[i];
        printf("%s\n    {\"fd\": %d, \"target\": ", i > 0 ? "," : "", fd->number);
        if (fd->err == 0)
            json_string(fd->target);
        else
            printf("null");
        printf(", \"kind\": ");
        if (fd->err == 0)
            json_string(kind_name(fd->kind));
        else
            printf("null");
        printf("}");
    }
    printf("%s]", facts->fd_count > 0 ? "\n  " : "");
}

static void json_checks(const struct report *report)
{
    static const char *const holds[] = {[MARK_NOTE] = "null",
                                        [MARK_HOLDS] = "true",
                                        [MARK_FAILS] = "false",
                                        [MARK_UNSEEN] = "null"};

    json_key("checks");
    printf("[");
    for (size_t i = 0; i < report->count; i++) {
        const struct check *check = &report->checks[i];
        printf("%s\n    {\"name\": ", i > 0 ? "," : "");
        json_string(check->name);
        printf(", \"holds\": %s, \"value\": ", holds[check->mark]);
        json_string(check->value);
        printf(", \"why\": ");
        json_string(check->why);
        printf("}");
    }
    printf("\n  ]");
}

/* Prints what every process has, also one that has ended. */
static void json_process(const struct report *report)
{
    const struct facts *facts = &report->facts;
    const struct dz_process *process = &facts->process;
    const char state[2] = {process->state, '\0'};

    printf("{\n  \"pid\": %d", (int)process->pid);
    json_named("name", facts->name);
    json_arguments(facts);
    json_named("state", state);
    json_bool("zombie", facts_zombie(facts));
    json_bool("kernel_thread", facts->kernel_thread);
    json_number("parent", process->ppid);
    json_number("session", process->session);
    json_bool("session_leader", process->session == process->pid);
    json_number("group", process->pgrp);
    json_bool("group_leader", process->pgrp == process->pid);
    json_named("terminal", report->terminal[0] != '\0' ? report->terminal : NULL);
    json_bool("foreground", process->tty != 0 && process->pgrp == process->foreground);
}

static void json_usage_of(const struct usage *usage)
{
    json_key("cpu_seconds");
    if (usage->processes > 0)
        printf("%.2f", usage->seconds);
    else
        printf("null");
    json_key("memory_bytes");
    if (usage->processes > 0)
        printf("%lld", (long long)usage->bytes);
    else
        printf("null");
    json_number("processes", usage->processes);
}

static void json_report(const struct report *report)
{
    const struct facts *facts = &report->facts;

    json_process(report);
    json_key("terminal_end_kills");
    printf("%s", report->killed == ANSWER_MAY   ? "null"
                 : report->killed == ANSWER_YES ? "true"
                                                : "false");
    json_signals("ignored", facts->signals.ignored);
    json_signals("caught", facts->signals.caught);
    json_signals("blocked", facts->signals.blocked);
    json_named("cwd", facts->cwd);
    char *mask = facts->umask >= 0 ? text_of("%03o", (unsigned)facts->umask) : NULL;
    json_named("umask", mask);
    free(mask);
    json_descriptors(facts);
    json_usage_of(&report->usage);
    json_named("ld_preload", facts->preload);
    json_checks(report);
    json_bool("complete", report->complete);
    json_bool("daemon", report->daemon);
    json_named("verdict", report->verdict);
    printf("\n}\n");
}

/* ---- the command ---- */

/* Finds the process that word names; any PID will do.  Returns 0, or an exit status
 * after a message. */
static int find_process(const char *word, struct job *job)
{
    const char *at = word;
    struct dz_fault fault;
    pid_t pid = dz_read_number(&at);

    if (pid >= 1 && *at == '\0') {
        job_init(job);
        job->state = JOB_RUNS;
        job->record.who.pid = pid;
        return 0;
    }
    if (job_find(job, word, &fault) < 0)
        return ctl_tell(&fault);
    if (job->state == JOB_RUNS)
        return 0;
    dz_fault(&fault, "inspect", word, 0,
             job->state == JOB_NONE ? "no such job" : "is not running");
    fault.status = CTL_FAILED;
    return ctl_tell(&fault);
}

/* Measures the job as list and status do.  Without a record its session is that of the
 * process, if the leader has ended. */
static void measure(struct job *job, struct report *report)
{
    if (!job->recorded)
        job->record.session = report->facts.process.session;
    job_measure(&job, 1);
    report->usage = job->usage;
}

int command_inspect(const struct ctl_command *command, int argc, char **argv)
{
    static struct report report; /* what hangs from it and the job is never freed */
    struct dz_fault fault;
    struct arguments arguments;
    struct job job;
    int status;

    if (!parse_arguments(&arguments, command, argc, argv, &status) ||
        (status = find_process(arguments.names[0], &job)) != 0)
        return status;
    if (facts_read(job.record.who.pid, &report.facts, &fault) < 0)
        return ctl_tell(&fault);
    measure(&job, &report);
    judge(&report);
    if (arguments.json)
        json_report(&report);
    else
        print_table(&report);
    return ctl_finish(report.daemon ? 0 : CTL_FAILED);
}
