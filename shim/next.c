/*
 * The functions that ours stand before: the next definition of a name behind this
 * library, dlsym(3) with RTLD_NEXT, looked up by the constructor or at the first
 * call before that, and kept.
 *
 * Not at the first call of all: glibc's dlsym waits for who is in dlopen(3), which
 * may wait for the very thread that calls.
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
    [SHIM_GET_SIGDEFAULT] = "posix_spawnattr_getsigdefault",
    [SHIM_SET_SIGDEFAULT] = "posix_spawnattr_setsigdefault",
    [SHIM_FORK] = "fork",
    [SHIM_SETSID] = "setsid",
    [SHIM_DAEMON] = "daemon",
    [SHIM_EXECVE] = "execve",
    [SHIM_EXECV] = "execv",
    [SHIM_EXECVP] = "execvp",
    [SHIM_EXECVPE] = "execvpe",
};

/*
 * Before glibc 2.34 dlsym is in a library of its own, which a program need not
 * have; libc itself could always do the same, by these names.
 */
extern __attribute__((weak)) void *dlsym(void *handle, const char *name);
extern __attribute__((weak)) void *__libc_dlopen_mode(const char *name, int mode);
extern __attribute__((weak)) void *__libc_dlsym(void *map, const char *name);

static void *find(const char *name)
{
    if (dlsym != NULL)
        return dlsym(RTLD_NEXT, name);
    if (__libc_dlopen_mode != NULL && __libc_dlsym != NULL)
        return __libc_dlsym(__libc_dlopen_mode("libc.so.6", RTLD_LAZY), name);
    return NULL;
}

static shim_function look_up(enum shim_next which)
{
    void *found = find(names[which]);
    shim_function function;

    memcpy(&function, &found, sizeof function); /* POSIX: the same representation */
    if (function != NULL)
        __atomic_store_n(&shim_found[which], function, __ATOMIC_RELAXED);
    return function;
}

shim_function shim_find(enum shim_next which)
{
    int err = errno;
    shim_function function = look_up(which);

    if (function == NULL)
        __builtin_trap(); /* a program that calls what nobody defines */
    errno = err;
    return function;
}

void shim_find_all(void)
{
    /* Asked for what is not there dlsym would allocate a message for dlerror(3). */
    int count = gnu_get_libc_version != NULL ? SHIM_NEXT : SHIM_GLIBC;

    if (dlsym == NULL)
        return; /* nor has the program a dlopen */
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
 * Calls of the core and of this library: the linker's --wrap leads them past our own
 * interposers.  A call of another interposed name does not link; make lint says so.
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
