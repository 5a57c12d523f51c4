/*
 * Opens the file of the next program, to be looked at: the one that execve(2) or
 * execvp(3) would execute.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

enum { TO_READ = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };

/* Returns whether execvp(3) would execute the file open on fd, by its permissions. */
static bool may_execute(int fd, const char *path)
{
    enum { REGULAR = 0100000, KIND = 0170000, ALL = 0111 };
    struct dz_stat about;

    if (dz_stat(fd, "", true, &about) < 0 || (about.mode & KIND) != REGULAR)
        return false;
    return (about.mode & ALL) == ALL ||
           syscall(SYS_faccessat, AT_FDCWD, path, X_OK) == 0;
}

/* Returns whether a file that cannot be read can be executed nevertheless. */
static bool is_only_unreadable(const char *path)
{
    return errno == EACCES && syscall(SYS_faccessat, AT_FDCWD, path, X_OK) == 0;
}

int shim_open_program(const char *path)
{
    int fd = open(path, TO_READ);

    if (fd < 0 && errno == EACCES && !is_only_unreadable(path))
        errno = ENOENT;
    return fd;
}

/* Opens name in the first directory of PATH in which it can be executed, as execvp(3)
 * does, and notes that.  Returns -1 as shim_open_program does. */
static int open_on_path(const char *name, struct shim_handover *next)
{
    const char *at = environ != NULL ? dz_env(environ, "PATH") : NULL;
    size_t rest = strlen(name) + 2;

    if (at == NULL)
        at = gnu_get_libc_version != NULL ? "/bin:/usr/bin"
                                          : "/usr/local/bin:/bin:/usr/bin";
    for (;; at++) {
        size_t length = strcspn(at, ":");
        if (length < PATH_MAX - rest) {
            char path[length + rest];
            struct dz_text text = dz_text(path, sizeof path);
            dz_add_bytes(&text, at, length);
            dz_add(&text, length > 0 ? "/" : "");
            dz_add(&text, name);
            int fd = shim_open_program(path);
            next->directory = at;
            next->directory_length = length;
            if (fd < 0 ? errno == EACCES : may_execute(fd, path))
                return fd;
            dz_close_fd(&fd);
        }
        at += length;
        if (*at == '\0') {
            next->directory = NULL;
            errno = ENOENT;
            return -1;
        }
    }
}

/* Opens what a descriptor is open on, anew. */
static int open_descriptor(int fd)
{
    char path[32];
    struct dz_text text = dz_text(path, sizeof path);

    dz_add(&text, "/proc/self/fd/");
    dz_add_number(&text, fd);
    fd = open(path, TO_READ);
    errno = EACCES; /* without /proc it cannot be read */
    return fd;
}

int shim_open_next(const struct shim_request *request, struct shim_handover *next)
{
    bool searches = request->way == SHIM_BY_SEARCH;

    switch (request->way) {
    case SHIM_BY_DESCRIPTOR:
        return open_descriptor(request->fd);
    case SHIM_BY_DIRECTORY:
        if (request->path == NULL) { /* the kernel refuses it, too */
            errno = EFAULT;
            return -1;
        }
        return request->path[0] == '\0' ? open_descriptor(request->fd)
                                        : openat(request->fd, request->path, TO_READ);
    case SHIM_BY_SEARCH:
    case SHIM_BY_PATH:
        break;
    }
    if (searches && strchr(request->path, '/') == NULL &&
        strlen(request->path) < PATH_MAX / 2)
        return open_on_path(request->path, next);
    return shim_open_program(request->path);
}

bool shim_can_execute(const struct shim_request *request)
{
    bool by_fd = request->way == SHIM_BY_DESCRIPTOR;
    char path[32];
    struct dz_text text = dz_text(path, sizeof path);

    if (request->way == SHIM_BY_SEARCH && strchr(request->path, '/') == NULL)
        return true; /* the search has found out */
    if (by_fd || (request->way == SHIM_BY_DIRECTORY && request->path[0] == '\0')) {
        dz_add(&text, "/proc/self/fd/");
        dz_add_number(&text, request->fd);
        return syscall(SYS_faccessat, AT_FDCWD, path, X_OK) == 0;
    }
    return syscall(SYS_faccessat,
                   request->way == SHIM_BY_DIRECTORY ? request->fd : AT_FDCWD,
                   request->path, X_OK) == 0;
}
