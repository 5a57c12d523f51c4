/*
 * Signal dispositions and the mask of the target.
 *
 * The system calls are made directly: both libcs refuse sigaction(2) for the
 * numbers that they use themselves (32 and 33; musl 34 too), yet those can be
 * inherited ignored like any other, and musl's idea of which they are must not
 * decide what a glibc target gets.  Only SIG_IGN and SIG_DFL are ever set.
 */
#include "start.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    SIGNALS = 64,
    KERNEL_SET = SIGNALS / 8, /* bytes of the kernel's sigset_t */
    FIRST_REALTIME = 34       /* glibc's SIGRTMIN, which nearly all targets have */
};

static uint64_t bit(int number)
{
    return UINT64_C(1) << (number - 1);
}

/* struct sigaction of the kernel: the handler is its first word on every machine
 * that we build for. */
enum { ACTION = 8 };

/* Whether it is ignored, 1 or 0; a handler of the program's own is not looked at.
 * -1 with errno. */
static int is_ignored(int number)
{
    unsigned long action[ACTION];

    if (syscall(SYS_rt_sigaction, number, NULL, action, (size_t)KERNEL_SET) < 0)
        return -1;
    return action[0] == (unsigned long)SIG_IGN;
}

/* rt_sigaction(2) to SIG_IGN or SIG_DFL, all else zero.  -1 with errno. */
static int set_ignored(int number, bool ignored)
{
    unsigned long action[ACTION] = {(unsigned long)(ignored ? SIG_IGN : SIG_DFL)};

    return (int)syscall(SYS_rt_sigaction, number, action, NULL, (size_t)KERNEL_SET);
}

int dz_ignore_hangup(struct dz_start *start, struct dz_fault *fault)
{
    (void)start;
    /* SIGCHLD inherited as ignored would make waitpid(2) fail with ECHILD. */
    if (set_ignored(SIGHUP, true) < 0 || set_ignored(SIGTTIN, true) < 0 ||
        set_ignored(SIGTTOU, true) < 0 || set_ignored(SIGCHLD, false) < 0)
        return dz_fault(fault, "signals", NULL, errno, NULL);
    return 0;
}

int dz_reset_signals(struct dz_start *start, struct dz_fault *fault)
{
    uint64_t keep = start->plan->ignore | bit(SIGHUP) | bit(SIGTTIN) | bit(SIGTTOU);
    uint64_t none = 0;

    for (int number = 1; number <= SIGNALS; number++) {
        bool want = (keep & bit(number)) != 0;
        if (number == SIGKILL || number == SIGSTOP)
            continue;
        /* Asked of the kernel one by one: a tenth of what SigIgn in
         * /proc/self/status costs, and always there. */
        int is = is_ignored(number);
        if (is < 0 || (is != want && set_ignored(number, want) < 0))
            return dz_fault_number(fault, "signals", number, errno, NULL);
    }
    if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, (size_t)KERNEL_SET) < 0)
        return dz_fault(fault, "signals", "mask", errno, NULL);
    return 0;
}
