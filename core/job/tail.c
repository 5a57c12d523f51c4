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
#include <unistd.h>

enum {
    BLOCK = 4096,
    MOST = 65536 /* bytes that are shown at most; then "..." stands before them */
};

int64_t dz_find_lines(int fd, int64_t from, int64_t end, int64_t most, int *lines)
{
    char data[BLOCK];
    int wanted = *lines;
    int64_t at = end;

    *lines = 0;
    if (wanted == 0)
        return end;
    while (at > from && end - at <= most) {
        size_t size = at - from > BLOCK ? BLOCK : (size_t)(at - from);
        at -= (int64_t)size;
        if (dz_read_at(fd, data, size, at) != (ssize_t)size)
            return at; /* it has shrunk meanwhile */
        for (size_t i = size; i-- > 0;) {
            /* The last byte ends the last line, if it is a newline at all. */
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
        if (dz_read_at(fd, data, size, at) != (ssize_t)size)
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
    start = dz_find_lines(fd, from, (int64_t)about.size, MOST, &lines);
    if ((int64_t)about.size - start > MOST) {
        dz_write(to, "  ...\n", 6);
        start = (int64_t)about.size - MOST;
    }
    copy(fd, start, (int64_t)about.size, to);
    close(fd); /* read only: nothing can be lost */
    return lines;
}
