/*
 * The state directory: where the records of this user's jobs are.
 *
 * Invariant: nothing in it is believed unless the directory and the file are
 * our own and nobody else may write to them.  XDG_RUNTIME_DIR is not used: it
 * goes away at logout, when jobs must not.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *absolute_or_null(const char *path)
{
    return path != NULL && path[0] == '/' ? path : NULL; /* the XDG rule */
}

/* Where it is to be.  -1 with errno: ENOENT where HOME does not tell. */
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

/* Make path, and the folders that it is in where they are missing. */
static int make_folders(char path[PATH_MAX])
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

static int open_folder(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Whether fd is our own and nobody else may write to it. */
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
                            ? "no directory for records: HOME is no absolute path"
                            : NULL);
    if (path[0] != '/')
        return dz_fault(fault, "DZ_STATE_DIR", path, 0, "not an absolute path");
    fd = open_folder(path);
    if (fd < 0 && errno == ENOENT && make) {
        /* Ours alone, whatever the umask: records hold the words of commands. */
        mode_t old = umask(077);
        int made = make_folders(path);
        umask(old);
        if (made == 0)
            fd = open_folder(path);
    }
    if (fd < 0)
        return dz_fault(fault, step, path, errno, NULL);
    if (is_trusted(fd))
        return fd;
    close(fd); /* for looking only: nothing can be lost */
    return dz_fault(fault, step, path, EPERM,
                    "somebody else's, or others may write to it");
}
