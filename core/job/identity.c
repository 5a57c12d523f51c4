/*
 * This very process, and no other that gets its PID.
 *
 * Invariant: no signal is sent by PID alone.  A pidfd is opened first and the
 * identity compared afterwards: what the descriptor means can no longer change.
 */
#include "job.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_MS = 5, /* between two looks where there is no pidfd to wait for */
    SECOND = 1000000000
};

/*
 * Boot and PID namespace of this process, which are those of all it can name.
 * -1 with errno where that cannot be found out now; a system that never tells is
 * another thing, and consistent in it.
 */
static int locate(struct dz_identity *identity)
{
    char link[64];
    const char *at = link;
    ssize_t n = readlink("/proc/self/ns/pid", link, sizeof link - 1);
    int64_t inode = 0;

    if (n < 0 && errno != ENOENT && errno != EACCES)
        return -1;
    if (n > 5) { /* "pid:[4026531836]" */
        link[n] = '\0';
        at = link + 5;
        if (dz_read_long(&at, &inode) < 0)
            inode = 0;
    }
    identity->space = (uint64_t)inode;
    n = dz_read_file("/proc/sys/kernel/random/boot_id", identity->boot,
                     sizeof identity->boot);
    if (n < 0 && errno != ENOENT && errno != EACCES)
        return -1;
    for (; n > 0 && identity->boot[n - 1] == '\n'; n--)
        identity->boot[n - 1] = '\0';
    if (n <= 0)
        memcpy(identity->boot, "-", 2);
    return 0;
}

/* Read process pid.  -1 with errno: ESRCH where it is gone, EOPNOTSUPP where
 * /proc cannot tell. */
static int read_living(pid_t pid, struct dz_process *process)
{
    if (dz_read_process(pid, process) < 0) {
        if (errno == ENOENT)
            errno = dz_proc_is_ours() ? ESRCH : EOPNOTSUPP;
        return -1;
    }
    if (!dz_proc_is_ours()) {
        errno = EOPNOTSUPP;
        return -1;
    }
    if (!dz_has_ended(process))
        return 0;
    errno = ESRCH;
    return -1;
}

int dz_identify(pid_t pid, struct dz_identity *identity)
{
    struct dz_process process;

    identity->pid = pid;
    if (read_living(pid, &process) < 0)
        return -1;
    identity->start = process.start;
    return locate(identity);
}

/* Whether the process of that number now is the same one; boot and namespace
 * are not looked at. */
static bool is_there(const struct dz_identity *identity)
{
    struct dz_process process;

    return identity->pid >= 1 && dz_read_process(identity->pid, &process) == 0 &&
           process.start == identity->start && !dz_has_ended(&process);
}

static bool is_unknown(const char *boot)
{
    return strcmp(boot, "-") == 0;
}

int dz_identity_runs(const struct dz_identity *identity)
{
    struct dz_identity now;

    if (dz_identify(identity->pid, &now) < 0)
        return errno == ESRCH ? 0 : -1;
    if (now.start != identity->start)
        return 0;
    /* Hidden from us, but not from who has written it down: no answer. */
    if ((now.space == 0 && identity->space != 0) ||
        (is_unknown(now.boot) && !is_unknown(identity->boot))) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return now.space == identity->space && strcmp(now.boot, identity->boot) == 0;
}

bool dz_began_after(const struct dz_identity *identity, int64_t moment)
{
    int64_t ticks = (int64_t)getauxval(AT_CLKTCK);
    int64_t slack;
    struct timespec now;
    struct timespec up;

    if (ticks <= 0)
        ticks = 100; /* USER_HZ, on every machine that we build for */
    slack = 2 * (SECOND / ticks);
    clock_gettime(CLOCK_REALTIME, &now); /* neither can fail with a valid clock */
    clock_gettime(CLOCK_BOOTTIME, &up);
    int64_t booted =
        ((int64_t)now.tv_sec - up.tv_sec) * SECOND + now.tv_nsec - up.tv_nsec;
    int64_t began = booted + (int64_t)identity->start * (SECOND / ticks);
    return began > moment + slack;
}

int dz_open_process(const struct dz_identity *identity)
{
    int fd = (int)syscall(DZ_SYS_PIDFD_OPEN, identity->pid, 0);

    if (fd < 0)
        return -1;
    if (is_there(identity))
        return fd;
    close(fd); /* a pidfd: nothing can be lost */
    errno = ESRCH;
    return -1;
}

int dz_signal_process(const struct dz_identity *identity, int signal)
{
    int fd = dz_open_process(identity);
    int result;

    if (fd < 0 && errno == ESRCH)
        return -1;
    if (fd < 0) {
        /* Linux before 5.3, or a filter: the best there is. */
        if (!is_there(identity)) {
            errno = ESRCH;
            return -1;
        }
        return kill(identity->pid, signal);
    }
    result = (int)syscall(DZ_SYS_PIDFD_SEND_SIGNAL, fd, signal, NULL, 0);
    dz_close(fd);
    return result;
}

bool dz_await_end(const struct dz_identity *identity, int64_t until)
{
    int fd = dz_open_process(identity);
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    bool runs = true;

    while ((runs = is_there(identity))) {
        int64_t left = until - dz_milliseconds();
        if (left <= 0)
            break;
        if (fd < 0 && left > LOOK_MS)
            left = LOOK_MS;
        if (left > INT_MAX)
            left = INT_MAX;
        poll(&wanted, fd < 0 ? 0 : 1, (int)left); /* EINTR: look again */
    }
    if (fd >= 0)
        close(fd);
    return !runs;
}
