/*
 * --pin-signals=seccomp: a filter in the kernel, for programs that cannot have the
 * library.
 *
 * The filter sees the arguments of a call, not the memory behind them.  So a request
 * to catch a signal has no effect either, and the old disposition is not filled in.
 * The filter holds for every descendant.
 */
#include "bpf.h"
#include "start.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* AUDIT_ARCH_I386 and _ARM of linux/audit.h: 32-bit programs run on 64-bit kernels. */
static const uint32_t X86_32 = 0x40000003;
static const uint32_t ARM_32 = 0x40000028;

enum {
    /* System call numbers of both. */
    SMALL_SIGNAL = 48,
    SMALL_SIGACTION = 67,
    SMALL_RT_SIGACTION = 174,
    X32_RT_SIGACTION = 0x40000000 + 512 /* of x86-64 programs with 32-bit pointers */
};

/* Returns AUDIT_ARCH_* of this build, or 0 if it is not known here. */
static uint32_t own_architecture(void)
{
#if defined __x86_64__
    return 0xc000003e;
#elif defined __i386__
    return X86_32;
#elif defined __aarch64__
    return 0xc00000b7;
#else
    return 0;
#endif
}

/* Returns the instruction for row here: if the loaded word is value, jumps to row yes,
 * else to row no. */
static struct dz_bpf is(uint32_t value, int here, int yes, int no)
{
    return dz_bpf_is(value, yes - here - 1, no - here - 1);
}

int dz_filter_signals(struct dz_start *start, struct dz_fault *fault)
{
    enum { SMALL = 7, ACTION = 11, SIGNAL = 15, ALLOW = 19, IGNORE };
    struct dz_bpf filter[] = {
        dz_bpf_load(offsetof(struct dz_call, architecture)),
        is(X86_32, 1, SMALL, 2),
        is(ARM_32, 2, SMALL, 3),
        is(own_architecture(), 3, 4, ALLOW),
        dz_bpf_load(offsetof(struct dz_call, number)),
        is(SYS_rt_sigaction, 5, ACTION, 6),
        is(X32_RT_SIGACTION, 6, ACTION, ALLOW),
        dz_bpf_load(offsetof(struct dz_call, number)), /* SMALL */
        is(SMALL_RT_SIGACTION, 8, ACTION, 9),
        is(SMALL_SIGACTION, 9, ACTION, 10),
        is(SMALL_SIGNAL, 10, SIGNAL, ALLOW),
        dz_bpf_load_argument(1, false), /* ACTION; NULL changes nothing */
        is(0, 12, 13, SIGNAL),
        dz_bpf_load_argument(1, true),
        is(0, 14, ALLOW, SIGNAL),
        dz_bpf_load_argument(0, false), /* SIGNAL */
        is(SIGHUP, 16, IGNORE, 17),
        is(SIGTTIN, 17, IGNORE, 18),
        is(SIGTTOU, 18, IGNORE, ALLOW),
        dz_bpf_answer(DZ_ANSWER_ALLOW),
        dz_bpf_answer(DZ_ANSWER_ERRNO), /* errno 0: success */
    };
    struct dz_filter program = {sizeof filter / sizeof filter[0], filter};

    if (start->plan->pin != DZ_PIN_SECCOMP)
        return 0;
    if (own_architecture() == 0)
        return dz_fault(fault, "pin-signals", "seccomp", ENOSYS, NULL);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, DZ_SECCOMP_FILTER, &program) < 0)
        return dz_fault(fault, "pin-signals", "seccomp", errno, NULL);
    return 0;
}
