/*
 * The end of what a run has written to its log, for whoever reads why it failed.
 *
 * Read through the descriptor that was opened at the start, not by name: the
 * file may have been renamed, and a name may lead elsewhere.
 */
#include "job.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    BLOCK = 4096,
    MOST = 65536 /* bytes that are shown at most; then "..." stands before them */
};

/*
 * Read exactly size bytes from byte at on.  Whether all came.
 *
 * The system call is made directly: lseek(2) and pread(2) of the two libcs take
 * offsets of different width on 32 bits.
 */
static bool read_at(int fd, char *data, size_t size, int64_t at)
{
#ifdef SYS__llseek
    int64_t now;
    long result = syscall(SYS__llseek, fd, (unsigned long)(at >> 32), (unsigned long)at,
                          &now, SEEK_SET);
#else
    long result = syscall(SYS_lseek, fd, (long)at, SEEK_SET);
#endif

    while (result >= 0 && size > 0) {
        ssize_t n = read(fd, data, size);
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return result >= 0;
}

/* Where the last lines of from..end begin; *lines becomes their number. */
static int64_t find_start(int fd, int64_t from, int64_t end, int *lines)
{
    char data[BLOCK];
    int wanted = *lines;
    int64_t at = end;

    *lines = 0;
    while (at > from && end - at <= MOST) {
        size_t size = at - from > BLOCK ? BLOCK : (size_t)(at - from);
        at -= (int64_t)size;
        if (!read_at(fd, data, size, at))
            return end;
        for (size_t i = size; i-- > 0;) {
            /* The last byte ends the last line, if it is one at all. */
            if (data[i] != '\n' || at + (int64_t)i == end - 1)
                continue;
            if (++*lines == wanted)
                return at + (int64_t)i + 1;
        }
    }
    *lines += end > from;
    return at;
}

struct shown {
    int to;
    bool begun; /* the line has its blanks */
};

static void show(struct shown *shown, char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char *end;
        size_t length;
        if (!shown->begun)
            dz_write(shown->to, "  ", 2); /* nowhere to say that it fails */
        end = memchr(data + i, '\n', size - i);
        length = end != NULL ? (size_t)(end - data) - i : size - i;
        for (size_t at = i; at < i + length; at++)
            if (((unsigned char)data[at] < ' ' && data[at] != '\t') ||
                data[at] == '\177')
                data[at] = '?';
        dz_write(shown->to, data + i, length + (end != NULL));
        shown->begun = end == NULL;
        i += length;
    }
}

static void copy(int fd, int64_t at, int64_t end, int to)
{
    char data[BLOCK];
    struct shown shown = {.to = to};

    while (at < end) {
        size_t size = end - at > BLOCK ? BLOCK : (size_t)(end - at);
        if (!read_at(fd, data, size, at))
            break;
        show(&shown, data, size);
        at += (int64_t)size;
    }
    if (shown.begun)
        dz_write(to, "\n", 1);
}

int dz_tail(int log, int64_t from, int lines, int to)
{
    char path[40];
    struct dz_text text = dz_text(path, sizeof path);
    struct dz_stat about;
    int64_t start;
    int fd;

    dz_add(&text, "/proc/self/fd/");
    dz_add_number(&text, log);
    if (log < 0 || dz_stat(log, "", true, &about) < 0 || !S_ISREG(about.mode))
        return 0;
    fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    start = find_start(fd, from, (int64_t)about.size, &lines);
    if ((int64_t)about.size - start > MOST) {
        dz_write(to, "  ...\n", 6);
        start = (int64_t)about.size - MOST;
    }
    copy(fd, start, (int64_t)about.size, to);
    close(fd); /* read only: nothing can be lost */
    return lines;
}
