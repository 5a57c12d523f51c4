/*
 * The dispositions of the signals that a power is about, twice: what the program
 * has set, kept here and told to it, and what the kernel has instead.
 *
 * Invariants: a reader takes no lock, so a handler may ask at any moment; a writer
 * has all signals blocked, so it is never interrupted by one in its own thread; a
 * child forked in the middle of a write has the old entry whole and the lock free;
 * a vfork child changes the kernel's side alone, its own, and not what its parent
 * has in memory.
 */
#include "shim.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

uint64_t shim_controlled;

static enum dz_pin pin;
bool shim_reopens;

/* The valid one of the two is slots[changes % 2]. */
struct entry {
    unsigned changes;
    struct sigaction slots[2];
};
static struct entry entries[3];

static struct entry *entry_of(int number)
{
    return &entries[number == SIGHUP ? 0 : number == SIGTTIN ? 1 : 2];
}

static bool is_handler(const struct sigaction *action)
{
    return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

static struct sigaction get(const struct entry *entry)
{
    struct sigaction copy;
    unsigned before;

    do { /* the slot is written again only after the next change */
        before = __atomic_load_n(&entry->changes, __ATOMIC_ACQUIRE);
        copy = entry->slots[before % 2];
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (__atomic_load_n(&entry->changes, __ATOMIC_RELAXED) != before);
    return copy;
}

static void put(struct entry *entry, const struct sigaction *action)
{
    entry->slots[(entry->changes + 1) % 2] = *action;
    __atomic_store_n(&entry->changes, entry->changes + 1, __ATOMIC_RELEASE);
}

static void lock(struct shim_process *process, sigset_t *mask)
{
    sigset_t all;

    memset(&all, 0xff, sizeof all);
    sigprocmask(SIG_BLOCK, &all, mask); /* cannot fail */
    while (__atomic_exchange_n(&process->lock, 1, __ATOMIC_ACQUIRE) != 0)
        sched_yield(); /* held for two system calls */
}

static void unlock(struct shim_process *process, const sigset_t *mask)
{
    __atomic_store_n(&process->lock, 0, __ATOMIC_RELEASE);
    sigprocmask(SIG_SETMASK, mask, NULL);
}

static int change(struct entry *entry, int number, const struct sigaction *wanted);

/* SA_RESETHAND: the kernel would have set it back before it called the handler. */
static struct sigaction take(int number)
{
    struct shim_process *process = shim_process();
    struct entry *entry = entry_of(number);
    struct sigaction action = get(entry);
    sigset_t mask;

    if ((action.sa_flags & (int)SA_RESETHAND) == 0 || process == NULL)
        return action;
    lock(process, &mask);
    action = get(entry);
    if (is_handler(&action)) {
        struct sigaction reset = action;
        reset.sa_handler = SIG_DFL;
        change(entry, number, &reset); /* cannot fail: it has been set before */
    }
    unlock(process, &mask);
    return action;
}

/* The kernel's handler where the program's own cannot be it. */
static void deliver(int number, siginfo_t *info, void *context)
{
    int err = errno;
    struct sigaction action;

    if (shim_reopens && number == SIGHUP)
        shim_reopen();
    action = take(number);
    errno = err;
    if (is_handler(&action)) /* one without SA_SIGINFO does not look further */
        action.sa_sigaction(number, info, context);
}

enum { OURS = SA_SIGINFO | SA_RESTART | (int)SA_RESETHAND }; /* flags that differ */

/* What the kernel is to have where the program wants this. */
static struct sigaction kernel_side(int number, const struct sigaction *wanted)
{
    struct sigaction action = *wanted;
    bool reopens = shim_reopens && number == SIGHUP;

    if (!reopens && (pin == DZ_PIN_ALL || !is_handler(wanted))) {
        action.sa_handler = SIG_IGN;
    } else if (reopens || (wanted->sa_flags & (int)SA_RESETHAND) != 0) {
        action.sa_sigaction = deliver;
        action.sa_flags = (action.sa_flags & ~(int)SA_RESETHAND) | SA_SIGINFO;
        if (!is_handler(wanted)) /* it does not expect an interrupted call */
            action.sa_flags |= SA_RESTART;
    }
    return action;
}

static int change(struct entry *entry, int number, const struct sigaction *wanted)
{
    struct sigaction action = kernel_side(number, wanted);
    struct sigaction seen;

    if (shim_next_sigaction(number, &action, NULL) < 0 ||
        shim_next_sigaction(number, NULL, &seen) < 0)
        return -1;
    /* libc and kernel fill in and leave out; what differs is put back. */
    seen.sa_handler = wanted->sa_handler;
    seen.sa_flags = (seen.sa_flags & ~OURS) | (wanted->sa_flags & OURS);
    put(entry, &seen);
    return 0;
}

int shim_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    struct entry *entry = entry_of(number);
    struct sigaction before = get(entry);
    int result = 0;

    if (action != NULL) {
        struct sigaction wanted = *action; /* it may be the same as old */
        struct shim_process *process = shim_process();
        if (process == NULL) {
            wanted = kernel_side(number, &wanted);
            result = shim_next_sigaction(number, &wanted, NULL);
        } else {
            sigset_t mask;
            lock(process, &mask);
            before = get(entry);
            result = change(entry, number, &wanted);
            unlock(process, &mask);
        }
    }
    if (result == 0 && old != NULL)
        *old = before;
    return result;
}

static int begin(int number, bool inherited, struct dz_fault *fault)
{
    struct sigaction now;

    if (shim_next_sigaction(number, NULL, &now) < 0)
        return dz_fault_number(fault, "signals", number, errno, NULL);
    /* --reopen: our handler in the program before was reset by the exec; it has been
     * ignored as far as that knew. */
    if (inherited && shim_reopens && now.sa_handler == SIG_DFL)
        now.sa_handler = SIG_IGN;
    if (change(entry_of(number), number, &now) < 0)
        return dz_fault_number(fault, "signals", number, errno, NULL);
    put(entry_of(number), &now); /* without what libc has just added to the flags */
    shim_controlled |= UINT64_C(1) << (number - 1);
    return 0;
}

int shim_control_signals(const struct dz_start *start, bool inherited,
                         struct dz_fault *fault)
{
    pin = start->plan->pin == DZ_PIN_SECCOMP ? DZ_PIN_NONE : start->plan->pin;
    shim_reopens = start->plan->reopen;
    if ((pin != DZ_PIN_NONE || shim_reopens) && begin(SIGHUP, inherited, fault) < 0)
        return -1;
    if (pin == DZ_PIN_NONE)
        return 0;
    if (begin(SIGTTIN, inherited, fault) < 0)
        return -1;
    return begin(SIGTTOU, inherited, fault);
}
