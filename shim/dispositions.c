/*
 * The dispositions of the signals that a power controls.  Each is kept twice.  What the
 * program has set is kept here, and is the answer when the program asks.  The kernel
 * has what takes effect instead.
 *
 * Invariants.  A reader takes no lock, so a signal handler may ask at any moment.  A
 * writer blocks all signals, so no handler interrupts it in its own thread.  In a child
 * forked in the middle of a write the old entry is whole and the lock is free.  A
 * vfork(2) child changes its own side in the kernel, and nothing in its parent's
 * memory.
 */
#include "shim.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

uint64_t shim_controlled;

static enum dz_pin pin;
static bool sighup_reopens;

/* The valid one of the two slots is slots[changes % 2]. */
struct entry {
    unsigned changes;
    struct sigaction slots[2];
};
enum { ENTRIES = 3 /* dz_terminal_signals() */ };
static struct entry entries[ENTRIES];

/* Returns the entry of a controlled signal.  Its index is how many of the terminal's
 * signals have smaller numbers. */
static struct entry *entry_of(int number)
{
    return &entries[__builtin_popcountll(dz_terminal_signals() &
                                         (dz_signal_bit(number) - 1))];
}

static bool is_handler(const struct sigaction *action)
{
    return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

static struct sigaction read_entry(const struct entry *entry)
{
    struct sigaction copy;
    unsigned before;

    do { /* a slot is written again only after the next change */
        before = __atomic_load_n(&entry->changes, __ATOMIC_ACQUIRE);
        copy = entry->slots[before % 2];
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (__atomic_load_n(&entry->changes, __ATOMIC_RELAXED) != before);
    return copy;
}

static void write_entry(struct entry *entry, const struct sigaction *action)
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
        sched_yield(); /* its holder makes two system calls */
}

static void unlock(struct shim_process *process, const sigset_t *mask)
{
    __atomic_store_n(&process->lock, 0, __ATOMIC_RELEASE);
    sigprocmask(SIG_SETMASK, mask, NULL);
}

static int change_entry(struct entry *entry, int number, const struct sigaction *wanted,
                        bool executing);

/* Returns what the program has set.  With SA_RESETHAND it is set back, as the kernel
 * does before it calls a handler. */
static struct sigaction take_action(int number)
{
    struct shim_process *process = shim_process();
    struct entry *entry = entry_of(number);
    struct sigaction action = read_entry(entry);
    sigset_t mask;

    if ((action.sa_flags & (int)SA_RESETHAND) == 0 || process == NULL)
        return action;
    lock(process, &mask);
    action = read_entry(entry);
    if (is_handler(&action)) {
        struct sigaction reset = action;
        reset.sa_handler = SIG_DFL;
        /* Cannot fail: the signal has been set before. */
        change_entry(entry, number, &reset, process->execs > 0);
    }
    unlock(process, &mask);
    return action;
}

/* The handler in the kernel where it cannot be the program's own. */
static void deliver(int number, siginfo_t *info, void *context)
{
    int err = errno;
    struct sigaction action;

    if (sighup_reopens && number == SIGHUP)
        shim_reopen();
    action = take_action(number);
    errno = err;
    if (is_handler(&action)) /* one without SA_SIGINFO reads the first argument only */
        action.sa_sigaction(number, info, context);
}

static bool pins(const struct sigaction *wanted)
{
    return pin == DZ_PIN_ALL || (pin == DZ_PIN_DEFAULT && !is_handler(wanted));
}

bool shim_pins(int number)
{
    return pin != DZ_PIN_NONE && shim_controls(number);
}

/* Flags that differ between the two sides. */
enum { OURS = SA_SIGINFO | SA_RESTART | (int)SA_RESETHAND };

/* Returns the disposition for the kernel if the program asks for wanted.  executing:
 * during an exec, since the next program begins with the signals that are ignored. */
static struct sigaction kernel_side(int number, const struct sigaction *wanted,
                                    bool executing)
{
    struct sigaction action = *wanted;
    bool ignores = pins(wanted) || wanted->sa_handler == SIG_IGN;
    bool reopens = sighup_reopens && number == SIGHUP && !(executing && ignores);

    if (!reopens && ignores) {
        action.sa_handler = SIG_IGN;
    } else if (reopens || (wanted->sa_flags & (int)SA_RESETHAND) != 0) {
        action.sa_sigaction = deliver;
        action.sa_flags = (action.sa_flags & ~(int)SA_RESETHAND) | SA_SIGINFO;
        if (!is_handler(wanted)) /* the program expects no interrupted call */
            action.sa_flags |= SA_RESTART;
    }
    return action;
}

static int change_entry(struct entry *entry, int number, const struct sigaction *wanted,
                        bool executing)
{
    struct sigaction action = kernel_side(number, wanted, executing);
    struct sigaction seen;

    if (shim_next_sigaction(number, &action, NULL) < 0 ||
        shim_next_sigaction(number, NULL, &seen) < 0)
        return -1;
    /* libc and kernel add flags and leave some out; what the library changed is put
     * back. */
    seen.sa_handler = wanted->sa_handler;
    seen.sa_flags = (seen.sa_flags & ~OURS) | (wanted->sa_flags & OURS);
    write_entry(entry, &seen);
    return 0;
}

/* In a vfork(2) child, which is about to execute: what it sets holds for that program.
 */
static int change_own_side(int number, const struct sigaction *action)
{
    struct sigaction wanted = *action;

    if (wanted.sa_handler != SIG_DFL || pins(&wanted))
        wanted = kernel_side(number, action, true);
    return shim_next_sigaction(number, &wanted, NULL);
}

int shim_sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    struct entry *entry = entry_of(number);
    struct sigaction before = read_entry(entry);
    int result = 0;

    if (action != NULL) {
        struct sigaction wanted = *action; /* action and old may be one object */
        struct shim_process *process = shim_process();
        if (process == NULL) {
            result = change_own_side(number, &wanted);
        } else {
            sigset_t mask;
            lock(process, &mask);
            before = read_entry(entry);
            result = change_entry(entry, number, &wanted, process->execs > 0);
            unlock(process, &mask);
        }
    }
    if (result == 0 && old != NULL)
        *old = before;
    return result;
}

