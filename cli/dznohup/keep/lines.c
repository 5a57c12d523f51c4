/*
 * From bytes to lines, and from lines to what is written of them.
 *
 * Invariant: the same bytes, prefix, stop and soft give the same text.  A keeper that
 * goes on for a killed one relies on that.
 */
#include "pump.h"

#include <string.h>

/* What the two pieces of a line that is too long say. */
static const char continued[64] = "[line continued] ";
static const char continues[64] = " [line continues]";

/* A line, or a piece of one, without its newline. */
struct line {
    const char *text;
    size_t length;
    size_t eaten; /* with the newline */
    bool cut;     /* the line goes on behind this piece */
};

enum { BLOCK = 16 };

/* Returns whether a newline is among the next 16 bytes, all looked at at once: musl's
 * memchr(3) takes three times as long. */
static bool has_newline(const char *text)
{
    typedef unsigned char block __attribute__((vector_size(BLOCK)));
    uint64_t halves[2];
    block bytes;

    memcpy(&bytes, text, sizeof bytes);
    bytes = (block)(bytes == '\n'); /* all bits of each byte that is one */
    memcpy(halves, &bytes, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}

/* Returns where the first newline is, or most if it is not before that.  Reads up to 15
 * bytes behind most. */
static size_t find_newline(const char *text, size_t most)
{
    size_t i = 0;

    while (i < most && !has_newline(text + i))
        i += BLOCK;
    while (i < most && text[i] != '\n')
        i++;
    return i < most ? i : most;
}

/* Copies a line of at most most bytes with its newline, and up to 15 bytes more behind
 * it.  Returns its length, or 0 if it is longer. */
static size_t copy_line(char *out, const char *text, size_t most)
{
    for (size_t i = 0; i < most; i += BLOCK) {
        memcpy(out + i, text + i, BLOCK);
        if (!has_newline(text + i))
            continue;
        while (i < most && text[i] != '\n')
            i++;
        return i < most ? i + 1 : 0;
    }
    return 0;
}

/* Finds the first line of size bytes at text.  Returns whether it is whole. */
static bool first_line(const char *text, size_t size, size_t most, bool last,
                       struct line *line)
{
    size_t far = size <= most ? size : most + 1;
    size_t end = find_newline(text, far);

    if (size == 0 || (end == far && size <= most && !last))
        return false;
    line->text = text;
    line->cut = end == far && size > most;
    line->length = line->cut ? most : end;
    line->eaten = line->length + (end != far);
    return true;
}

static size_t most_of(const struct lines *lines)
{
    return lines->style == LINE_SYSLOG ? PUMP_SYSLOG_MAX : PUMP_LINE_MAX;
}

/* Copies bytes, and up to 31 more behind them: for a hundred bytes that takes a third
 * of the time of a call of memcpy(3). */
static char *put(char *out, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i += PUMP_SLACK)
        memcpy(out + i, bytes + i, PUMP_SLACK);
    return out + length;
}

/* Puts the text of a message for syslog, where a zero byte would end it. */
static char *put_escaped(char *out, const char *text, size_t length)
{
    static const char zero_sign[] = {'#', '0', '0', '0'};
    const char *zero;

    while ((zero = memchr(text, '\0', length)) != NULL) {
        out = put(out, text, (size_t)(zero - text));
        memcpy(out, zero_sign, sizeof zero_sign);
        out += sizeof zero_sign;
        length -= (size_t)(zero - text) + 1;
        text = zero + 1;
    }
    return put(out, text, length);
}

static char *put_length(char *out, size_t length)
{
    for (int i = 0; i < 8; i++, length >>= 8)
        *out++ = (char)(length & 0xff); /* little-endian, 64 bits */
    return out;
}

/* Puts a line with all that belongs to it. */
static char *put_line(char *out, const struct lines *lines, const struct line *line,
                      bool goes_on)
{
    size_t before = goes_on ? strlen(continued) : 0;
    size_t after = line->cut ? strlen(continues) : 0;

    out = put(out, lines->prefix, lines->prefix_length);
    if (lines->style == LINE_JOURNAL)
        out = put_length(out, before + line->length + after);
    out = put(out, continued, before);
    out = lines->style == LINE_SYSLOG ? put_escaped(out, line->text, line->length)
                                      : put(out, line->text, line->length);
    out = put(out, continues, after);
    *out++ = lines->style == LINE_SYSLOG ? '\0' : '\n';
    return out;
}

/* Returns the greatest length of that line when it is written. */
static size_t length_of(const struct lines *lines, const struct line *line)
{
    size_t text = line->length * (lines->style == LINE_SYSLOG ? strlen("#000") : 1);

    return lines->prefix_length + 8 + sizeof continued + sizeof continues + text;
}

/* Puts whole lines with the prefix as long as they fit: most lines are such, and are
 * looked at once.  Adds to *eaten and *count.  Returns the end of the text. */
static char *put_whole_lines(const struct lines *lines, size_t stop, size_t soft,
                             char *out, size_t *eaten, int *count)
{
    const size_t around = lines->prefix_length + PUMP_SLACK;
    char *at = out;

    while (*eaten < stop) {
        size_t room = *count > 0 && soft < PUMP_OUT ? soft : PUMP_OUT;
        size_t used = (size_t)(at - out) + around;
        size_t left = lines->size - *eaten;
        size_t most = room > used ? room - used : 0;
        char *behind = at;
        size_t n;
        if (most > PUMP_LINE_MAX)
            most = PUMP_LINE_MAX;
        if (most > 0)
            behind = put(at, lines->prefix, lines->prefix_length);
        n = copy_line(behind, lines->at + *eaten, left < most ? left : most);
        if (n == 0)
            break;
        at = behind + n;
        *eaten += n;
        ++*count;
    }
    return at;
}

size_t lines_compose(const struct lines *lines, size_t stop, size_t soft, char *out,
                     size_t *eaten, struct line_end *ends, int *count)
{
    bool goes_on = !lines->ended;
    char *at = out;
    struct line line;

    *eaten = 0;
    *count = 0;
    if (lines->style == LINE_STAMPED && !goes_on)
        at = put_whole_lines(lines, stop, soft, out, eaten, count);
    while (*eaten < stop && (ends == NULL || *count < PUMP_MESSAGES) &&
           first_line(lines->at + *eaten, lines->size - *eaten, most_of(lines),
                      lines->last, &line)) {
        size_t length = (size_t)(at - out) + length_of(lines, &line);
        if (*count > 0 && (length > PUMP_OUT || length > soft))
            break;
        at = put_line(at, lines, &line, goes_on);
        goes_on = line.cut;
        *eaten += line.eaten;
        if (ends != NULL)
            ends[*count] = (struct line_end){(size_t)(at - out), *eaten};
        ++*count;
    }
    return (size_t)(at - out);
}

size_t lines_raw(const struct lines *lines, size_t soft)
{
    size_t most = lines->size < soft ? lines->size : soft;
    const char *end = memrchr(lines->at, '\n', most);
    struct line line;

    if (end != NULL)
        return (size_t)(end + 1 - lines->at);
    return first_line(lines->at, lines->size, PUMP_LINE_MAX, lines->last, &line)
               ? line.eaten
               : 0;
}
