/*
 * Pidfile and record of a start.
 *
 * The target's own process writes both right before it becomes the target.  If any
 * process of ours is killed at any moment, the files exist only if the target was about
 * to run.  The first child of leave mode may make the record instead, beside the rest
 * of the start: then a record may name a process that was killed before its exec.
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Returns the umask of the target, or of the caller before the target has its own. */
static mode_t umask_of(const struct dz_start *start)
{
    return (mode_t)(start->plan->umask >= 0 ? start->plan->umask : start->umask);
}

/* ---- the record: its claim ---- */

/*
 * Returns whether the job gets a record.  A job of stay mode without a name, a pidfile,
 * a log of ours or a keeper gets none: the caller knows its PID, and thousands of them
 * in a loop leave nothing behind.  Nor does a keeper that is PID 1: images have no
 * place for records.
 */
static bool is_recorded(const struct dz_start *start)
{
    return start->mode == DZ_LEAVE || start->plan->name != NULL ||
           (dz_wants_keeper(start->plan) && getpid() != 1 && start->kept.keeper != 1) ||
           start->plan->pidfile != NULL || dz_has_log(start, 1) || dz_has_log(start, 2);
}

/* Returns whether start->state names a directory for the record, after
 * dz_record_claim. */
static bool has_directory(const struct dz_start *start)
{
    return is_recorded(start) && start->why_no_record == NULL &&
           start->state[0] != '\0';
}

/* Returns the file name of the job's record, or NULL if it is a slot of its PID. */
static const char *record_name(const struct dz_start *start)
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

/* ---- the record: writing and removing ---- */

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

/* Writes the path of the record of pid, which this start or the target's process has
 * made.  Returns 0, or -1 if there is none. */
