/*
 * --adopt, in order: look, refuse, open, publish, stop, look again, change, let go.
 */
#include "adopt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Refuses options that act on a start alone. */
static int check_options(const struct dz_plan *plan, struct dz_fault *fault)
{
    if (dz_wants_powers(plan) || plan->pin != DZ_PIN_NONE || plan->inherit)
        return dz_fault(fault, "adopt", NULL, 0,
                        "a running program cannot be given --line-buffered, "
                        "--buffer, --pin-signals, --no-daemon, --reopen or --inherit");
    if (plan->keep || plan->restart.policy != 0)
        return dz_fault(fault, "adopt", NULL, 0,
                        "cannot be combined with --keep or --restart: the "
                        "keeper must be the program's parent");
    if (plan->keep_session)
        return dz_fault(fault, "adopt", NULL, 0,
                        "gives the program a session of its own, so --keep-session has "
                        "no meaning");
    if (plan->keep_fd != NULL)
        return dz_fault(fault, "adopt", NULL, 0,
                        "closes no descriptor, so --keep-fd has no meaning");
    return 0;
}

/* Returns whether nothing is left to be changed. */
static bool is_daemon(const struct adoption *adoption)
{
    for (size_t i = 0; i < adoption->crew.count; i++) {
        const struct member *member = adoption->crew.list[i];
        if (member->subject.way != SESSION_KEPT || member->found.count > 0 ||
            signals_to_ignore(&member->subject, adoption->plan) != 0)
            return false;
    }
    return adoption->plan->chdir == NULL && adoption->plan->umask < 0;
}

/* ---- the record ---- */

/* Makes the plan to be recorded that of a start which would have made this daemon. */
static void describe_start(const struct adoption *adoption)
{
    const struct dz_plan *asked = adoption->plan;
    struct dz_plan *plan = adoption->recorded;
    const struct dz_start *start = adoption->start;
    const struct subject *subject = &target_of(adoption)->subject;
    static char directory[PATH_MAX];
    static char pidfile[PATH_MAX];
    static char input[PATH_MAX];

    plan->mode = DZ_LEAVE;
    plan->argv = subject->argv;
    if (start->log.path[0] != '\0') {
        plan->output.kind = DZ_OUTPUT_FILE;
        plan->output.text = start->log.path;
    }
    if (start->error_log.path[0] != '\0')
        plan->error.text = start->error_log.path;
    /* Relative to the directory of the caller, not of the program. */
    if (asked->pidfile != NULL && dz_make_absolute(asked->pidfile, pidfile) == 0)
        plan->pidfile = pidfile;
    if (asked->input.kind == DZ_OUTPUT_FILE &&
        dz_make_absolute(asked->input.text, input) == 0)
        plan->input.text = input;
    if (asked->chdir == NULL)
        plan->chdir = subject->cwd[0] != '\0' ? subject->cwd : NULL;
    else if (dz_make_absolute(asked->chdir, directory) == 0)
        plan->chdir = directory;
}

static int publish(struct adoption *adoption, struct dz_fault *fault)
{
    struct dz_start *start = adoption->start;
    const struct subject *subject = &target_of(adoption)->subject;

    memcpy(start->cwd, subject->cwd, sizeof start->cwd);
    if (subject->umask >= 0)
        start->umask = subject->umask;
    start->retitled = subject->retitled;
    return dz_publish_for(start, subject->pid, fault);
}

/* Records the session of now, and the processes that were adopted with the target, each
 * in a session of its own. */
static int publish_adopted(struct adoption *adoption, struct dz_fault *fault)
{
    const struct crew *crew = &adoption->crew;
    struct dz_start *start = adoption->start;
    pid_t *with = calloc(crew->count, sizeof *with);

    if (with == NULL)
        return dz_fault_number(fault, "record", start->pid, errno, NULL);
    for (size_t i = 1; i < crew->count; i++)
        with[i - 1] = crew->list[i]->subject.pid;
    start->with = with;
    start->with_count = crew->count - 1;
    if (dz_publish_again(start, start->pid, fault) == 0)
        return 0;
    dz_claim_drop(&start->pidfile_claim);
    dz_claim_drop(&start->record_claim);
    return -1;
}

/* ---- the answer ---- */

static void say_adopted(const struct adoption *adoption)
{
    const struct dz_start *start = adoption->start;
    char line[2 * PATH_MAX];
    struct dz_text text = dz_text(line, sizeof line);

    if (adoption->plan->quiet)
        return;
    dz_add(&text, "dznohup: PID ");
    dz_add_number(&text, target_of(adoption)->subject.pid);
    dz_add(&text, adoption->was_daemon ? " is already a daemon" : " is a daemon now");
    if (start->log.path[0] != '\0') {
        dz_add(&text, ", appending output to ");
        dz_add(&text, start->log.path);
    }
    if (adoption->others > 0) {
        dz_add(&text, ", with ");
        dz_add_number(&text, (int64_t)adoption->others);
        dz_add(&text, adoption->others == 1 ? " more process" : " more processes");
    }
    if (adoption->stopped_before)
        dz_add(&text, adoption->stays_stopped
                          ? "; it is still stopped; continue it with kill -CONT"
                          : "; it was stopped, and now continues");
    dz_one_line(line);
    dz_add(&text, "\n");
    dz_write(2, line, strlen(line)); /* there is no other place for a message */
}

/* Writes the PID to stdout, as -d does. */
static int print_adopted(const struct adoption *adoption, struct dz_fault *fault)
{
    printf("%d\n", (int)target_of(adoption)->subject.pid);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    dz_fault_number(fault, "stdout", target_of(adoption)->subject.pid, errno, NULL);
    tell(2, fault); /* the program is adopted even so */
    return 0;
}

/* ---- the attempts ---- */

