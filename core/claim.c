/*
 * Files that appear whole, made by one start at a time.
 *
 * Invariants: FILE is only ever replaced or removed by who has the lock on
 * ".FILE.new" beside it; what is renamed into place is that very file.  The
 * lock is flock(2)'s: it belongs to the open file, so a start that is killed
 * loses it, and a child shares it with its caller until one of them unlocks.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* rename(2) alone */
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char suffix[] = ".new";

void dz_claim_init(struct dz_claim *claim)
{
    claim->fd = -1;
    claim->path[0] = '\0';
}

/* The path of the lock: FOLDER/.NAME.new.  -1 with errno. */
static int lock_path(const char *path, char lock[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    struct dz_text text = dz_text(lock, PATH_MAX);

    for (const char *at = path; at <= slash; at++)
        dz_add_char(&text, *at);
    dz_add(&text, ".");
    dz_add(&text, slash + 1);
    dz_add(&text, suffix);
    if (text.cut) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}

/* Whether it is ours to lock: a plain file of our own.  -1 with errno. */
static int check_own(const struct dz_stat *about)
{
    if (!S_ISREG(about->mode) || about->uid != geteuid()) {
        errno = EPERM;
        return -1;
    }
    return 0;
}

/*
 * Open and lock it.  Sets *again where somebody has renamed or removed the file
 * between the two: what we have locked is not what is there now.
 */
static int try_lock(const char *lock, bool *again)
{
    struct dz_stat ours;
    struct dz_stat there;
    /* Nobody else may open it: who can read a file can hold its lock. */
    int fd = open(
        lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    int result;

    *again = false;
    if (fd < 0)
        return -1;
    result = dz_stat(fd, "", true, &ours) < 0 ? -1 : check_own(&ours);
    while (result == 0 && (result = flock(fd, LOCK_EX)) < 0 && errno == EINTR)
        result = 0;
    if (result == 0) {
        *again = dz_stat(AT_FDCWD, lock, false, &there) < 0 ||
                 there.inode != ours.inode || there.device != ours.device;
        /* What a start that was killed has written so far. */
        if (!*again)
            result = (int)syscall(SYS_ftruncate, fd, 0L); /* off_t: see tail.c */
    }
    if (result < 0 || *again) {
        int err = errno;
        close(fd); /* nothing was written */
        errno = err;
        return -1;
    }
    return fd;
}

int dz_claim(struct dz_claim *claim, const char *path, const char *step,
             struct dz_fault *fault)
{
    char lock[PATH_MAX];
    bool again = true;

    if (dz_make_absolute(path, claim->path) < 0 || lock_path(claim->path, lock) < 0) {
        claim->path[0] = '\0';
        return dz_fault(fault, step, path, errno, NULL);
    }
    while (again)
        claim->fd = try_lock(lock, &again);
    if (claim->fd >= 0)
        return 0;
    claim->path[0] = '\0';
    return dz_fault(fault, step, errno == EPERM ? lock : path, errno,
                    errno == EPERM ? "somebody else's, or no file" : NULL);
}

void dz_claim_release(struct dz_claim *claim)
{
    if (claim->fd < 0)
        return;
    flock(claim->fd, LOCK_UN); /* for every copy, the caller's too; cannot fail */
    close(claim->fd);
    claim->fd = -1;
}

int dz_claim_publish(struct dz_claim *claim, mode_t mode)
{
    char lock[PATH_MAX];
    int result = lock_path(claim->path, lock);

    /* A local file system tells of a full disk at write(2); one that tells at
     * close(2) only (NFS) tells fsync(2) too, but that costs a disk's time. */
    if (result == 0)
        result = fchmod(claim->fd, mode);
    if (result == 0)
        result = rename(lock, claim->path);
    if (result == 0)
        dz_claim_release(claim);
    return result;
}

void dz_claim_drop(struct dz_claim *claim)
{
    char lock[PATH_MAX];

    if (claim->fd >= 0 && lock_path(claim->path, lock) == 0)
        unlink(lock);
    dz_claim_release(claim);
}
