/*
 * Signal dispositions and the mask of the target.
 *
 * These system calls bypass libc.  Both libcs refuse sigaction(2) for the numbers that
 * they use themselves (32 and 33; musl 34 too), but any number can be inherited
 * ignored.  Only SIG_IGN and SIG_DFL are ever set.
 */
#include "start.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SIGNALS = DZ_SIGNALS, KERNEL_SET = SIGNALS / 8 /* bytes of its sigset_t */ };

/* Tells whether the signal is ignored.  Returns 1, 0, or -1 and sets errno. */
static int is_ignored(int number)
{
    unsigned long action[DZ_ACTION_WORDS];

    if (syscall(SYS_rt_sigaction, number, NULL, action, (size_t)KERNEL_SET) < 0)
        return -1;
    return action[0] == (unsigned long)SIG_IGN;
}

/* Sets the disposition to SIG_IGN or SIG_DFL.  Returns 0, or -1 and sets errno. */
static int set_ignored(int number, bool ignored)
{
    unsigned long action[DZ_ACTION_WORDS] = {
        (unsigned long)(ignored ? SIG_IGN : SIG_DFL)};

    return (int)syscall(SYS_rt_sigaction, number, action, NULL, (size_t)KERNEL_SET);
}

/* ---- our own writes ---- */

/* A write to a closed pipe, or beyond RLIMIT_FSIZE, raises these signals. */
static const int of_writes[DZ_WRITE_SIGNALS] = {SIGPIPE, SIGXFSZ};

void dz_guard_writes(struct dz_start *start)
{
    const unsigned long ignore[DZ_ACTION_WORDS] = {(unsigned long)SIG_IGN};

    /* If a filter refuses the call, a write can raise the signal as before. */
    for (int i = 0; i < DZ_WRITE_SIGNALS; i++)
        start->guarded[i] = syscall(SYS_rt_sigaction, of_writes[i], ignore,
                                    start->write_actions[i], (size_t)KERNEL_SET) == 0;
}

int dz_unguard_writes(struct dz_start *start, struct dz_fault *fault)
{
    for (int i = 0; i < DZ_WRITE_SIGNALS; i++) {
        if (start->guarded[i] &&
            syscall(SYS_rt_sigaction, of_writes[i], start->write_actions[i], NULL,
                    (size_t)KERNEL_SET) < 0)
            return dz_fault_number(fault, "signals", of_writes[i], errno, NULL);
        start->guarded[i] = false;
    }
    return 0;
}

/* Returns the disposition that dz_unguard_writes will set, or NULL. */
static unsigned long *guarded_action(struct dz_start *start, int number)
{
    for (int i = 0; i < DZ_WRITE_SIGNALS; i++)
        if (of_writes[i] == number && start->guarded[i])
            return start->write_actions[i];
    return NULL;
}

/* ---- the steps ---- */

int dz_ignore_hangup(struct dz_start *start, struct dz_fault *fault)
{
    (void)start;
    /* If SIGCHLD is ignored, waitpid(2) fails with ECHILD. */
    if (set_ignored(SIGHUP, true) < 0 || set_ignored(SIGTTIN, true) < 0 ||
        set_ignored(SIGTTOU, true) < 0 || set_ignored(SIGCHLD, false) < 0)
        return dz_fault(fault, "signals", NULL, errno, NULL);
    return 0;
}

int dz_reset_signals(struct dz_start *start, struct dz_fault *fault)
{
    uint64_t ignored = dz_ignored_signals(start->plan);
    uint64_t none = 0;

    for (int number = 1; number <= SIGNALS; number++) {
        bool want = (ignored & dz_signal_bit(number)) != 0;
        unsigned long *later = guarded_action(start, number);
        if (number == SIGKILL || number == SIGSTOP ||
            (start->plan->keep_session && !want))
            continue;
        if (later != NULL) { /* ignored until our last write */
            if (want || later[0] == (unsigned long)SIG_IGN)
                later[0] = (unsigned long)(want ? SIG_IGN : SIG_DFL);
            continue;
        }
        /* One call a signal takes a tenth of the time that reading SigIgn from
         * /proc/self/status takes, and needs no /proc. */
        int is = is_ignored(number);
        if (is < 0 || (is != want && set_ignored(number, want) < 0))
            return dz_fault_number(fault, "signals", number, errno, NULL);
    }
    if (!start->plan->keep_session &&
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, (size_t)KERNEL_SET) < 0)
        return dz_fault(fault, "signals", "mask", errno, NULL);
    return 0;
}
