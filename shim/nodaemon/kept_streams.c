/*
 * --no-daemon: what a daemon sends to /dev/null goes to the log.
 *
 * A program that makes itself a daemon puts /dev/null on its stdout and stderr.  What
 * it prints from then on would be lost.  Here the stream stays what it was, whether the
 * program calls dup2(2), freopen(3), or close(2) and open(2).  Between close and open a
 * copy of the descriptor is kept.  If the program puts any other file on a stream, the
 * stream is the program's own from then on.
 */
#include "nodaemon.h"

#include "shim.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FIRST_COPY = 10 /* a copy's number, at least: programs expect the low ones */ };

static bool wanted;
static pid_t daemon_pid; /* the process whose streams stay; 0: none yet */
static bool kept;        /* one of them has been kept from /dev/null */

static struct stream {
    bool own; /* the program has put a file of its own there */
    int copy; /* of what was there, while it is closed; 0: none */
} streams[3]; /* [1] and [2] */

void shim_keep_streams(void)
{
    wanted = true;
}

void shim_detached(void)
{
    if (wanted)
        daemon_pid = getpid();
}

static void drop_copy(struct stream *stream)
{
    if (stream->copy > 0)
        dz_close(stream->copy);
    stream->copy = 0;
}

void shim_streams_forked(bool is_worker)
{
    if (daemon_pid == 0)
        return;
    daemon_pid = is_worker || kept ? 0 : getpid();
    if (daemon_pid == 0)
        for (int fd = 1; fd <= 2; fd++)
            drop_copy(&streams[fd]);
}

/* Returns whether stream fd of this process is to stay what it was. */
static bool stays(int fd)
{
    return __builtin_expect(daemon_pid != 0, 0) && (fd == 1 || fd == 2) &&
           !streams[fd].own && getpid() == daemon_pid;
}

static bool is_null(int fd)
{
    struct dz_stat null;
    struct dz_stat about;

    return dz_stat(fd, "", true, &about) == 0 &&
           dz_stat(AT_FDCWD, "/dev/null", true, &null) == 0 &&
           dz_same_file(&null, &about);
}

/* The program wants /dev/null as stream fd: puts back what was there, if it is closed.
 */
static void keep_stream(int fd)
{
    kept = true;
    if (streams[fd].copy > 0 && dz_dup2(streams[fd].copy, fd) == fd)
        drop_copy(&streams[fd]);
}

/* The program has put another file there. */
static void give_stream(int fd)
{
    streams[fd].own = true;
    drop_copy(&streams[fd]);
}

/* A call that opens the lowest descriptor that is free has returned fd. */
static void look_at_new(int fd)
{
    if (!stays(fd))
        return;
    if (is_null(fd))
        keep_stream(fd);
    else
        give_stream(fd);
}

/* The program closes fd. */
static void copy_stream(int fd)
{
    if (stays(fd) && streams[fd].copy == 0 && !is_null(fd)) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_COPY);
        streams[fd].copy = copy > 0 ? copy : 0;
    }
}

static bool is_copy(int fd)
{
    return __builtin_expect(daemon_pid != 0, 0) && fd > 0 &&
           (fd == streams[1].copy || fd == streams[2].copy) && getpid() == daemon_pid;
}

/* ---- one descriptor ---- */

SHIM_EXPORT int dup2(int from, int to)
{
    bool looks = from != to && stays(to) && fcntl(from, F_GETFD) >= 0;
    int result;

    if (looks && is_null(from)) {
        keep_stream(to);
        return to;
    }
    result = ((int (*)(int, int))shim_next(SHIM_DUP2))(from, to);
    if (looks && result == to)
        give_stream(to);
    return result;
}

SHIM_EXPORT int dup3(int from, int to, int flags)
{
    bool looks = from != to && stays(to) && fcntl(from, F_GETFD) >= 0;
    int result;

    if (looks && is_null(from)) {
        keep_stream(to);
        return to;
    }
    result = ((int (*)(int, int, int))shim_next(SHIM_DUP3))(from, to, flags);
    if (looks && result == to)
        give_stream(to);
    return result;
}

SHIM_EXPORT int dup(int from)
{
    int fd = ((int (*)(int))shim_next(SHIM_DUP))(from);

    look_at_new(fd);
    return fd;
}

static int open_next(const char *path, int flags, mode_t mode)
{
    int fd = ((int (*)(const char *, int, ...))shim_next(SHIM_OPEN))(path, flags, mode);

    look_at_new(fd);
    return fd;
}

