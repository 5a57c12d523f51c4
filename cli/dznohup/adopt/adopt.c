/*
 * --adopt, in order: look, refuse, open, publish, stop, look again, change, let go.
 */
#include "adopt.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct adoption {
    struct dz_start *start;
    const struct dz_plan *plan;
    struct subject subject;
    struct holdings found;
    struct supplies supplies;
    struct sequence sequence;
    struct tracee tracee;
    bool stopped_before; /* by Ctrl-Z */
};

/* Refuses options that act on a start alone. */
static int check_options(const struct dz_plan *plan, struct dz_fault *fault)
{
    if (dz_wants_powers(plan) || plan->pin != DZ_PIN_NONE || plan->inherit)
        return dz_fault(fault, "adopt", NULL, 0,
                        "a program that runs already cannot be given --line-buffered, "
                        "--buffer, --pin-signals, --no-daemon, --reopen or --inherit");
    if (plan->keep || plan->restart.policy != 0)
        return dz_fault(fault, "adopt", NULL, 0,
                        "takes no --keep or --restart: the keeper has to be the "
                        "program's parent");
    if (plan->keep_fd != NULL)
        return dz_fault(fault, "adopt", NULL, 0,
                        "closes no descriptor, so --keep-fd has no meaning");
    return 0;
}

/* Returns whether nothing is left to be changed. */
static bool is_daemon(const struct adoption *adoption)
{
    return adoption->subject.way == SESSION_KEPT && adoption->found.count == 0 &&
           signals_to_ignore(&adoption->subject, adoption->plan) == 0 &&
           adoption->plan->chdir == NULL && adoption->plan->umask < 0;
}

/* ---- the record ---- */

/* Makes *plan what a start would have been given that had made this daemon. */
static void describe_start(const struct adoption *adoption, struct dz_plan *plan)
{
    const struct dz_start *start = adoption->start;
    static char directory[PATH_MAX];

    plan->mode = DZ_LEAVE;
    plan->argv = adoption->subject.argv;
    if (start->log.path[0] != '\0') {
        plan->output.kind = DZ_OUTPUT_FILE;
        plan->output.text = start->log.path;
    }
    if (start->error_log.path[0] != '\0')
        plan->error.text = start->error_log.path;
    if (plan->chdir == NULL && adoption->subject.cwd[0] != '\0')
        plan->chdir = adoption->subject.cwd;
    else if (plan->chdir != NULL && dz_make_absolute(plan->chdir, directory) == 0)
        plan->chdir = directory;
}

/* Writes pidfile and record, before the target is stopped: it waits for no disk. */
static int publish(struct adoption *adoption, struct dz_fault *fault)
{
    struct dz_start *start = adoption->start;

    memcpy(start->cwd, adoption->subject.cwd, sizeof start->cwd);
    if (adoption->subject.umask >= 0)
        start->umask = adoption->subject.umask;
    return dz_publish_for(start, adoption->subject.pid, fault);
}

/* ---- the target ---- */

/* Stops the target, looks at it once more, and makes the changes. */
static int change(struct adoption *adoption, struct dz_fault *fault)
{
    struct subject *subject = &adoption->subject;
    struct tracee *tracee = &adoption->tracee;
    struct thread *thread;
    int64_t patience =
        adoption->plan->timeout > 0 ? adoption->plan->timeout : INT64_MAX / 4;

    if (stop_all(tracee, subject, dz_milliseconds() + patience, fault) < 0)
        return -1;
    repeat_interrupted(tracee);
    thread = calling_thread(tracee);
    adoption->stopped_before = thread->group_stop != 0;
    adoption->sequence.wide = is_wide(&thread->registers);
    if (build_changes(&adoption->sequence, subject, adoption->plan, &adoption->found,
                      &adoption->supplies, fault) < 0)
        return -1;
    return run_sequence(&adoption->sequence, tracee, thread, fault);
}

/* Lets the target go.  If a shell's Ctrl-Z had stopped it, no shell can continue it any
 * more. */
static void let_go(struct adoption *adoption, bool adopted)
{
    release_all(&adoption->tracee);
    if (adopted && adoption->stopped_before)
        kill(adoption->subject.pid, SIGCONT); /* it has ended, or goes on */
}

static int adopt_subject(struct adoption *adoption, struct dz_plan *recorded,
                         struct dz_fault *fault)
{
    struct dz_start *start = adoption->start;
    int result;

    if (seize_all(&adoption->tracee, &adoption->subject, fault) < 0 ||
        dz_record_claim(start, fault) < 0 || dz_pidfile_claim(start, fault) < 0 ||
        open_supplies(start, &adoption->found, &adoption->supplies, fault) < 0)
        return -1;
    describe_start(adoption, recorded);
    if (publish(adoption, fault) < 0)
        return -1;
    note_waits(adoption->subject.pid);
    result = change(adoption, fault);
    let_go(adoption, result == 0);
    if (adoption->plan->verbose)
        say_calls(&adoption->sequence, adoption->subject.pid);
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
    dz_add_number(&text, adoption->subject.pid);
    dz_add(&text, was_daemon ? " is a daemon already" : " is a daemon now");
    if (start->log.path[0] != '\0') {
        dz_add(&text, ", appending output to ");
        dz_add(&text, start->log.path);
    }
    if (adoption->stopped_before)
        dz_add(&text, "; it was stopped, and goes on");
    dz_one_line(line);
    dz_add(&text, "\n");
    dz_write(2, line, strlen(line)); /* there is no other place for a message */
}

/* Writes the PID to stdout, as -d does. */
static int print_adopted(const struct adoption *adoption, struct dz_fault *fault)
{
    printf("%d\n", (int)adoption->subject.pid);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    dz_fault_number(fault, "stdout", adoption->subject.pid, errno, NULL);
    tell(2, fault); /* it is adopted all the same */
    return 0;
}

/* Looks at the target, and refuses it if it must be. */
static int look(struct adoption *adoption, struct dz_fault *fault)
{
    if (check_options(adoption->plan, fault) < 0 ||
        read_subject(&adoption->subject, adoption->plan->adopt, fault) < 0 ||
        check_subject(&adoption->subject, fault) < 0)
        return -1;
    return find_holdings(&adoption->subject, adoption->plan, &adoption->found, fault);
}

static int print_forecast(struct adoption *adoption, struct dz_fault *fault)
{
    if (seize_all(&adoption->tracee, &adoption->subject, fault) < 0)
        return tell(2, fault);
    if (print_changes(&adoption->subject, adoption->plan, &adoption->found) == 0)
        return 0;
    dz_fault(fault, "stdout", NULL, errno, NULL);
    return tell(2, fault);
}

int adopt(const struct dz_plan *plan, struct dz_start *start, struct dz_fault *fault)
{
    static struct adoption adoption;
    static struct dz_plan recorded;
    bool was_daemon;
    int result;

    adoption.start = start;
    adoption.plan = plan;
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
                        : adopt_subject(&adoption, &recorded, fault);
    if (result < 0) {
        dz_unpublish(start);
        return tell(2, fault);
    }
    /* The record has the session of before.  If this fails, that one stays. */
    if (!was_daemon && dz_publish_again(start, start->pid, fault) < 0)
        tell(2, fault);
    say_adopted(&adoption, was_daemon);
    return print_adopted(&adoption, fault);
}
