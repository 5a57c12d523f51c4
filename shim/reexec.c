/*
 * Executing the program a second time, where its constructors have threads.
 *
 * The first image has prepared and detached; the second one prepares again, as
 * its descriptors of ours were close-on-exec, and commits.  Between the two the
 * write end of the report pipe stays open; DZ_RESUME holds its number.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/*
 * The path to execute: AT_EXECFN where that is this very program, which keeps
 * its name in ps; for a script the interpreter itself, since the words are
 * already those that the kernel made for it.
 */
static const char *program_path(char path[PATH_MAX])
{
    const char *executed = (const char *)getauxval(AT_EXECFN);
    ssize_t n;

    if (executed != NULL && shim_is_program(executed))
        return executed;
    n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (n < 0)
        return "/proc/self/exe";
    path[n] = '\0';
    return path;
}

/* The environment for the new image, which has NOTIFY_SOCKET from here: there the
 * caller's socket is not known.  Returns the number of entries. */
static size_t copy_environment(struct dz_start *start, char **to)
{
    bool notify = start->notify.fd >= 0;
    size_t n = 0;

    for (char **from = start->envp; *from != NULL; from++)
        if (!notify || strncmp(*from, "NOTIFY_SOCKET=", 14) != 0)
            to[n++] = *from;
    if (notify)
        to[n++] = start->notify.variable;
    return n;
}

int shim_execute_again(struct dz_start *start, struct dz_fault *fault)
{
    char variable[32];
    char path[PATH_MAX];
    struct dz_text text = dz_text(variable, sizeof variable);
    size_t n = 0;

    if (start->plan->argv == NULL)
        return dz_fault(fault, "exec", "arguments", 0, "unknown in this program");
    while (start->envp[n] != NULL)
        n++;
    char *envp[n + 3]; /* no larger than what execve(2) has taken once */
    n = copy_environment(start, envp);
    dz_add(&text, DZ_RESUME);
    dz_add_number(&text, start->report_fd);
    envp[n] = variable;
    envp[n + 1] = NULL;
    if (fcntl(start->report_fd, F_SETFD, 0) == 0)
        execve(program_path(path), start->plan->argv, envp);
    return dz_fault(fault, "exec", program_path(path), errno, NULL);
}

bool shim_is_report(int fd)
{
    return fd >= 3 && dz_kind_of_fd(fd) == DZ_PIPE;
}

int shim_take_fd(char **envp, const char *name)
{
    size_t length = strlen(name);
    int fd = -1;

    for (; *envp != NULL; envp++) {
        if (strncmp(*envp, name, length) != 0)
            continue;
        const char *at = *envp + length;
        fd = dz_read_number(&at);
        if (*at != '\0' || !shim_is_report(fd) || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
            return -1; /* not ours: left to be refused as unknown */
        for (; *envp != NULL; envp++)
            envp[0] = envp[1];
        return fd;
    }
    return -1;
}
