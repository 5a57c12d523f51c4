/*
 * Records: one file for each job.
 *
 * A named job has the file of its name, which is claimed before anything is started:
 * that decides which start has the name.  An unnamed job has a file named by its PID.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int dz_record_open(int directory, const char *file)
{
    int fd = openat(directory, file,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct dz_stat about;

    if (fd < 0)
        return -1;
    if (dz_stat(fd, "", true, &about) == 0 && about.uid == geteuid() &&
        (about.mode & (S_IWGRP | S_IWOTH)) == 0 && S_ISREG(about.mode))
        return fd;
    close(fd); /* only looked at */
    errno = EPERM;
    return -1;
}

int dz_record_read(int directory, const char *file, struct dz_record *record)
{
    char text[512]; /* seven short lines; the others are not looked at */
    int fd = dz_record_open(directory, file);
    ssize_t n;

    if (fd < 0)
        return -1;
    n = dz_read_at(fd, text, sizeof text - 1, 0);
    dz_close(fd);
    if (n < 0)
        return -1;
    text[n] = '\0';
    if (dz_record_parse(text, record) != NULL)
        return 0;
    errno = EINVAL;
    return -1;
}

/* Tells whether the job of that record runs.  Returns 1, 0, or -1 and sets errno. */
static int record_runs(int directory, const char *file, struct dz_record *record)
{
    if (dz_record_read(directory, file, record) < 0) /* ELOOP: a symbolic link */
        return errno == ENOENT || errno == EPERM || errno == EINVAL || errno == ELOOP
                   ? 0
                   : -1;
    return dz_identity_runs(&record->who);
}

int dz_record_check_name(const char *name, int directory, struct dz_fault *fault)
{
    struct dz_record old;
    int runs = record_runs(directory, name, &old);

    if (runs == 0)
        return 0;
    if (runs < 0)
        return dz_fault(fault, "name", name, errno, NULL);
    return dz_fault_running(fault, "name", name, old.who.pid);
}

bool dz_record_names(const char *path, pid_t pid)
{
    struct dz_record record;

    return dz_record_read(AT_FDCWD, path, &record) == 0 && record.who.pid == pid;
}

void dz_record_add_status(const char *path, pid_t pid, int status)
{
    char line[32];
    struct dz_text text = dz_text(line, sizeof line);
    struct dz_claim claim = {.fd = 0};
    struct dz_fault unheard;
    int fd;

    dz_add(&text, "status ");
    dz_add_number(&text, status);
    dz_add(&text, "\n");
    /* For later readers alone: without it they see "unknown". */
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

void dz_record_remove(const char *path, pid_t pid, bool ours)
{
    struct dz_claim claim = {.fd = 0};
    struct dz_fault unheard;
    struct dz_record record;

    /* A record that cannot be claimed stays.  Its process is gone, which every reader
     * finds out. */
    if (dz_claim(&claim, path, "record", DZ_UNDO_MS, &unheard) < 0)
        return;
    if (dz_record_read(AT_FDCWD, claim.path, &record) == 0 && record.who.pid == pid &&
        (ours || dz_identity_runs(&record.who) == 0))
        unlink(claim.path);
    dz_claim_drop(&claim);
}

/* ---- sweeping ---- */

static int count_number(int number, int directory, void *data)
{
    int *count = data;

    (void)number;
    (void)directory;
    ++*count;
    return 0;
}

static int sweep_number(int number, int directory, void *data)
{
    char digits[24];
    struct dz_text text = dz_text(digits, sizeof digits);
    struct dz_record record;

    (void)data;
    dz_add_number(&text, number);
    if (dz_record_read(directory, digits, &record) == 0 &&
        dz_identity_runs(&record.who) == 0)
        unlinkat(directory, digits, 0); /* one that stays does no harm */
    return 0;
}

/* Thousands of short unnamed jobs would fill the directory with their records. */
void dz_record_sweep(const char *directory)
{
    enum { MANY = 1000 };
    int count = 0;

    if (dz_each_number(directory, count_number, &count) == 0 && count > MANY)
        dz_each_number(directory, sweep_number, NULL);
}
