/*
 * Jobs by what users call them: a name, a PID, a pidfile.
 *
 * Invariant: by a pidfile without a record a job is JOB_RUNS only where the
 * file's owner may be believed and the process is older than the file.
 */
#include "dzctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_number(const char *word)
{
    return word[strspn(word, "0123456789")] == '\0';
}

/* The record of that file name; JOB_NONE where there is none. */
static int find_name(struct job *job, const char *file, struct dz_fault *fault)
{
    char path[PATH_MAX];
    int folder = dz_state_open(environ, false, path, fault);

    memset(job, 0, sizeof *job);
    job->state = JOB_NONE;
    job->status = -1;
    job->umask = -1;
    if (folder < 0)
        return fault->err == ENOENT ? 0 : -1;
    int result = job_read(job, folder, path, file);
    int err = errno;
    close(folder); /* for looking only: nothing can be lost */
    if (result == 0)
        return 0;
    job->state = JOB_NONE;
    if (err == ENOENT)
        return 0;
    return dz_fault(fault, "record", file, err,
                    err == EPERM    ? "another user owns it, or others may write to it"
                    : err == EINVAL ? "not a record"
                                    : NULL);
}

/* The record of the process who, whatever it is called; else the job is that
 * process alone. */
static void find_process(struct job *job, const struct dz_identity *who)
{
    struct job *jobs;
    size_t count;
    struct dz_fault unheard;
    bool found = false;

    /* Without records to be trusted there is none of it. */
    if (job_list(&jobs, &count, &unheard) < 0)
        count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!found && jobs[i].record.who.pid == who->pid &&
            (jobs[i].state == JOB_RUNS) == (who->start != 0)) {
            *job = jobs[i];
            found = true;
        } else {
            job_free(&jobs[i]);
        }
    }
    free(jobs);
    if (found)
        return;
    memset(job, 0, sizeof *job);
    job->status = -1;
    job->umask = -1;
    job->record.who = *who;
    job->state = who->start != 0 ? JOB_RUNS : JOB_NONE;
}

static int find_pid(struct job *job, const char *word, struct dz_fault *fault)
{
    const char *at = word;
    struct dz_identity who = {.pid = dz_read_number(&at)};

    if (who.pid < 1)
        return dz_fault(fault, "pid", word, 0, "not a PID");
    if (dz_identify(who.pid, &who) < 0)
        who.start = 0; /* nobody; there may be a record */
    find_process(job, &who);
    return 0;
}

/*
 * Whether a job of another PID namespace is known to have this pidfile and PID:
 * then who has that PID here is not meant, however old he is.
 */
static bool find_elsewhere(struct job *job, const char *path, pid_t pid)
{
    struct dz_fault unheard;
    struct job *jobs;
    struct stat file;
    struct stat its;
    size_t count;
    bool found = false;

    if (stat(path, &file) < 0 || job_list(&jobs, &count, &unheard) < 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!found && jobs[i].state == JOB_ELSEWHERE && jobs[i].pidfile != NULL &&
            jobs[i].record.who.pid == pid && stat(jobs[i].pidfile, &its) == 0 &&
            its.st_ino == file.st_ino && its.st_dev == file.st_dev) {
            *job = jobs[i];
            found = true;
        } else {
            job_free(&jobs[i]);
        }
    }
    free(jobs);
    return found;
}

/* The user that a process runs as. */
static bool runs_as(pid_t pid, unsigned uid)
{
    char path[32];
    struct stat about;

    snprintf(path, sizeof path, "/proc/%ld", (long)pid);
    return stat(path, &about) == 0 && about.st_uid == uid;
}

/*
 * Who may give us orders by a pidfile: root, ourselves, and another user about a
 * process of his own.  Anybody else could name a stranger.
 */
static const char *distrust(const struct dz_pidfile *pidfile)
{
    if ((pidfile->mode & (S_IWGRP | S_IWOTH)) != 0)
        return "others may write to it";
    if (pidfile->uid == 0 || pidfile->uid == geteuid() ||
        runs_as(pidfile->who.pid, pidfile->uid))
        return NULL;
    return "its owner runs no such process";
}

static int find_pidfile(struct job *job, const char *word, struct dz_fault *fault)
{
    struct dz_pidfile pidfile = {.state = DZ_PIDFILE_NONE};
    char words[64];
    struct dz_text text = dz_text(words, sizeof words);

    memset(job, 0, sizeof *job);
    job->state = JOB_NONE;
    job->status = -1;
    job->umask = -1;
    if (dz_pidfile_read(word, &pidfile) < 0)
        return dz_fault(fault, "pidfile", word, errno,
                        errno == EINVAL  ? "not a regular file"
                        : errno == ELOOP ? "a symbolic link"
                                         : NULL);
    if (pidfile.state == DZ_PIDFILE_NONE)
        return 0;
    if (pidfile.state == DZ_PIDFILE_RUNS) {
        const char *reason = distrust(&pidfile);
        if (reason != NULL)
            return dz_fault(fault, "pidfile", word, 0, reason);
        if (find_elsewhere(job, word, pidfile.who.pid))
            return 0;
        find_process(job, &pidfile.who);
        if (job->pidfile == NULL)
            job->pidfile = realpath(word, NULL);
        return 0;
    }
    dz_pidfile_words(&pidfile, &text);
    if (pidfile.state != DZ_PIDFILE_STALE)
        return dz_fault(fault, "pidfile", word, 0, words);
    pidfile.who.start = 0;
    find_process(job, &pidfile.who);
    /* Its record, which says more than that; it is no record of a younger one. */
    job->state = JOB_ENDED;
    job->problem = strdup(words);
    if (job->pidfile == NULL)
        job->pidfile = realpath(word, NULL);
    return 0;
}

int job_find(struct job *job, const char *word, struct dz_fault *fault)
{
    int result;

    if (strchr(word, '/') != NULL)
        result = find_pidfile(job, word, fault);
    else if (word[0] == '\0' || word[0] == '.')
        return dz_fault(fault, "name", word, 0, "not a name");
    else if (is_number(word))
        return find_pid(job, word, fault);
    else
        result = find_name(job, word, fault);
    if (result < 0)
        fault->status = CTL_FAILED;
    return result;
}
