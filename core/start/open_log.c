/*
 * Opens the files that take the target's output.
 *
 * Invariants: nothing here blocks; a FIFO without a reader is an error, not a wait.
 * No file becomes the controlling terminal.  Each descriptor is close-on-exec.  No
 * symbolic link of another user is followed.
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 8 /* a log behind more links than this is a loop */ };

static const int append_flags =
    O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK | O_LARGEFILE | O_CLOEXEC;

/*
 * Reads the symbolic link name in dir into target if its owner is trusted.  An O_PATH
 * descriptor holds the link, so that the link that was checked is the one that is
 * read.  Returns 0, or -1 and sets errno: EPERM for another user's link.
 */
static int read_link(int dir, const char *name, bool trust_root, char target[PATH_MAX])
{
    struct dz_stat about;
    int link = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = -1;

    if (link < 0)
        return -1;
    if (dz_stat(link, "", false, &about) == 0) {
        if (about.uid != geteuid() && !(trust_root && about.uid == 0))
            errno = EPERM;
        else
            n = readlinkat(link, "", target, PATH_MAX);
    }
    dz_close(link);
    if (n == PATH_MAX)
        errno = ENAMETOOLONG;
    if (n < 0 || n == PATH_MAX)
        return -1;
    target[n] = '\0';
    return 0;
}

/*
 * Opens the directory that path is in, relative to dir, and points *name at the last
 * component.  Cuts path at the slash before that.
 */
