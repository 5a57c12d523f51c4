/*
 * --adopt, in order: look, refuse, open, publish, stop, look again, change, let go.
 */
#include "adopt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Refuses options that act on a start alone. */
static int check_options(const struct dz_plan *plan, struct dz_fault *fault)
{
    if (dz_wants_powers(plan) || plan->pin != DZ_PIN_NONE || plan->inherit)
        return dz_fault(fault, "adopt", NULL, 0,
                        "a program that runs already cannot be given --line-buffered, "
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

/* Makes *plan what a start would have been given that had made this daemon. */
static void describe_start(const struct adoption *adoption, struct dz_plan *plan)
{
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
    if (plan->pidfile != NULL && dz_make_absolute(plan->pidfile, pidfile) == 0)
        plan->pidfile = pidfile;
    if (plan->input.kind == DZ_OUTPUT_FILE &&
        dz_make_absolute(plan->input.text, input) == 0)
        plan->input.text = input;
    if (plan->chdir == NULL && subject->cwd[0] != '\0')
        plan->chdir = subject->cwd;
    else if (plan->chdir != NULL && dz_make_absolute(plan->chdir, directory) == 0)
        plan->chdir = directory;
}

/* Writes pidfile and record, before the target is stopped: it waits for no disk. */
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

/* ---- the processes ---- */

static int adopt_crew(struct adoption *adoption, struct dz_plan *recorded,
                      struct dz_fault *fault)
{
    struct dz_start *start = adoption->start;
    struct member *target = target_of(adoption);
    int result;

    if (may_trace(&target->subject, fault) < 0 || dz_record_claim(start, fault) < 0 ||
        dz_pidfile_claim(start, fault) < 0)
        return -1;
    for (size_t i = 0; i < adoption->crew.count; i++)
        if (open_supplies(start, adoption->plan, &adoption->crew.list[i]->found,
                          &adoption->supplies, fault) < 0)
            return -1;
    describe_start(adoption, recorded);
    if (publish(adoption, fault) < 0)
        return -1;
    result = change_again(adoption, fault);
    if (adoption->plan->verbose)
        say_changes(adoption);
    return result;
}

/* Records a process that is a daemon already. */
static int record_daemon(struct adoption *adoption, struct dz_plan *recorded,
                         struct dz_fault *fault)
{
    struct dz_start *start = adoption->start;

    if (dz_record_claim(start, fault) < 0 || dz_pidfile_claim(start, fault) < 0)
        return -1;
    describe_start(adoption, recorded);
    return publish(adoption, fault);
}

/* ---- the answer ---- */

static void say_adopted(const struct adoption *adoption, bool was_daemon)
{
    const struct dz_start *start = adoption->start;
    char line[2 * PATH_MAX];
    struct dz_text text = dz_text(line, sizeof line);

    if (adoption->plan->quiet)
        return;
    dz_add(&text, "dznohup: PID ");
    dz_add_number(&text, target_of(adoption)->subject.pid);
    dz_add(&text, was_daemon ? " is a daemon already" : " is a daemon now");
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
                          ? "; it is stopped still, continue it with kill -CONT"
                          : "; it was stopped, and goes on");
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
    tell(2, fault); /* it is adopted all the same */
    return 0;
}

/* Lists the descriptors of a member that are to be replaced.  The thread at which /proc
 * shows them may have ended. */
static int look_at_holdings(const struct adoption *adoption, struct member *member,
                            struct dz_fault *fault)
{
    enum { TRIES = 3 };
    int result = -1;

    for (int i = 0; i < TRIES && result < 0; i++) {
        result = find_holdings(&member->subject, adoption->plan, &member->found, fault);
        if (result < 0 &&
            dz_read_process(member->subject.pid, &member->subject.process) < 0)
            break;
        member->tracee.living = member->subject.process.thread;
    }
    return result;
}

/* Looks at the target and those that go with it, and refuses them if it must be. */
static int look(struct adoption *adoption, struct dz_fault *fault)
{
    struct crew *crew = &adoption->crew;

    crew->tree = adoption->plan->tree;
    if (check_options(adoption->plan, fault) < 0 ||
        begin_crew(crew, adoption->plan->adopt, fault) < 0 || gather(crew, fault) < 0 ||
        choose_sessions(crew, false, fault) < 0)
        return -1;
    for (size_t i = 0; i < crew->count; i++)
        if (look_at_holdings(adoption, crew->list[i], fault) < 0 &&
            !is_gone(adoption, crew->list[i]))
            return -1;
    return 0;
}

static int print_forecast(struct adoption *adoption, struct dz_fault *fault)
{
    for (size_t i = 0; i < adoption->crew.count; i++) {
        struct member *member = adoption->crew.list[i];
        if (may_trace(&member->subject, fault) < 0 && !is_gone(adoption, member))
            return tell(2, fault);
        if (print_changes(&member->subject, adoption->plan, &member->found) < 0) {
            dz_fault(fault, "stdout", NULL, errno, NULL);
            return tell(2, fault);
        }
    }
    return 0;
}

int adopt(const struct dz_plan *plan, struct dz_start *start, struct dz_fault *fault)
{
    static struct adoption adoption;
    static struct dz_plan recorded;
    bool was_daemon;
    int result;

    adoption.start = start;
    adoption.plan = plan;
    init_supplies(&adoption.supplies);
    if (look(&adoption, fault) < 0)
        return tell(2, fault);
    if (plan->dry_run)
        return print_forecast(&adoption, fault);
    recorded = *plan;
    start->plan = &recorded;
    start->mode = DZ_LEAVE;
    start->adopts = true;
    was_daemon = is_daemon(&adoption);
    result = was_daemon ? record_daemon(&adoption, &recorded, fault)
                        : adopt_crew(&adoption, &recorded, fault);
    if (result < 0) {
        dz_unpublish(start);
        return tell(2, fault);
    }
    /* If this fails, the record stays that of before. */
    if (!was_daemon && publish_adopted(&adoption, fault) < 0)
        tell(2, fault);
    say_adopted(&adoption, was_daemon);
    return print_adopted(&adoption, fault);
}
