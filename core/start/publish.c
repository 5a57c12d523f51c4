/*
 * Pidfile and record of a start.
 *
 * The target's own process writes both right before it becomes the target.  If any
 * process of ours is killed at any moment, the files exist only if the target was about
 * to run.  The first child of leave mode may make the record instead, beside the rest
 * of the start: then a record may name a process that was killed before its exec.
 */
#include "publish.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int dz_publish_for(struct dz_start *start, pid_t pid, struct dz_fault *fault)
{
    start->pid = pid;
    if (dz_publish_pidfile(start, start->pid, fault) < 0)
        return -1;
    return dz_publish_record(start, start->pid, fault);
}

int dz_publish(struct dz_start *start, struct dz_fault *fault)
{
    pid_t pid = getpid();

    if (!dz_is_recorded_early(start, pid))
        return dz_publish_for(start, pid, fault);
    start->pid = pid;
    return dz_publish_pidfile(start, pid, fault);
}

/* Claims a file for the second time, after dz_publish. */
static int claim_again(struct dz_claim *claim, const char *step, struct dz_fault *fault)
{
    char path[PATH_MAX];

    memcpy(path, claim->path, sizeof path);
    dz_claim_release(claim);
    if (dz_claim(claim, path, step, DZ_UNDO_MS, fault) == 0)
        return 0;
    memcpy(claim->path, path, sizeof path); /* the next try may succeed */
    return -1;
}

/* Fills in the fault: another start has found the file stale since the old process
 * ended, and has taken it.  We must not write that file any more. */
static int lost(struct dz_claim *claim, const char *step, struct dz_fault *fault)
{
    dz_fault(fault, step, claim->path, 0, "was taken by another start");
    dz_claim_drop(claim);
    claim->path[0] = '\0';
    return -1;
}

static int pidfile_again(struct dz_start *start, pid_t before, struct dz_fault *fault)
{
    struct dz_claim *claim = &start->pidfile_claim;
    struct dz_pidfile now;

    if (claim->path[0] == '\0')
        return 0;
    if (claim_again(claim, "pidfile", fault) < 0)
        return -1;
    if (dz_pidfile_read(claim->path, -1, &now) < 0 || now.state == DZ_PIDFILE_NONE ||
        now.who.pid != before)
        return lost(claim, "pidfile", fault);
    return dz_publish_pidfile(start, start->pid, fault);
}

static int record_again(struct dz_start *start, pid_t before, struct dz_fault *fault)
{
    struct dz_claim *claim = &start->record_claim;

    if (dz_name_of_record(start) == NULL) {
        dz_remove_records(start, before, true);
    } else if (claim->path[0] != '\0') {
        if (claim_again(claim, "name", fault) < 0)
            return -1;
        if (!dz_record_names(claim->path, before))
            return lost(claim, "name", fault);
    }
    return dz_publish_record(start, start->pid, fault);
}

int dz_publish_again(struct dz_start *start, pid_t pid, struct dz_fault *fault)
{
    pid_t before = start->pid;

    start->pid = pid;
    if (pidfile_again(start, before, fault) < 0)
        return -1;
    return record_again(start, before, fault);
}

static void release_claims(struct dz_start *start)
{
    dz_claim_release(&start->pidfile_claim);
    dz_claim_release(&start->record_claim);
}

void dz_unpublish(struct dz_start *start)
{
    bool ours = start->adopts || start->pid == getpid();

    if (start->plan->resume > 0) { /* the job runs, whatever becomes of this start */
        dz_drop_resumed(start);
        return;
    }
    release_claims(start);
    if (start->kept.restarts > 0)
        return; /* the job goes on: its keeper starts it again */
    if (start->pidfile_claim.path[0] != '\0')
        dz_pidfile_remove(start->pidfile_claim.path, -1, start->pid, ours);
    if (dz_name_of_record(start) == NULL)
        dz_remove_records(start, start->pid, ours);
    else if (start->record_claim.path[0] != '\0') /* else another start's record */
        dz_record_remove(start->record_claim.path, start->pid,
                         ours || start->kept.keeper == getpid());
}

/* Returns the PID that the record names.  A run that was killed before it could publish
 * has left the record of the run before. */
static pid_t recorded_pid(const struct dz_start *start, const char *path)
{
    return start->kept.before > 0 && dz_record_names(path, start->kept.before)
               ? start->kept.before
               : start->pid;
}

int dz_publish_exited(struct dz_start *start, int status)
{
    const char *pidfile = start->pidfile_claim.path;
    bool reaped = start->kept.keeper > 0 && status >= 0; /* by us: it has ended */
    char path[PATH_MAX];
    int result = 0;

    release_claims(start);
    if (pidfile[0] != '\0') {
        result = dz_pidfile_remove(pidfile, -1, start->pid, reaped);
        if (result == 0 && start->kept.before > 0)
            result = dz_pidfile_remove(pidfile, -1, start->kept.before, false);
    }
    if (status >= 0 && dz_record_find(start, start->pid, path) == 0 &&
        dz_record_add_end(path, recorded_pid(start, path), status,
                          start->kept.keeper > 0 ? -1 : dz_now()) < 0)
        result = -1;
    return result;
}

/* ---- of a keeper ---- */

int dz_publish_prepare(struct dz_start *start, struct dz_fault *fault)
{
    struct dz_pidfile pidfile;
    struct dz_record record;

    if (start->pidfile_claim.path[0] != '\0') {
        if (claim_again(&start->pidfile_claim, "pidfile", fault) < 0)
            return -1;
        if (dz_pidfile_read(start->pidfile_claim.path, -1, &pidfile) == 0 &&
            pidfile.state == DZ_PIDFILE_RUNS && pidfile.who.pid != start->pid)
            return lost(&start->pidfile_claim, "pidfile", fault);
    }
    if (start->record_claim.path[0] == '\0' || dz_name_of_record(start) == NULL)
        return 0;
    if (claim_again(&start->record_claim, "name", fault) < 0)
        return -1;
    if (dz_record_read(AT_FDCWD, start->record_claim.path, &record) == 0 &&
        record.keeper.pid != start->kept.keeper &&
        dz_record_state(&record, NULL) == DZ_RUNS)
        return lost(&start->record_claim, "name", fault);
    return 0;
}

int dz_publish_lines(const struct dz_start *start, const char *text)
{
    char path[PATH_MAX];

    return dz_record_find(start, start->pid, path) == 0
               ? dz_record_add_lines(path, recorded_pid(start, path), text)
               : 0;
}
