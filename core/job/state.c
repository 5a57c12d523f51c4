/*
 * The state directory holds the records of this user's jobs.
 *
 * Invariant: a record is trusted only if we own both the directory and the file, and
 * no other user may write to them.  XDG_RUNTIME_DIR is removed at logout, but jobs go
 * on.  So records are not kept there.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *absolute_or_null(const char *path)
{
    return path != NULL && path[0] == '/' ? path : NULL; /* as XDG requires */
}

/* Writes the path of the state directory.  Returns 0, or -1 and sets errno: ENOENT if
 * HOME is not an absolute path. */
static int compose(char **envp, char path[PATH_MAX])
{
    struct dz_text text = dz_text(path, PATH_MAX);
    const char *base;

    if ((base = dz_env(envp, "DZ_STATE_DIR")) != NULL) {
        dz_add(&text, base);
    } else if (geteuid() == 0) {
        dz_add(&text, "/run/dz");
    } else if ((base = absolute_or_null(dz_env(envp, "XDG_STATE_HOME"))) != NULL) {
        dz_add(&text, base);
        dz_add(&text, "/dz");
    } else if ((base = absolute_or_null(dz_env(envp, "HOME"))) != NULL) {
        dz_add(&text, base);
        dz_add(&text, "/.local/state/dz");
    } else {
        errno = ENOENT;
        return -1;
    }
    if (text.cut) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return 0;
}

/* Makes path and its missing parents.  Returns 0, or -1 and sets errno. */
static int make_directories(char path[PATH_MAX])
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    if (errno != ENOENT)
        return -1;
    for (char *slash = strchr(path + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int result = mkdir(path, 0700);
        int err = errno;
        *slash = '/';
        if (result < 0 && err != EEXIST) {
            errno = err;
            return -1;
        }
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -1;
}

static int open_directory(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Returns whether we own fd and no other user may write to it. */
static bool is_trusted(int fd)
{
    struct dz_stat about;

    return dz_stat(fd, "", true, &about) == 0 && about.uid == geteuid() &&
           (about.mode & (S_IWGRP | S_IWOTH)) == 0;
}

int dz_state_open(char **envp, bool make, char path[PATH_MAX], struct dz_fault *fault)
{
    static const char step[] = "state";
    int fd;

    path[0] = '\0';
    if (compose(envp, path) < 0)
        return dz_fault(fault, step, path[0] != '\0' ? path : NULL, errno,
                        errno == ENOENT
                            ? "no directory for records: HOME is not an absolute path"
                            : NULL);
    if (path[0] != '/')
        return dz_fault(fault, "DZ_STATE_DIR", path, 0, "not an absolute path");
    fd = open_directory(path);
    if (fd < 0 && errno == ENOENT && make) {
        /* Mode 0700 whatever the umask: records hold the arguments of commands. */
        mode_t old = umask(077);
        int made = make_directories(path);
        umask(old);
        if (made == 0)
            fd = open_directory(path);
    }
    if (fd < 0)
        return dz_fault(fault, step, path, errno, NULL);
    if (is_trusted(fd))
        return fd;
    dz_close(fd);
    return dz_fault(fault, step, path, EPERM,
                    "another user owns it, or others may write to it");
}
