/*
 * Finds jobs by what users call them: a name, a PID, a pidfile.
 *
 * Invariant: if a pidfile has no record, its job is JOB_RUNS only if the file's owner
 * is trusted and the process is not younger than the file.
 */
#include "dzctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens the state directory.  Returns the descriptor, -1 if it does not exist, or -2
 * with a fault. */
static int open_state(char path[PATH_MAX], struct dz_fault *fault)
{
    int directory = dz_state_open(environ, false, path, fault);

    return directory >= 0 || fault->err == ENOENT ? directory : -2;
}

/* Finds the job whose record has that file name. */
static int find_name(struct job *job, const char *file, struct dz_fault *fault)
{
    char path[PATH_MAX];
    int directory = open_state(path, fault);

    job_init(job);
    if (directory < 0)
        return directory == -1 ? 0 : -1;
    int result = job_read(job, directory, path, file);
    int err = errno;
    dz_close(directory);
    if (result == 0 || err == ENOENT)
        return 0;
    return dz_fault(fault, "record", file, err,
                    err == EPERM    ? "another user owns it, or others may write to it"
                    : err == EINVAL ? "not a record"
                                    : NULL);
}

struct best {
    char file[NAME_MAX + 1]; /* of the best record so far, or empty */
    enum dz_state state;
    bool alive; /* a process of this PID namespace has the PID */
};

/* Returns how much a record of that state says about the PID; 0: nothing. */
static int weight(enum dz_state state, bool alive)
{
    if (state == DZ_RUNS)
        return 3;
    if (alive)
        return 0; /* the PID means the process that has it here */
    return state == DZ_UNKNOWN ? 2 : 1;
}

static int choose(const char *file, const struct dz_record *record, void *data)
{
    struct best *best = data;
    enum dz_state state = dz_identity_state(&record->who, NULL);
    int before = best->file[0] != '\0' ? weight(best->state, best->alive) : 0;

    if (weight(state, best->alive) <= before)
        return 0;
    best->state = state;
    snprintf(best->file, sizeof best->file, "%s", file);
    /* No other record says more of this PID here.  So the state directory is read only
     * for PIDs that no record is named after. */
    return dz_is_here(&record->who);
}

static int find_pid(struct job *job, const char *word, struct dz_fault *fault)
{
    const char *at = word;
    struct dz_identity who = {.pid = dz_read_number(&at)};
    struct dz_fault unheard;
    char path[PATH_MAX];

    job_init(job);
    if (who.pid < 1)
        return dz_fault(fault, "pid", word, 0, "not a PID");
    int err = dz_identify(who.pid, &who) < 0 ? errno : 0;
    struct best best = {.alive = err == 0};
    int directory = open_state(path, &unheard);
    /* Without records that can be trusted, the process alone is found. */
    if (directory >= 0)
        dz_record_each_of(directory, who.pid, choose, &best);
    int result = best.file[0] != '\0' ? job_read(job, directory, path, best.file) : -1;
    if (directory >= 0)
        dz_close(directory);
    if (result == 0)
        return 0;
    job->record.who = who;
    job->state = err == 0 ? JOB_RUNS : err == ESRCH ? JOB_NONE : JOB_UNKNOWN;
    job->why = dz_why_unknown(err);
    return 0;
}

/* Returns whether the process runs as that user. */
static bool runs_as(pid_t pid, unsigned uid)
{
    char path[32];
    struct stat about;

    snprintf(path, sizeof path, "/proc/%ld", (long)pid);
    return stat(path, &about) == 0 && about.st_uid == uid;
}

/*
 * Returns why a pidfile is not trusted, or NULL.  We obey root, ourselves, and another
 * user about a process of that user.  Any other owner could name a process of a third
 * user.
 */
static const char *distrust(const struct dz_pidfile *pidfile)
{
    if ((pidfile->mode & (S_IWGRP | S_IWOTH)) != 0)
        return "others may write to it";
    if (pidfile->uid == 0 || pidfile->uid == geteuid() ||
        pidfile->state != DZ_PIDFILE_RUNS || runs_as(pidfile->who.pid, pidfile->uid))
        return NULL;
    return "its owner is not the user of the process";
}

/* Fills in the job of a pidfile that holds a PID. */
static void take_pidfile(struct job *job, const char *word, int records,
                         const char *path, const struct dz_pidfile *pidfile)
{
    char problem[64];
    struct dz_text text = dz_text(problem, sizeof problem);
    char digits[24];
    struct dz_fault unheard;

    enum job_state state = pidfile->state == DZ_PIDFILE_RUNS      ? JOB_RUNS
                           : pidfile->state == DZ_PIDFILE_UNKNOWN ? JOB_UNKNOWN
                                                                  : JOB_ENDED;

    snprintf(digits, sizeof digits, "%ld", (long)pidfile->who.pid);
    /* A record that does not name the file is the job's if it is in the same state. */
    int result = pidfile->record[0] != '\0'
                     ? job_read(job, records, path, pidfile->record)
                     : find_pid(job, digits, &unheard);
    if (result < 0 || (pidfile->record[0] == '\0' && job->state != state)) {
        job_free(job);
        job->record.who = pidfile->who;
    }
    job->state = state;
    job->why = pidfile->why;
    if (job->state == JOB_ENDED) {
        dz_pidfile_words(pidfile, &text);
        job->problem = strdup(problem);
    }
    if (job->pidfile == NULL)
        job->pidfile = job->real_pidfile = realpath(word, NULL);
}

static int find_pidfile(struct job *job, const char *word, struct dz_fault *fault)
{
    struct dz_pidfile pidfile = {.state = DZ_PIDFILE_NONE};
    struct dz_fault unheard;
    char path[PATH_MAX];
    char problem[64];
    struct dz_text text = dz_text(problem, sizeof problem);
    const char *reason = NULL;
    int records = open_state(path, &unheard);
    int result = dz_pidfile_read(word, records, &pidfile);

    job_init(job);
    if (result < 0)
        reason = errno == EINVAL  ? "not a regular file"
                 : errno == ELOOP ? "a symbolic link"
                                  : NULL;
    int err = result < 0 && reason == NULL ? errno : 0;
    if (result == 0 &&
        (pidfile.state == DZ_PIDFILE_EMPTY || pidfile.state == DZ_PIDFILE_GARBAGE)) {
        dz_pidfile_words(&pidfile, &text);
        reason = problem;
    } else if (result == 0 && pidfile.state != DZ_PIDFILE_NONE) {
        reason = pidfile.state != DZ_PIDFILE_STALE ? distrust(&pidfile) : NULL;
        if (reason == NULL)
            take_pidfile(job, word, records, path, &pidfile);
    }
    if (records >= 0)
        dz_close(records);
    return reason != NULL || err != 0 ? dz_fault(fault, "pidfile", word, err, reason)
                                      : 0;
}

int job_find(struct job *job, const char *word, struct dz_fault *fault)
{
    int result;

    if (strchr(word, '/') != NULL)
        result = find_pidfile(job, word, fault);
    else if (word[0] == '\0' || word[0] == '.')
        return dz_fault(fault, "name", word, 0, "not a name");
    else if (word[strspn(word, "0123456789")] == '\0')
        return find_pid(job, word, fault);
    else
        result = find_name(job, word, fault);
    if (result < 0)
        fault->status = CTL_FAILED;
    return result;
}
