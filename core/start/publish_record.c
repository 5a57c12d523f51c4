/*
 * The record of a start: its claim, its contents, its removal.
 */
#include "publish.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

mode_t dz_umask_of(const struct dz_start *start)
{
    return (mode_t)(start->plan->umask >= 0 ? start->plan->umask : start->umask);
}

/* ---- the claim ---- */

/*
 * Returns whether the job gets a record.  A job of stay mode without a name, a pidfile,
 * a log of ours or a keeper gets none: the caller knows its PID, and thousands of
 * starts in a loop must leave no file behind.  A keeper that is PID 1 does not count:
 * images have no place for records.
 */
static bool is_recorded(const struct dz_start *start)
{
    return start->mode == DZ_LEAVE || start->plan->name != NULL ||
           (dz_wants_keeper(start->plan) && getpid() != 1 && start->kept.keeper != 1) ||
           start->plan->pidfile != NULL || dz_has_log(start, 1) || dz_has_log(start, 2);
}

bool dz_has_record_directory(const struct dz_start *start)
{
    return is_recorded(start) && start->why_no_record == NULL &&
           start->state[0] != '\0';
}

const char *dz_name_of_record(const struct dz_start *start)
{
    if (start->plan->name != NULL)
        return start->plan->name;
    return start->kept.name[0] != '\0' ? start->kept.name : NULL;
}

/* Claims the record of the plan's name. */
static int claim_name(struct dz_start *start, int directory, struct dz_fault *fault)
{
    struct dz_claim *claim = &start->record_claim;
    const char *name = start->plan->name;
    char path[PATH_MAX];

    if (dz_join(path, start->state, name) < 0)
        return dz_fault(fault, "name", name, errno, NULL);
    if (dz_claim(claim, path, "name", start->plan->timeout, fault) < 0)
        return -1;
    if (dz_record_check_name(name, directory, fault) == 0)
        return 0;
    dz_claim_drop(claim);
    claim->path[0] = '\0'; /* the file belongs to another start */
    return -1;
}

/* Returns the caller's umask, which may differ from the target's. */
static mode_t callers_umask(void)
{
    mode_t mask = umask(0); /* there is no other way to read the umask */

    umask(mask);
    return mask;
}

int dz_record_claim(struct dz_start *start, struct dz_fault *fault)
{
    bool resumes = start->plan->resume > 0;
    bool needed = start->plan->name != NULL || resumes;
    int result = 0;
    int directory;

    if (!is_recorded(start))
        return 0;
    if (needed && !dz_proc_is_ours())
        return dz_fault(fault, resumes ? "resume" : "name", start->plan->name,
                        EOPNOTSUPP, dz_why_unknown(EOPNOTSUPP));
    start->umask = (int)callers_umask();
    directory = dz_state_open(start->envp, true, start->state,
                              needed ? fault : &start->no_record);
    if (directory < 0 && needed)
        return -1;
    if (directory < 0) {
        start->why_no_record = &start->no_record;
        return 0;
    }
    if (getcwd(start->cwd, sizeof start->cwd) == NULL)
        start->cwd[0] = '\0'; /* too long, or removed */
    start->is_in_memory = start->quick && dz_is_in_memory(directory);
    if (resumes)
        result = dz_claim_resumed(start, directory, fault);
    else if (needed)
        result = claim_name(start, directory, fault);
    dz_close(directory);
    return result;
}

int dz_name_check(const char *name, char **envp, struct dz_fault *fault)
{
    char path[PATH_MAX];
    int result;
    int directory = dz_state_open(envp, false, path, fault);

    if (directory < 0)
        /* ENOENT: a start would make the directory. */
        return fault->err == ENOENT && path[0] != '\0' ? 0 : -1;
    result = dz_record_check_name(name, directory, fault);
    dz_close(directory);
    return result;
}

/* ---- writing and removing ---- */

/* Claims the record of an unnamed job: the first slot of its PID, or of its keeper's,
 * that no other job has.  Writes the name, which has room for 25 bytes. */
static int claim_slot(struct dz_start *start, pid_t pid, char *name,
                      struct dz_fault *fault)
{
    struct dz_claim *claim = &start->record_claim;
    bool kept = pid == start->kept.keeper;
    char path[PATH_MAX];

    name[0] = DZ_KEPT_PREFIX;
    for (int slot = 0; slot < DZ_SLOTS; slot++) {
        dz_record_slot(name + kept, pid, slot);
        if (dz_join(path, start->state, name) < 0)
            return dz_fault(fault, "record", start->state, errno, NULL);
        if (dz_claim(claim, path, "record", DZ_UNDO_MS, fault) < 0)
            return -1;
        if (dz_record_is_free(AT_FDCWD, path))
            return 0;
        dz_claim_drop(claim);
        claim->path[0] = '\0';
    }
    return dz_fault(fault, "record", name, EEXIST, NULL);
}

int dz_record_find(const struct dz_start *start, pid_t pid, char path[PATH_MAX])
{
    struct dz_record record;
    char name[24];

    if (!dz_has_record_directory(start) || pid <= 0)
        return -1;
    if (dz_name_of_record(start) != NULL)
        return dz_join(path, start->state, dz_name_of_record(start));
    for (int slot = 0; slot < DZ_SLOTS; slot++) {
        dz_record_slot(name, pid, slot);
        if (dz_join(path, start->state, name) == 0 &&
            dz_record_read(AT_FDCWD, path, &record) == 0 && record.who.pid == pid &&
            dz_is_here(&record.who))
            return 0;
    }
    return -1;
}

