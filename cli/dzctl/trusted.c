/*
 * Opens files by paths that other users may have tampered with.
 *
 * Invariant: a symbolic link is followed only if root or we own it, at each part of the
 * path.  Otherwise another user could lead us to a file that this other user may not
 * read.
 */
#include "dzctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 40 /* as path_resolution(7) has it */ };

/* Puts the target of the link open on fd in front of the rest of *path.  Returns 0, or
 * -1 and sets errno: EPERM if another user owns the link. */
static int prepend_target(int fd, const char *rest, char path[PATH_MAX])
{
    struct stat about;
    char longer[2 * PATH_MAX];
    ssize_t n;

    if (fstat(fd, &about) < 0)
        return -1;
    if (about.st_uid != 0 && about.st_uid != geteuid()) {
        errno = EPERM;
        return -1;
    }
    n = readlinkat(fd, "", longer, PATH_MAX);
    if (n < 0)
        return -1;
    snprintf(longer + n, sizeof longer - (size_t)n, "/%s", rest);
    if (strlen(longer) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(path, longer, strlen(longer) + 1);
    return 0;
}

/* Takes the first part of *path, which it cuts there, and moves *path behind it. */
static char *next_part(char **path)
{
    char *part = *path + strspn(*path, "/");
    char *end = part + strcspn(part, "/");

    *path = *end == '\0' ? end : end + 1;
    *end = '\0';
    return part;
}

int open_trusted(const char *name)
{
    char path[PATH_MAX];
    char *rest = path;
    int links = 0;
    int directory = open(name[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (strlen(name) >= sizeof path) {
        dz_close_fd(&directory);
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(path, name, strlen(name) + 1);
    while (directory >= 0) {
        struct stat about;
        char *part = next_part(&rest);
        bool last = rest[strspn(rest, "/")] == '\0';
        int fd = openat(directory, *part != '\0' ? part : ".",
                        O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && fstat(fd, &about) == 0 && S_ISLNK(about.st_mode)) {
            int result = ++links > LINKS_MAX ? (errno = ELOOP, -1)
                                             : prepend_target(fd, rest, path);
            dz_close(fd);
            rest = path;
            if (result < 0)
                dz_close_fd(&directory);
            if (result == 0 && path[0] == '/') {
                dz_close(directory);
                directory = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
            }
            continue;
        }
        if (fd >= 0 && last) {
            /* The part may be a link by now: O_NOFOLLOW refuses it. */
            int opened =
                openat(directory, *part != '\0' ? part : ".",
                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
            dz_close(fd);
            dz_close(directory);
            return opened;
        }
        dz_close(directory);
        directory = fd;
    }
    return -1;
}
