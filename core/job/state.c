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

/* Writes the path of the directory for users without a home. */
static void compose_homeless(char path[PATH_MAX])
{
    struct dz_text text = dz_text(path, PATH_MAX);

    dz_add(&text, "/tmp/dz-");
    dz_add_number(&text, (long)geteuid());
}

/* Writes the path of the state directory.  Sets *homeless if that is the one for users
 * without a home, and *fixed if no other may take its place.  Returns 0, or -1 and sets
 * errno. */
static int compose(char **envp, char path[PATH_MAX], bool *fixed, bool *homeless)
{
    struct dz_text text = dz_text(path, PATH_MAX);
    const char *base;

    *fixed = *homeless = false;
    if ((base = dz_env(envp, "DZ_STATE_DIR")) != NULL) {
        dz_add(&text, base);
        *fixed = true;
    } else if (geteuid() == 0) {
        dz_add(&text, "/run/dz");
    } else if ((base = absolute_or_null(dz_env(envp, "XDG_STATE_HOME"))) != NULL) {
        dz_add(&text, base);
        dz_add(&text, "/dz");
    } else if ((base = absolute_or_null(dz_env(envp, "HOME"))) != NULL) {
        dz_add(&text, base);
        dz_add(&text, "/.local/state/dz");
    } else {
        compose_homeless(path);
        *homeless = true;
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

/* Opens the directory, and makes it if make is set and it is missing.  Returns the
 * descriptor, or -1 and sets errno. */
static int open_directory(char path[PATH_MAX], bool make, bool homeless)
{
    /* In /tmp any user can plant a link. */
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (homeless ? O_NOFOLLOW : 0);
    int fd = open(path, flags);

    if (fd < 0 && errno == ENOENT && make) {
        /* Mode 0700 whatever the umask: records hold the arguments of commands. */
        mode_t old = umask(077);
        int made = make_directories(path);
        umask(old);
        fd = made == 0 ? open(path, flags) : -1;
    }
    return fd;
}

/* Returns whether we own fd and no other user may write to it. */
static bool is_trusted(int fd)
{
    struct dz_stat about;

    return dz_stat(fd, "", true, &about) == 0 && about.uid == geteuid() &&
           (about.mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Fills in the fault: no state directory can be used. */
static int refuse(const char *path, int err, bool fixed, struct dz_fault *fault)
{
    char words[sizeof fault->reason];
    struct dz_text text = dz_text(words, sizeof words);

    if (err == EPERM)
        dz_add(&text, "another user owns it, or others may write to it");
    else
        dz_add_error(&text, err);
    if (!fixed)
        dz_add(&text, "; set DZ_STATE_DIR");
    return dz_fault(fault, "state", path, err, fixed && err != EPERM ? NULL : words);
}

int dz_state_open(char **envp, bool make, char path[PATH_MAX], struct dz_fault *fault)
{
    bool fixed;
    bool homeless;
    int fd;

    path[0] = '\0';
    if (compose(envp, path, &fixed, &homeless) < 0)
        return dz_fault(fault, "state", path, errno, NULL);
    if (path[0] != '/')
        return dz_fault(fault, "DZ_STATE_DIR", path, 0, "not an absolute path");
    fd = open_directory(path, make, homeless);
    /* The home of a service user is often missing, or not its own. */
    if (fd < 0 && !fixed && !homeless && geteuid() != 0 &&
        (errno == ENOENT || errno == EACCES || errno == ENOTDIR || errno == EROFS)) {
        int err = errno;
        char other[PATH_MAX];
        compose_homeless(other);
        fd = open_directory(other, make, true);
        homeless = fd >= 0 || make;
        if (homeless)
            memcpy(path, other, sizeof other);
        else
            errno = err;
    }
    if (fd < 0)
        return refuse(path, errno, fixed, fault);
    if (is_trusted(fd))
        return fd;
    dz_close(fd);
    return refuse(path, EPERM, fixed, fault);
}
