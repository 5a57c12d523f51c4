/*
 * Calls that a stop ends with EINTR though no signal has come, signal(7): the tracer
 * makes the thread repeat them, with what is left of their time.  The kernel restarts
 * all others.
 *
 * A time-out that is a number is shortened in its register.  One that is in memory may
 * be a constant of the program, so it is left: a copy goes to unused bytes of its
 * executable memory, until the kernel has read it.
 */
#include "adopt.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <time.h>
#include <unistd.h>

enum { MILLION = 1000000, BILLION = 1000000000 };

/* ---- the copies ---- */

/* Returns the address for a copy of the thread's time-out, or 0. */
static uint64_t find_slot(struct tracee *tracee, const struct thread *thread)
{
    size_t index = (size_t)(thread - tracee->threads);
    static const char zeros[SLOT];
    char there[SLOT];
    uint64_t slot;

    /* Many threads may have started meanwhile. */
    if (check_places(tracee) == 0 && index >= tracee->slot_count)
        find_places(tracee);
    if (tracee->slots == 0 || index >= tracee->slot_count)
        return 0;
    slot = tracee->slots + index * SLOT;
    return pread(tracee->memory, there, SLOT, (off_t)slot) == SLOT &&
                   memcmp(there, zeros, SLOT) == 0
               ? slot
               : 0;
}

/* Returns whether the thread may still read its copy. */
static bool may_read_copy(const struct tracee *tracee, const struct thread *thread)
{
    char path[64];

    if (thread->slot == 0)
        return false;
    snprintf(path, sizeof path, "/proc/%d/task/%d", (int)tracee->pid, (int)thread->tid);
    return access(path, F_OK) == 0 && !waits_in_timed_call(tracee->pid, thread->tid);
}

void remove_copies(struct tracee *tracee)
{
    enum { LOOKS = 200 };
    /* No event tells that a thread waits again; it does so within microseconds. */
    const struct timespec moment = {0, 200000};
    static const char zeros[SLOT];
    int looks = 0;

    if (tracee->memory < 0)
        return;
    for (size_t i = 0; i < tracee->count; i++) {
        const struct thread *thread = &tracee->threads[i];
        bool reads;
        while ((reads = may_read_copy(tracee, thread)) && looks++ < LOOKS)
            nanosleep(&moment, NULL);
        /* A copy that stays is in bytes that no process uses. */
        if (thread->slot != 0 && !reads)
            (void)!pwrite(tracee->memory, zeros, SLOT, (off_t)thread->slot);
    }
}

/* ---- what is left of the time ---- */

static int64_t left_of(int64_t whole, int64_t waited)
{
    return whole > waited ? whole - waited : 0;
}

/* Shortens a time-out in milliseconds; a negative one is none. */
static void shorten_number(struct registers *registers, int argument, int64_t waited)
{
    int32_t whole = (int32_t)call_argument(registers, argument);
    int64_t left;

    if (whole <= 0)
        return;
    left = left_of(whole * INT64_C(1000000), waited);
    set_call_argument(registers, argument, (uint64_t)((left + MILLION - 1) / MILLION));
}

/* Puts a shortened copy of a struct timespec into the slot, of two words of that size.
 */
static void shorten_copy(struct tracee *tracee, struct thread *thread, int argument,
                         size_t word, int64_t waited)
{
    uint64_t from = call_argument(&thread->registers, argument);
    uint64_t slot;
    int64_t time[2] = {0, 0};
    int32_t narrow[2] = {0, 0};
    void *bytes = word == sizeof time[0] ? (void *)time : (void *)narrow;

    if (from == 0 || (slot = find_slot(tracee, thread)) == 0 ||
        pread(tracee->memory, bytes, 2 * word, (off_t)from) != (ssize_t)(2 * word))
        return;
    if (word == sizeof narrow[0]) {
        time[0] = narrow[0];
        time[1] = narrow[1];
    }
    if (time[0] < 0 || time[0] > INT64_MAX / BILLION - 1)
        return;
    int64_t left = left_of(time[0] * BILLION + time[1], waited);
    time[0] = left / BILLION;
    time[1] = left % BILLION;
    narrow[0] = (int32_t)time[0];
    narrow[1] = (int32_t)time[1];
    if (pwrite(tracee->memory, bytes, 2 * word, (off_t)slot) != (ssize_t)(2 * word))
        return;
    thread->slot = slot;
    set_call_argument(&thread->registers, argument, slot);
}

/* If it is not known how long the call has waited, its time begins anew. */
static void shorten(struct tracee *tracee, struct thread *thread)
{
    int argument;
    enum time_form form = time_of_call(&thread->registers, &argument);
    int64_t waited = form == TIME_NONE ? 0 : time_waited(tracee->pid, thread);

    if (waited == 0)
        return;
    switch (form) {
    case TIME_NONE:
        break;
    case TIME_MILLISECONDS:
        shorten_number(&thread->registers, argument, waited);
        break;
    case TIME_WIDE:
        shorten_copy(tracee, thread, argument, sizeof(int64_t), waited);
        break;
    case TIME_NARROW:
        shorten_copy(tracee, thread, argument, sizeof(int32_t), waited);
        break;
    }
}

/* ---- again ---- */

/* Looks for signals in one of a thread's queues that are not blocked.  Returns whether
 * there is one, or -1 if that is not known. */
static int find_signal(pid_t tid, uint64_t blocked, uint32_t queue)
{
    enum { SOME = 4 };
    siginfo_t found[SOME];
    struct __ptrace_peeksiginfo_args range = {.flags = queue, .nr = SOME};
    long count;

    while ((count = trace(PTRACE_PEEKSIGINFO, tid, &range, found)) > 0) {
        for (long i = 0; i < count; i++)
            if ((blocked & dz_signal_bit(found[i].si_signo)) == 0)
                return 1;
        range.off += (uint64_t)count;
    }
    return (int)count;
}

/* Returns whether a signal waits for the thread.  /proc tells that, too, but takes
 * longer. */
static bool has_signal(pid_t pid, pid_t tid)
{
    uint64_t blocked;
    int own;
    int shared;

    if (trace(PTRACE_GETSIGMASK, tid, (void *)sizeof blocked, &blocked) < 0 ||
        (own = find_signal(tid, blocked, 0)) < 0 ||
        (shared = find_signal(tid, blocked, PTRACE_PEEKSIGINFO_SHARED)) < 0)
        return pending_signals(pid, tid) != 0;
    return own + shared > 0;
}

void repeat_interrupted(struct tracee *tracee, struct thread *thread)
{
    recall(&thread->registers, &thread->waited);
    if (interrupted_call(&thread->registers) < 0 ||
        call_result(&thread->registers) != -EINTR || has_closed(&thread->registers))
        return;
    if (has_signal(tracee->pid, thread->tid))
        return; /* a signal has ended the call, and its handler runs next */
    shorten(tracee, thread);
    make_again(&thread->registers);
    thread->changed = true;
    /* At once: then the call is made again even if we are killed. */
    write_registers(thread->tid, &thread->registers);
}
