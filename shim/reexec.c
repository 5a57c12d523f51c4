/*
 * Executing the program a second time, if other constructors ran before ours.
 *
 * A fork would lose the threads that they have started, and closing the caller's
 * descriptors would close those that they have opened.  The first image prepares,
 * detaches and closes.  The second one prepares again, since its own descriptors were
 * close-on-exec, and commits.  The write end of the report pipe stays open between the
 * two; DZ_RESUME holds its number, or 0 in stay mode, which has none.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Returns the path to execute.  If AT_EXECFN is this program it is that, which keeps
 * the program's name in ps(1).  For a script it is the interpreter: the arguments are
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

/*
 * Copies the environment for the new image.  NOTIFY_SOCKET is ours from here: the new
 * image does not know the caller's.  Returns the number of entries.
 */
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
    bool reports = start->report_fd >= 0;
    char variable[32];
    char path[PATH_MAX];
    struct dz_text text = dz_text(variable, sizeof variable);
    size_t n = 0;

    if (start->plan->argv == NULL)
        return dz_fault(fault, "exec", "arguments", 0, "unknown in this program");
    while (start->envp[n] != NULL)
        n++;
    char *envp[n + 3]; /* execve(2) has taken a vector of nearly that size */
    n = copy_environment(start, envp);
    dz_add(&text, DZ_RESUME);
    dz_add_number(&text, reports ? start->report_fd : SHIM_RESUMED_STAY);
    envp[n] = variable;
    envp[n + 1] = NULL;
    if (!reports || fcntl(start->report_fd, F_SETFD, 0) == 0)
        execve(program_path(path), start->plan->argv, envp);
    return dz_fault(fault, "exec", program_path(path), errno, NULL);
}

bool shim_is_report(int fd)
{
    return fd >= 3 && dz_kind_of_fd(fd) == DZ_PIPE;
}

int shim_take_resume(char **envp)
{
    size_t length = strlen(DZ_RESUME);

    for (; *envp != NULL; envp++) {
        const char *at = *envp + length;
        int fd;

        if (strncmp(*envp, DZ_RESUME, length) != 0)
            continue;
        fd = dz_read_number(&at);
        if (*at != '\0' || (fd != SHIM_RESUMED_STAY && !shim_is_report(fd)))
            return SHIM_NOT_RESUMED; /* left there, and refused as unknown */
        /* It fails only below a filter.  The report closes the pipe before main(). */
        if (fd != SHIM_RESUMED_STAY)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
        for (; *envp != NULL; envp++)
            envp[0] = envp[1];
        return fd;
    }
    return SHIM_NOT_RESUMED;
}