static int find_record(const struct dz_start *start, pid_t pid, char path[PATH_MAX])
{
    struct dz_record record;
    char name[24];

    if (!has_directory(start) || pid <= 0)
        return -1;
    if (record_name(start) != NULL)
        return dz_join(path, start->state, record_name(start));
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
    if (record_name(start) != NULL || (umask_of(start) & (S_IRUSR | S_IWUSR)) != 0)
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

static int publish_record(struct dz_start *start, pid_t pid, struct dz_fault *fault)
{
    struct dz_claim *claim = &start->record_claim;
    const char *name = start->plan->name;
    char slot[25];

    if (!has_directory(start))
        return 0;
    if (name == NULL && sweeps(pid))
        dz_record_sweep(start->state);
    if (publish_unclaimed(start, pid))
        return 0;
    if (record_name(start) == NULL && claim_slot(start, pid, slot, fault) < 0)
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

/* Removes the record of pid.  With ours, this start has made the record, which is
 * removed although its process runs.  If a process was killed while it wrote the
 * record, the lock that it has left is removed too. */
static void remove_record(const struct dz_start *start, pid_t pid, bool ours)
{
    struct dz_stat about;
    char path[PATH_MAX];
    char name[25];
    bool taken = true;

    if (!has_directory(start) || pid <= 0)
        return;
    /* This is the caller of a keeper that was killed: the record has that one's PID. */
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

/* ---- the pidfile ---- */

/* Returns whether the pidfile would be among the records.  There it might be the very
 * record that this start has locked, and the start would wait for itself. */
static bool is_in_state(const struct dz_start *start)
{
    char path[PATH_MAX];
    struct dz_stat state;
    struct dz_stat directory;

    if (start->state[0] == '\0' || start->why_no_record != NULL ||
        dz_make_absolute(start->plan->pidfile, path) < 0)
        return false;
    strrchr(path, '/')[1] = '\0'; /* absolute: it has one */
    return dz_stat(AT_FDCWD, start->state, true, &state) == 0 &&
           dz_stat(AT_FDCWD, path, true, &directory) == 0 &&
           dz_same_file(&state, &directory);
}

/* Writes to the claimed file and empties it again: a full disk, a quota or RLIMIT_FSIZE
 * shows now, not when the target is about to run.  Returns 0, or -1 and sets errno. */
static int check_room(const struct dz_claim *claim)
{
    static const char longest[] = "2147483647\n";

    if (fcntl(claim->fd, F_SETFL, O_APPEND) < 0 ||
        dz_write(claim->fd, longest, sizeof longest - 1) < 0)
        return -1;
    return (int)syscall(SYS_ftruncate, claim->fd, 0L);
}

int dz_pidfile_claim(struct dz_start *start, struct dz_fault *fault)
{
    struct dz_claim *claim = &start->pidfile_claim;
    const char *path = start->plan->pidfile;
    int records;
    int result;

    if (path == NULL)
        return 0;
    if (is_in_state(start))
        return dz_fault(fault, "pidfile", path, 0,
                        "is in the directory of the jobs' records");
    /* The pidfile names the job's process, which does not change. */
    if (start->plan->resume > 0)
        return dz_make_absolute(path, claim->path) < 0
                   ? dz_fault(fault, "pidfile", path, errno, NULL)
                   : 0;
    if (dz_claim(claim, path, "pidfile", start->plan->timeout, fault) < 0)
        return -1;
    records = has_directory(start)
                  ? open(start->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                  : -1;
    result = dz_pidfile_check(path, records, &start->pidfile_old, fault);
    dz_close_fd(&records);
    if (result == 0 && check_room(claim) < 0)
        result = dz_fault(fault, "pidfile", path, errno, NULL);
    if (result == 0)
        return 0;
    dz_claim_drop(claim);
    claim->path[0] = '\0'; /* the file belongs to another start */
    return -1;
}

static int publish_pidfile(struct dz_start *start, pid_t pid, struct dz_fault *fault)
{
    struct dz_claim *claim = &start->pidfile_claim;
    char digits[24];
    struct dz_text text = dz_text(digits, sizeof digits);

    if (start->plan->pidfile == NULL)
        return 0;
    dz_add_number(&text, pid);
    dz_add(&text, "\n");
    if (dz_write(claim->fd, digits, text.length) < 0 ||
        /* Readable by its owner whatever the umask: a later start reads it. */
        dz_claim_publish(claim, S_IRUSR | (0644 & ~umask_of(start))) < 0)
        return dz_fault(fault, "pidfile", start->plan->pidfile, errno, NULL);
    return 0;
}

/* ---- both ---- */

int dz_publish_for(struct dz_start *start, pid_t pid, struct dz_fault *fault)
{
    start->pid = pid;
    if (publish_pidfile(start, start->pid, fault) < 0)
        return -1;
    return publish_record(start, start->pid, fault);
}

/* Returns whether the first child makes the record of that process.  A start that
 * sweeps would hold up the caller. */
static bool is_early(const struct dz_start *start, pid_t pid)
{
    return start->records_early && !sweeps(pid);
}

int dz_publish(struct dz_start *start, struct dz_fault *fault)
{
    pid_t pid = getpid();

    if (!is_early(start, pid))
        return dz_publish_for(start, pid, fault);
    start->pid = pid;
    return publish_pidfile(start, pid, fault);
}

bool dz_may_record_early(const struct dz_start *start)
{
    /* The library in the program is told where the record is. */
    return start->is_in_memory && !start->needs_answer && has_directory(start) &&
           record_name(start) == NULL;
}

void dz_record_early(struct dz_start *start, pid_t pid)
{
    if (is_early(start, pid))
        publish_unclaimed(start, pid);
}

void dz_record_late(struct dz_start *start)
{
    struct dz_fault unheard; /* start->why_no_record tells it */

    if (is_early(start, start->pid) && start->record_claim.path[0] == '\0')
        publish_record(start, start->pid, &unheard);
    start->records_early = false;
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
    return publish_pidfile(start, start->pid, fault);
}

static int record_again(struct dz_start *start, pid_t before, struct dz_fault *fault)
{
    struct dz_claim *claim = &start->record_claim;

    if (record_name(start) == NULL) {
        remove_record(start, before, true);
    } else if (claim->path[0] != '\0') {
        if (claim_again(claim, "name", fault) < 0)
            return -1;
        if (!dz_record_names(claim->path, before))
            return lost(claim, "name", fault);
    }
    return publish_record(start, start->pid, fault);
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
    if (record_name(start) == NULL)
        remove_record(start, start->pid, ours);
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
    if (status >= 0 && find_record(start, start->pid, path) == 0 &&
        dz_record_add_end(path, recorded_pid(start, path), status,
                          start->kept.keeper > 0 ? -1 : dz_now()) < 0)
        result = -1;
    return result;
}

/* ---- of a keeper ---- */

void dz_kept_claim(struct dz_start *start)
{
    if (record_name(start) != NULL || !has_directory(start))
        return;
    if (claim_slot(start, start->kept.keeper, start->kept.name, &start->no_record) == 0)
        return;
    start->kept.name[0] = '\0';
    start->why_no_record = &start->no_record;
}

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
    if (start->record_claim.path[0] == '\0' || record_name(start) == NULL)
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

    return find_record(start, start->pid, path) == 0
               ? dz_record_add_lines(path, recorded_pid(start, path), text)
               : 0;
}
