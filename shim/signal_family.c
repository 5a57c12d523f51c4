/*
 * The functions by which a program sets a disposition.  For a controlled signal each
 * does what that libc's own does, through shim_sigaction(); for any other signal it
 * calls the next definition.
 */
#include "shim.h"

#include <errno.h>

typedef void (*handler)(int);
typedef handler setter(int number, handler to);

/* The signals that siginterrupt(3) was called for.  glibc's signal(3) heeds them. */
static uint64_t interrupting;

/* gnu_get_libc_version tells which libc this is. */
static handler set_action(int number, struct sigaction *action)
{
    struct sigaction old;

    /* glibc refuses that; musl sets it. */
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
        if ((interrupting & dz_signal_bit(number)) != 0)
            action.sa_flags = 0;
    }
    return set_action(number, &action);
}

static handler set_sysv(int number, handler to)
{
    struct sigaction action = {.sa_handler = to,
                               .sa_flags = (int)SA_RESETHAND | SA_NODEFER |
                                           0x20000000 /* SA_INTERRUPT */};

    if (gnu_get_libc_version == NULL) /* musl's is signal(3) */
        return set_bsd(number, to);
    return set_action(number, &action);
}

/* Sets a controlled signal by set, and any other by the next definition. */
static handler change(setter *set, enum shim_next next, int number, handler to)
{
    setter *now = shim_controls(number) ? set : (setter *)shim_next(next);

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

static int change_action(int number, const struct sigaction *action,
                         struct sigaction *old)
{
    return shim_controls(number) ? shim_sigaction(number, action, old)
                                 : shim_next_sigaction(number, action, old);
}

SHIM_EXPORT int sigaction(int number, const struct sigaction *action,
                          struct sigaction *old)
{
    return change_action(number, action, old);
}

SHIM_EXPORT int __sigaction(int number, const struct sigaction *action,
                            struct sigaction *old);
SHIM_EXPORT int __sigaction(int number, const struct sigaction *action,
                            struct sigaction *old)
{
    return change_action(number, action, old);
}

/* SIG_HOLD blocks the signal and leaves its disposition alone, sigset(3). */
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
        interrupting |= dz_signal_bit(number);
    } else {
        action.sa_flags |= SA_RESTART;
        interrupting &= ~dz_signal_bit(number);
    }
    return shim_sigaction(number, &action, NULL);
}

SHIM_EXPORT int siginterrupt(int number, int interrupts)
{
    if (shim_controls(number))
        return set_interrupt(number, interrupts != 0);
    return ((int (*)(int, int))shim_next(SHIM_SIGINTERRUPT))(number, interrupts);
}
