/*
 * What the conditions notify, fd:N, path:FILE and log:TEXT need before the fork, and
 * how it reaches the target.
 *
 * The socket for notify has an abstract name that the kernel chooses: it leaves no file
 * behind, and its name is never too long.
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char variable[] = "NOTIFY_SOCKET";

void dz_look_at_path(const struct dz_condition *condition, struct dz_stat *about)
{
    char path[PATH_MAX];

    memcpy(path, condition->path, (size_t)condition->path_length); /* below PATH_MAX */
    path[condition->path_length] = '\0';
    if (dz_stat(AT_FDCWD, path, false, about) < 0)
        about->inode = 0; /* missing, or hidden from us */
}

/* Returns the length of the address to bind.  Bound without a name, the socket gets
 * '\0' and five digits, unix(7). */
static socklen_t make_address(const char *name, struct sockaddr_un *address)
{
    size_t length = name != NULL ? strlen(name) : 0;

    if (length >= sizeof address->sun_path)
        length = 0;
    memcpy(address->sun_path, name != NULL ? name : "", length);
    address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

int dz_notify_open(struct dz_start *start, const char *name, struct dz_fault *fault)
{
    struct dz_notify *notify = &start->notify;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length = sizeof address;
    struct dz_text text = dz_text(notify->variable, sizeof notify->variable);
    int on = 1;

    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (notify->fd < 0 ||
        setsockopt(notify->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0 ||
        bind(notify->fd, (struct sockaddr *)&address, make_address(name, &address)) <
            0 ||
        getsockname(notify->fd, (struct sockaddr *)&address, &length) < 0) {
        dz_fault(fault, "notify", "socket", errno, NULL);
        dz_close_fd(&notify->fd);
        return -1;
    }
    dz_add(&text, variable);
    dz_add(&text, "=@");
    for (size_t i = 1; i + offsetof(struct sockaddr_un, sun_path) < length; i++)
        dz_add_char(&text, address.sun_path[i]);
    return 0;
}

/*
 * Opens the pipe behind fd for the target: it blocks, as pipes do, and it is open for
 * reading, too.  If the caller is killed while it waits, the pipe still has a reader,
 * and no SIGPIPE ends the target.  Returns the descriptor, or -1 without /proc.
 */
static int open_both_ways(int fd)
{
    char path[32];
    struct dz_text text = dz_text(path, sizeof path);

    dz_add(&text, "/proc/self/fd/");
    dz_add_number(&text, fd);
    return open(path, O_RDWR | O_CLOEXEC);
}

static int open_pipe(struct dz_start *start, struct dz_fault *fault)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return dz_fault(fault, "ready", "pipe", errno, NULL);
    start->await_ready = ends[0];
    start->ready_fd = open_both_ways(ends[1]);
    if (start->ready_fd >= 0) {
        dz_close_fd(&ends[1]);
        return 0;
    }
    start->ready_fd = ends[1];
    if (fcntl(ends[1], F_SETFL, 0) < 0) /* the target's end blocks */
        return dz_fault(fault, "ready", "pipe", errno, NULL);
    return 0;
}

static bool is_regular(int fd, const char *path)
{
    struct dz_stat about;

    return dz_stat(fd, path, true, &about) == 0 && S_ISREG(about.mode);
}

/* Returns whether stdout or stderr goes to a regular file that this start has opened.
 * If a keeper writes it, its name alone is known. */
static bool has_readable_log(const struct dz_start *start)
{
    for (int i = 1; i <= 2; i++) {
        const char *path = dz_stream_log(start, i);
        if (start->new_fd[i] >= 0 && dz_has_log(start, i) &&
            (is_regular(start->new_fd[i], "") ||
             (path != NULL && is_regular(AT_FDCWD, path))))
            return true;
    }
    return false;
}

int dz_readiness_open(struct dz_start *start, struct dz_fault *fault)
{
    const struct dz_conditions *wait = dz_wait_of(start->plan);

    for (int i = 0; i < wait->count; i++) {
        enum dz_condition_kind kind = wait->list[i].kind;
        if (kind == DZ_WAIT_PATH)
            dz_look_at_path(&wait->list[i], &start->path_before[i]);
        if (kind == DZ_WAIT_NOTIFY && start->notify.fd < 0 &&
            dz_notify_open(start, NULL, fault) < 0)
            return -1;
        if (kind == DZ_WAIT_LOG && !has_readable_log(start))
            return dz_fault(fault, "wait", "log", 0,
                            "the output goes to no log file; name one by -o");
        if (kind == DZ_WAIT_FD && open_pipe(start, fault) < 0)
            return -1;
    }
    return 0;
}

int dz_readiness_pass(struct dz_start *start, struct dz_fault *fault)
{
    const struct dz_condition *condition = dz_condition(&start->plan->wait, DZ_WAIT_FD);

    if (start->ready_fd < 0)
        return 0;
    if (dz_dup2(start->ready_fd, condition->number) < 0)
        return dz_fault_number(fault, "ready", condition->number, errno, NULL);
    dz_close_fd(&start->ready_fd);
    dz_close_fd(&start->await_ready);
    return 0;
}

int dz_notify_pass(struct dz_start *start, struct dz_fault *fault)
{
    if (start->notify.fd < 0)
        return 0;
    return dz_set_variable(start, variable, start->notify.variable, fault);
}