/* Goes on without a record, for the reason in *fault; the caller is told. */
static int go_unrecorded(struct dz_start *start, const struct dz_fault *fault)
{
    start->no_record = *fault;
    start->why_no_record = &start->no_record;
    if (start->report_fd >= 0)
        dz_report_note(start->report_fd, fault);
    return 0;
}

/*
 * Writes the record of an unnamed job to a file without a name, which becomes the first
 * slot of its PID.  That takes half the time of a claim.  Returns whether it succeeded;
 * else another job's record has the slot, or the file system has no such files.
 */
static bool publish_unclaimed(struct dz_start *start, pid_t pid)
{
    char path[PATH_MAX];
    char slot[24];
    bool made;
    int fd;

    /* A record that its owner cannot read would need another mode. */
    if (dz_name_of_record(start) != NULL ||
        (dz_umask_of(start) & (S_IRUSR | S_IWUSR)) != 0)
        return false;
    dz_record_slot(slot, pid, 0);
    fd = dz_unnamed_open(start->state);
    if (fd < 0)
        return false;
    made = dz_join(path, start->state, slot) == 0 &&
           dz_record_write(start, fd, pid) == 0 && dz_unnamed_link(fd, path) == 0;
    dz_close(fd);
    if (made)
        memcpy(start->record_claim.path, path, sizeof path);
    return made;
}

/* Returns whether the start of pid sweeps the records before it makes its own. */
static bool sweeps(pid_t pid)
{
    enum { SELDOM = 64 /* starts between two sweeps */ };

    return pid % SELDOM == 0;
}

int dz_publish_record(struct dz_start *start, pid_t pid, struct dz_fault *fault)
{
    struct dz_claim *claim = &start->record_claim;
    const char *name = start->plan->name;
    char slot[25];

    if (!dz_has_record_directory(start))
        return 0;
    if (name == NULL && sweeps(pid))
        dz_record_sweep(start->state);
    if (publish_unclaimed(start, pid))
        return 0;
    if (dz_name_of_record(start) == NULL && claim_slot(start, pid, slot, fault) < 0)
        return go_unrecorded(start, fault);
    if (dz_record_write(start, claim->fd, pid) == 0 &&
        dz_claim_publish(claim, 0600) == 0)
        return 0;
    dz_fault(fault, name != NULL ? "name" : "record", name != NULL ? name : claim->path,
             errno, errno == EOPNOTSUPP ? dz_why_unknown(errno) : NULL);
    if (name != NULL)
        return -1;
    dz_claim_drop(claim);
    claim->path[0] = '\0';
    return go_unrecorded(start, fault);
}

void dz_remove_records(const struct dz_start *start, pid_t pid, bool ours)
{
    struct dz_stat about;
    char path[PATH_MAX];
    char name[25];
    bool taken = true;

    if (!dz_has_record_directory(start) || pid <= 0)
        return;
    /* This is the caller of a keeper that was killed: the record is named after the
     * keeper. */
    name[0] = DZ_KEPT_PREFIX;
    for (int slot = 0; start->kept.keeper > 0 && slot < DZ_SLOTS; slot++) {
        dz_record_slot(name + 1, start->kept.keeper, slot);
        if (dz_join(path, start->state, name) == 0 &&
            dz_stat(AT_FDCWD, path, false, &about) == 0)
            dz_record_remove(path, pid, ours);
    }
    for (int slot = 0; taken && slot < DZ_SLOTS; slot++) {
        dz_record_slot(name, pid, slot);
        if (dz_join(path, start->state, name) < 0)
            return;
        /* The first slot without a record is the last that a start has tried. */
        taken = dz_stat(AT_FDCWD, path, false, &about) == 0;
        dz_record_remove(path, pid, ours);
    }
}

/* ---- beside the rest of the start ---- */

bool dz_is_recorded_early(const struct dz_start *start, pid_t pid)
{
    return start->records_early && !sweeps(pid);
}

bool dz_may_record_early(const struct dz_start *start)
{
    /* The library in the program is told where the record is. */
    return start->is_in_memory && !start->needs_answer &&
           dz_has_record_directory(start) && dz_name_of_record(start) == NULL;
}

void dz_record_early(struct dz_start *start, pid_t pid)
{
    if (dz_is_recorded_early(start, pid))
        publish_unclaimed(start, pid);
}

void dz_record_late(struct dz_start *start)
{
    struct dz_fault unheard; /* start->why_no_record tells it */

    if (dz_is_recorded_early(start, start->pid) && start->record_claim.path[0] == '\0')
        dz_publish_record(start, start->pid, &unheard);
    start->records_early = false;
}

/* ---- of a keeper ---- */

void dz_kept_claim(struct dz_start *start)
{
    if (dz_name_of_record(start) != NULL || !dz_has_record_directory(start))
        return;
    if (claim_slot(start, start->kept.keeper, start->kept.name, &start->no_record) == 0)
        return;
    start->kept.name[0] = '\0';
    start->why_no_record = &start->no_record;
}
