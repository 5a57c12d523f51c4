/*
 * Reads and writes that are repeated after EINTR and after short transfers.
 */
#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

int dz_write(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Reads until size bytes have arrived or the file ends.  Returns their number, or -1
 * and sets errno. */
static ssize_t read_up_to(int fd, char *data, size_t size)
{
    size_t length = 0;

    while (length < size) {
        ssize_t n = read(fd, data + length, size - length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        length += (size_t)n;
    }
    return (ssize_t)length;
}

/*
 * Calls the kernel itself: on 32 bits the lseek(2) and pread(2) of glibc and musl take
 * offsets of different width.
 */
int64_t dz_seek(int fd, int64_t offset, int from)
{
#ifdef SYS__llseek
    int64_t now;
    long result = syscall(SYS__llseek, fd, (unsigned long)(offset >> 32),
                          (unsigned long)offset, &now, from);

    return result < 0 ? -1 : now;
#else
    return syscall(SYS_lseek, fd, (long)offset, from);
#endif
}

ssize_t dz_read_at(int fd, void *data, size_t size, int64_t at)
{
    return dz_seek(fd, at, SEEK_SET) < 0 ? -1 : read_up_to(fd, data, size);
}

ssize_t dz_read_file(const char *path, char *data, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return -1;
    while ((n = read(fd, data, size - 1)) < 0 && errno == EINTR)
        ;
    dz_close(fd);
    data[n > 0 ? n : 0] = '\0';
    return n;
}

void dz_close(int fd)
{
    int err = errno;

    close(fd);
    errno = err;
}

void dz_close_fd(int *fd)
{
    if (*fd >= 0)
        dz_close(*fd);
    *fd = -1;
}

int dz_dup2(int from, int to)
{
    int result;

    while ((result = dup2(from, to)) < 0 && (errno == EINTR || errno == EBUSY))
        ;
    return result;
}
