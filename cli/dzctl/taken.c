/*
 * What a new keeper takes from the program of a killed one, for the runs to come: the
 * descriptors of --keep-fd, and the files of the streams that the caller of the start
 * gave the program.
 */
#include "dzctl.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Returns the flags with which the process has the descriptor open, or -1. */
static int flags_of(pid_t pid, int number)
{
    static const char key[] = "flags:";
    char path[48];
    char text[512];
    const char *at;

    snprintf(path, sizeof path, "/proc/%ld/fdinfo/%d", (long)pid, number);
    if (dz_read_file(path, text, sizeof text) <= 0 || (at = strstr(text, key)) == NULL)
        return -1;
    return (int)strtol(at + sizeof key - 1, NULL, 8);
}

/* Opens the file of a descriptor anew, as a security module may demand.  Returns the
 * descriptor, or -1 and sets errno. */
static int open_anew(pid_t pid, int number)
{
    int flags = flags_of(pid, number);
    char path[48];

    snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)pid, number);
    return flags < 0
               ? -1
               : open(path, (flags & (O_ACCMODE | O_APPEND | O_NONBLOCK)) | O_CLOEXEC);
}

/* Makes the process's descriptor our descriptor of that number. */
static int take_one(pid_t pid, int number)
{
    int pidfd = (int)syscall(DZ_SYS_PIDFD_OPEN, pid, 0);
    int fd = pidfd >= 0 ? (int)syscall(DZ_SYS_PIDFD_GETFD, pidfd, number, 0) : -1;
    int result = -1;

    if (fd < 0)
        fd = open_anew(pid, number);
    if (fd >= 0 && fd != number)
        result = dz_dup2(fd, number);
    else if (fd >= 0)
        result = fcntl(fd, F_SETFD, 0);
    if (fd >= 0 && fd != number)
        dz_close(fd);
    if (pidfd >= 0 && pidfd != number)
        dz_close(pidfd);
    return result < 0 ? -1 : 0;
}

int take_descriptors(pid_t pid, const char *list, struct dz_fault *fault)
{
    while (list != NULL && *list != '\0') {
        int number = dz_read_number(&list);
        if (number < 3 || take_one(pid, number) < 0) {
            dz_fault_number(fault, "keep-fd", number, number < 3 ? EINVAL : errno,
                            "the program does not have it any more");
            fault->status = CTL_FAILED;
            return -1;
        }
        list += *list == ',';
    }
    return 0;
}

const char *stream_path(pid_t pid, int number, char path[PATH_MAX])
{
    char link[48];
    struct stat named;
    struct stat open;
    ssize_t n;

    snprintf(link, sizeof link, "/proc/%ld/fd/%d", (long)pid, number);
    n = readlink(link, path, PATH_MAX - 1);
    if (n <= 0 || path[0] != '/')
        return NULL;
    path[n] = '\0';
    if (stat(path, &named) < 0 || stat(link, &open) < 0 ||
        named.st_dev != open.st_dev || named.st_ino != open.st_ino)
        return NULL; /* it was removed or renamed */
    return S_ISREG(named.st_mode) || strcmp(path, "/dev/null") == 0 ? path : NULL;
}
