/*
 * Finds the listening sockets of a job through the job's own descriptors.  This works
 * for any program, also a static one, and in any network namespace.
 *
 * Each socket of a process is duplicated, asked, and closed again.  The kernel may
 * refuse that: it is old, there is a filter, or the program is another user's.  Then
 * the inode of the socket is looked for in the kernel's lists.
 */
#include "job.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    SEEN_MS = 20,       /* for so long the number of descriptors is trusted */
    BATCH = 256,        /* sockets that are looked for in the lists at once */
    THREAD_FD = O_EXCL, /* PIDFD_THREAD of linux/pidfd.h, since Linux 6.9 */
    KCMP_SAME_FILES = 2 /* KCMP_FILES of linux/kcmp.h */
};

/* A look at one process. */
struct look {
    dz_visit_listener visit;
    void *data;
    pid_t pid;
    int pidfd;    /* of the thread whose descriptors are read, or -1 */
    bool refused; /* the kernel has no pidfds, or refuses to duplicate by them */
    pid_t before; /* the thread whose descriptors were read last */
    bool threads; /* threads with descriptors of their own are looked at, too */
    int seen;     /* descriptors of that thread */
    bool sockets; /* one of them is a socket */
    int err;      /* errno of the first process whose descriptors are hidden, or 0 */
    int count;    /* sockets to be looked for in the lists */
    uint64_t inodes[BATCH];
};

/* ---- one socket ---- */

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
};

/* Writes a Unix socket's name as /proc/net/unix has it, each zero byte as '@'. */
static void copy_name(const struct sockaddr_un *address, socklen_t length,
                      char name[sizeof address->sun_path + 1])
{
    size_t size = length - offsetof(struct sockaddr_un, sun_path);

    if (length <= offsetof(struct sockaddr_un, sun_path))
        size = 0; /* it has no name */
    else if (address->sun_path[0] != '\0')
        size = strnlen(address->sun_path, size);
    memcpy(name, address->sun_path, size);
    for (size_t i = 0; i < size; i++)
        if (name[i] == '\0')
            name[i] = '@';
    name[size] = '\0';
}

/* Visits the socket open on fd if it listens.  Returns what the visit did, or 0. */
static int ask_socket(int fd, struct look *look)
{
    struct dz_listener listener = {.pid = look->pid, .path = ""};
    char name[sizeof(struct sockaddr_un)];
    union address address = {.any.sa_family = AF_UNSPEC};
    socklen_t length = sizeof address;
    int listening = 0;
    socklen_t size = sizeof listening;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 ||
        listening == 0 || getsockname(fd, &address.any, &length) < 0)
        return 0;
    if (address.any.sa_family == AF_INET) {
        listener.port = ntohs(address.in.sin_port);
    } else if (address.any.sa_family == AF_INET6) {
        listener.port = ntohs(address.in6.sin6_port);
    } else if (address.any.sa_family == AF_UNIX) {
        copy_name(&address.un, length, name);
        listener.path = name;
    }
    return look->visit(&listener, look->data);
}

/* ---- the fallback ---- */

static bool is_in_batch(const struct dz_socket *socket, void *data)
{
    const struct look *look = data;
    struct dz_listener listener = {
        .pid = look->pid, .port = socket->port, .path = socket->path};

    for (int i = 0; i < look->count; i++)
        if (look->inodes[i] == socket->inode)
            return look->visit(&listener, look->data);
    return false;
}

/* Looks for the sockets of the batch in the lists, and empties it. */
static int ask_lists(struct look *look)
{
    bool found = look->count > 0 && dz_each_listed(look->pid, is_in_batch, look);

    look->count = 0;
    return found;
}

/* ---- the descriptors of a thread ---- */

/* Returns whether look->pidfd can be used. */
static bool open_pidfd(struct look *look)
{
    unsigned flags = look->before == look->pid ? 0 : THREAD_FD;

    if (look->pidfd < 0 && !look->refused)
        look->pidfd = (int)syscall(DZ_SYS_PIDFD_OPEN, look->before, flags);
    look->refused = look->refused || look->pidfd < 0;
    return !look->refused;
}

