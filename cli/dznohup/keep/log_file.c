/*
 * The log of a pump: a regular file that it appends to, or a stream that it was given.
 */
#include "pump.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int output_look(struct output *output)
{
    struct stat about;

    if (fstat(output->fd, &about) < 0)
        return -1;
    output->regular = S_ISREG(about.st_mode);
    output->size = about.st_size;
    output->inode = about.st_ino;
    output->device = about.st_dev;
    return 0;
}

int output_reopen(struct output *output)
{
    if (output->path[0] == '\0')
        return 0;
    if (dz_reopen_log(output->path, output->fd) < 0)
        return -1;
    return output_look(output);
}

/* Returns the size of what both begin with. */
static size_t common(const char *one, const char *other, size_t size)
{
    size_t n = 0;

    while (n < size && one[n] == other[n])
        n++;
    return n;
}

/* Opens the file that the batch was written to: the log, or the one that it has become
 * by a rotation.  Returns the descriptor, or -1. */
static int open_written(const struct output *output, const struct batch *batch)
{
    static const char *const suffixes[] = {"", ".1"};
    char path[PATH_MAX];
    struct stat about;

    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        struct dz_text text = dz_text(path, sizeof path);
        dz_add(&text, output->path);
        dz_add(&text, suffixes[i]);
        int fd =
            text.cut ? -1 : open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (fstat(fd, &about) == 0 && about.st_ino == batch->inode &&
            about.st_dev == batch->device)
            return fd;
        close(fd);
    }
    return -1;
}

size_t output_written(const struct output *output, const struct batch *batch,
                      const char *text, size_t size)
{
    char part[4096];
    size_t written = 0;
    int fd =
        batch->inode != 0 && output->path[0] != '\0' ? open_written(output, batch) : -1;

    if (fd < 0)
        return 0; /* nothing is known: a line may come twice, none is lost */
    while (written < size) {
        size_t want = size - written < sizeof part ? size - written : sizeof part;
        ssize_t n = dz_read_at(fd, part, want, batch->size + (int64_t)written);
        size_t same = n > 0 ? common(part, text + written, (size_t)n) : 0;
        written += same;
        if (same < want)
            break;
    }
    close(fd);
    return written;
}