static int open_parent(int dir, char *path, char **name)
{
    char *slash = strrchr(path, '/');

    *name = slash == NULL ? path : slash + 1;
    if (slash == NULL)
        return openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (slash == path)
        return open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    *slash = '\0';
    return openat(dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/*
 * Opens the file and sets *made if it is new, which O_EXCL tells.  The second open(2)
 * has O_CREAT although the file is there: the kernel's guard against files planted in
 * sticky directories, proc_sys_fs(5), acts on that flag alone.
 */
static int open_at(int dir, const char *name, mode_t mode, bool *made)
{
    int fd = openat(dir, name, append_flags | O_EXCL | O_NOFOLLOW, mode);
    struct dz_stat about;

    *made = fd >= 0;
    if (fd >= 0 || errno != EEXIST)
        return fd;
    fd = openat(dir, name, append_flags | O_NOFOLLOW, mode);
    if (fd >= 0 || errno != EACCES)
        return fd;
    /* For another user's link that guard answers EACCES, too. */
    errno =
        dz_stat(dir, name, false, &about) == 0 && S_ISLNK(about.mode) ? ELOOP : EACCES;
    return -1;
}

/* Follows the symbolic link path as long as the links' owners are trusted, and opens
 * the file behind it. */
static int open_behind_links(const char *path, mode_t mode, bool trust_root, bool *made)
{
    static char target[PATH_MAX]; /* not on a signal handler's stack; one at a time */
    char *name;
    int dir = AT_FDCWD;
    int fd = -1;
    struct dz_text text = dz_text(target, sizeof target);

    dz_add(&text, path); /* open(2) has taken it, so it fits */
    for (int links = 0; links <= LINKS_MAX; links++) {
        int next = open_parent(dir, target, &name);
        if (dir != AT_FDCWD)
            dz_close(dir);
        dir = next;
        if (dir < 0)
            return -1;
        if (dz_is_proc(dir)) {
            fd = openat(dir, name, append_flags & ~O_CREAT);
            break;
        }
        fd = open_at(dir, name, mode, made);
        if (fd >= 0 || errno != ELOOP)
            break;
        if (read_link(dir, name, trust_root, target) < 0)
            break;
        errno = ELOOP;
    }
    dz_close(dir);
    return fd;
}

int dz_open_append(const char *path, mode_t mode, bool trust_root, bool *made)
{
    int fd = open_at(AT_FDCWD, path, mode, made);

    if (fd < 0 && errno == ELOOP)
        fd = open_behind_links(path, mode, trust_root, made);
    return fd;
}

/*
 * Readies an opened log: O_NONBLOCK was for the opening alone.  A write of no bytes
 * asks a device whether it takes any; /dev/full answers ENOSPC.  Sets *about.
 */
static int ready(int fd, struct dz_stat *about)
{
    if (fcntl(fd, F_SETFL, O_APPEND) < 0 || dz_stat(fd, "", true, about) < 0 ||
        (!S_ISREG(about->mode) && write(fd, "", 0) < 0)) {
        dz_close(fd);
        return -1;
    }
    return fd;
}

int dz_reopen_log(const char *path, int fd)
{
    struct dz_stat old;
    struct dz_stat now;
    bool made;
    int flags;
    int result;
    int new;

    if (dz_stat(fd, "", true, &old) < 0)
        return -1;
    new = dz_open_append(path, old.mode & 0777, true, &made);
    if (new < 0 || (new = ready(new, &now)) < 0)
        return -1;
    /* The umask may have changed.  A file that is not ours keeps its mode. */
    if (made)
        fchmod(new, old.mode & 0777);
    flags = fcntl(fd, F_GETFD); /* the program may have made it close-on-exec */
    /* EBUSY: a race with open(2) in another thread, dup2(2). */
    while ((result = dup3(new, fd, flags > 0 ? O_CLOEXEC : 0)) < 0 &&
           (errno == EINTR || errno == EBUSY))
        ;
    dz_close(new);
    return result < 0 ? -1 : 0;
}

/* Returns the causes that err has when a log is opened, or NULL if the errno's own text
 * says them. */
static const char *reason_of(int err)
{
    switch (err) {
    case ENXIO:
        return "a socket, a FIFO without a reader, or a device that does not exist";
    case EPERM:
        return "a symbolic link of another user, or an immutable file";
    default:
        return NULL;
    }
}

static int open_named(const char *path, mode_t mode, bool trust_root,
                      struct dz_log *log)
{
    struct dz_stat about;
    bool made;
    int fd;

    if (dz_make_absolute(path, log->path) < 0)
        return -1;
    fd = dz_open_append(path, mode, trust_root, &made);
    if (fd >= 0)
        fd = ready(fd, &about);
    if (fd >= 0)
        log->size = (int64_t)about.size;
    return fd;
}

int dz_log_fault(struct dz_fault *fault, const char *step, const char *path,
                 const char *absolute, const char *reason)
{
    char directory[PATH_MAX];
    struct dz_text text = dz_text(directory, sizeof directory);
    struct dz_stat about;
    int err = errno;
    bool creates = err == ENOENT || err == EACCES || err == EROFS || err == ENOSPC ||
                   err == EDQUOT;
    const char *whole = strchr(path, '/') != NULL ? path : absolute;
    const char *slash = strrchr(whole, '/');

    if (!creates || slash == NULL || dz_stat(AT_FDCWD, path, false, &about) == 0)
        return dz_fault(fault, step, path, err, reason);
    dz_add_bytes(&text, whole, slash == whole ? 1 : (size_t)(slash - whole));
    return dz_fault(fault, step, directory, err, reason);
}

int dz_open_log(const char *path, const char *step, struct dz_log *log,
                struct dz_fault *fault)
{
    int fd = open_named(path, 0666, true, log);

    if (fd < 0)
        dz_log_fault(fault, step, path, log->path, reason_of(errno));
    return fd;
}

/*
 * Returns why the file open on fd is no default log of ours, or NULL.  In a directory
 * of other users it may be a FIFO that one of them reads, or a file that is theirs.  A
 * device is behind a link of our own (nohup.out -> /dev/null).
 */
static const char *distrust(int fd)
{
    struct dz_stat about;

    if (dz_stat(fd, "", true, &about) < 0)
        return NULL; /* the kernel has no such call; then links alone are checked */
    if (S_ISFIFO(about.mode))
        return "a FIFO";
    return S_ISREG(about.mode) && about.uid != geteuid() ? "a file of another user"
                                                         : NULL;
}

/* Opens the default log at path.  Returns the descriptor, or -1 and sets errno;
 * *refused is the reason if errno does not say it. */
static int open_default(const char *path, struct dz_log *log, const char **refused)
{
    int fd = open_named(path, 0600, false, log);

    *refused = fd < 0 ? reason_of(errno) : distrust(fd);
    if (fd >= 0 && *refused != NULL) {
        dz_close(fd);
        log->path[0] = '\0';
        errno = EPERM;
        return -1;
    }
    return fd;
}

const char *dz_default_log(const char *job, char room[DZ_LOG_NAME])
{
    struct dz_text text = dz_text(room, DZ_LOG_NAME);

    if (job == NULL)
        return "nohup.out";
    dz_add(&text, job);
    dz_add(&text, ".log");
    return room;
}

int dz_open_default_log(const char *job, char **envp, struct dz_log *log,
                        struct dz_fault *fault)
{
    char room[DZ_LOG_NAME];
    const char *name = dz_default_log(job, room);
    const char *refused;
    const char *home = dz_env(envp, "HOME");
    char path[PATH_MAX];
    struct dz_text text = dz_text(path, sizeof path);
    mode_t old = umask(0177); /* 0600 also if the caller's umask is stricter */
    int fd = open_default(name, log, &refused);
    int err = errno;

    log->refused = refused;

    if (fd < 0 && home != NULL && home[0] == '/') {
        if (dz_join(path, home, name) < 0)
            err = ENAMETOOLONG;
        else {
            fd = open_default(path, log, &refused);
            err = errno;
        }
    } else if (fd < 0) {
        dz_add(&text, name);
    }
    umask(old);
    errno = err;
    if (fd < 0)
        dz_log_fault(fault, "log", path, log->path, refused);
    return fd;
}