/* ---- an exec under way ---- */

/* Adds to the number of execs, and has the kernel's side follow. */
static void count_exec(struct shim_process *process, int more)
{
    struct entry *entry = entry_of(SIGHUP);
    struct sigaction known;
    sigset_t mask;
    int err = errno;

    lock(process, &mask);
    process->execs += more;
    known = read_entry(entry);
    /* Cannot fail: the signal has been set before. */
    change_entry(entry, SIGHUP, &known, process->execs > 0);
    unlock(process, &mask);
    errno = err;
}

/* In a vfork(2) child: sets SIGHUP for the program that it is about to execute. */
static bool prepare_own_side(const struct sigaction *known, bool executing)
{
    struct sigaction action = kernel_side(SIGHUP, known, executing);
    struct sigaction now;

    /* If the child has set the signal itself, that stands. */
    return shim_next_sigaction(SIGHUP, NULL, &now) == 0 &&
           (executing ? (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == deliver
                      : now.sa_handler == SIG_IGN) &&
           shim_next_sigaction(SIGHUP, &action, NULL) == 0;
}

bool shim_begin_exec(void)
{
    struct sigaction known;
    struct shim_process *process;

    if (!sighup_reopens)
        return false;
    known = read_entry(entry_of(SIGHUP));
    if (!pins(&known) && known.sa_handler != SIG_IGN)
        return false;
    process = shim_process();
    if (process == NULL)
        return prepare_own_side(&known, true);
    count_exec(process, 1);
    return true;
}

void shim_end_exec(void)
{
    struct shim_process *process = shim_process();
    int err = errno;

    if (process == NULL) {
        struct sigaction known = read_entry(entry_of(SIGHUP));
        prepare_own_side(&known, false);
    } else {
        count_exec(process, -1);
        /* A signal that came meanwhile was ignored.  If it was for a log that has been
         * moved, that shows. */
        if (process->execs == 0)
            shim_reopen_moved();
    }
    errno = err;
}

uint64_t shim_hold_signals(sigset_t *before)
{
    uint64_t held = 0;
    sigset_t set;

    sigemptyset(&set);
    for (int number = 1; number <= DZ_SIGNALS; number++)
        if (shim_controls(number))
            sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, before); /* cannot fail */
    for (int number = 1; number <= DZ_SIGNALS; number++)
        if (shim_controls(number) && !sigismember(before, number))
            held |= dz_signal_bit(number);
    return held;
}

void shim_release_signals(uint64_t held)
{
    sigset_t set;

    sigemptyset(&set);
    for (int number = 1; number <= DZ_SIGNALS; number++)
        if ((held & dz_signal_bit(number)) != 0)
            sigaddset(&set, number);
    if (held != 0)
        sigprocmask(SIG_UNBLOCK, &set, NULL); /* cannot fail */
}

/* In a vfork(2) child, what it has set itself shows in the kernel alone. */
static bool has_set_default(int number)
{
    struct sigaction now;

    return shim_process() == NULL && shim_next_sigaction(number, NULL, &now) == 0 &&
           now.sa_handler == SIG_DFL;
}

uint64_t shim_taken_for_ignored(void)
{
    uint64_t ignored = 0;

    for (int number = 1; number <= DZ_SIGNALS; number++)
        if (shim_controls(number) &&
            read_entry(entry_of(number)).sa_handler == SIG_IGN &&
            !has_set_default(number))
            ignored |= dz_signal_bit(number);
    return ignored;
}

void shim_signals_forked(void)
{
    struct shim_process *process;

    shim_forked();
    if (sighup_reopens && (process = shim_process()) != NULL)
        count_exec(process, 0);
}

/* ---- the beginning ---- */

/* inside is NULL if no program with powers has executed this one. */
static int control_signal(int number, const struct dz_inside *inside,
                          struct dz_fault *fault)
{
    struct sigaction now;

    if (shim_next_sigaction(number, NULL, &now) < 0)
        return dz_fault_number(fault, "signals", number, errno, NULL);
    /* The kernel has had something else than the program before. */
    if (inside != NULL)
        now.sa_handler =
            (inside->ignored & dz_signal_bit(number)) != 0 ? SIG_IGN : SIG_DFL;
    if (change_entry(entry_of(number), number, &now, false) < 0)
        return dz_fault_number(fault, "signals", number, errno, NULL);
    /* Without the flags that libc has just added. */
    write_entry(entry_of(number), &now);
    shim_controlled |= dz_signal_bit(number);
    return 0;
}

int shim_control_signals(const struct dz_start *start, bool inherited,
                         struct dz_fault *fault)
{
    uint64_t signals = 0;

    pin = start->plan->pin == DZ_PIN_SECCOMP ? DZ_PIN_NONE : start->plan->pin;
    sighup_reopens = start->plan->reopen;
    if (pin != DZ_PIN_NONE)
        signals = dz_terminal_signals();
    else if (sighup_reopens)
        signals = dz_signal_bit(SIGHUP);
    if (signals != 0 && shim_map_page(fault) < 0)
        return -1;
    for (int number = 1; number <= DZ_SIGNALS; number++)
        if ((signals & dz_signal_bit(number)) != 0 &&
            control_signal(number, inherited ? start->inside : NULL, fault) < 0)
            return -1;
    return 0;
}
