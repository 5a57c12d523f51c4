/*
 * How a process has ended.
 *
 * The kernel tells it through a pidfd that was opened before the end.
 */
#include "job.h"
#include "syscalls.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { REAPED_MS = 1000 };

/* Returns the status of a process that was reaped, or -1 if the kernel does not report
 * it. */
static int told_status(int pidfd)
{
    struct dz_pidfd_info info = {.mask = DZ_PIDFD_INFO_EXIT};

    /* Not by ioctl(2): musl's takes an int. */
    if (syscall(SYS_ioctl, pidfd, DZ_PIDFD_GET_INFO, &info) < 0 ||
        (info.mask & DZ_PIDFD_INFO_EXIT) == 0)
        return -1;
    return info.exit_code;
}

/* Returns the status of a zombie, or -1.  /proc shows it to users who may trace the
 * process, and 0 to others. */
static int zombie_status(pid_t pid)
{
    struct dz_process process;
    struct dz_stat about;
    char path[32];
    struct dz_text text = dz_text(path, sizeof path);

    dz_add(&text, "/proc/");
    dz_add_number(&text, pid);
    if (dz_stat(AT_FDCWD, path, true, &about) < 0 ||
        (geteuid() != 0 && about.uid != geteuid()) ||
        dz_read_process(pid, &process) < 0 || process.state != 'Z')
        return -1;
    return process.wait_status;
}

int dz_final_status(int pidfd, pid_t pid)
{
    struct pollfd wanted = {.fd = pidfd, .events = 0};
    int status = pidfd >= 0 ? told_status(pidfd) : -1;

    if (status < 0)
        status = zombie_status(pid); /* not reaped: no other process has its PID */
    if (status >= 0 || pidfd < 0)
        return status;
    /* POLLHUP means that the process was reaped, since Linux 6.10.  Some parents never
     * reap. */
    if (poll(&wanted, 1, REAPED_MS) > 0)
        status = told_status(pidfd);
    return status;
}
