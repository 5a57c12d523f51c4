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
#include <poll.h>
#include <stdio.h> /* rename(2) alone */
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char suffix[] = ".new";

/* Writes the path of the lock, DIRECTORY/.NAME.new.  Returns 0, or -1 and sets errno.
 */
static int lock_path(const char *path, char lock[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    struct dz_text text = dz_text(lock, PATH_MAX);

    dz_add_bytes(&text, path, (size_t)(slash + 1 - path));
    dz_add(&text, ".");
    dz_add(&text, slash + 1);
    dz_add(&text, suffix);
    if (text.cut) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}

/* Whether it is ours to lock and to write to: a plain file of our own that has no
 * other name.  -1 with errno. */
static int check_own(int fd, struct dz_stat *about)
{
    if (dz_stat(fd, "", true, about) < 0)
        return -1;
    if (S_ISREG(about->mode) && about->uid == geteuid() && about->links <= 1)
        return 0;
    errno = EPERM;
    return -1;
}

/* Lock it, or wait a little where somebody else has it: flock(2) knows no limit,
 * and the alarm that could interrupt it is the program's.  EAGAIN: too late. */
static int lock_until(int fd, int64_t until)
{
    enum { PAUSE_MS = 5 };

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK || dz_milliseconds() >= until)
            return -1;
        poll(NULL, 0, PAUSE_MS);
    }
    return 0;
}

/*
 * Whether the locked file is still what lock names; else somebody has renamed or
 * removed it between the opening and the locking.  1, 0, -1 with errno.
 */
static int is_current(const char *lock, const struct dz_stat *ours)
{
    struct dz_stat there;

    if (dz_stat(AT_FDCWD, lock, false, &there) < 0)
        return errno == ENOENT ? 0 : -1;
    return there.inode == ours->inode && there.device == ours->device;
}

/* Open and lock it.  Sets *again where that has to be done once more. */
static int try_lock(const char *lock, int64_t until, bool *again)
{
    struct dz_stat ours;
    /* Nobody else may open it: who can read a file can hold its lock. */
    int fd = open(
        lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    int current = 1;
    int result;

    *again = false;
    if (fd == 0 && (fd = fcntl(0, F_DUPFD_CLOEXEC, 3)) != 0)
        dz_close(0); /* 0 means that nothing is held */
    if (fd < 0)
        return -1;
    result = check_own(fd, &ours);
    if (result == 0) {
        result = lock_until(fd, until);
        if (result == 0)
            result = current = is_current(lock, &ours);
        /* What a start that was killed has written so far. */
        if (current > 0 && result >= 0)
            result = (int)syscall(SYS_ftruncate, fd, 0L); /* off_t: see tail.c */
        *again = current == 0;
        /* Ours, or in a file system without locks, where nobody holds one. */
        if (result < 0 && errno != EWOULDBLOCK) {
            int err = errno;
            unlink(lock);
            errno = err;
        }
    }
    if (result >= 0 && !*again)
        return fd;
    dz_close(fd);
    return -1;
}

static const char *refusal(int err)
{
    if (err == EPERM)
        return "somebody else's, or no plain file";
    return err == EWOULDBLOCK ? "another start has it, and takes too long" : NULL;
}

int dz_claim(struct dz_claim *claim, const char *path, const char *step,
             int64_t patience, struct dz_fault *fault)
{
    int64_t until = patience > 0 ? dz_milliseconds() + patience : INT64_MAX;
    char lock[PATH_MAX];
    bool again = true;

    if (dz_make_absolute(path, claim->path) < 0 || lock_path(claim->path, lock) < 0) {
        claim->path[0] = '\0';
        return dz_fault(fault, step, path, errno, NULL);
    }
    int fd = -1;
    while (again)
        fd = try_lock(lock, until, &again);
    claim->fd = fd;
    if (fd >= 0)
        return 0;
    claim->fd = 0;
    claim->path[0] = '\0';
    return dz_fault(fault, step, errno == EPERM ? lock : path, errno, refusal(errno));
}

void dz_claim_release(struct dz_claim *claim)
{
    if (claim->fd == 0)
        return;
    flock(claim->fd, LOCK_UN); /* for every copy, the caller's too; cannot fail */
    close(claim->fd);
    claim->fd = 0;
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

    if (claim->fd > 0 && lock_path(claim->path, lock) == 0)
        unlink(lock);
    dz_claim_release(claim);
}
