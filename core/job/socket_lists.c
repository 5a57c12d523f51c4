/*
 * The kernel's lists of listening sockets, by sock_diag(7) and proc_pid_net(5).
 *
 * They are for a process whose descriptors we may not duplicate.  Their cost grows with
 * all sockets of the machine, so listen.c asks the descriptors first.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE = 512 /* longer than any line of these files */ };

/* Returns the start of field n of a line, counted from 0, or "" if there is none. */
static const char *field(const char *line, int n)
{
    for (;; n--) {
        line += strspn(line, " ");
        if (n == 0)
            return line;
        line += strcspn(line, " ");
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int hex_number(const char *at)
{
    int number = 0;

    for (; hex_digit(*at) >= 0 && number < INT_MAX / 16; at++)
        number = number * 16 + hex_digit(*at);
    return number;
}

static uint64_t inode_field(const char *line, int n)
{
    const char *at = field(line, n);
    int64_t inode;

    return dz_read_long(&at, &inode) == 0 ? (uint64_t)inode : 0;
}

/* "sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode" */
static bool parse_tcp(const char *line, struct dz_socket *socket)
{
    enum { TCP_LISTEN = 0x0a };
    const char *address = field(line, 1);
    const char *colon = strchr(address, ':');

    if (colon == NULL || hex_number(field(line, 3)) != TCP_LISTEN)
        return false;
    socket->port = hex_number(colon + 1);
    socket->path = "";
    socket->inode = inode_field(line, 9);
    return true;
}

/* "Num RefCount Protocol Flags Type St Inode Path" */
static bool parse_unix(const char *line, struct dz_socket *socket)
{
    enum { ACCEPTS = 0x10000 /* __SO_ACCEPTCON */ };

    if ((hex_number(field(line, 3)) & ACCEPTS) == 0)
        return false;
    socket->port = 0;
    socket->path = field(line, 7);
    socket->inode = inode_field(line, 6);
    return true;
}

/*
 * Visits the listening sockets of one list until a visit returns true.  The kernel puts
 * listening TCP sockets first.  So that list is read only up to the first other socket,
 * of which a busy server has a great many.
 */
static bool each_listed(const char *path,
                        bool (*parse)(const char *, struct dz_socket *),
                        bool listening_first, dz_visit_socket visit, void *data)
{
    char text[4096 + LINE];
    size_t length = 0;
    bool heading = true;
    bool found = false;
    bool more = true;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    /* A list that is missing (no IPv6, no /proc) shows no socket. */
    while (fd >= 0 && more && !found &&
           ((n = read(fd, text + length, sizeof text - 1 - length)) > 0 ||
            (n < 0 && errno == EINTR))) {
        char *at = text;
        char *end;
        length += n > 0 ? (size_t)n : 0;
        text[length] = '\0';
        for (; more && !found && (end = strchr(at, '\n')) != NULL; at = end + 1) {
            struct dz_socket socket;
            *end = '\0';
            if (heading)
                heading = false;
            else if (parse(at, &socket))
                found = visit(&socket, data);
            else
                more = !listening_first;
        }
        length -= (size_t)(at - text);
        memmove(text, at, length);
        if (length == sizeof text - 1)
            length = 0; /* no line is so long: skip it */
    }
    dz_close_fd(&fd);
    return found;
}

/* Visits the sockets in one of pid's lists, proc_pid_net(5). */
static bool each_in_list(pid_t pid, const char *list,
                         bool (*parse)(const char *, struct dz_socket *),
                         bool listening_first, dz_visit_socket visit, void *data)
{
    char path[48];
    struct dz_text text = dz_text(path, sizeof path);

    dz_add(&text, "/proc/");
    dz_add_number(&text, pid);
    dz_add(&text, "/net/");
    dz_add(&text, list);
    return each_listed(path, parse, listening_first, visit, data);
}

/* Returns whether pid is in another network namespace than we are.  If that is hidden
 * from us, returns false. */
static bool is_elsewhere(pid_t pid)
{
    char path[32];
    char own[64];
    char other[64];
    struct dz_text text = dz_text(path, sizeof path);
    ssize_t n = readlink("/proc/self/ns/net", own, sizeof own);

    dz_add(&text, "/proc/");
    dz_add_number(&text, pid);
    dz_add(&text, "/ns/net");
    return n > 0 && readlink(path, other, sizeof other) > 0 &&
           memcmp(own, other, (size_t)n) != 0;
}

/* Visits the listening TCP sockets of one family in pid's namespace. */
static bool each_tcp(pid_t pid, int family, bool elsewhere, dz_visit_socket visit,
                     void *data)
{
    int told = elsewhere ? -1 : dz_diag_listening(family, visit, data);

    if (told >= 0)
        return told == 1;
    return each_in_list(pid, family == AF_INET ? "tcp" : "tcp6", parse_tcp, true, visit,
                        data);
}

bool dz_each_listed(pid_t pid, dz_visit_socket visit, void *data)
{
    bool elsewhere = is_elsewhere(pid);

    return each_tcp(pid, AF_INET, elsewhere, visit, data) ||
           each_tcp(pid, AF_INET6, elsewhere, visit, data) ||
           each_in_list(pid, "unix", parse_unix, false, visit, data);
}
