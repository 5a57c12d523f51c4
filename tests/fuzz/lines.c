/* The pump's splitter, on any bytes in any batches: each line is written once, whole or
 * in pieces that say so, and the same bytes give the same text again. */
#include "fuzz.h"
#include "pump.h"

enum { PREFIX = 12, EXPECTED = PUMP_RING * (PREFIX + 8) };

static char expected[EXPECTED];
static char written[EXPECTED];

static size_t put(char *out, size_t at, const char *text, size_t length)
{
    CHECK(at + length <= EXPECTED);
    memcpy(out + at, text, length);
    return at + length;
}

static size_t put_text(size_t at, enum line_style style, const char *text,
                       size_t length)
{
    for (size_t i = 0; i < length; i++)
        at = style == LINE_SYSLOG && text[i] == '\0' ? put(expected, at, "#000", 4)
                                                     : put(expected, at, text + i, 1);
    return at;
}

static size_t put_length(size_t at, size_t length)
{
    char bytes[8] = {(char)length, (char)(length >> 8), (char)(length >> 16)};

    return put(expected, at, bytes, sizeof bytes);
}

/* What is to be written of all of the bytes.  Returns its length. */
static size_t expect(const struct lines *lines, size_t most)
{
    bool goes_on = !lines->ended;
    size_t length = 0;
    size_t at = 0;

    while (at < lines->size) {
        size_t n = 0;
        while (n < most && at + n < lines->size && lines->at[at + n] != '\n')
            n++;
        bool ends = at + n < lines->size && lines->at[at + n] == '\n';
        bool cut = !ends && at + n < lines->size;
        if (!ends && !cut && !lines->last)
            break;
        length = put(expected, length, lines->prefix, lines->prefix_length);
        if (lines->style == LINE_JOURNAL)
            length = put_length(length, n + (goes_on ? 17 : 0) + (cut ? 17 : 0));
        length = put(expected, length, "[line continued] ", goes_on ? 17 : 0);
        length = put_text(length, lines->style, lines->at + at, n);
        length = put(expected, length, " [line continues]", cut ? 17 : 0);
        length = put(expected, length, lines->style == LINE_SYSLOG ? "" : "\n", 1);
        goes_on = cut;
        at += n + ends;
    }
    return length;
}

/* The ends of the messages follow each other. */
static void check_ends(const struct line_end *ends, int count, size_t length,
                       size_t eaten)
{
    CHECK(count >= 0 && count <= PUMP_MESSAGES);
    for (int i = 1; i < count; i++)
        CHECK(ends[i].in > ends[i - 1].in && ends[i].out > ends[i - 1].out);
    CHECK(count == 0 || (ends[count - 1].in == eaten && ends[count - 1].out == length));
}

/* Writes the lines batch by batch, as the pump does. */
static void check_composed(struct lines lines, size_t soft, char *out)
{
    struct line_end ends[PUMP_MESSAGES];
    bool sends = lines.style != LINE_STAMPED;
    size_t most = lines.style == LINE_SYSLOG ? PUMP_SYSLOG_MAX : PUMP_LINE_MAX;
    size_t wanted = expect(&lines, most);
    size_t done = 0;
    size_t eaten;
    size_t again;
    int count;

    for (;;) {
        size_t length = lines_compose(&lines, SIZE_MAX, soft, out, &eaten,
                                      sends ? ends : NULL, &count);
        CHECK(length <= PUMP_OUT && eaten <= lines.size);
        CHECK(length <= soft || count == 1);
        if (sends)
            check_ends(ends, count, length, eaten);
        if (eaten == 0)
            break;
        done = put(written, done, out, length);
        /* As the next keeper does it. */
        CHECK(lines_compose(&lines, eaten, SIZE_MAX, out, &again, sends ? ends : NULL,
                            &count) == length &&
              again == eaten && memcmp(out, written + done - length, length) == 0);
        lines.ended = lines.at[eaten - 1] == '\n';
        lines.at += eaten;
        lines.size -= eaten;
    }
    CHECK(done == wanted && memcmp(written, expected, done) == 0);
}

/* Each byte is taken once, up to a line's end or as many as a line may have. */
static void check_raw(struct lines lines, size_t soft)
{
    size_t eaten;

    while ((eaten = lines_raw(&lines, soft)) > 0) {
        CHECK(eaten <= lines.size);
        CHECK(lines.at[eaten - 1] == '\n' || eaten == PUMP_LINE_MAX ||
              (lines.last && eaten == lines.size));
        CHECK(eaten <= soft || memchr(lines.at, '\n', eaten - 1) == NULL);
        lines.at += eaten;
        lines.size -= eaten;
    }
    CHECK(lines.size == 0 || (!lines.last && lines.size <= PUMP_LINE_MAX &&
                              memchr(lines.at, '\n', lines.size) == NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char prefix[PREFIX + PUMP_SLACK] = "prefix: ";
    struct input input = {data, size};
    struct lines lines = {.style = (enum line_style)(take_byte(&input) % 4),
                          .prefix = prefix,
                          .prefix_length = take_byte(&input) % PREFIX,
                          .last = take_byte(&input) % 2,
                          .ended = take_byte(&input) % 2};
    size_t soft = take_byte(&input) * (size_t)take_byte(&input);
    size_t times = take_byte(&input) % 16 == 15 ? 4096 : 1; /* beyond a line's length */
    char *out = malloc(PUMP_OUT);

    soft = soft > 0 ? soft : SIZE_MAX; /* no rotation */
    if (input.left * times >= PUMP_RING)
        times = input.left > 0 ? (PUMP_RING - 1) / input.left : 0;
    lines.size = input.left * times;
    char *bytes = malloc(lines.size + PUMP_SLACK);
    CHECK(out != NULL && bytes != NULL);
    for (size_t i = 0; i < times; i++)
        memcpy(bytes + i * input.left, input.at, input.left);
    lines.at = bytes;
    if (lines.style == LINE_RAW)
        check_raw(lines, soft);
    else
        check_composed(lines, soft, out);
    free(bytes);
    free(out);
    return 0;
}
