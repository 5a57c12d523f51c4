/*
 * The functions that execute another program, in this process or in a child.
 *
 * A handler does not outlive execve(2): behind it SIGHUP would be at its default, and a
 * log's rotation would end what it serves.  Where the program takes SIGHUP for ignored
 * it is ignored over the exec.  Each function ends in execute() or spawn(), which have
 * the path, the arguments and the environment of the next program.
 *
 * A function without an environment of its own passes environ to the next definition of
 * one that has: what is to be added for the next program then has one place.
 */
#include "shim.h"

#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

/* The next program, and the call by which it is executed. */
struct request {
    enum { BY_PATH, BY_SEARCH, BY_DESCRIPTOR, BY_DIRECTORY } way;
    int fd;           /* BY_DESCRIPTOR, BY_DIRECTORY */
    int flags;        /* BY_DIRECTORY */
    const char *path; /* NULL for BY_DESCRIPTOR */
};

static int call_next(const struct request *request, char *const argv[],
                     char *const envp[])
{
    typedef int by_path(const char *, char *const *, char *const *);
    typedef int by_descriptor(int, char *const *, char *const *);

    switch (request->way) {
    case BY_PATH:
        return ((by_path *)shim_next(SHIM_EXECVE))(request->path, argv, envp);
    case BY_SEARCH:
        return ((by_path *)shim_next(SHIM_EXECVPE))(request->path, argv, envp);
    case BY_DESCRIPTOR:
        return ((by_descriptor *)shim_next(SHIM_FEXECVE))(request->fd, argv, envp);
    case BY_DIRECTORY: /* musl and old glibc have no such function */
        break;
    }
    return (int)syscall(SYS_execveat, request->fd, request->path, argv, envp,
                        request->flags);
}

/* Executes the next program.  Returns only if that fails, with -1 and errno. */
static int execute(const struct request *request, char *const argv[],
                   char *const envp[])
{
    bool begun = shim_begin_exec();
    int result = call_next(request, argv, envp);

    if (begun)
        shim_end_exec();
    return result;
}

SHIM_EXPORT int execve(const char *path, char *const argv[], char *const envp[])
{
    return execute(&(struct request){.way = BY_PATH, .path = path}, argv, envp);
}

SHIM_EXPORT int execv(const char *path, char *const argv[])
{
    return execute(&(struct request){.way = BY_PATH, .path = path}, argv, environ);
}

SHIM_EXPORT int execvp(const char *file, char *const argv[])
{
    return execute(&(struct request){.way = BY_SEARCH, .path = file}, argv, environ);
}

SHIM_EXPORT int execvpe(const char *file, char *const argv[], char *const envp[])
{
    return execute(&(struct request){.way = BY_SEARCH, .path = file}, argv, envp);
}

SHIM_EXPORT int fexecve(int fd, char *const argv[], char *const envp[])
{
    return execute(&(struct request){.way = BY_DESCRIPTOR, .fd = fd}, argv, envp);
}

/* glibc's unistd.h declares it from 2.34 on, and musl's does not. */
SHIM_EXPORT int execveat(int directory, const char *path, char *const argv[],
                         char *const envp[], int flags);
SHIM_EXPORT int execveat(int directory, const char *path, char *const argv[],
                         char *const envp[], int flags)
{
    const struct request request = {BY_DIRECTORY, directory, flags, path};

    return execute(&request, argv, envp);
}

/* ---- arguments one by one ---- */

/* Returns how many arguments there are after the first, without the NULL. */
static size_t count_arguments(const char *first, va_list list)
{
    size_t n = 0;

    if (first != NULL)
        while (va_arg(list, char *) != NULL)
            n++;
    return n;
}

/* Fills argv with them and a NULL, and moves list behind that. */
static void copy_arguments(char **argv, const char *first, va_list list)
{
    *argv = (char *)first;
    while (*argv != NULL)
        *++argv = va_arg(list, char *);
}

SHIM_EXPORT int execl(const char *path, const char *first, ...)
{
    va_list list;

    va_start(list, first);
    char *argv[count_arguments(first, list) + 2];
    va_end(list);
    va_start(list, first);
    copy_arguments(argv, first, list);
    va_end(list);
    return execute(&(struct request){.way = BY_PATH, .path = path}, argv, environ);
}

SHIM_EXPORT int execlp(const char *file, const char *first, ...)
{
    va_list list;

    va_start(list, first);
    char *argv[count_arguments(first, list) + 2];
    va_end(list);
    va_start(list, first);
    copy_arguments(argv, first, list);
    va_end(list);
    return execute(&(struct request){.way = BY_SEARCH, .path = file}, argv, environ);
}

SHIM_EXPORT int execle(const char *path, const char *first, ...)
{
    va_list list;
    char *const *envp;

    va_start(list, first);
    char *argv[count_arguments(first, list) + 2];
    va_end(list);
    va_start(list, first);
    copy_arguments(argv, first, list);
    envp = va_arg(list, char *const *);
    va_end(list);
    return execute(&(struct request){.way = BY_PATH, .path = path}, argv, envp);
}

/* ---- posix_spawn(3) ---- */

typedef int spawner(pid_t *pid, const char *path,
                    const posix_spawn_file_actions_t *actions,
                    const posix_spawnattr_t *attributes, char *const argv[],
                    char *const envp[]);

/* A pinned signal stays ignored in a child whose attributes set it to its default. */
static void remove_pinned(posix_spawnattr_t *attributes)
{
    sigset_t set;

    posix_spawnattr_getsigdefault(attributes, &set); /* cannot fail */
    for (int number = 1; number <= DZ_SIGNALS; number++)
        if (shim_pins(number))
            sigdelset(&set, number);
    posix_spawnattr_setsigdefault(attributes, &set);
}

static int spawn(enum shim_next which, pid_t *pid, const char *path,
                 const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const argv[],
                 char *const envp[])
{
    spawner *next = (spawner *)shim_next(which);
    posix_spawnattr_t copy;
    bool begun;
    int result;

    if (attributes != NULL && shim_controlled != 0) {
        copy = *attributes;
        remove_pinned(&copy);
        attributes = &copy;
    }
    begun = shim_begin_exec();
    result = next(pid, path, actions, attributes, argv, envp);
    if (begun)
        shim_end_exec();
    return result;
}

SHIM_EXPORT int posix_spawn(pid_t *restrict pid, const char *restrict path,
                            const posix_spawn_file_actions_t *actions,
                            const posix_spawnattr_t *restrict attributes,
                            char *const argv[restrict], char *const envp[restrict])
{
    return spawn(SHIM_SPAWN, pid, path, actions, attributes, argv, envp);
}

SHIM_EXPORT int posix_spawnp(pid_t *restrict pid, const char *restrict file,
                             const posix_spawn_file_actions_t *actions,
                             const posix_spawnattr_t *restrict attributes,
                             char *const argv[restrict], char *const envp[restrict])
{
    return spawn(SHIM_SPAWNP, pid, file, actions, attributes, argv, envp);
}
