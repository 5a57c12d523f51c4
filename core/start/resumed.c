/*
 * The record of a job that runs and gets a new keeper.
 *
 * The record keeps its file name.  It is claimed from the check until the new record is
 * written, so only one of several new keepers gets the job.
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Copies the file name of the record of a job with a keeper. */
static int take_file(const char *file, const struct dz_record *record, void *data)
{
    struct dz_text text = dz_text(data, NAME_MAX + 1);

    if (record->keeper.pid == 0)
        return 0;
    dz_add(&text, file);
    return 1;
}

/* Checks that the job of the claimed record runs, and that its keeper does not. */
static int check_resumed(const struct dz_start *start, struct dz_fault *fault)
{
    struct dz_record record;
    const char *why;
    pid_t pid = start->plan->resume;
    enum dz_state state;

    if (dz_record_read(AT_FDCWD, start->record_claim.path, &record) < 0)
        return dz_fault(fault, "resume", start->record_claim.path, errno, NULL);
    state = dz_identity_state(&record.who, &why);
    if (record.who.pid != pid || state == DZ_ENDED)
        return dz_fault_number(fault, "resume", pid, ESRCH, NULL);
    if (state == DZ_RUNS)
        state =
            dz_identity_state(&record.keeper, &why) == DZ_ENDED ? DZ_RUNS : DZ_UNKNOWN;
    if (state == DZ_RUNS)
        return 0;
    return dz_fault_number(fault, "resume", pid, 0,
                           dz_keeper_state(&record) == DZ_RUNS ? "its keeper is running"
                                                               : why);
}

int dz_claim_resumed(struct dz_start *start, int directory, struct dz_fault *fault)
{
    struct dz_text name = dz_text(start->kept.name, sizeof start->kept.name);
    char file[NAME_MAX + 1] = "";
    char path[PATH_MAX];

    if (dz_record_each_of(directory, start->plan->resume, take_file, file) <= 0)
        return dz_fault_number(fault, "resume", start->plan->resume, 0,
                               "has no record of a keeper");
    if (start->plan->name == NULL)
        dz_add(&name, file);
    if (name.cut || (start->plan->name != NULL && strcmp(file, start->plan->name) != 0))
        return dz_fault(fault, "resume", file, 0, "is another job's record");
    if (dz_join(path, start->state, file) < 0)
        return dz_fault(fault, "resume", file, errno, NULL);
    if (dz_claim(&start->record_claim, path, "resume", DZ_UNDO_MS, fault) < 0)
        return -1;
    if (check_resumed(start, fault) == 0)
        return 0;
    dz_claim_drop(&start->record_claim);
    return -1;
}

void dz_drop_resumed(struct dz_start *start)
{
    struct dz_claim *claim = &start->record_claim;
    char path[PATH_MAX];
    struct dz_fault unheard;

    if (claim->fd == 0)
        return;
    /* A keeper of this start may have published with the lock that it shares with us.
     * By now the lock file may be another start's.  Claim it anew, to remove it. */
    memcpy(path, claim->path, sizeof path);
    dz_claim_release(claim);
    if (dz_claim(claim, path, "resume", DZ_UNDO_MS, &unheard) == 0)
        dz_claim_drop(claim);
}

int dz_publish_keeper(struct dz_start *start, struct dz_fault *fault)
{
    struct dz_claim *claim = &start->record_claim;
    int old = dz_record_open(AT_FDCWD, claim->path);

    if (old >= 0 && dz_record_rekeep(old, claim->fd, start->kept.keeper) == 0 &&
        dz_claim_publish(claim, 0600) == 0) {
        dz_close(old);
        return 0;
    }
    dz_fault(fault, "resume", claim->path, errno, NULL);
    dz_close_fd(&old);
    return -1;
}