static int visit_fd(int number, int directory, void *data)
{
    struct look *look = data;
    char name[16];
    char link[64];
    const char *at = link;
    struct dz_text text = dz_text(name, sizeof name);
    int64_t inode;
    ssize_t n;

    look->seen++;
    dz_add_number(&text, number);
    n = readlinkat(directory, name, link, sizeof link - 1);
    if (n <= 8 || strncmp(link, "socket:[", 8) != 0)
        return 0;
    look->sockets = true;
    if (open_pidfd(look)) {
        int fd = (int)syscall(DZ_SYS_PIDFD_GETFD, look->pidfd, number, 0);
        if (fd >= 0) {
            int result = ask_socket(fd, look);
            dz_close(fd);
            return result;
        }
        if (errno == EBADF || errno == ESRCH)
            return 0; /* closed meanwhile */
        look->refused = true;
    }
    link[n] = '\0';
    at = link + 8;
    if (dz_read_long(&at, &inode) == 0)
        look->inodes[look->count++] = (uint64_t)inode;
    return look->count == BATCH ? ask_lists(look) : 0;
}

static int ask_thread(struct look *look, pid_t thread)
{
    char path[64];
    struct dz_text text = dz_text(path, sizeof path);
    int result;

    dz_add(&text, "/proc/");
    dz_add_number(&text, look->pid);
    dz_add(&text, "/task/");
    dz_add_number(&text, thread);
    dz_add(&text, "/fd");
    look->count = 0;
    look->seen = 0;
    look->before = thread;
    look->pidfd = -1;
    look->refused = false;
    result = dz_each_number(path, visit_fd, look);
    if (result < 0 && errno == EACCES && look->err == 0)
        look->err = errno;
    if (result == 0)
        result = ask_lists(look);
    dz_close_fd(&look->pidfd);
    return result > 0;
}

/* ---- processes ---- */

/* Visits a thread unless it shares the descriptors of the thread before.  A thread may
 * have been made with its own, or the first thread may have ended. */
static int visit_thread(int thread, int directory, void *data)
{
    struct look *look = data;
    long different;

    (void)directory;
    if (thread == look->pid)
        return 0;
    different = syscall(SYS_kcmp, (long)look->before, (long)thread,
                        (long)KCMP_SAME_FILES, 0L, 0L);
    if (different == 0 || (different < 0 && look->seen > 0))
        return 0;
    return ask_thread(look, thread);
}

static int visit_process(pid_t pid, void *data)
{
    struct look *look = data;
    char path[32];
    struct dz_text text = dz_text(path, sizeof path);
    int result;

    look->pid = pid;
    result = ask_thread(look, pid);
    if (result != 0 || !look->threads)
        return result;
    dz_add(&text, "/proc/");
    dz_add_number(&text, pid);
    dz_add(&text, "/task");
    return dz_each_number(path, visit_thread, look) > 0;
}

/* Returns the number of a process's descriptors, or 0 if the kernel does not tell:
 * before Linux 6.2 the directory has no size. */
static uint64_t count_descriptors(pid_t pid)
{
    char path[32];
    struct dz_text text = dz_text(path, sizeof path);
    struct dz_stat about;

    dz_add(&text, "/proc/");
    dz_add_number(&text, pid);
    dz_add(&text, "/fd");
    return dz_stat(AT_FDCWD, path, true, &about) == 0 ? about.size : 0;
}

int dz_process_listens(pid_t pid, struct dz_seen *seen, dz_visit_listener visit,
                       void *data)
{
    struct look look = {.visit = visit, .data = data};
    int64_t now = dz_milliseconds();
    uint64_t count = seen->pid != pid || seen->sockets ? 0 : count_descriptors(pid);
    int result;

    /* If a process had no socket and as many descriptors as now, it has no socket yet,
     * unless it has closed another descriptor for one. */
    if (count > 0 && count == seen->count && now < seen->until)
        return 0;
    result = visit_process(pid, &look);
    *seen = (struct dz_seen){.pid = pid,
                             .count = (uint64_t)look.seen,
                             .sockets = look.sockets,
                             .until = now + SEEN_MS};
    return result;
}

int dz_job_listens(const struct dz_members *members, dz_visit_listener visit,
                   void *data)
{
    struct look look = {.visit = visit, .data = data, .threads = true};
    int result = dz_each_job_process(members, visit_process, &look);

    if (result != 0)
        return result;
    errno = look.err;
    return look.err != 0 ? -1 : 0;
}