/* Returns whether an open with these flags has a mode. */
static bool has_mode(int flags)
{
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

SHIM_EXPORT int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list list;

    va_start(list, flags);
    if (has_mode(flags))
        mode = va_arg(list, mode_t);
    va_end(list);
    return open_next(path, flags, mode);
}

#undef open64 /* a macro of musl's headers */
SHIM_EXPORT int open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list list;

    va_start(list, flags);
    if (has_mode(flags))
        mode = va_arg(list, mode_t);
    va_end(list);
    return open_next(path, flags | O_LARGEFILE, mode);
}

SHIM_EXPORT int close(int fd)
{
    if (is_copy(fd)) {
        errno = EBADF; /* to the program that number is not open */
        return -1;
    }
    copy_stream(fd);
    return ((int (*)(int))shim_next(SHIM_CLOSE))(fd);
}

/* ---- many at once ---- */

static int close_piece(unsigned first, unsigned last, int flags)
{
    if (first > last)
        return 0;
    if (flags == 0)
        return dz_close_between((int)first, last > INT_MAX ? INT_MAX : (int)last);
    return (int)syscall(DZ_SYS_CLOSE_RANGE, first, last, flags);
}

/* Does what close_range(2) does, but for the copies. */
static int close_around(unsigned first, unsigned last, int flags)
{
    unsigned low = (unsigned)streams[1].copy;
    unsigned high = (unsigned)streams[2].copy;

    if (low > high) {
        low = high;
        high = (unsigned)streams[1].copy;
    }
    for (int i = 0; i < 2; i++) {
        unsigned copy = i == 0 ? low : high;
        if (copy == 0 || copy < first || copy > last)
            continue;
        if (close_piece(first, copy - 1, flags) < 0)
            return -1;
        first = copy + 1;
    }
    return close_piece(first, last, flags);
}

/* Not every libc has it. */
SHIM_EXPORT int close_range(unsigned first, unsigned last, int flags);
SHIM_EXPORT int close_range(unsigned first, unsigned last, int flags)
{
    if (!stays(1) && !stays(2))
        return (int)syscall(DZ_SYS_CLOSE_RANGE, first, last, flags);
    for (unsigned fd = 1; fd <= 2; fd++)
        if (fd >= first && fd <= last && (flags & DZ_CLOSE_RANGE_CLOEXEC) == 0)
            copy_stream((int)fd);
    return close_around(first, last, flags);
}

SHIM_EXPORT void closefrom(int first);
SHIM_EXPORT void closefrom(int first)
{
    unsigned from = first < 0 ? 0 : (unsigned)first;

    for (unsigned fd = 1; fd <= 2; fd++)
        if (fd >= from)
            copy_stream((int)fd);
    if (close_around(from, INT_MAX, 0) < 0)
        __builtin_trap(); /* as glibc, whose closefrom(3) does not fail */
}

/* ---- stdio ---- */

/* Their types are the libc's own; both libcs have these names. */
extern void *stdout;
extern void *stderr;

SHIM_EXPORT int fclose(void *file);
SHIM_EXPORT int fclose(void *file)
{
    if (file == stdout || file == stderr)
        copy_stream(file == stdout ? 1 : 2);
    return ((int (*)(void *))shim_next(SHIM_FCLOSE))(file);
}

static void *reopen(enum shim_next which, const char *path, const char *mode,
                    void *file)
{
    void *(*next)(const char *, const char *, void *) =
        (void *(*)(const char *, const char *, void *))shim_next(which);
    int fd = file == stdout ? 1 : 2;
    bool looks = (file == stdout || file == stderr) && stays(fd);
    void *result;

    if (looks && path != NULL && strcmp(path, "/dev/null") == 0) {
        keep_stream(fd);
        return file;
    }
    result = next(path, mode, file);
    if (looks && result != NULL && path != NULL)
        give_stream(fd);
    return result;
}

/* FILE of stdio.h is a pointer's target alone here. */
SHIM_EXPORT void *freopen(const char *path, const char *mode, void *file);
SHIM_EXPORT void *freopen(const char *path, const char *mode, void *file)
{
    return reopen(SHIM_FREOPEN, path, mode, file);
}

SHIM_EXPORT void *freopen64(const char *path, const char *mode, void *file);
SHIM_EXPORT void *freopen64(const char *path, const char *mode, void *file)
{
    return reopen(SHIM_FREOPEN64, path, mode, file);
}
