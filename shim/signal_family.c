/*
 * The functions by which a program sets a disposition: for a governed signal each
 * is that libc's own, by way of shim_sigaction; for any other the next definition.
 */
#include "shim.h"

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <string.h>

typedef void (*handler)(int);
typedef handler setter(int number, handler to);

/* The signals that siginterrupt(3) was called for, as glibc's signal(3) heeds it. */
static uint64_t interrupting;

/* What differs between the libcs is told by gnu_get_libc_version. */
static handler set(int number, struct sigaction *action)
{
    struct sigaction old;

    /* glibc's; musl sets even that. */
    if (action->sa_handler == SIG_ERR && gnu_get_libc_version != NULL) {
        errno = EINVAL;
        return SIG_ERR;
    }
    return shim_sigaction(number, action, &old) < 0 ? SIG_ERR : old.sa_handler;
}

static handler set_bsd(int number, handler to)
{
    struct sigaction action = {.sa_handler = to, .sa_flags = SA_RESTART};

    if (gnu_get_libc_version != NULL) {
        sigaddset(&action.sa_mask, number);
        if ((interrupting & UINT64_C(1) << (number - 1)) != 0)
            action.sa_flags = 0;
    }
    return set(number, &action);
}

static handler set_sysv(int number, handler to)
{
    struct sigaction action = {.sa_handler = to,
                               .sa_flags = (int)SA_RESETHAND | SA_NODEFER |
                                           0x20000000 /* SA_INTERRUPT */};

    if (gnu_get_libc_version == NULL) /* musl's is signal(3) */
        return set_bsd(number, to);
    return set(number, &action);
}

/* A function of the family: set_as is how it sets a governed signal, next is which
 * definition does the others. */
static handler change(setter *set_as, enum shim_next next, int number, handler to)
{
    setter *now = shim_controls(number) ? set_as : (setter *)shim_next(next);

    return now(number, to);
}

SHIM_EXPORT handler signal(int number, handler to)
{
    return change(set_bsd, SHIM_SIGNAL, number, to);
}

SHIM_EXPORT handler bsd_signal(int number, handler to);
SHIM_EXPORT handler bsd_signal(int number, handler to)
{
    return change(set_bsd, SHIM_BSD_SIGNAL, number, to);
}

SHIM_EXPORT handler ssignal(int number, handler to)
{
    return change(set_bsd, SHIM_SSIGNAL, number, to);
}

SHIM_EXPORT handler sysv_signal(int number, handler to)
{
    return change(set_sysv, SHIM_SYSV_SIGNAL, number, to);
}

SHIM_EXPORT handler __sysv_signal(int number, handler to);
SHIM_EXPORT handler __sysv_signal(int number, handler to)
{
    return change(set_sysv, SHIM_UNDER_SYSV_SIGNAL, number, to);
}

static int act(int number, const struct sigaction *action, struct sigaction *old)
{
    return shim_controls(number) ? shim_sigaction(number, action, old)
                                 : shim_next_sigaction(number, action, old);
}

SHIM_EXPORT int sigaction(int number, const struct sigaction *action,
                          struct sigaction *old)
{
    return act(number, action, old);
}

SHIM_EXPORT int __sigaction(int number, const struct sigaction *action,
                            struct sigaction *old);
SHIM_EXPORT int __sigaction(int number, const struct sigaction *action,
                            struct sigaction *old)
{
    return act(number, action, old);
}

/* SIG_HOLD, 2: block it, and leave the disposition alone; sigset(3). */
static handler set_xsi(int number, handler to)
{
    struct sigaction action = {.sa_handler = to};
    bool hold = to == SIG_HOLD;
    sigset_t one;
    sigset_t mask;
    struct sigaction old;

    sigemptyset(&one);
    sigaddset(&one, number);
    if (shim_sigaction(number, hold ? NULL : &action, &old) < 0 ||
        sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &one, &mask) < 0)
        return SIG_ERR;
    return sigismember(&mask, number) ? SIG_HOLD : old.sa_handler;
}

SHIM_EXPORT handler sigset(int number, handler to)
{
    return change(set_xsi, SHIM_SIGSET, number, to);
}

static int ignore(int number)
{
    struct sigaction action = {.sa_handler = SIG_IGN};

    return shim_sigaction(number, &action, NULL);
}

SHIM_EXPORT int sigignore(int number)
{
    return shim_controls(number) ? ignore(number)
                                 : ((int (*)(int))shim_next(SHIM_SIGIGNORE))(number);
}

static int set_interrupt(int number, bool interrupts)
{
    struct sigaction action;

    if (shim_sigaction(number, NULL, &action) < 0)
        return -1;
    if (interrupts) {
        action.sa_flags &= ~SA_RESTART;
        interrupting |= UINT64_C(1) << (number - 1);
    } else {
        action.sa_flags |= SA_RESTART;
        interrupting &= ~(UINT64_C(1) << (number - 1));
    }
    return shim_sigaction(number, &action, NULL);
}

SHIM_EXPORT int siginterrupt(int number, int interrupts)
{
    if (shim_controls(number))
        return set_interrupt(number, interrupts != 0);
    return ((int (*)(int, int))shim_next(SHIM_SIGINTERRUPT))(number, interrupts);
}

/* ---- posix_spawn(3): what a child begins with ---- */

enum { WORD = CHAR_BIT * (int)sizeof(unsigned long), SIGNALS = 64 };

/* sigset_t has room for 1024 signals in both libcs, of which the kernel knows 64. */
static unsigned long *word_of(sigset_t *set, int number)
{
    return (unsigned long *)set + (number - 1) / WORD;
}

static unsigned long bit_of(int number)
{
    return 1UL << (number - 1) % WORD;
}

/* A governed signal in set moves to number + by, where nobody reads it as one. */
static void move(sigset_t *set, int from, int to)
{
    for (int number = 1; number <= SIGNALS; number++)
        if (shim_controls(number) &&
            (*word_of(set, number + from) & bit_of(number + from)) != 0) {
            *word_of(set, number + from) &= ~bit_of(number + from);
            *word_of(set, number + to) |= bit_of(number + to);
        }
}

SHIM_EXPORT int posix_spawnattr_setsigdefault(posix_spawnattr_t *attributes,
                                              const sigset_t *signals)
{
    int (*next)(posix_spawnattr_t *, const sigset_t *) =
        (int (*)(posix_spawnattr_t *, const sigset_t *))shim_next(SHIM_SET_SIGDEFAULT);
    sigset_t set;

    if (shim_controlled == 0)
        return next(attributes, signals);
    set = *signals;
    /* musl's sigemptyset leaves all beyond the kernel's signals as it was. */
    memset((char *)&set + SIGNALS / CHAR_BIT, 0, sizeof set - SIGNALS / CHAR_BIT);
    move(&set, 0, SIGNALS);
    return next(attributes, &set);
}

SHIM_EXPORT int posix_spawnattr_getsigdefault(const posix_spawnattr_t *attributes,
                                              sigset_t *signals)
{
    int (*next)(const posix_spawnattr_t *, sigset_t *) =
        (int (*)(const posix_spawnattr_t *, sigset_t *))shim_next(SHIM_GET_SIGDEFAULT);
    int result = next(attributes, signals);

    if (shim_controlled != 0 && result == 0)
        move(signals, SIGNALS, 0);
    return result;
}
