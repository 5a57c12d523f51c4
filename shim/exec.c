/*
 * --reopen, and a program that executes another in its place or in a child.
 *
 * A handler does not outlive execve(2), SIGHUP would be at default behind it: a log's
 * rotation would then end what it was to serve.  Where SIGHUP is ignored as far as the
 * program knows, it is ignored over the exec.
 */
#include "shim.h"

#include <errno.h>
#include <unistd.h>

/* Before an exec: SIGHUP ignored by the kernel too.  Whether something was changed,
 * which is then in *ours. */
static bool begin(struct sigaction *ours)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction known;

    return shim_reopens && shim_sigaction(SIGHUP, NULL, &known) == 0 &&
           known.sa_handler == SIG_IGN &&
           shim_next_sigaction(SIGHUP, NULL, ours) == 0 &&
           shim_next_sigaction(SIGHUP, &ignore, NULL) == 0;
}

/* It has failed: as it was. */
static int end(bool begun, const struct sigaction *ours)
{
    int err = errno;

    if (begun)
        shim_next_sigaction(SIGHUP, ours, NULL); /* cannot fail: it has been set */
    errno = err;
    return -1;
}

SHIM_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
    struct sigaction ours;
    bool begun = begin(&ours);

    ((int (*)(const char *, char *const *, char *const *))shim_next(SHIM_EXECVE))(
        path, argv, envp);
    return end(begun, &ours);
}

SHIM_EXPORT int execv(const char *path, char *const argv[])
{
    struct sigaction ours;
    bool begun = begin(&ours);

    ((int (*)(const char *, char *const *))shim_next(SHIM_EXECV))(path, argv);
    return end(begun, &ours);
}

SHIM_EXPORT int execvp(const char *file, char *const argv[])
{
    struct sigaction ours;
    bool begun = begin(&ours);

    ((int (*)(const char *, char *const *))shim_next(SHIM_EXECVP))(file, argv);
    return end(begun, &ours);
}

SHIM_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
    struct sigaction ours;
    bool begun = begin(&ours);

    ((int (*)(const char *, char *const *, char *const *))shim_next(SHIM_EXECVPE))(
        file, argv, envp);
    return end(begun, &ours);
}
