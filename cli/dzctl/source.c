/*
 * Copies a log to stdout.  If several are shown, whole lines are written, each with the
 * name of its job before it.
 */
#include "dzctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 65536 };

/* Adds bytes to the line that is begun.  Returns 0, or -1 and sets errno. */
static int add_to_line(struct source *source, const char *data, size_t size)
{
    if (source->room - source->length < size) {
        size_t room = 2 * (source->length + size);
        char *more = realloc(source->begun, room);
        if (more == NULL)
            return -1;
        source->begun = more;
        source->room = room;
    }
    if (size > 0)
        memcpy(source->begun + source->length, data, size);
    source->length += size;
    return 0;
}

/* Begins a line with the job's name.  Returns 0, or -1 and sets errno. */
static int begin_line(struct source *source)
{
    const char *name = source->choice->word;

    if (source->length > 0)
        return 0;
    return add_to_line(source, name, strlen(name)) < 0 ? -1
                                                       : add_to_line(source, ": ", 2);
}

static int write_line(struct source *source, bool *written)
{
    size_t length = source->length;

    source->length = 0;
    *written = length == 0 || dz_write(1, source->begun, length) == 0;
    return *written ? 0 : -1;
}

int end_begun_line(struct source *source, bool *written)
{
    if (source->length == 0)
        return 0;
    return add_to_line(source, "\n", 1) < 0 ? -1 : write_line(source, written);
}

/* Writes the whole lines in data, each with the name before it; keeps the rest. */
static int write_labelled(struct source *source, const char *data, size_t size,
                          bool *written)
{
    while (size > 0) {
        const char *newline = memchr(data, '\n', size);
        size_t length = newline != NULL ? (size_t)(newline - data) + 1 : size;
        if (begin_line(source) < 0 || add_to_line(source, data, length) < 0 ||
            (newline != NULL && write_line(source, written) < 0))
            return -1;
        data += length;
        size -= length;
    }
    return 0;
}

int copy_rest(struct source *source, bool *written)
{
    static char data[BLOCK]; /* too much for a small stack */
    ssize_t n;

    while ((n = read(source->fd, data, sizeof data)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (source->labelled) {
            if (write_labelled(source, data, (size_t)n, written) < 0)
                return -1;
        } else if (dz_write(1, data, (size_t)n) < 0) {
            *written = false;
            return -1;
        }
    }
    return 0;
}
