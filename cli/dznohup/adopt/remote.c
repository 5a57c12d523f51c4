/*
 * Runs a sequence of calls in a stopped thread of the target.
 *
 * The calls are rows in the target's memory, on its first stack as a rule.  Behind them
 * is the frame that restores its registers, as after a signal.  The code that makes
 * them is written to unused bytes at the end of executable memory.  We put everything
 * back at its end.  If we are killed, it runs to its end by itself: no call is lost,
 * and it returns by that frame.
 *
 * The code makes all calls without a stop.  A signal waits meanwhile, which the last
 * row before each end unblocks: its delivery stops the thread for us.  If we are
 * killed, it is dropped, since the target does not catch it.  Where the target catches
 * all signals that could be dropped, the thread stops at each call instead.
 */
#include "adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- writing and putting back ---- */

/* Writes to memory that is not writable for the target itself. */
static int poke(const struct run *run, uint64_t at, const unsigned char *bytes,
                size_t size)
{
    if (pwrite(run->tracee->memory, bytes, size, (off_t)at) == (ssize_t)size)
        return 0;
    for (size_t i = 0; i < size; i += sizeof(long)) {
        long word;
        memcpy(&word, bytes + i, sizeof word);
        if (trace(PTRACE_POKETEXT, run->thread->tid, (void *)(uintptr_t)(at + i),
                  (void *)word) < 0)
            return -1;
    }
    return 0;
}

static int write_code(const struct run *run)
{
    unsigned char bytes[CODE_MAX] = {0};
    size_t size;
    const unsigned char *code = machine_code(run->sequence->wide, &size);

    memcpy(bytes, code, size);
    return poke(run, run->tracee->code, bytes, code_room());
}

/* Sends the signal that stops the thread at the end.  It is blocked until then. */
static int send_marker(const struct run *run)
{
    enum { TRIES = 3 };
    long result = -1;

    for (int i = 0; i < TRIES && result < 0; i++)
        result = syscall(SYS_tgkill, (long)run->tracee->pid, (long)run->thread->tid,
                         (long)run->marker);
    return (int)result;
}

/* Writes block, code, registers and signal mask.  Until the registers are written the
 * thread would go on as it was.  With them it restores its mask at the end, so if we
 * are killed before all signals are blocked, some handler may run in between. */
static int begin(struct run *run)
{
    struct registers registers;
    size_t size = (size_t)(run->end - run->rows);
    uint64_t all = ~UINT64_C(0);

    if (pwrite(run->tracee->memory, run->block, size, (off_t)run->rows) !=
            (ssize_t)size ||
        write_code(run) < 0 ||
        leave_call(run->thread->tid, &run->thread->registers) < 0)
        return -1;
    registers = run->thread->registers;
    begin_code(&registers, run->tracee->code, run->rows, run->frame);
    if (write_registers(run->thread->tid, &registers) < 0)
        return -1;
    if (trace(PTRACE_SETSIGMASK, run->thread->tid, (void *)sizeof all, &all) < 0)
        return -1;
    return run->marker != 0 ? send_marker(run) : 0;
}

/* Puts back all that begin() has written.  The bytes are unused, so it does no harm if
 * some of them stay. */
static void put_back(struct run *run)
{
    static const unsigned char zeros[CODE_MAX];
    size_t size = (size_t)(run->end - run->rows);
    pid_t tid = run->thread->tid;

    /* If one of these fails, the thread goes on by the frame, which stays in place. */
    if (trace(PTRACE_SETSIGMASK, tid, (void *)sizeof run->mask, &run->mask) < 0 ||
        (!run->returned && write_registers(tid, &run->thread->registers) < 0))
        return;
    if (run->returned)
        run->thread->changed = false;
    (void)!pwrite(run->tracee->memory, run->before, size, (off_t)run->rows);
    poke(run, run->tracee->code, zeros, code_room());
}

/* ---- following ---- */

enum { CALL_STOP = SIGTRAP | 0x80 }; /* PTRACE_O_TRACESYSGOOD */

/* Lets the thread go on to its next stop, with that signal or 0.  at_calls: it stops at
 * the begin and the end of each call, too.  Returns waitpid's
 * status, or -1 if it has ended. */
static int next_stop(const struct run *run, bool at_calls, int signal)
{
    pid_t tid = run->thread->tid;
    void *data = (void *)(intptr_t)signal;
    int status;

    if ((at_calls ? trace(PTRACE_SYSCALL, tid, NULL, data)
                  : trace(PTRACE_CONT, tid, NULL, data)) < 0 ||
        await_status(tid, &status, __WALL) < 0 || !WIFSTOPPED(status))
        return -1;
    return status;
}

/* Returns the signal that a stop wants to deliver, 0 for the other kinds of stops. */
static int signal_of(int status)
{
    return status >> 16 != 0 || WSTOPSIG(status) == CALL_STOP ? 0 : WSTOPSIG(status);
}

/* Notes the result of the call that has been made.  Returns whether it was the last
 * one, or -1 if the thread has ended. */
static int note_result(const struct run *run)
{
    struct sequence *sequence = run->sequence;
    struct registers registers;
    struct row row;
    int64_t result;
    size_t index;

    if (read_registers(run->thread->tid, &registers) < 0)
        return -1;
    result = call_result(&registers);
    if (!sequence->wide)
        result = (int)result;
    index = (size_t)(current_row(&registers) - run->rows) / sizeof row;
    if (index >= run->row_count)
        return -1; /* cannot happen unless the code has gone astray */
    if (index < sequence->count)
        sequence->calls[index].row.result = result;
    memcpy(&row, run->block + index * sizeof row, sizeof row);
    index = result < 0 && result >= -4095
                ? (size_t)(row.otherwise - run->rows) / sizeof row
                : index + 1;
    memcpy(&row, run->block + index * sizeof row, sizeof row);
    return row.number < 0;
}

