/*
 * What a run has written to its log, for a user who wants to know why it failed.
 *
 * The first error is often the reason, and the last lines often are only its
 * consequences.  So the beginning and the end are shown.  The log is read through the
 * descriptor that was opened at the start: its name may lead to another file by now.
 */
#include "job.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BLOCK = 4096,
    LINE = 2048, /* bytes of a line that are shown */
    ALL = 25,    /* lines that are shown all; of more: */
    FIRST = 8,
    LAST = 16
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

/* ---- showing them ---- */

/* One line on its way to a descriptor. */
struct line {
    int to;
    bool begun;
    size_t length;
    int64_t left_out; /* bytes that did not fit */
    char text[LINE + 1];
};

/* Returns length, or less if a UTF-8 sequence would be cut there. */
static size_t whole_characters(const char *text, size_t length)
{
    size_t begin = length;

    while (begin > 0 && length - begin < 3 &&
           ((unsigned char)text[begin - 1] >> 6) == 2)
        begin--;
    if (begin == 0 || (unsigned char)text[begin - 1] < 0xc0)
        return length; /* no beginning of a sequence */
    unsigned char first = (unsigned char)text[begin - 1];
    size_t wanted = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    return length - begin + 1 < wanted ? begin - 1 : length;
}

/* Writes the line.  If that fails, there is nowhere to say so. */
static void end_line(struct line *line)
{
    char left_out[64] = "";
    struct dz_text text = dz_text(left_out, sizeof left_out);

    if (line->left_out > 0) {
        size_t whole = whole_characters(line->text, line->length);
        line->left_out += (int64_t)(line->length - whole);
        line->length = whole;
        dz_add(&text, " ... (");
        dz_add_number(&text, line->left_out);
        dz_add(&text, " bytes left out)");
    }
    dz_add(&text, "\n");
    dz_mask_controls(line->text, line->length);
    dz_write(line->to, "  ", 2);
    dz_write(line->to, line->text, line->length);
    dz_write(line->to, left_out, text.length);
    line->begun = false;
    line->length = 0;
    line->left_out = 0;
}

static void add_to_line(struct line *line, const char *data, size_t size)
{
    size_t room = LINE - line->length;
    size_t fits = size < room ? size : room;

    memcpy(line->text + line->length, data, fits);
    line->length += fits;
    line->left_out += (int64_t)(size - fits);
    line->begun = true;
}

/* Shows bytes from..end, but no more lines than that. */
static void show_lines(int fd, int64_t from, int64_t end, int lines, int to)
{
    char data[BLOCK];
    struct line line = {.to = to};

    while (from < end && lines > 0) {
        size_t size = end - from > BLOCK ? BLOCK : (size_t)(end - from);
        if (dz_read_at(fd, data, size, from) != (ssize_t)size)
            break; /* it has shrunk meanwhile */
        from += (int64_t)size;
        for (size_t at = 0; at < size && lines > 0; at++) {
            const char *newline = memchr(data + at, '\n', size - at);
            size_t length = newline != NULL ? (size_t)(newline - data) - at : size - at;
            add_to_line(&line, data + at, length);
            at += length;
            if (newline != NULL) {
                end_line(&line);
                lines--;
            }
        }
    }
    if (line.begun)
        end_line(&line);
}

/* Writes "  ... (9 lines left out)". */
static void show_gap(int64_t lines, int to)
{
    char words[64];
    struct dz_text text = dz_text(words, sizeof words);

    dz_add(&text, "  ... (");
    dz_add_number(&text, lines);
    dz_add(&text, lines == 1 ? " line left out)\n" : " lines left out)\n");
    dz_write(to, words, text.length);
}

static int show_run(int fd, int64_t from, int64_t end, int to)
{
    int lines = ALL + 1;
    int last = LAST;

    dz_find_lines(fd, from, end, INT64_MAX, &lines);
    if (lines <= ALL) {
        show_lines(fd, from, end, lines, to);
        return lines;
    }
    lines = INT_MAX;
    dz_find_lines(fd, from, end, INT64_MAX, &lines);
    show_lines(fd, from, end, FIRST, to);
    show_gap(lines - FIRST - LAST, to);
    from = dz_find_lines(fd, from, end, INT64_MAX, &last);
    show_lines(fd, from, end, LAST, to);
    return FIRST + LAST;
}

int dz_show_run(int log, int64_t from, int to)
{
    char path[40];
    struct dz_text text = dz_text(path, sizeof path);
    struct dz_stat about;
    int lines;
    int fd;

    dz_add(&text, "/proc/self/fd/");
    dz_add_number(&text, log);
    if (log < 0 || dz_stat(log, "", true, &about) < 0 || !S_ISREG(about.mode))
        return 0;
    fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    lines = show_run(fd, from, (int64_t)about.size, to);
    dz_close(fd);
    return lines;
}
