/*
 * The calls of a parent that is about to exit, kept and then made.
 *
 * A file that it opens for writing is an empty one without a name meanwhile: perl has
 * a table of the descriptors' numbers, and python asks what is behind them.
 */
#include "base.h"
#include "nodaemon.h"

#include "registers.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    FIRST_FILE =
        0x40000000,   /* for kept.fd: above every limit of descriptors, NR_OPEN */
    HERE = -1,        /* offset: where the file is */
    CLOSE_ON_EXEC = 1 /* MFD_CLOEXEC */
};

/* Followed by length bytes: a path with its zero, or data. */
struct kept {
    enum { OPEN, WRITE } kind;
    int fd; /* OPEN: of the folder; WRITE: FIRST_FILE and on, 1 or 2 */
    int flags;
    int mode;
    int64_t offset;
    size_t length;
};

static bool keep(struct shim_trial *trial, const struct kept *kept, const void *data)
{
    size_t room = SHIM_KEPT - trial->size;
    char *at = trial->kept + trial->size;

    if (room < sizeof *kept || room - sizeof *kept < kept->length)
        return false;
    memcpy(at, kept, sizeof *kept);
    memcpy(at + sizeof *kept, data, kept->length);
    trial->size += sizeof *kept + kept->length;
    return true;
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

static bool keep_open(struct shim_trial *trial, int folder, const char *path, int flags,
                      int mode, long *result)
{
    struct kept kept = {.kind = OPEN, .fd = folder, .flags = flags, .mode = mode};

    if ((flags & O_ACCMODE) == O_RDONLY || trial->files == SHIM_FILES)
        return false; /* it wants to read: more than a last word */
    kept.length = strlen(path) + 1;
    *result = trial->given[trial->files++];
    return keep(trial, &kept, path);
}

/* A file that is open already, haproxy's pidfile: nobody waits for what is in it. */
static bool is_regular(int fd)
{
    struct dz_stat about;

    return dz_stat(fd, "", true, &about) == 0 && S_ISREG(about.mode);
}

static bool keep_write(struct shim_trial *trial, int fd, int64_t offset,
                       const struct iovec *parts, size_t count, long *result)
{
    int file = fd;

    for (int i = 0; i < trial->files; i++)
        if (trial->given[i] == fd)
            file = FIRST_FILE + i;
    if (file != 1 && file != 2 && file < FIRST_FILE && !is_regular(file))
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

bool shim_keep_call(struct shim_trial *trial, int call, const ucontext_t *context,
                    long *result)
{
    uintptr_t arguments[5];

    for (int i = 0; i < 5; i++)
        arguments[i] = shim_argument(context, i);
    int fd = (int)arguments[0];
    struct iovec one = {(void *)arguments[1],
                        arguments[2]}; /* NOLINT: from a register */

    if (call == SYS_openat)
        return keep_open(trial, fd, (const char *)arguments[1], (int)arguments[2],
                         (int)arguments[3], result);
    if (call == SHIM_SYS_OPEN)
        return keep_open(trial, AT_FDCWD, (const char *)arguments[0], (int)arguments[1],
                         (int)arguments[2], result);
    if (call == SYS_write)
        return keep_write(trial, fd, HERE, &one, 1, result);
    if (call == SYS_pwrite64)
        return keep_write(trial, fd, shim_offset(arguments[3], arguments[4]), &one, 1,
                          result);
    if (call == SYS_writev)
        return keep_write(trial, fd, HERE, (const struct iovec *)arguments[1],
                          arguments[2], result);
    return false;
}

/* fd is a descriptor by now, or -1 where its file could not be opened. */
static void write_kept(int fd, const struct kept *kept, const char *data)
{
    if (fd < 0)
        return;
    off_t before = kept->offset == HERE ? 0 : lseek(fd, 0, SEEK_CUR);
    if (kept->offset != HERE && lseek(fd, (off_t)kept->offset, SEEK_SET) < 0)
        return;
    dz_write(fd, data, kept->length);
    if (kept->offset != HERE)
        lseek(fd, before, SEEK_SET); /* pwrite(2) leaves it where it was */
}

void shim_do_calls(const struct shim_trial *trial)
{
    int files[SHIM_FILES];
    int opened = 0;

    for (size_t at = 0; at < trial->size;) {
        struct kept kept;
        memcpy(&kept, trial->kept + at, sizeof kept);
        at += sizeof kept;
        if (kept.kind == OPEN)
            files[opened++] = openat(kept.fd, trial->kept + at, kept.flags | O_CLOEXEC,
                                     (mode_t)kept.mode);
        else
            write_kept(kept.fd >= FIRST_FILE ? files[kept.fd - FIRST_FILE] : kept.fd,
                       &kept, trial->kept + at);
        at += kept.length;
    }
    while (opened-- > 0)
        if (files[opened] >= 0)
            close(files[opened]); /* see the header */
}
