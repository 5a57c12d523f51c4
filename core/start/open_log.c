/*
 * Opening the files that take the target's output.
 *
 * Invariants: nothing here blocks (a FIFO without a reader is an error, not a
 * wait), nothing becomes the controlling terminal, the descriptor is
 * close-on-exec, and a symbolic link planted by somebody else is not followed.
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
    LINKS_MAX = 8,            /* a log behind more links than this is a loop */
    PROC_SUPER_MAGIC = 0x9fa0 /* statfs(2) */
};

static const int append_flags =
    O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK | O_LARGEFILE | O_CLOEXEC;

/*
 * Read the symbolic link name in dir into target if its owner is trusted.  The
 * link is held by an O_PATH descriptor, so that what was checked is what is
 * read.
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
 * Open the folder that path is in, as seen from dir, and point *name at the
 * last component.  Cuts path at the slash before it.
 */
static int open_folder(int dir, char *path, char **name)
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
 * O_EXCL tells whether the file is new.  The second call has O_CREAT as well,
 * although the file is there: the kernel's guard against files and FIFOs
 * planted in sticky folders, proc_sys_fs(5), asks for it.
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
    /* The same guard answers so for somebody else's link there. */
    errno =
        dz_stat(dir, name, false, &about) == 0 && S_ISLNK(about.mode) ? ELOOP : EACCES;
    return -1;
}

/* Whether dir is in /proc, whose links are not paths but the files themselves. */
static bool is_proc(int dir)
{
    union {
        struct statfs about;
        char room[512]; /* the libcs differ in its size, not in the first field */
    } raw;

    return fstatfs(dir, &raw.about) == 0 && raw.about.f_type == PROC_SUPER_MAGIC;
}

/* path is a symbolic link: follow it as far as the links' owners are trusted. */
static int open_behind_links(const char *path, mode_t mode, bool trust_root, bool *made)
{
    static char target[PATH_MAX]; /* not on a signal handler's stack; one at a time */
    char *name;
    int dir = AT_FDCWD;
    int fd = -1;
    struct dz_text text = dz_text(target, sizeof target);

    dz_add(&text, path); /* it was opened: it is no longer than this */
    for (int links = 0; links <= LINKS_MAX; links++) {
        int next = open_folder(dir, target, &name);
        if (dir != AT_FDCWD)
            dz_close(dir);
        dir = next;
        if (dir < 0)
            return -1;
        if (is_proc(dir)) {
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
 * Readies an opened log: O_NONBLOCK was for the opening alone.  A write of no bytes asks
 * a device whether it takes any; /dev/full answers ENOSPC.  Sets *about.
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
    if (made) /* whatever the umask is by now; a file of ours, or it stays as it is */
        fchmod(new, old.mode & 0777);
    flags = fcntl(fd, F_GETFD); /* the program may have made it close-on-exec */
    /* EINTR and EBUSY (a race with open(2) in another thread): dup2(2). */
    while ((result = dup3(new, fd, flags > 0 ? O_CLOEXEC : 0)) < 0 &&
           (errno == EINTR || errno == EBUSY))
        ;
    dz_close(new);
    return result < 0 ? -1 : 0;
}

static const char *reason_of(int err)
{
    switch (err) {
    case ENXIO:
        return "a FIFO that nobody reads, or a device that is not there";
    case EPERM:
        return "a symbolic link that somebody else owns, or not permitted";
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

int dz_open_log(const char *path, const char *step, struct dz_log *log,
                struct dz_fault *fault)
{
    int fd = open_named(path, 0666, true, log);

    if (fd < 0)
        dz_fault(fault, step, path, errno, reason_of(errno));
    return fd;
}

int dz_open_default_log(char **envp, struct dz_log *log, struct dz_fault *fault)
{
    const char *home = dz_env(envp, "HOME");
    char path[PATH_MAX];
    struct dz_text text = dz_text(path, sizeof path);
    mode_t old = umask(0177); /* 0600, also where the caller's umask is stricter */
    int fd = open_named("nohup.out", 0600, false, log);
    int err = errno;

    if (fd < 0 && home != NULL && home[0] == '/') {
        dz_add(&text, home);
        dz_add(&text, "/nohup.out");
        if (text.cut)
            err = ENAMETOOLONG;
        else {
            fd = open_named(path, 0600, false, log);
            err = errno;
        }
    } else if (fd < 0) {
        dz_add(&text, "nohup.out");
    }
    umask(old);
    if (fd < 0)
        dz_fault(fault, "log", path, err, reason_of(err));
    return fd;
}
