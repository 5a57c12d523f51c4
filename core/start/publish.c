/*
 * The two files by which a start is known, pidfile and record, as one thing.
 *
 * They are written by the target's own process, right before it becomes the
 * target: whoever of us is killed, at whatever moment, they are there exactly
 * if it was about to run.
 */
#include "start.h"

#include <unistd.h>

int dz_publish(struct dz_plan *plan, struct dz_fault *fault)
{
    plan->pid = getpid();
    if (dz_pidfile_publish(plan, plan->pid, fault) < 0)
        return -1;
    return dz_record_publish(plan, plan->pid, fault);
}

/* Claim the same file once more. */
static int claim_again(struct dz_claim *claim, const char *step, struct dz_fault *fault)
{
    char path[PATH_MAX];
    struct dz_text text = dz_text(path, sizeof path);

    dz_add(&text, claim->path);
    dz_claim_release(claim);
    return dz_claim(claim, path, step, DZ_UNDO_MS, fault);
}

/* Between the end of the old process and now another start may have found the
 * file stale and taken it: then it is no longer ours to write. */
static int lost(struct dz_claim *claim, const char *step, struct dz_fault *fault)
{
    dz_fault(fault, step, claim->path, 0, "another start has taken it meanwhile");
    dz_claim_drop(claim);
    claim->path[0] = '\0';
    return -1;
}

static int pidfile_again(struct dz_plan *plan, pid_t before, struct dz_fault *fault)
{
    struct dz_claim *claim = &plan->pidfile_claim;
    struct dz_pidfile now;

    if (claim->path[0] == '\0')
        return 0;
    if (claim_again(claim, "pidfile", fault) < 0)
        return -1;
    if (dz_pidfile_read(claim->path, &now) < 0 || now.state == DZ_PIDFILE_NONE ||
        now.who.pid != before)
        return lost(claim, "pidfile", fault);
    return dz_pidfile_publish(plan, plan->pid, fault);
}

static int record_again(struct dz_plan *plan, pid_t before, struct dz_fault *fault)
{
    struct dz_claim *claim = &plan->record_claim;

    if (plan->name == NULL) {
        dz_record_drop_number(plan, before, true);
    } else {
        if (claim_again(claim, "name", fault) < 0)
            return -1;
        if (!dz_record_names(claim->path, before))
            return lost(claim, "name", fault);
    }
    return dz_record_publish(plan, plan->pid, fault);
}

int dz_publish_again(struct dz_plan *plan, pid_t pid, struct dz_fault *fault)
{
    pid_t before = plan->pid;

    plan->pid = pid;
    if (pidfile_again(plan, before, fault) < 0)
        return -1;
    return record_again(plan, before, fault);
}

void dz_unpublish(struct dz_plan *plan)
{
    dz_claim_release(&plan->pidfile_claim);
    dz_claim_release(&plan->record_claim);
    if (plan->pidfile_claim.path[0] != '\0')
        dz_pidfile_remove(plan->pidfile_claim.path, plan->pid);
    if (plan->name == NULL)
        dz_record_drop_number(plan, plan->pid, plan->pid == getpid());
    else if (plan->record_claim.path[0] != '\0')
        dz_record_remove(plan->record_claim.path, plan->pid);
}

void dz_publish_end(struct dz_plan *plan)
{
    dz_claim_release(&plan->pidfile_claim);
    dz_claim_release(&plan->record_claim);
    if (plan->pidfile_claim.path[0] != '\0')
        dz_pidfile_remove(plan->pidfile_claim.path, plan->pid);
    dz_record_note_plan(plan, 0);
}
