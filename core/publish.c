/*
 * The two files by which a start is known, pidfile and record, as one thing.
 *
 * They are written by the target's own process, right before it becomes the
 * target: whoever of us is killed, at whatever moment, they are there exactly
 * if it was about to run.
 */
#include "dz.h"

#include <unistd.h>

int dz_publish(struct dz_plan *plan, struct dz_fault *fault)
{
    plan->pid = getpid();
    if (dz_pidfile_publish(plan, plan->pid, fault) < 0)
        return -1;
    return dz_record_publish(plan, plan->pid, fault);
}

/* Claim the same file once more.  Nothing where there was none. */
static int claim_again(struct dz_claim *claim, const char *step, struct dz_fault *fault)
{
    char path[PATH_MAX];
    struct dz_text text = dz_text(path, sizeof path);

    if (claim->path[0] == '\0')
        return 0;
    dz_add(&text, claim->path);
    dz_claim_release(claim);
    return dz_claim(claim, path, step, fault);
}

int dz_publish_again(struct dz_plan *plan, pid_t pid, struct dz_fault *fault)
{
    pid_t before = plan->pid;

    plan->pid = pid;
    if (claim_again(&plan->pidfile_claim, "pidfile", fault) < 0 ||
        dz_pidfile_publish(plan, pid, fault) < 0)
        return -1;
    if (plan->name != NULL && claim_again(&plan->record_claim, "name", fault) < 0)
        return -1;
    if (plan->name == NULL)
        dz_record_drop_number(plan, before, true);
    return dz_record_publish(plan, pid, fault);
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
