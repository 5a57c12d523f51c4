/*
 * Records: one file a job, with what is known of it and who it is.
 *
 * A job with a name has the file of that name, claimed before anything is
 * started: who has the name is decided there.  One without has a file called by
 * its PID; there it can be in nobody's way, and where it cannot be written the
 * start goes on.
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading -------------------------------------------------------------------- */

/* Read the beginning of a record.  -1 with errno; ENOENT, or EPERM and EINVAL for
 * one that is not to be believed. */
static int read_record(int folder, const char *file, struct dz_record *record)
{
    char text[512]; /* seven short lines; what follows is not looked at */
    size_t length = 0;
    ssize_t n;
    int fd = dz_record_open(folder, file);

    if (fd < 0)
        return -1;
    while ((n = read(fd, text + length, sizeof text - 1 - length)) != 0) {
        if (n < 0 && errno != EINTR)
            break;
        if (n > 0)
            length += (size_t)n;
    }
    int err = errno;
    close(fd); /* read only: nothing can be lost */
    text[length] = '\0';
    if (n == 0 && dz_record_parse(text, record) != NULL)
        return 0;
    errno = n < 0 ? err : EINVAL;
    return -1;
}

/* ---- claiming ------------------------------------------------------------------- */

/* FOLDER/FILE to path.  -1 with errno. */
static int join(char path[PATH_MAX], const char *folder, const char *file)
{
    struct dz_text text = dz_text(path, PATH_MAX);

    dz_add(&text, folder);
    dz_add(&text, "/");
    dz_add(&text, file);
    if (text.cut) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}

/* Whether the job of that record runs.  1, 0, -1 with errno: it cannot be told. */
static int record_runs(int folder, const char *file, struct dz_record *record)
{
    if (read_record(folder, file, record) < 0) /* ELOOP: a symbolic link */
        return errno == ENOENT || errno == EPERM || errno == EINVAL || errno == ELOOP
                   ? 0
                   : -1;
    return dz_runs(&record->who);
}

/* Whether that name is free; folder is open on the state directory. */
static int check_name(const char *name, int folder, struct dz_fault *fault)
{
    struct dz_record old;
    int runs = record_runs(folder, name, &old);

    if (runs == 0)
        return 0;
    if (runs < 0)
        return dz_fault(fault, "name", name, errno, NULL);
    return dz_fault_running(fault, "name", name, old.who.pid);
}

/* Claim the record of the plan's name. */
static int claim_name(struct dz_plan *plan, int folder, struct dz_fault *fault)
{
    struct dz_claim *claim = &plan->record_claim;
    char path[PATH_MAX];

    if (join(path, plan->state, plan->name) < 0)
        return dz_fault(fault, "name", plan->name, errno, NULL);
    if (dz_claim(claim, path, "name", plan->timeout, fault) < 0)
        return -1;
    if (check_name(plan->name, folder, fault) == 0)
        return 0;
    dz_claim_drop(claim);
    claim->path[0] = '\0'; /* somebody else's to undo */
    return -1;
}

int dz_name_check(const struct dz_plan *plan, struct dz_fault *fault)
{
    char path[PATH_MAX];
    int result;
    int folder = dz_state_open(plan->envp, false, path, fault);

    if (folder < 0)
        return fault->err == ENOENT && path[0] != '\0' ? 0 : -1; /* it would be made */
    result = check_name(plan->name, folder, fault);
    close(folder); /* for looking only: nothing can be lost */
    return result;
}

/*
 * Whether the job is to have a record.  In stay mode without a name, a pidfile
 * or a log of ours it is what nohup runs: its PID is its caller's to keep, and
 * thousands of them in a loop leave nothing behind.
 */
static bool is_recorded(const struct dz_plan *plan)
{
    return plan->mode == DZ_LEAVE || plan->name != NULL || plan->pidfile != NULL ||
           dz_stream_log(plan, 1) != NULL || dz_stream_log(plan, 2) != NULL;
}

/* Whether plan->state is a directory for its record, once that was looked for. */
static bool has_folder(const struct dz_plan *plan)
{
    return is_recorded(plan) && plan->state[0] != '\0' && !plan->unrecorded;
}

int dz_record_claim(struct dz_plan *plan, struct dz_fault *fault)
{
    int result = 0;
    int folder;

    if (!is_recorded(plan))
        return 0;
    folder = dz_state_open(plan->envp, true, plan->state,
                           plan->name != NULL ? fault : &plan->no_state);
    plan->unrecorded = folder < 0;
    if (folder < 0)
        return plan->name != NULL ? -1 : 0;
    if (getcwd(plan->cwd, sizeof plan->cwd) == NULL)
        plan->cwd[0] = '\0'; /* too long, or removed: it is for people only */
    if (plan->name != NULL)
        result = claim_name(plan, folder, fault);
    close(folder); /* for looking only: nothing can be lost */
    return result;
}

/* ---- writing -------------------------------------------------------------------- */

/* The record of a job without a name is called by its PID. */
static int number_path(const struct dz_plan *plan, pid_t pid, char path[PATH_MAX])
{
    char digits[24];
    struct dz_text text = dz_text(digits, sizeof digits);

    dz_add_number(&text, pid);
    return join(path, plan->state, digits);
}