/* Returns whether a stop is that of the signal for the end. */
static bool is_at_end(const struct run *run, int status)
{
    return status >> 16 == 0 && WSTOPSIG(status) == run->marker;
}

/* Lets the thread make all calls.  Returns 0, or -1 if it has ended. */
static int run_through(struct run *run)
{
    struct registers registers;
    int status = 0;

    while (!is_at_end(run, status)) {
        status = next_stop(run, false, signal_of(status));
        if (status < 0)
            return -1;
    }
    if (read_registers(run->thread->tid, &registers) < 0)
        return -1;
    /* If a filter refuses to change the mask, the thread has returned by the frame. */
    run->returned = !is_code(&registers, run->tracee->code);
    return 0;
}

/* Follows the thread from call to call, and stops it behind the last one.  Returns 0,
 * or -1 if it has ended. */
static int follow(const struct run *run)
{
    bool entered = false;
    int done = 0;
    int status = 0;

    while (done == 0) {
        status = next_stop(run, true, signal_of(status));
        if (status < 0)
            return -1;
        if (status >> 16 != 0 || WSTOPSIG(status) != CALL_STOP)
            continue;
        entered = !entered;
        if (!entered)
            done = note_result(run);
    }
    if (done < 0 || trace(PTRACE_INTERRUPT, run->thread->tid, NULL, NULL) < 0)
        return -1;
    do
        status = next_stop(run, false, status == 0 ? 0 : signal_of(status));
    while (status >= 0 && status >> 16 != PTRACE_EVENT_STOP);
    return status < 0 ? -1 : 0;
}

/* Returns 0 if each call has worked, or -1 with the fault of the first that has not. */
static int judge(const struct sequence *sequence, struct dz_fault *fault)
{
    for (size_t i = 0; i < sequence->count; i++) {
        const struct call *call = &sequence->calls[i];
        if (call->row.result < 0 && call->row.result >= -4095 && !call->may_fail)
            return dz_fault(fault, call->step, call->text, (int)-call->row.result,
                            NULL);
    }
    return 0;
}

/* Reads the calls' results, and what they have written, for what may have to be undone
 * later.  Returns 0, or -1 with errno set: the calls have been made even then. */
static int read_results(const struct run *run)
{
    enum { TRIES = 3 };
    struct sequence *sequence = run->sequence;
    const size_t rows = run->row_count * sizeof(struct row);
    const ssize_t size = (ssize_t)(rows + sequence->data_size);
    struct row row;
    ssize_t n = -1;

    for (int i = 0; i < TRIES && n != size; i++)
        n = pread(run->tracee->memory, run->block, (size_t)size, (off_t)run->rows);
    if (n != size)
        return -1;
    for (size_t i = 0; i < sequence->count; i++) {
        memcpy(&row, run->block + i * sizeof row, sizeof row);
        sequence->calls[i].row.result = row.result;
    }
    if (sequence->data_size > 0)
        memcpy(sequence->data, run->block + rows, sequence->data_size);
    return 0;
}

static bool is_alive(pid_t tid)
{
    struct dz_process process;

    return dz_read_process(tid, &process) == 0 && !dz_has_ended(&process);
}

/* Leaves a thread that cannot be followed to itself: it makes the rest of the calls, or
 * undoes them.  Returns -1 with the fault. */
static int let_run(const struct run *run, struct dz_fault *fault)
{
    run->thread->changed = false; /* its registers are not to be written */
    return dz_fault_number(fault, "adopt", run->tracee->pid, 0,
                           "cannot be traced any more, and makes the calls without "
                           "dznohup; look at it with dzctl inspect");
}

/* Returns a signal that is dropped if it is delivered, and that the target does not
 * catch; 0: it catches all of them. */
static int choose_marker(const struct run *run)
{
    static const int dropped[] = {SIGURG, SIGWINCH, SIGCHLD};
    for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++)
        if ((run->tracee->caught & dz_signal_bit(dropped[i])) == 0)
            return dropped[i];
    return 0;
}

/* Makes the calls, and puts everything back. */
static int run_block(struct run *run, struct dz_fault *fault)
{
    pid_t tid = run->thread->tid;
    int followed = begin(run);
    int result = -1;

    if (followed < 0)
        dz_fault_number(fault, "adopt", tid, errno, "its memory cannot be written");
    else if ((followed = run->marker != 0 ? run_through(run) : follow(run)) < 0 &&
             is_alive(tid))
        return let_run(run, fault);
    else if (followed < 0)
        dz_fault_number(fault, "adopt", run->tracee->pid, 0, "has ended meanwhile");
    else if (read_results(run) < 0)
        dz_fault_number(fault, "adopt", run->tracee->pid, errno,
                        "its memory cannot be read; look at it with dzctl inspect");
    else
        result = judge(run->sequence, fault);
    put_back(run);
    return result;
}

int run_sequence(struct sequence *sequence, struct tracee *tracee,
                 struct thread *thread, struct dz_fault *fault)
{
    struct run run = {.sequence = sequence, .tracee = tracee, .thread = thread};
    int result = -1;

    if (sequence->count == 0)
        return 0;
    if (check_places(tracee) < 0)
        return dz_fault_number(
            fault, "adopt", tracee->pid, errno,
            errno != 0 ? NULL : "has no room for the code that makes the calls");
    run.marker = choose_marker(&run);
    if (trace(PTRACE_GETSIGMASK, thread->tid, (void *)sizeof run.mask, &run.mask) < 0)
        return dz_fault_number(fault, "adopt", thread->tid, errno, NULL);
    if (make_block(&run, fault) == 0)
        result = run_block(&run, fault);
    free_block(&run);
    return result;
}
