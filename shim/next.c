/*
 * The functions that ours stand before: the next definition of a name behind this
 * library, dlsym(3) with RTLD_NEXT, looked up at the first call and kept.
 *
 * Works before our constructor has run, and allocates nothing where the name
 * exists, which it does: the program has been linked to it.
 */
#include "powers.h"

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

shim_function shim_find(enum shim_next which)
{
    int err = errno;
    void *found = find(names[which]);
    shim_function function;

    if (found == NULL)
        __builtin_trap(); /* a program that calls what nobody defines */
    memcpy(&function, &found, sizeof function); /* POSIX: the same representation */
    __atomic_store_n(&shim_found[which], function, __ATOMIC_RELAXED);
    errno = err;
    return function;
}
