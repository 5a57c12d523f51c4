/*
 * sd_notify(3), both ways: what the job tells us, and what we tell our manager.
 *
 * Any process may write to our socket.  The kernel tells the sender's PID, and only
 * processes of the job are believed.  A sender that has ended and was reaped cannot be
 * looked up.  So systemd-notify(1) sends a descriptor with BARRIER=1, and waits until
 * we have closed it.
 */
#include "wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char variable[] = "NOTIFY_SOCKET";

enum { PATIENCE_MS = 5000 /* with a manager that does not read */ };

/* ---- what the job tells us ---- */

/* Returns the value if line is "NAME=value", else NULL. */
static const char *value_of(const char *line, const char *name)
{
    size_t length = strlen(name);

    return strncmp(line, name, length) == 0 && line[length] == '=' ? line + length + 1
                                                                   : NULL;
}

static void take_line(struct dz_notify *notify, const char *line,
                      const struct dz_members *members)
{
    const char *value;
    int64_t number;

    if (strcmp(line, "READY=1") == 0) {
        notify->ready = true;
    } else if ((value = value_of(line, "STATUS")) != NULL) {
        struct dz_text text = dz_text(notify->status, sizeof notify->status);
        dz_add(&text, value);
        if (text.cut)
            memcpy(notify->status + sizeof notify->status - 4, "...", 4);
        dz_one_line(notify->status);
    } else if ((value = value_of(line, "MAINPID")) != NULL) {
        pid_t pid = dz_read_number(&value);
        if (*value == '\0' && pid >= 2 && dz_is_running(pid) &&
            dz_members_has(members, pid))
            notify->main_pid = pid;
    } else if ((value = value_of(line, "ERRNO")) != NULL) {
        int err = dz_read_number(&value);
        if (*value == '\0' && err > 0)
            notify->err = err;
    } else if ((value = value_of(line, "EXTEND_TIMEOUT_USEC")) != NULL) {
        if (dz_read_long(&value, &number) == 0 && *value == '\0')
            notify->extend_ms = number / 1000 + 1;
    }
}

/* Reads the lines of a datagram.  Lines that we do not know are ignored. */
static void take_text(struct dz_notify *notify, char *text,
                      const struct dz_members *members)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        bool last = text[length] == '\0';
        text[length] = '\0';
        take_line(notify, text, members);
        text += length + !last;
    }
}

/* Handles one control message of a datagram. */
static void take_part(const struct cmsghdr *part, const char *data, pid_t *sender)
{
    size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    struct ucred credentials;
    int fd;

    if (part->cmsg_level != SOL_SOCKET)
        return;
    if (part->cmsg_type == SCM_CREDENTIALS) {
        memcpy(&credentials, data, sizeof credentials);
        *sender = credentials.pid;
    } else if (part->cmsg_type == SCM_RIGHTS) {
        for (size_t i = 0; i < count; i++) {
            memcpy(&fd, data + i * sizeof fd, sizeof fd);
            close(fd); /* of a barrier; no other is asked for */
        }
    }
}

/* Returns the sender's PID, or 0 if it is unknown.  Closes descriptors that came
 * along. */
static pid_t read_ancillary(const struct msghdr *message)
{
    const char *room = message->msg_control;
    size_t left = message->msg_controllen;
    pid_t sender = 0;

    /* CMSG_NXTHDR of musl's header does not compile without a warning. */
    while (left >= sizeof(struct cmsghdr)) {
        struct cmsghdr part;
        memcpy(&part, room, sizeof part);
        if (part.cmsg_len < sizeof part || part.cmsg_len > left)
            break;
        take_part(&part, room + CMSG_LEN(0), &sender);
        size_t size = (part.cmsg_len + sizeof(size_t) - 1) & ~(sizeof(size_t) - 1);
        room += size;
        left -= size < left ? size : left;
    }
    return sender;
}

void dz_notify_read(struct dz_notify *notify, const struct dz_members *members)
{
    enum {
        DATAGRAM = 4096,
        DESCRIPTORS = 253, /* SCM_MAX_FD */
        AT_ONCE = 64       /* then the loop looks at its clock */
    };
    char text[DATAGRAM + 1];
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(struct ucred)) +
                  CMSG_SPACE(DESCRIPTORS * sizeof(int))];
    } ancillary;

    for (int i = 0; i < AT_ONCE; i++) {
        struct iovec data = {.iov_base = text, .iov_len = DATAGRAM};
        struct msghdr message = {.msg_iov = &data,
                                 .msg_iovlen = 1,
                                 .msg_control = &ancillary,
                                 .msg_controllen = sizeof ancillary};
        ssize_t n = recvmsg(notify->fd, &message, MSG_CMSG_CLOEXEC);
        pid_t sender;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return; /* EAGAIN: no more */
        text[n] = '\0';
        sender = read_ancillary(&message);
        /* Part of a datagram may mean something else than the whole. */
        if (sender > 0 && (message.msg_flags & MSG_TRUNC) == 0 &&
            dz_members_has(members, sender)) {
            if (notify->hear != NULL)
                notify->hear(notify->hearer, text);
            take_text(notify, text, members);
        }
    }
}

