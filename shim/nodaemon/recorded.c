/*
 * The calls of a parent that is about to exit: recorded in the copy, then made.
 *
 * A call is answered as the kernel would answer it, with the same errors: an open with
 * O_EXCL fails if the file exists.  If the parent opens a file for writing, it gets a
 * descriptor of an empty file without a name: perl has a table of descriptors by
 * number, and python asks what each is open on.
 */
#include "base.h"
#include "nodaemon.h"

#include "registers.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    FIRST_FILE =
        0x40000000,    /* for kept.fd: above every limit of descriptors, NR_OPEN */
    HERE = -1,         /* offset: where the file is */
    CLOSE_ON_EXEC = 1, /* MFD_CLOEXEC */
    EFFECTIVE = 0x200  /* AT_EACCESS */
};

/* Followed by length bytes: a path with its zero, two of them, or data. */
struct kept {
    enum { OPEN, WRITE, TRUNCATE, CHMOD, SYNC, UMASK, UNLINK, RENAME } kind;
    int fd;         /* of the directory; of the file: FIRST_FILE and on, or a number */
    int second;     /* RENAME: the other directory */
    int flags;      /* OPEN */
    int mode;       /* OPEN, CHMOD, UMASK */
    int64_t offset; /* WRITE, TRUNCATE */
    size_t length;
};

static bool keep(struct shim_trial *trial, const struct kept *kept, const void *data)
{
    size_t room = SHIM_KEPT - trial->size;
    char *at = trial->kept + trial->size;

    if (room < sizeof *kept || room - sizeof *kept < kept->length)
        return false;
    memcpy(at, kept, sizeof *kept);
    if (kept->length > 0)
        memcpy(at + sizeof *kept, data, kept->length);
    trial->size += sizeof *kept + kept->length;
    return true;
}

/* Copies the record at this place of trial->kept to *kept.  Returns its data, and moves
 * *place behind it. */
static const char *next_kept(const struct shim_trial *trial, size_t *place,
                             struct kept *kept)
{
    const char *at = trial->kept + *place;

    memcpy(kept, at, sizeof *kept);
    *place += sizeof *kept + kept->length;
    return at + sizeof *kept;
}

bool shim_give_files(struct shim_trial *trial)
{
    for (int i = 0; i < SHIM_FILES; i++) {
        trial->given[i] = (int)syscall(SYS_memfd_create, "", CLOSE_ON_EXEC);
        if (trial->given[i] < 0)
            return false;
    }
    return true;
}

/* ---- what the kernel would answer ---- */

static bool is_same_path(int one, const char *path, int other, const char *name)
{
    return strcmp(path, name) == 0 && (*path == '/' || one == other);
}

/* Fills *about with what is at path, after the calls recorded so far.  Returns 0, or an
 * errno.  A file that they make is a regular one. */
static int look_at_path(const struct shim_trial *trial, int directory, const char *path,
                        bool follow, struct dz_stat *about)
{
    int err = dz_stat(directory, path, follow, about) == 0 ? 0 : errno;

    for (size_t place = 0; place < trial->size;) {
        struct kept kept;
        const char *name = next_kept(trial, &place, &kept);
        bool same = (kept.kind == OPEN || kept.kind == UNLINK || kept.kind == RENAME) &&
                    is_same_path(directory, path, kept.fd, name);
        if (same && kept.kind == OPEN && err == ENOENT) {
            *about = (struct dz_stat){.mode = S_IFREG};
            err = 0;
        } else if (same && kept.kind != OPEN) {
            err = ENOENT;
        }
        if (kept.kind == RENAME &&
            is_same_path(directory, path, kept.second, name + strlen(name) + 1)) {
            *about = (struct dz_stat){.mode = S_IFREG};
            err = 0;
        }
    }
    return err;
}

/* Returns 0 if path may be written, or an errno. */
static int check_access(int directory, const char *path, int mode)
{
    if (syscall(DZ_SYS_FACCESSAT2, directory, path, mode, EFFECTIVE) == 0)
        return 0;
    if (errno != ENOSYS && errno != EPERM)
        return errno;
    return syscall(SYS_faccessat, directory, path, mode) == 0 ? 0 : errno;
}

/* Returns 0 if a name may be added to, or removed from, the directory that path is in;
 * or an errno. */
static int check_parent(int directory, const char *path)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;

    if (length >= sizeof parent)
        return ENAMETOOLONG;
    memcpy(parent, path, length);
    parent[length] = '\0';
    return check_access(directory, length > 0 ? parent : ".", W_OK | X_OK);
}

