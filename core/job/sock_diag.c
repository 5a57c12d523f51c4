/*
 * The listening TCP sockets of our network namespace, by sock_diag(7).
 *
 * /proc/net/tcp lists them too.  To read it, the kernel walks over its table of all
 * connections, which takes 5 ms if there are none (262,144 buckets, Linux 6.18).
 * sock_diag(7) takes 30 us.  The structures are those of linux/sock_diag.h and
 * linux/inet_diag.h, which musl's compiler does not find.
 */
#include "job.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    NETLINK_SOCK_DIAG = 4,
    SOCK_DIAG_BY_FAMILY = 20,
    NLMSG_ERROR = 2,
    NLMSG_DONE = 3,
    NLM_F_REQUEST = 0x001,
    NLM_F_DUMP = 0x300,
    TCP_LISTEN = 10
};

struct header {
    uint32_t length;
    uint16_t type;
    uint16_t flags;
    uint32_t sequence;
    uint32_t port;
};

struct socket_id {
    uint16_t source_port; /* big-endian */
    uint16_t target_port; /* big-endian */
    uint32_t rest[11];
};

struct request {
    struct header header;
    uint8_t family;
    uint8_t protocol;
    uint8_t extensions;
    uint8_t pad;
    uint32_t states;
    struct socket_id id;
};

struct answer {
    struct header header;
    uint8_t family;
    uint8_t state;
    uint8_t timer;
    uint8_t retransmits;
    struct socket_id id;
    uint32_t expires;
    uint32_t read_queue;
    uint32_t write_queue;
    uint32_t uid;
    uint32_t inode;
};
_Static_assert(sizeof(struct request) == 72 && sizeof(struct answer) == 88,
               "as in linux/inet_diag.h");

static bool ask(int fd, int family)
{
    struct request request = {
        .header = {.length = sizeof request,
                   .type = SOCK_DIAG_BY_FAMILY,
                   .flags = NLM_F_REQUEST | NLM_F_DUMP},
        .family = (uint8_t)family,
        .protocol = IPPROTO_TCP,
        .states = 1u << TCP_LISTEN,
    };

    return write(fd, &request, sizeof request) == (ssize_t)sizeof request;
}

/* Visits the sockets in one datagram.  Returns 1 if a visit returned true, 0 if it was
 * the last datagram, 2 if more follow, or -1 if the kernel does not tell. */
static int visit_datagram(const char *data, size_t size, dz_visit_socket visit,
                          void *extra)
{
    struct answer answer;

    while (size >= sizeof answer.header) {
        memcpy(&answer.header, data, sizeof answer.header);
        if (answer.header.type == NLMSG_DONE)
            return 0;
        if (answer.header.type == NLMSG_ERROR || answer.header.length < sizeof answer ||
            answer.header.length > size)
            return -1;
        memcpy(&answer, data, sizeof answer);
        struct dz_socket socket = {
            .port = ntohs(answer.id.source_port), .path = "", .inode = answer.inode};
        if (visit(&socket, extra))
            return 1;
        size_t step = (answer.header.length + 3u) & ~3u;
        data += step;
        size -= step < size ? step : size;
    }
    return 2;
}

int dz_diag_listening(int family, dz_visit_socket visit, void *extra)
{
    char data[16384]; /* the kernel fills at most what is read at once */
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    int result = 2;

    if (fd < 0)
        return -1;
    if (!ask(fd, family))
        result = -1;
    while (result == 2) {
        ssize_t n = read(fd, data, sizeof data);
        if (n > 0)
            result = visit_datagram(data, (size_t)n, visit, extra);
        else if (n == 0 || errno != EINTR)
            result = -1;
    }
    dz_close(fd);
    return result;
}