/* The path of the job's record, whatever it is called.  -1 with errno. */
static int record_path(const struct dz_plan *plan, pid_t pid, char path[PATH_MAX])
{
    return plan->name != NULL ? join(path, plan->state, plan->name)
                              : number_path(plan, pid, path);
}

/*
 * Write the record of a job without a name.  Nobody else writes to that file, so
 * there is no lock, and it is written in place: one without its last line is not
 * believed.  No error matters: the job is not listed then.
 */
static void write_number(struct dz_plan *plan, pid_t pid)
{
    char path[PATH_MAX];
    int fd;

    if (number_path(plan, pid, path) < 0)
        return;
    /* One that is there is of an earlier job, long over, that had this PID. */
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
              0600);
    if (fd < 0)
        return;
    if (dz_record_write(fd, plan, pid) < 0)
        unlink(path);
    close(fd); /* an error of write(2) was seen */
}

/* ---- sweeping ------------------------------------------------------------------- */

static int count_number(int number, int folder, void *data)
{
    int *count = data;

    (void)number;
    (void)folder;
    ++*count;
    return 0;
}

static int sweep_number(int number, int folder, void *data)
{
    char digits[24];
    struct dz_text text = dz_text(digits, sizeof digits);
    struct dz_record record;

    (void)data;
    dz_add_number(&text, number);
    if (read_record(folder, digits, &record) == 0 && dz_runs(&record.who) == 0)
        unlinkat(folder, digits, 0); /* one that stays does no harm */
    return 0;
}

/*
 * Thousands of short jobs without a name would fill the directory with their
 * records.  Now and then a start looks how many there are, and where they are
 * too many, removes those of jobs that have ended.
 */
static void sweep(const struct dz_plan *plan, pid_t pid)
{
    enum { SELDOM = 64, MANY = 1000 };
    int count = 0;

    if (pid % SELDOM == 0 && dz_each_number(plan->state, count_number, &count) == 0 &&
        count > MANY)
        dz_each_number(plan->state, sweep_number, NULL);
}

int dz_record_publish(struct dz_plan *plan, pid_t pid, struct dz_fault *fault)
{
    struct dz_claim *claim = &plan->record_claim;

    if (!has_folder(plan))
        return 0;
    if (plan->name == NULL) {
        sweep(plan, pid);
        write_number(plan, pid);
        return 0;
    }
    if (dz_record_write(claim->fd, plan, pid) < 0 || dz_claim_publish(claim, 0600) < 0)
        return dz_fault(fault, "name", plan->name, errno,
                        errno == EOPNOTSUPP ? "/proc is missing or of other processes"
                                            : NULL);
    return 0;
}

/*
 * Whether the record at path may go: it is about pid and, unless it is known to be
 * of this start, about nobody who runs.  One called by its PID may not be whole:
 * its process was killed while it wrote it.
 */
static bool is_over(const char *path, pid_t pid, bool ours, bool numbered)
{
    struct dz_record record;

    if (read_record(AT_FDCWD, path, &record) == 0)
        return record.who.pid == pid && (ours || dz_runs(&record.who) == 0);
    return numbered && errno == EINVAL && (ours || !dz_lives(pid));
}

static void remove_record(const char *path, pid_t pid, bool ours, bool numbered)
{
    struct dz_claim claim;
    struct dz_fault fault;

    dz_claim_init(&claim);
    /* A record that cannot be claimed cannot be removed either; it is about a
     * process that is gone, which whoever reads it will find. */
    if (dz_claim(&claim, path, "record", DZ_UNDO_MS, &fault) < 0)
        return;
    if (is_over(claim.path, pid, ours, numbered))
        unlink(claim.path);
    dz_claim_drop(&claim);
}

bool dz_record_names(const char *path, pid_t pid)
{
    struct dz_record record;

    return read_record(AT_FDCWD, path, &record) == 0 && record.who.pid == pid;
}

void dz_record_note(const char *path, pid_t pid, int status)
{
    char line[32];
    struct dz_text text = dz_text(line, sizeof line);
    struct dz_claim claim;
    struct dz_fault unheard;
    int fd;

    dz_claim_init(&claim);
    dz_add(&text, "status ");
    dz_add_number(&text, status);
    dz_add(&text, "\n");
    /* For later readers alone: where it cannot be, they see "unknown". */
    if (dz_claim(&claim, path, "record", DZ_UNDO_MS, &unheard) < 0)
        return;
    fd = dz_record_names(claim.path, pid)
             ? open(claim.path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC)
             : -1;
    if (fd >= 0) {
        dz_write(fd, line, text.length);
        close(fd);
    }
    dz_claim_drop(&claim);
}

void dz_record_note_plan(const struct dz_plan *plan, int status)
{
    char path[PATH_MAX];

    if (has_folder(plan) && record_path(plan, plan->pid, path) == 0)
        dz_record_note(path, plan->pid, status);
}

void dz_record_remove(const char *path, pid_t pid)
{
    remove_record(path, pid, pid == getpid(), false);
}

void dz_record_drop_number(const struct dz_plan *plan, pid_t pid, bool ours)
{
    char path[PATH_MAX];

    if (has_folder(plan) && pid > 0 && number_path(plan, pid, path) == 0)
        remove_record(path, pid, ours, true);
}
