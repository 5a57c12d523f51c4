/*
 * Closes the descriptors from 3, except those that the plan, an argument or LISTEN_FDS
 * names.
 */
#include "start.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { FIRST = 3, LISTEN_FIRST = 3 /* SD_LISTEN_FDS_START, sd_listen_fds(3) */ };

/* Returns the smallest number >= from in a list like "5,7,9", or -1. */
static int next_listed(const char *list, int from)
{
    int best = -1;

    while (list != NULL && *list != '\0') {
        int fd = dz_read_number(&list);
        if (fd >= from && (best < 0 || fd < best))
            best = fd;
        if (*list != '\0')
            list++; /* the comma; dz_parse_fds has checked the list */
    }
    return best;
}

/* Returns N if argument is /dev/fd/N or /proc/self/fd/N, else -1. */
static int named_fd(const char *argument)
{
    static const char *const directories[] = {"/dev/fd/", "/proc/self/fd/"};

    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        size_t length = strlen(directories[i]);
        if (strncmp(argument, directories[i], length) == 0) {
            const char *at = argument + length;
            return dz_read_number(&at);
        }
    }
    return -1;
}

int dz_named_fd(const char *path)
{
    static const char *const names[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};

    for (int fd = 0; fd < 3; fd++)
        if (strcmp(path, names[fd]) == 0)
            return fd;
    return named_fd(path);
}

/* Returns the smallest descriptor >= from that an argument names, or -1.
 * --file=/dev/fd/N counts as well. */
static int next_named(char **argv, int from)
{
    int best = -1;

    for (; argv != NULL && *argv != NULL; argv++) {
        const char *equals = strchr(*argv, '=');
        int fd = named_fd(*argv);
        if (fd < 0 && equals != NULL)
            fd = named_fd(equals + 1);
        if (fd >= from && (best < 0 || fd < best))
            best = fd;
    }
    return best;
}

static int smaller(int a, int b)
{
    if (a < 0)
        return b;
    return b < 0 || a < b ? a : b;
}

/* Returns the descriptor of --wait=fd:N, or -1. */
static int ready_number(const struct dz_start *start)
{
    const struct dz_condition *condition = dz_condition(&start->plan->wait, DZ_WAIT_FD);

    return condition != NULL ? condition->number : -1;
}

int dz_next_kept(const struct dz_start *start, int from)
{
    int best = smaller(next_listed(start->plan->keep_fd, from),
                       next_named(start->plan->argv, from));
    int ready = ready_number(start);

    if (ready >= from)
        best = smaller(best, ready);
    if (start->listen_fds > 0 && from < LISTEN_FIRST + start->listen_fds)
        best = smaller(best, from < LISTEN_FIRST ? LISTEN_FIRST : from);
    return best;
}

/* Reads LISTEN_FDS and LISTEN_PID as sd_listen_fds(3) does. */
static void find_listen_fds(struct dz_start *start)
{
    const char *pid = dz_env(start->envp, "LISTEN_PID");
    const char *count = dz_env(start->envp, "LISTEN_FDS");
    int fds;

    if (pid == NULL || count == NULL || dz_read_number(&pid) != getpid() ||
        *pid != '\0')
        return;
    fds = dz_read_number(&count);
    if (fds <= 0 || *count != '\0' || fds > INT_MAX - LISTEN_FIRST)
        return;
    if (fcntl(LISTEN_FIRST + fds - 1, F_GETFD) < 0)
        return; /* no descriptor was passed under that number */
    start->listen_fds = fds;
    for (char **at = start->envp; *at != NULL; at++)
        if (strncmp(*at, "LISTEN_PID=", 11) == 0) {
            start->listen_pid = at;
            return;
        }
}

/* Opens /dev/null as the descriptor of --wait=fd:N if that number is free, so that no
 * other descriptor takes it. */
static int hold_ready(const struct dz_start *start, struct dz_fault *fault)
{
    int number = ready_number(start);
    int fd;

    if (number < 0 || fcntl(number, F_GETFD) >= 0)
        return 0;
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd >= 0 && fd != number && dup2(fd, number) < 0) {
        int err = errno;
        dz_close(fd);
        return dz_fault_number(fault, "wait", number, err, NULL);
    }
    if (fd >= 0 && fd != number)
        dz_close(fd);
    return fd < 0 ? dz_fault(fault, "wait", "/dev/null", errno, NULL) : 0;
}

int dz_check_kept(struct dz_start *start, struct dz_fault *fault)
{
    if (hold_ready(start, fault) < 0)
        return -1;
    find_listen_fds(start);
    if (start->plan->ready_fd > 0 && fcntl(start->plan->ready_fd, F_GETFD) < 0)
        return dz_fault_number(fault, "ready-fd", start->plan->ready_fd, errno, NULL);
    for (int fd = FIRST; (fd = next_listed(start->plan->keep_fd, fd)) >= 0; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            return dz_fault_number(fault, "keep-fd", fd, errno, NULL);
    return 0;
}

int dz_pass_listen_fds(struct dz_start *start, struct dz_fault *fault)
{
    struct dz_text text = dz_text(start->listen_text, sizeof start->listen_text);

    (void)fault;
    if (start->listen_fds == 0)
        return 0;
    dz_add(&text, "LISTEN_PID=");
    dz_add_number(&text, getpid());
    *start->listen_pid = start->listen_text;
    return 0;
}

struct range {
    int from;
    int to;
};

static int close_one(int fd, int directory, void *data)
{
    const struct range *range = data;

    /* An error of close(2) is about data that the caller wrote earlier.  The descriptor
     * is closed in any case. */
    if (fd >= range->from && fd <= range->to && fd != directory)
        close(fd);
    return 0;
}

int dz_close_between(int from, int to)
{
    struct range range = {.from = from, .to = to};

    if (from > to || syscall(DZ_SYS_CLOSE_RANGE, from, to, 0) == 0)
        return 0;
    /* Linux before 5.9 has no such call, and a filter may refuse it. */
    return dz_each_number("/proc/self/fd", close_one, &range);
}

int dz_close_rest(struct dz_start *start, struct dz_fault *fault)
{
    int from = FIRST;

    while (from >= 0) {
        int kept = dz_next_kept(start, from);
        if (start->stderr_fd >= from)
            kept = smaller(kept, start->stderr_fd);
        if (start->report_fd >= from)
            kept = smaller(kept, start->report_fd);
        if (dz_close_between(from, kept < 0 ? INT_MAX : kept - 1) < 0)
            return dz_fault(fault, "close", "/proc/self/fd", errno, NULL);
        from = kept < 0 || kept == INT_MAX ? -1 : kept + 1;
    }
    return 0;
}
