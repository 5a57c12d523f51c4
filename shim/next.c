/*
 * The functions that ours stand before: the next definition of a name behind this
 * library, dlsym(3) with RTLD_NEXT.
 *
 * The constructor looks them all up, and only a call before that looks up its own.
 * Later no call may: glibc's dlsym waits for a thread that is in dlopen(3), and that
 * thread may wait for the caller.
 */
#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

shim_function shim_found[SHIM_NEXT];

static const char *const names[SHIM_NEXT] = {
    [SHIM_SIGNAL] = "signal",
    [SHIM_BSD_SIGNAL] = "bsd_signal",
    [SHIM_SSIGNAL] = "ssignal",
    [SHIM_SYSV_SIGNAL] = "sysv_signal",
    [SHIM_UNDER_SYSV_SIGNAL] = "__sysv_signal",
    [SHIM_SIGACTION] = "sigaction",
    [SHIM_SIGSET] = "sigset",
    [SHIM_SIGIGNORE] = "sigignore",
    [SHIM_SIGINTERRUPT] = "siginterrupt",
    [SHIM_FORK] = "fork",
    [SHIM_SETSID] = "setsid",
    [SHIM_SETPGID] = "setpgid",
    [SHIM_SETPGRP] = "setpgrp",
    [SHIM_DAEMON] = "daemon",
    [SHIM_EXIT_NOW] = "_exit",
    [SHIM_EXIT] = "exit",
    [SHIM_CLOSE] = "close",
    [SHIM_DUP] = "dup",
    [SHIM_DUP2] = "dup2",
    [SHIM_DUP3] = "dup3",
    [SHIM_OPEN] = "open",
    [SHIM_FCLOSE] = "fclose",
    [SHIM_FREOPEN] = "freopen",
    [SHIM_FREOPEN64] = "freopen64",
    [SHIM_EXECVE] = "execve",
    [SHIM_EXECVPE] = "execvpe",
    [SHIM_FEXECVE] = "fexecve",
    [SHIM_SPAWN] = "posix_spawn",
    [SHIM_SPAWNP] = "posix_spawnp",
    [SHIM_SYSTEM] = "system",
    [SHIM_POPEN] = "popen",
};

/* Before glibc 2.34 dlsym is in a library of its own, which not every program has. */
extern __attribute__((weak)) void *dlsym(void *handle, const char *name);

static shim_function look_up(enum shim_next which)
{
    void *found =
        dlsym != NULL ? dlsym(RTLD_NEXT, names[which]) : shim_next_symbol(names[which]);
    shim_function function;

    memcpy(&function, &found, sizeof function); /* POSIX: they look alike in memory */
    if (function != NULL)
        __atomic_store_n(&shim_found[which], function, __ATOMIC_RELAXED);
    return function;
}

shim_function shim_find(enum shim_next which)
{
    int err = errno;
    shim_function function = look_up(which);

    if (function == NULL)
        __builtin_trap(); /* the program calls what no library defines */
    errno = err;
    return function;
}

void shim_find_all(void)
{
    /* dlsym allocates a message for dlerror(3) if it does not find a name. */
    int count = gnu_get_libc_version != NULL ? SHIM_NEXT : SHIM_GLIBC;

    if (dlsym == NULL)
        return; /* the program has no dlopen(3) either */
    for (int which = 0; which < count; which++)
        look_up((enum shim_next)which);
}

int shim_next_sigaction(int number, const struct sigaction *action,
                        struct sigaction *old)
{
    int (*next)(int, const struct sigaction *, struct sigaction *) = (int (*)(
        int, const struct sigaction *, struct sigaction *))shim_next(SHIM_SIGACTION);

    return next(number, action, old);
}

/*
 * The linker's --wrap leads calls of the core and of this library here, past our own
 * interposers.  `make lint` fails if they call another interposed name.
 */

pid_t __wrap_fork(void);
pid_t __wrap_fork(void)
{
    return ((pid_t(*)(void))shim_next(SHIM_FORK))();
}

pid_t __wrap_setsid(void);
pid_t __wrap_setsid(void)
{
    return ((pid_t(*)(void))shim_next(SHIM_SETSID))();
}

int __wrap_setpgid(pid_t pid, pid_t group);
int __wrap_setpgid(pid_t pid, pid_t group)
{
    return ((int (*)(pid_t, pid_t))shim_next(SHIM_SETPGID))(pid, group);
}

__attribute__((noreturn)) void __wrap__exit(int status);
void __wrap__exit(int status)
{
    ((void (*)(int))shim_next(SHIM_EXIT_NOW))(status);
    __builtin_unreachable();
}

int __wrap_close(int fd);
int __wrap_close(int fd)
{
    return ((int (*)(int))shim_next(SHIM_CLOSE))(fd);
}

int __wrap_dup2(int from, int to);
int __wrap_dup2(int from, int to)
{
    return ((int (*)(int, int))shim_next(SHIM_DUP2))(from, to);
}

int __wrap_dup3(int from, int to, int flags);
int __wrap_dup3(int from, int to, int flags)
{
    return ((int (*)(int, int, int))shim_next(SHIM_DUP3))(from, to, flags);
}

/* Each call of ours that makes a file passes its mode; elsewhere it is not used. */
int __wrap_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode)
{
    return ((int (*)(const char *, int, ...))shim_next(SHIM_OPEN))(path, flags, mode);
}

int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *old);
int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    return shim_next_sigaction(number, action, old);
}

int __wrap_execve(const char *path, char *const argv[], char *const envp[]);
int __wrap_execve(const char *path, char *const argv[], char *const envp[])
{
    return ((int (*)(const char *, char *const *, char *const *))shim_next(
        SHIM_EXECVE))(path, argv, envp);
}
