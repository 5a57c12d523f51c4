/*
 * The signals that end a wait, and the job with it: INT, QUIT and TERM.
 *
 * The waiting thread blocks them and reads them by signalfd(2).  The library's caller
 * may have threads of other libraries, which do not block them.  So a handler sends
 * such a signal on to the waiting thread, which is the first one of its process.
 *
 * A signal that is ignored or blocked when we are called stays so, and ends no wait.
 */
#include "start.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int interrupts[] = {SIGINT, SIGQUIT, SIGTERM};
enum { INTERRUPTS = sizeof interrupts / sizeof interrupts[0] };

static void send_on(int number)
{
    int err = errno;

    syscall(SYS_tgkill, (long)getpid(), (long)getpid(), (long)number);
    errno = err;
}

static void held_set(const struct dz_start *start, sigset_t *set)
{
    sigemptyset(set);
    for (int i = 0; i < INTERRUPTS; i++)
        if ((start->interrupts & dz_signal_bit(interrupts[i])) != 0)
            sigaddset(set, interrupts[i]);
}

/* sigaction(2) and sigprocmask(2) cannot fail for valid signals. */
void dz_hold_interrupts(struct dz_start *start)
{
    struct sigaction handler = {.sa_handler = send_on, .sa_flags = SA_RESTART};
    struct sigaction now;
    sigset_t blocked;
    sigset_t set;

    if (start->holds_interrupts)
        return; /* the waiter: its caller did so */
    start->holds_interrupts = true;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    for (int i = 0; i < INTERRUPTS; i++) {
        sigaction(interrupts[i], NULL, &now);
        if (sigismember(&blocked, interrupts[i]) || now.sa_handler == SIG_IGN)
            continue;
        start->interrupts |= dz_signal_bit(interrupts[i]);
    }
    held_set(start, &set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < INTERRUPTS; i++) {
        if (!sigismember(&set, interrupts[i]))
            continue;
        sigaction(interrupts[i], NULL, &now);
        if (now.sa_handler != SIG_DFL)
            continue; /* another library's */
        sigaction(interrupts[i], &handler, NULL);
        start->handlers |= dz_signal_bit(interrupts[i]);
    }
}

int dz_drop_interrupts(struct dz_start *start, struct dz_fault *fault)
{
    struct sigaction initial = {.sa_handler = SIG_DFL};

    for (int i = 0; i < INTERRUPTS; i++)
        if ((start->handlers & dz_signal_bit(interrupts[i])) != 0 &&
            sigaction(interrupts[i], &initial, NULL) < 0)
            return dz_fault_number(fault, "signals", interrupts[i], errno, NULL);
    start->handlers = 0;
    return 0;
}

int dz_open_interrupts(const struct dz_start *start, struct dz_fault *fault)
{
    sigset_t set;
    int fd;

    held_set(start, &set);
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        dz_fault(fault, "wait", "signals", errno, NULL);
    return fd;
}

int dz_read_interrupt(int fd)
{
    struct signalfd_siginfo info;

    /* EAGAIN: already taken.  EINTR: still there at the next poll. */
    if (read(fd, &info, sizeof info) != (ssize_t)sizeof info)
        return 0;
    return (int)info.ssi_signo;
}