/* Looks at the target and the processes adopted with it, and refuses them if it
 * must. */
static int look(struct adoption *adoption, struct dz_fault *fault)
{
    struct crew *crew = &adoption->crew;

    if (begin_crew(crew, adoption->plan->adopt, fault) < 0 || gather(crew, fault) < 0 ||
        choose_sessions(crew, false, fault) < 0)
        return -1;
    for (size_t i = 0; i < crew->count; i++)
        if (find_holdings(&crew->list[i]->subject, adoption->plan,
                          &crew->list[i]->found, fault) < 0 &&
            !is_gone(adoption, crew->list[i]))
            return -1;
    adoption->was_daemon = is_daemon(adoption);
    for (size_t i = 0; i < crew->count && !adoption->was_daemon; i++)
        if (may_trace(&crew->list[i]->subject, fault) < 0 &&
            !is_gone(adoption, crew->list[i]))
            return -1;
    return 0;
}

/* Opens what is to be taken over.  Writes pidfile and record before the target is
 * stopped: it waits for no disk. */
static int prepare(struct adoption *adoption, struct dz_fault *fault)
{
    struct dz_start *start = adoption->start;

    adoption->final = adoption->claims = true;
    if (!adoption->published &&
        (dz_record_claim(start, fault) < 0 || dz_pidfile_claim(start, fault) < 0))
        return -1;
    for (size_t i = 0; i < adoption->crew.count && !adoption->was_daemon; i++)
        if (open_supplies(start, adoption->plan, &adoption->crew.list[i]->found,
                          &adoption->supplies, fault) < 0)
            return -1;
    describe_start(adoption);
    if (!adoption->published && publish(adoption, fault) < 0)
        return -1;
    adoption->published = true;
    adoption->final = false;
    return 0;
}

static int attempt(struct adoption *adoption, struct dz_fault *fault)
{
    int result;

    adoption->final = false;
    if (look(adoption, fault) < 0)
        return -1;
    if (adoption->plan->dry_run)
        return 0;
    if (prepare(adoption, fault) < 0)
        return -1;
    if (adoption->was_daemon)
        return 0;
    result = change(adoption, fault);
    if (adoption->plan->verbose)
        say_changes(adoption);
    return result;
}

/* Returns whether what was seen may be gone by now, as the program executes another
 * one.  Its first thread is a zombie meanwhile. */
static bool is_executing(const struct dz_process *process, const struct dz_fault *fault)
{
    return process->state == 'Z' || process->thread != process->pid ||
           fault->err == ESRCH || fault->err == ENOENT ||
           strcmp(fault->reason, "has ended") == 0;
}

/* Returns whether another attempt may succeed.  Perhaps a setsid(2) has failed, or
 * would fail: a process that was alone in its group has forked, or a child that has
 * ended is still in it.  Or what was seen has changed since.  A refusal stands if it
 * comes several times in a row. */
static bool may_succeed_later(struct adoption *adoption, const struct dz_fault *fault)
{
    enum { SETSIDS = 50, EXECS = 500, SAME = 4 };
    struct dz_process process;
    int tries = adoption->tries++;

    if (fault->err == EPERM && strcmp(fault->step, "setsid") == 0)
        return tries < SETSIDS;
    if (adoption->final || dz_read_process(adoption->plan->adopt, &process) < 0 ||
        dz_has_ended(&process))
        return false;
    if (is_executing(&process, fault))
        return tries < EXECS;
    if (strcmp(fault->reason, adoption->reason) != 0)
        adoption->repeated = 0;
    memcpy(adoption->reason, fault->reason, sizeof adoption->reason);
    return ++adoption->repeated < SAME;
}

static int attempt_again(struct adoption *adoption, struct dz_fault *fault)
{
    /* A parent reaps its child; there is no event to wait for. */
    const struct timespec moment = {0, 2000000};
    int result = attempt(adoption, fault);

    while (result < 0 && may_succeed_later(adoption, fault) &&
           dz_milliseconds() < adoption->until) {
        nanosleep(&moment, NULL);
        result = attempt(adoption, fault);
    }
    return result;
}

static int print_forecast(struct adoption *adoption, struct dz_fault *fault)
{
    for (size_t i = 0; i < adoption->crew.count; i++) {
        struct member *member = adoption->crew.list[i];
        if (print_changes(&member->subject, adoption->plan, &member->found) < 0) {
            dz_fault(fault, "stdout", NULL, errno, NULL);
            return tell(2, fault);
        }
    }
    return 0;
}

static void begin_adoption(struct adoption *adoption, const struct dz_plan *plan,
                           struct dz_start *start)
{
    static struct dz_plan recorded;

    adoption->start = start;
    adoption->plan = plan;
    adoption->recorded = &recorded;
    adoption->crew.tree = plan->tree;
    adoption->until = plan->timeout > 0 ? dz_milliseconds() + plan->timeout : INT64_MAX;
    init_supplies(&adoption->supplies);
    recorded = *plan;
    if (plan->dry_run)
        return;
    start->plan = &recorded;
    start->mode = DZ_LEAVE;
    start->adopts = true;
}

int adopt(const struct dz_plan *plan, struct dz_start *start, struct dz_fault *fault)
{
    static struct adoption adoption;

    begin_adoption(&adoption, plan, start);
    if (check_options(plan, fault) < 0 || attempt_again(&adoption, fault) < 0) {
        if (adoption.claims)
            dz_unpublish(start);
        return tell(2, fault);
    }
    if (plan->dry_run)
        return print_forecast(&adoption, fault);
    /* If this fails, the record stays that of before. */
    if (!adoption.was_daemon && publish_adopted(&adoption, fault) < 0)
        tell(2, fault);
    say_adopted(&adoption);
    return print_adopted(&adoption, fault);
}