static int check_open(const struct shim_trial *trial, int directory, const char *path,
                      int flags)
{
    bool alone = (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0;
    bool follow = !alone && (flags & O_NOFOLLOW) == 0;
    struct dz_stat about;
    int err = look_at_path(trial, directory, path, follow, &about);

    if (err == ENOENT && (flags & O_CREAT) != 0)
        return check_parent(directory, path);
    if (err != 0)
        return err;
    if (alone)
        return EEXIST;
    if (S_ISLNK(about.mode))
        return ELOOP;
    if (S_ISDIR(about.mode))
        return EISDIR;
    if (about.inode == 0) /* made by a call that is recorded */
        return 0;
    return check_access(directory, path, W_OK);
}

/* ---- recording ---- */

/* From 3.12 on, Python counts its threads there after each fork, to warn of them.  If
 * it cannot open the file, it goes on with the threads that it knows of. */
static const char THREAD_COUNT[] = "/proc/self/stat";

static bool keep_open(struct shim_trial *trial, int directory, const char *path,
                      int flags, int mode, long *result)
{
    struct kept kept = {.kind = OPEN, .fd = directory, .flags = flags, .mode = mode};
    struct dz_stat about;

    if ((flags & O_ACCMODE) == O_RDONLY && strcmp(path, THREAD_COUNT) == 0) {
        *result = -ENOENT;
        return true;
    }
    if ((flags & O_ACCMODE) == O_RDONLY || trial->files == SHIM_FILES)
        return false; /* a parent that reads does more than exit */
    /* To open a FIFO may take for ever, and tells its reader. */
    if (dz_stat(directory, path, true, &about) == 0 && S_ISFIFO(about.mode))
        return false;
    *result = -check_open(trial, directory, path, flags);
    if (*result < 0)
        return true;
    kept.length = strlen(path) + 1;
    *result = trial->given[trial->files++];
    return keep(trial, &kept, path);
}

/* Returns what stands in kept.fd for a file that may be written, or -1.  The file may
 * have been open before, as haproxy's pidfile: no process waits for its contents. */
static int file_of(const struct shim_trial *trial, int fd, bool streams)
{
    struct dz_stat about;

    for (int i = 0; i < trial->files; i++)
        if (trial->given[i] == fd)
            return FIRST_FILE + i;
    if (streams && (fd == 1 || fd == 2))
        return fd;
    return dz_stat(fd, "", true, &about) == 0 && S_ISREG(about.mode) ? fd : -1;
}

static bool keep_write(struct shim_trial *trial, int fd, int64_t offset,
                       const struct iovec *parts, size_t count, long *result)
{
    int file = file_of(trial, fd, true);

    if (file < 0)
        return false;
    *result = 0;
    for (size_t i = 0; i < count; i++) {
        struct kept kept = {.kind = WRITE, .fd = file, .length = parts[i].iov_len};
        kept.offset = offset == HERE ? HERE : offset + *result;
        if (!keep(trial, &kept, parts[i].iov_base))
            return false;
        *result += (long)parts[i].iov_len;
    }
    return true;
}

/* Keeps a call about an open file that has no data. */
static bool keep_change(struct shim_trial *trial, struct kept kept, long *result)
{
    kept.fd = file_of(trial, kept.fd, false);
    *result = 0;
    return kept.fd >= 0 && keep(trial, &kept, NULL);
}

static bool keep_umask(struct shim_trial *trial, int mode, long *result)
{
    const struct kept kept = {.kind = UMASK, .mode = mode};

    *result = trial->umask;
    trial->umask = mode & 0777;
    return keep(trial, &kept, NULL);
}

static bool keep_unlink(struct shim_trial *trial, int directory, const char *path,
                        long *result)
{
    struct kept kept = {.kind = UNLINK, .fd = directory, .length = strlen(path) + 1};
    struct dz_stat about;
    int err = look_at_path(trial, directory, path, false, &about);

    if (err == 0 && S_ISDIR(about.mode))
        return false;
    if (err == 0)
        err = check_parent(directory, path);
    *result = -err;
    return err != 0 || keep(trial, &kept, path);
}

static bool keep_rename(struct shim_trial *trial, int directory, const char *path,
                        int second, const char *to, long *result)
{
    char names[2 * PATH_MAX];
    struct dz_text text = dz_text(names, sizeof names);
    struct kept kept = {.kind = RENAME, .fd = directory, .second = second};
    struct dz_stat about;
    int err = look_at_path(trial, directory, path, false, &about);

    if (err == 0 && !S_ISREG(about.mode))
        return false;
    if (err == 0)
        err = check_parent(directory, path);
    if (err == 0)
        err = check_parent(second, to);
    *result = -err;
    if (err != 0)
        return true;
    if (look_at_path(trial, second, to, false, &about) == 0 && S_ISDIR(about.mode))
        return false;
    dz_add(&text, path);
    dz_add_char(&text, '\0');
    dz_add(&text, to);
    kept.length = text.length + 1;
    return !text.cut && keep(trial, &kept, names);
}

/* Calls about an open file. */
static bool keep_file_call(struct shim_trial *trial, int call,
                           const uintptr_t arguments[5], long *result)
{
    struct kept kept = {.fd = (int)arguments[0]};

    switch (call) {
    case SYS_fsync:
    case SYS_fdatasync:
        kept.kind = SYNC;
        break;
    case SYS_fchmod:
        kept.kind = CHMOD;
        kept.mode = (int)arguments[1];
        break;
    case SYS_ftruncate:
        kept.kind = TRUNCATE;
        kept.offset = (intptr_t)arguments[1];
        break;
    case SHIM_SYS_FTRUNCATE64:
        kept.kind = TRUNCATE;
        kept.offset = shim_offset(arguments[1], arguments[2]);
        break;
    default:
        return false;
    }
    return keep_change(trial, kept, result);
}

bool shim_keep_call(struct shim_trial *trial, int call, const ucontext_t *context,
                    long *result)
{
    uintptr_t arguments[5];

    for (int i = 0; i < 5; i++)
        arguments[i] = shim_argument(context, i);
    int fd = (int)arguments[0];
    const char *path = (const char *)arguments[0]; /* NOLINT: from a register */
    const char *second = (const char *)arguments[1];
    struct iovec one = {(void *)arguments[1],
                        arguments[2]}; /* NOLINT: from a register */

    switch (call) {
    case SYS_openat:
        return keep_open(trial, fd, second, (int)arguments[2], (int)arguments[3],
                         result);
    case SYS_write:
        return keep_write(trial, fd, HERE, &one, 1, result);
    case SYS_pwrite64:
        return keep_write(trial, fd, shim_offset(arguments[3], arguments[4]), &one, 1,
                          result);
    case SYS_writev:
        return keep_write(trial, fd, HERE, (const struct iovec *)arguments[1],
                          arguments[2], result);
    case SYS_umask:
        return keep_umask(trial, fd, result);
    case SYS_unlinkat:
        return arguments[2] == 0 && keep_unlink(trial, fd, second, result);
    case SYS_renameat2:
        if (arguments[4] != 0)
            return false;
        return keep_rename(trial, fd, second, (int)arguments[2],
                           (const char *)arguments[3], result);
    default:
        break;
    }
    /* Each of these is a call of its own, or -1. */
    if (call == SHIM_SYS_OPEN)
        return keep_open(trial, AT_FDCWD, path, (int)arguments[1], (int)arguments[2],
                         result);
    if (call == SHIM_SYS_CREAT)
        return keep_open(trial, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC,
                         (int)arguments[1], result);
    if (call == SHIM_SYS_UNLINK)
        return keep_unlink(trial, AT_FDCWD, path, result);
    if (call == SHIM_SYS_RENAME)
        return keep_rename(trial, AT_FDCWD, path, AT_FDCWD, second, result);
    return keep_file_call(trial, call, arguments, result);
}

/* ---- making them ---- */

/* fd is a descriptor by now, or -1 if its file could not be opened.  pwrite(2) of the
 * two libcs takes offsets of different width on 32 bits.  So dz_seek moves the file's
 * position, and puts it back as pwrite(2) leaves it. */
static void write_kept(int fd, const struct kept *kept, const char *data)
{
    int64_t before = 0;

    if (kept->offset != HERE && ((before = dz_seek(fd, 0, SEEK_CUR)) < 0 ||
                                 dz_seek(fd, kept->offset, SEEK_SET) < 0))
        return;
    dz_write(fd, data, kept->length);
    if (kept->offset != HERE)
        dz_seek(fd, before, SEEK_SET);
}

static void truncate_file(int fd, int64_t length)
{
    if (SHIM_SYS_FTRUNCATE64 != -1)
        syscall(SHIM_SYS_FTRUNCATE64, fd, (unsigned long)length,
                (unsigned long)(length >> 32));
    else
        syscall(SYS_ftruncate, fd, length);
}

/* Makes a call about a file, or about names. */
static void make_call(int fd, const struct kept *kept, const char *data)
{
    switch (kept->kind) {
    case WRITE:
        write_kept(fd, kept, data);
        return;
    case TRUNCATE:
        truncate_file(fd, kept->offset);
        return;
    case CHMOD:
        fchmod(fd, (mode_t)kept->mode);
        return;
    case SYNC:
        syscall(SYS_fsync, fd);
        return;
    case UNLINK:
        unlinkat(kept->fd, data, 0);
        return;
    case RENAME:
        syscall(SYS_renameat2, kept->fd, data, kept->second, data + strlen(data) + 1,
                0);
        return;
    case UMASK:
    case OPEN:
        return;
    }
}

void shim_do_calls(const struct shim_trial *trial)
{
    int files[SHIM_FILES];
    int opened = 0;
    int before = -1; /* the umask, which the parent changes for itself alone */

    for (size_t place = 0; place < trial->size;) {
        struct kept kept;
        const char *data = next_kept(trial, &place, &kept);
        if (kept.kind == OPEN) {
            files[opened++] =
                openat(kept.fd, data, kept.flags | O_CLOEXEC, (mode_t)kept.mode);
        } else if (kept.kind == UMASK) {
            int old = (int)umask((mode_t)kept.mode);
            before = before < 0 ? old : before;
        } else {
            make_call(kept.fd >= FIRST_FILE ? files[kept.fd - FIRST_FILE] : kept.fd,
                      &kept, data);
        }
    }
    if (before >= 0)
        umask((mode_t)before);
    while (opened-- > 0)
        if (files[opened] >= 0)
            dz_close(files[opened]);
}
