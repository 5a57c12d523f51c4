/*
 * One stream of the target on its way: pipe, ring, text, output.
 *
 * A batch is some whole lines.  The ring's page says what it is before its first byte
 * is written, and forgets it after the last.  Nothing is taken from the pipe while text
 * of a batch waits, so a full disk stops the target and not the keeper.
 */
#include "pump.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RETRY_MS = 1000,
    ROUNDS = 16 /* batches before the keeper's loop goes on */
};

static bool is_socket(const struct channel *channel)
{
    return channel->output.kind == DZ_OUTPUT_SYSLOG ||
           channel->output.kind == DZ_OUTPUT_JOURNAL;
}

static enum line_style style_of(const struct channel *channel)
{
    switch (channel->output.kind) {
    case DZ_OUTPUT_SYSLOG:
        return LINE_SYSLOG;
    case DZ_OUTPUT_JOURNAL:
        return LINE_JOURNAL;
    default:
        return channel->stamps != NULL ? LINE_STAMPED : LINE_RAW;
    }
}

static size_t write_prefix(const struct pump *pump, const struct channel *channel,
                           char text[PUMP_PREFIX_MAX])
{
    switch (style_of(channel)) {
    case LINE_SYSLOG:
        return syslog_prefix(channel->priority, pump->tag, pump->target, text,
                             PUMP_PREFIX_MAX);
    case LINE_JOURNAL:
        return journal_prefix(channel->priority, pump->tag, pump->name, pump->target,
                              text, PUMP_PREFIX_MAX);
    case LINE_STAMPED:
        return stamp_write(channel->stamps, text, PUMP_PREFIX_MAX);
    case LINE_RAW:
        break;
    }
    return 0;
}

bool channel_is_pending(const struct channel *channel)
{
    return channel->out_done < channel->out_length || channel->sent < channel->messages;
}

static void set_trouble(struct channel *channel, int err)
{
    channel->trouble = err;
    channel->retry_at = dz_milliseconds() + RETRY_MS;
}

/* ---- a batch ---- */

/* Makes the text of a batch, of at most stop bytes of the ring.  Returns how many. */
static size_t make_text(struct channel *channel, const struct batch *batch, size_t stop,
                        size_t soft)
{
    struct lines lines = {.style = style_of(channel),
                          .prefix = batch->prefix,
                          .prefix_length = (size_t)batch->prefix_length,
                          .at = ring_bytes(&channel->ring),
                          .size = ring_length(&channel->ring),
                          .last = batch->last,
                          .ended = ring_at_line(&channel->ring)};
    size_t eaten;
    int count;

    channel->out_done = 0;
    channel->sent = 0;
    channel->messages = 0;
    if (lines.style == LINE_RAW) {
        eaten = stop <= lines.size ? stop : lines_raw(&lines, soft);
        channel->out = lines.at;
        channel->out_length = eaten;
        return eaten;
    }
    channel->out = channel->room;
    channel->out_length =
        lines_compose(&lines, stop, soft, channel->room, &eaten,
                      is_socket(channel) ? channel->ends : NULL, &count);
    if (is_socket(channel))
        channel->messages = count;
    return eaten;
}

/* Says in the page that the batch goes to the output as it is now. */
static void begin_batch(struct channel *channel, struct batch *batch, size_t eaten)
{
    const struct output *output = &channel->output;

    batch->inode = output->regular ? output->inode : 0;
    batch->device = output->device;
    batch->size = output->size;
    batch->messages = channel->messages;
    batch->skip = (int64_t)channel->out_done;
    /* What the page holds of older messages must not be taken for these. */
    channel->ring.page->batch.valid = false;
    ready_messages(channel);
    ring_begin(&channel->ring, batch, eaten);
}

/* Returns how many bytes the log takes before it is rotated. */
static size_t room_of(const struct channel *channel)
{
    if (channel->rotate == 0 || !channel->output.regular)
        return SIZE_MAX;
    return channel->output.size < channel->rotate
               ? (size_t)(channel->rotate - channel->output.size)
               : 0;
}

/* Makes a batch of whole lines.  Returns false if there are none. */
static bool make_batch(const struct pump *pump, struct channel *channel)
{
    struct batch batch = {0};
    size_t room = room_of(channel);
    size_t eaten;

    if (ring_length(&channel->ring) == 0)
        return false;
    batch.last = channel->ending && channel->owed == 0;
    batch.prefix_length = (int)write_prefix(pump, channel, batch.prefix);
    eaten = make_text(channel, &batch, SIZE_MAX, room);
    if (eaten == 0)
        return false;
    if (channel->out_length > room && channel->output.size > 0 &&
        (channel->stamps != NULL || ring_at_line(&channel->ring)) &&
        dz_milliseconds() >= channel->rotate_after)
        channel_rotate(channel);
    begin_batch(channel, &batch, eaten);
    return true;
}

/* ---- writing it ---- */

/* write(2), which does not wait for the reader of a socket. */
static ssize_t put(const struct output *output, const char *text, size_t size)
{
    return output->stream ? send(output->fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL)
                          : write(output->fd, text, size);
}

