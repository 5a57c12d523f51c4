/*
 * The messages of a batch for syslog or the journal.
 *
 * The kernel stores in the ring's page how much of each message it has sent, within the
 * call that sends it.  So the next keeper knows which ones a killed one has sent.
 */
#include "pump.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The length of a message that is not sent.  The kernel stores what it has sent. */
static const unsigned not_sent = UINT_MAX;

/* Returns where message number n of the batch begins, and its length. */
static struct iovec message_at(const struct channel *channel, int n)
{
    size_t from = n > 0 ? channel->ends[n - 1].out : 0;
    size_t length = channel->ends[n].out - from;

    /* In a stream a zero byte ends each message, syslog(3). */
    if (channel->output.kind == DZ_OUTPUT_SYSLOG && !channel->output.stream)
        length--;
    return (struct iovec){(char *)channel->out + from, length};
}

/* Readies message number n to be sent from its beginning. */
static void ready_message(struct channel *channel, int n)
{
    struct ring_page *page = channel->ring.page;

    page->heads[n].msg_len = not_sent;
    page->parts[n] = message_at(channel, n);
    page->heads[n].msg_hdr =
        (struct msghdr){.msg_iov = &page->parts[n], .msg_iovlen = 1};
}

void ready_messages(struct channel *channel)
{
    for (int n = 0; n < channel->messages; n++) {
        ready_message(channel, n);
        channel->ring.page->ends[n] = ring_place(&channel->ring, channel->ends[n].in);
    }
}

/* Takes note of count messages that the kernel has sent.  In a stream the last of them
 * may be sent in part. */
static void note_sent(struct channel *channel, int count)
{
    struct ring_page *page = channel->ring.page;

    for (; count > 0; count--) {
        struct mmsghdr *head = &page->heads[channel->sent];
        struct iovec *part = &page->parts[channel->sent];
        size_t length = head->msg_len;
        if (length < part->iov_len) {
            head->msg_len = not_sent;
            part->iov_base = (char *)part->iov_base + length;
            part->iov_len -= length;
            return;
        }
        channel->sent++;
    }
}

int send_messages(struct channel *channel)
{
    struct ring_page *page = channel->ring.page;
    struct output *output = &channel->output;

    if (output->fd < 0) {
        if (output_connect(output) < 0)
            return -1;
        for (int n = channel->sent; n < channel->messages; n++)
            ready_message(channel, n);
    }
    while (channel->sent < channel->messages) {
        /* Not sendmmsg(3): musl's makes a call for each message, and stores the lengths
         * itself. */
        long n =
            syscall(SYS_sendmmsg, output->fd, page->heads + channel->sent,
                    channel->messages - channel->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            dz_close_fd(&output->fd); /* the next time connects anew */
        if (n < 0)
            return -1;
        note_sent(channel, (int)n);
    }
    channel->out_done = channel->out_length;
    return 0;
}

int count_sent(const struct ring_page *page)
{
    int n = 0;

    while (n < page->batch.messages && page->heads[n].msg_len == page->parts[n].iov_len)
        n++;
    return n;
}
