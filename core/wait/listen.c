/*
 * Who listens, by looking: so it works for any program, static ones too.
 *
 * The kernel's lists of sockets, of diag.c and proc_pid_net(5), say which inodes
 * listen; the descriptors of the job's processes say which are theirs.  Nothing
 * is stored but a batch of inodes: neither the number of sockets nor that of
 * processes has a limit.
 */
#include "wait.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE = 512 /* longer than any line of these files */, BATCH = 256 };

/* The start of field number n, counted from 0, of a line; "" where it ends. */
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
 * Visit the listening sockets of one list until a visit says true.  The kernel
 * puts listening TCP sockets before all others, so that list is read no further
 * than to the first other one; a busy server has a great many.
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

    /* No IPv6, no /proc: nobody listens there that could be seen. */
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
            length = 0; /* no line is so long: skip what is not understood */
    }
    if (fd >= 0)
        close(fd); /* read only: nothing can be lost */
    return found;
}

/* Visit those in one of pid's lists, proc_pid_net(5); pid 0 is ourselves. */
static bool each_in_list(pid_t pid, const char *list,
                         bool (*parse)(const char *, struct dz_socket *),
                         bool listening_first, dz_visit_socket visit, void *data)
{
    char path[48];
    struct dz_text text = dz_text(path, sizeof path);

    dz_add(&text, "/proc/");
    if (pid > 0)
        dz_add_number(&text, pid);
    else
        dz_add(&text, "self");
    dz_add(&text, "/net/");
    dz_add(&text, list);
    return each_listed(path, parse, listening_first, visit, data);
}

/* Whether pid is in another network namespace than we are, as far as we may see. */
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

/* Visit the TCP sockets of one family that listen in pid's namespace. */
static bool each_tcp(pid_t pid, int family, bool elsewhere, dz_visit_socket visit,
                     void *data)
{
    int told = elsewhere ? -1 : dz_diag_listening(family, visit, data);

    if (told >= 0)
        return told == 1;
    return each_in_list(pid, family == AF_INET ? "tcp" : "tcp6", parse_tcp, true, visit,
                        data);
}

/* Visit the listening sockets of pid's network namespace; 0 is ourselves. */
static bool each_listening(pid_t pid, dz_visit_socket visit, void *data)
{
    bool elsewhere = pid > 0 && is_elsewhere(pid);

    return each_tcp(pid, AF_INET, elsewhere, visit, data) ||
           each_tcp(pid, AF_INET6, elsewhere, visit, data) ||
           each_in_list(pid, "unix", parse_unix, false, visit, data);
}

static bool add_up(const struct dz_socket *socket, void *data)
{
    uint64_t *sum = data;

    /* Order does not matter, so that the lists may be read in any. */
    *sum += socket->inode * UINT64_C(0x9e3779b97f4a7c15) + 1;
    return false;
}

uint64_t dz_listeners(pid_t pid)
{
    uint64_t sum = 0;

    each_listening(dz_is_running(pid) ? pid : 0, add_up, &sum);
    return sum;
}

/* ---- whose they are ---- */

struct search {
    const struct dz_condition *condition;
    pid_t pid; /* the member looked at */
    int count;
    uint64_t inodes[BATCH]; /* sockets of that member */
};

static bool is_wanted(const struct dz_condition *condition,
                      const struct dz_socket *socket)
{
    if (condition->number > 0)
        return socket->port == condition->number;
    if (condition->path != NULL)
        return strlen(socket->path) == (size_t)condition->path_length &&
               memcmp(socket->path, condition->path, (size_t)condition->path_length) ==
                   0;
    return true;
}

static bool is_in_batch(const struct dz_socket *socket, void *data)
{
    const struct search *search = data;

    if (!is_wanted(search->condition, socket))
        return false;
    for (int i = 0; i < search->count; i++)
        if (search->inodes[i] == socket->inode)
            return true;
    return false;
}

/* Whether one of the batch listens; empties it. */
static bool batch_listens(struct search *search)
{
    bool found = search->count > 0 && each_listening(search->pid, is_in_batch, search);

    search->count = 0;
    return found;
}

static int visit_fd(int number, int folder, void *data)
{
    struct search *search = data;
    char name[16];
    char link[64];
    const char *at = link;
    struct dz_text text = dz_text(name, sizeof name);
    ssize_t n;
    int64_t inode;

    dz_add_number(&text, number);
    n = readlinkat(folder, name, link, sizeof link - 1);
    if (n <= 8 || strncmp(link, "socket:[", 8) != 0)
        return 0;
    link[n] = '\0';
    at = link + 8;
    if (dz_read_long(&at, &inode) < 0)
        return 0;
    search->inodes[search->count++] = (uint64_t)inode;
    return search->count == BATCH && batch_listens(search);
}

static int visit_member(const struct dz_process *process, void *data)
{
    struct search *search = data;
    char folder[32];
    struct dz_text text = dz_text(folder, sizeof folder);

    dz_add(&text, "/proc/");
    dz_add_number(&text, process->pid);
    dz_add(&text, "/fd");
    search->pid = process->pid;
    search->count = 0;
    /* It ended meanwhile, or we may not look: then it cannot be known. */
    if (dz_each_number(folder, visit_fd, search) == 1)
        return 1;
    return batch_listens(search);
}

int dz_members_listen(const struct dz_members *members, pid_t likely,
                      const struct dz_condition *condition)
{
    struct search search = {.condition = condition};
    struct dz_process process = {.pid = likely};

    /* Before the walk over /proc, 1 ms and more. */
    if (visit_member(&process, &search) == 1)
        return 1;
    return dz_members_each(members, visit_member, &search);
}