/* Writes the text of the batch.  Returns 0, or -1 and sets errno. */
static int write_text(struct channel *channel)
{
    struct output *output = &channel->output;

    while (channel->out_done < channel->out_length) {
        ssize_t n = put(output, channel->out + channel->out_done,
                        channel->out_length - channel->out_done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        channel->out_done += (size_t)n;
        output->size += n;
        /* A file itself tells later how much of the batch it has. */
        if (!output->regular)
            channel->ring.page->batch.skip = (int64_t)channel->out_done;
    }
    return 0;
}

/* Writes the batch.  Returns whether nothing of it is left. */
static bool write_batch(struct channel *channel)
{
    if (!channel_is_pending(channel))
        return true;
    if ((is_socket(channel) ? send_messages(channel) : write_text(channel)) < 0) {
        channel->waits = errno == EAGAIN;
        if (!channel->waits)
            set_trouble(channel, errno);
        return false;
    }
    channel->trouble = 0;
    channel->torn = channel->out_length > 0 && style_of(channel) == LINE_RAW &&
                    channel->out[channel->out_length - 1] != '\n';
    ring_commit(&channel->ring, channel->ring.page->batch.upto);
    channel->out_length = 0;
    channel->out_done = 0;
    channel->messages = 0;
    channel->sent = 0;
    return true;
}

/* Takes bytes from the pipe.  Returns whether there were any. */
static bool take(struct channel *channel)
{
    ssize_t n = ring_take(&channel->ring, channel->pipe,
                          channel->ending ? channel->owed : PUMP_RING);

    if (n < 0 && errno != EINTR)
        set_trouble(channel, errno);
    if (n <= 0)
        return false;
    if (channel->ending)
        channel->owed -= (size_t)n;
    return true;
}

void channel_run(const struct pump *pump, struct channel *channel)
{
    channel->waits = false;
    channel->goes_on = false;
    if (channel->trouble != 0 && dz_milliseconds() < channel->retry_at)
        return;
    for (int round = 0; round < ROUNDS; round++) {
        if (!write_batch(channel))
            return;
        if (!make_batch(pump, channel) && !take(channel))
            return;
    }
    channel->goes_on = true;
}

/* ---- the end of a run ---- */

void channel_end(struct channel *channel)
{
    int left;

    if (channel->ending)
        return;
    channel->ending = true;
    channel->owed = ioctl(channel->pipe, FIONREAD, &left) == 0 ? (size_t)left : 0;
}

bool channel_is_drained(struct channel *channel)
{
    if (channel_is_pending(channel) || channel->owed > 0 ||
        ring_length(&channel->ring) > 0)
        return false;
    channel->ending = false;
    ring_end_line(&channel->ring);
    return true;
}

/* ---- another file, another keeper ---- */

/* Returns where the line begins that the first size bytes of text leave unfinished. */
static size_t line_start(const char *text, size_t size)
{
    while (size > 0 && text[size - 1] != '\n')
        size--;
    return size;
}

/* The output is another file now.  What of the batch is not in the old one, from a
 * line's beginning on, goes to the new one. */
static void move_batch(struct channel *channel)
{
    struct ring *ring = &channel->ring;
    struct batch batch = ring->page->batch;
    size_t eaten = (size_t)(batch.upto - batch.from + PUMP_RING) % PUMP_RING;

    if (!channel_is_pending(channel) || is_socket(channel))
        return;
    channel->out_done = line_start(channel->out, channel->out_done);
    begin_batch(channel, &batch, eaten);
}

/* The log keeps growing in the file that is open.  Another rotation is tried later. */
static void name_trouble(struct channel *channel, int err)
{
    channel->name_trouble = err;
    channel->rotate_after = dz_milliseconds() + RETRY_MS;
}

void channel_reopen(struct channel *channel)
{
    if (channel->output.path[0] == '\0')
        return;
    channel->name_trouble = 0;
    if (output_reopen(&channel->output) == 0)
        move_batch(channel);
    else
        name_trouble(channel, errno);
}

void channel_rotate(struct channel *channel)
{
    if (channel->output.path[0] == '\0' || !channel->output.regular)
        return;
    if (rotate_names(channel->output.path, channel->keeps) < 0)
        name_trouble(channel, errno);
    else
        channel_reopen(channel);
}

void channel_recover(struct channel *channel)
{
    struct ring *ring = &channel->ring;
    struct ring_page *page = ring->page;
    struct batch batch = page->batch;
    size_t size = (size_t)(batch.upto - batch.from + PUMP_RING) % PUMP_RING;

    channel->goes_on = true;
    if (!batch.valid || batch.from != page->done || size > ring_length(ring))
        return;
    if (batch.messages > 0) {
        int sent = count_sent(page);
        if (sent > 0 && page->ends[sent - 1] >= 0 && page->ends[sent - 1] < PUMP_RING)
            ring_commit(ring, page->ends[sent - 1]);
        return;
    }
    if (make_text(channel, &batch, size, SIZE_MAX) != size ||
        (size_t)batch.skip > channel->out_length) {
        channel->out_length = 0;
        return;
    }
    channel->out_done = (size_t)batch.skip;
    channel->out_done +=
        output_written(&channel->output, &batch, channel->out + channel->out_done,
                       channel->out_length - channel->out_done);
    if (channel->output.inode != batch.inode || channel->output.device != batch.device)
        move_batch(channel);
    if (!channel_is_pending(channel))
        ring_commit(ring, batch.upto);
}
