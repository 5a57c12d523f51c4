/*
 * Files that appear whole, made by one start at a time.
 *
 * A new file is made without a lock: it gets its name when it is whole.
 *
 * Invariants where FILE may exist: a process replaces or removes FILE only while it
 * holds the lock on ".FILE.new" in the directory of FILE.  That locked file is renamed
 * to FILE.  The lock is made by flock(2), so it belongs to the open file.  If a start
 * is killed, the kernel releases its lock.  A child shares the lock with its parent
 * until one of them unlocks.
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

/* Checks that fd is a regular file that we own and that has one name.  Returns 0, or -1
 * and sets errno. */
static int check_own(int fd, struct dz_stat *about)
{
    if (dz_stat(fd, "", true, about) < 0)
        return -1;
    if (S_ISREG(about->mode) && about->uid == geteuid() && about->links <= 1)
        return 0;
    errno = EPERM;
    return -1;
}

/*
 * Locks fd, or retries until the clock reaches until.  flock(2) has no timeout, and
 * alarm(2) belongs to the program.  Returns 0, or -1 and sets errno: EWOULDBLOCK if
 * another process holds the lock.
 */
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
 * Tells whether lock still names the file that we locked.  Another process may have
 * renamed or removed it before we locked it.  Returns 1, 0, or -1 and sets errno.
 */
static int is_current(const char *lock, const struct dz_stat *ours)
{
    struct dz_stat there;

    if (dz_stat(AT_FDCWD, lock, false, &there) < 0)
        return errno == ENOENT ? 0 : -1;
    return there.inode == ours->inode && there.device == ours->device;
}

/* Opens and locks the file.  Returns the descriptor, or -1 and sets errno.  Sets *again
 * if the caller has to try once more. */
static int try_lock(const char *lock, int64_t until, bool *again)
{
    /* Mode 0600: a user who can open a file can hold its lock. */
    const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    struct dz_stat ours;
    int fd = open(lock, flags | O_EXCL, 0600);
    bool made = fd >= 0; /* later: the file is ours, and a failure removes it */
    int current = 1;
    int result;

    *again = false;
    if (fd < 0 && errno == EEXIST)
        fd = open(lock, flags, 0600);
    if (fd == 0 && (fd = fcntl(0, F_DUPFD_CLOEXEC, 3)) != 0)
        dz_close(0); /* descriptor 0 stands for "no claim" */
    if (fd < 0)
        return -1;
    result = check_own(fd, &ours);
    if (result == 0) {
        result = lock_until(fd, until);
        if (result == 0)
            result = current = is_current(lock, &ours);
        /* A start that was killed may have written part of the file. */
        if (current > 0 && result >= 0)
            result = (int)syscall(SYS_ftruncate, fd, 0L); /* off_t: see dz_seek */
        *again = current == 0;
        /* We hold the lock, or the file system has no locks.  So the file is ours. */
        made = errno != EWOULDBLOCK;
    } else if (made) {
        int err = errno;
        made = flock(fd, LOCK_EX | LOCK_NB) == 0;
        errno = err;
    }
    if (result < 0 && made) {
        int err = errno;
        unlink(lock);
        errno = err;
    }
    if (result >= 0 && !*again)
        return fd;
    dz_close(fd);
    return -1;
}

static const char *refusal(int err)
{
    if (err == EPERM)
        return "another user owns it, or it is not a regular file with one name";
    return err == EWOULDBLOCK ? "another start has locked it for too long" : NULL;
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
    flock(claim->fd, LOCK_UN); /* unlocks the parent's copy too; cannot fail */
    close(claim->fd);
    claim->fd = 0;
}

int dz_claim_publish(struct dz_claim *claim, mode_t mode)
{
    char lock[PATH_MAX];
    int result = lock_path(claim->path, lock);

    /* A local file system reports a full disk at write(2).  NFS reports it at close(2)
     * or fsync(2).  fsync(2) would wait for the disk at each start, so we do without.
     */
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

/* ---- without a lock ---- */

int dz_unnamed_open(const char *directory)
{
    return open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

int dz_unnamed_link(int fd, const char *path)
{
    char link[40];
    struct dz_text text = dz_text(link, sizeof link);

    /* Needs CAP_DAC_READ_SEARCH before Linux 6.10: ENOENT without it. */
    if (linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH) == 0)
        return 0;
    if (errno == EEXIST)
        return -1;
    dz_add(&text, "/proc/self/fd/");
    dz_add_number(&text, fd);
    return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}