/* ---- what we tell our manager ---- */

/* Parses the address in NOTIFY_SOCKET.  Returns its length, or 0 if it is none. */
static socklen_t parse_address(const char *name, struct sockaddr_un *address)
{
    size_t length = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || length >= sizeof address->sun_path)
        return 0; /* vsock: a manager outside this machine knows no PIDs of ours */
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name, length);
    if (name[0] == '@')
        address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length +
                       (name[0] == '/'));
}

/* Room for one piece of ancillary data, unix(7). */
union ancillary {
    struct cmsghdr part;
    char room[CMSG_SPACE(sizeof(struct ucred))];
};

static void attach(struct msghdr *message, union ancillary *ancillary, int type,
                   const void *data, size_t size)
{
    memset(ancillary, 0, sizeof *ancillary);
    message->msg_control = ancillary;
    message->msg_controllen = (socklen_t)CMSG_SPACE(size);
    ancillary->part.cmsg_level = SOL_SOCKET;
    ancillary->part.cmsg_type = type;
    ancillary->part.cmsg_len = (socklen_t)CMSG_LEN(size);
    memcpy(CMSG_DATA(&ancillary->part), data, size);
}

/* Sends the text with the descriptor barrier, or in the name of the process sender. */
static int send_text(int fd, const char *text, int barrier, pid_t sender)
{
    struct iovec data = {.iov_base = (void *)text, .iov_len = strlen(text)};
    struct ucred who = {.pid = sender, .uid = geteuid(), .gid = getegid()};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    union ancillary ancillary;

    if (barrier >= 0)
        attach(&message, &ancillary, SCM_RIGHTS, &barrier, sizeof barrier);
    else if (sender > 0)
        attach(&message, &ancillary, SCM_CREDENTIALS, &who, sizeof who);
    /* If the manager does not read, give up after a while. */
    while (sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        struct pollfd wanted = {.fd = fd, .events = POLLOUT};
        if (errno != EINTR && (errno != EAGAIN || poll(&wanted, 1, PATIENCE_MS) == 0))
            return -1;
    }
    return 0;
}

/*
 * Waits until the manager has read all that we sent: then the manager closes the
 * descriptor that comes last, sd_notify_barrier(3).  Until the manager has read
 * MAINPID, we are the service's main process, and our exit would be the service's end.
 */
static void await_manager(int fd)
{
    int ends[2];
    struct pollfd wanted = {.events = 0};

    if (pipe2(ends, O_CLOEXEC) < 0)
        return; /* the manager most likely reads in time */
    wanted.fd = ends[0];
    if (send_text(fd, "BARRIER=1", ends[1], 0) == 0) {
        close(ends[1]);
        ends[1] = -1;
        poll(&wanted, 1, PATIENCE_MS); /* POLLHUP, or the manager never reads */
    }
    close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
}

bool dz_has_manager(char **envp)
{
    const char *name = dz_env(envp, variable);
    struct sockaddr_un address;

    return name != NULL && parse_address(name, &address) > 0;
}

/* Opens a socket to the manager.  It is connected, so that poll(2) can wait for room in
 * the manager's queue.  Returns it, or -1 and sets errno: 0 if there is no manager. */
static int open_manager(char **envp)
{
    const char *name = dz_env(envp, variable);
    struct sockaddr_un address;
    socklen_t length = name != NULL ? parse_address(name, &address) : 0;
    int fd;

    errno = 0;
    if (length == 0)
        return -1;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, length) == 0)
        return fd;
    dz_close(fd);
    return -1;
}

int dz_notify_manager(char **envp, pid_t pid, pid_t sender)
{
    char words[64];
    struct dz_text text = dz_text(words, sizeof words);
    int fd = open_manager(envp);
    int result;

    if (fd < 0)
        return errno == 0 ? 0 : -1;
    dz_add(&text, "READY=1");
    if (pid > 0) {
        dz_add(&text, "\nMAINPID=");
        dz_add_number(&text, pid);
    }
    result = send_text(fd, words, -1, sender);
    if (result < 0 && errno == EPERM && sender > 0)
        result = send_text(fd, words, -1, 0); /* only root may name another process */
    if (result == 0)
        await_manager(fd);
    dz_close(fd);
    return result;
}

int dz_tell_words(char **envp, const char *text)
{
    int fd = open_manager(envp);
    int result;

    if (fd < 0)
        return errno == 0 ? 0 : -1;
    result = send_text(fd, text, -1, 0);
    dz_close(fd);
    return result;
}

int dz_tell_manager(const struct dz_start *start, pid_t pid, pid_t sender)
{
    if (start->plan->ready_fd > 0 && dz_write(start->plan->ready_fd, "\n", 1) < 0)
        return -1;
    return dz_notify_manager(start->envp, pid, sender);
}
