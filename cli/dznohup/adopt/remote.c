/*
 * Runs a sequence of calls in a stopped thread of the target.
 *
 * The calls are rows in the thread's memory, below its stack, and behind them is the
 * frame that restores its registers, as after a signal.  The code that makes them is
 * written to unused bytes at the end of executable memory.  We follow it from call to
 * call and put everything back at its end.  If we are killed, it runs to its end by
 * itself: no call is lost, and it returns by that frame.
 *
 * The rows: the calls, an end, what undoes them from the last to the first, an end.
 */
#include "adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

_Static_assert(sizeof(struct row) == 80,
               "the code in machine.h reads rows of 80 bytes");

struct run {
    struct sequence *sequence;
    struct tracee *tracee;
    struct thread *thread;
    int memory;    /* of the target */
    uint64_t code; /* where the code is */
    size_t code_size;
    uint64_t rows; /* where the first row is */
    uint64_t frame;
    uint64_t end; /* behind the frame */
    size_t row_count;
    unsigned char *block;  /* allocated: what is at rows..end */
    unsigned char *before; /* allocated: what was there */
    uint64_t mask;         /* the thread's signal mask */
};

/* ---- the block of rows, data and frame ---- */

static uint64_t row_address(const struct run *run, size_t index)
{
    return run->rows + index * sizeof(struct row);
}

/* Writes a row with its addresses.  next: the row to go on with after an error. */
static void put_row(const struct run *run, const struct call *call, size_t index,
                    size_t next)
{
    struct row row = call->row;
    uint64_t data = row_address(run, run->row_count);

    for (int i = 0; i < 6; i++)
        if (call->data[i] >= 0)
            row.argument[i] = data + (uint64_t)call->data[i];
    if (call->from >= 0)
        row.from = row_address(run, (size_t)call->from) + offsetof(struct row, result);
    row.otherwise = row_address(run, next);
    memcpy(run->block + index * sizeof row, &row, sizeof row);
}

static void put_rows(struct run *run)
{
    const struct sequence *sequence = run->sequence;
    size_t undo = sequence->count + 1; /* the first row of the undo list */
    static const struct call end = {
        .row = {.number = -1}, .from = -1, .data = {-1, -1, -1, -1, -1, -1}};

    for (size_t i = 0; i < sequence->count; i++) {
        const struct call *call = &sequence->calls[i];
        put_row(run, call, i,
                call->may_fail ? i + 1 : undo + sequence->undo_count - call->undone);
    }
    put_row(run, &end, sequence->count, sequence->count);
    for (size_t i = 0; i < sequence->undo_count; i++)
        put_row(run, &sequence->undo[sequence->undo_count - 1 - i], undo + i,
                undo + i + 1);
    put_row(run, &end, run->row_count - 1, run->row_count - 1);
    memcpy(run->block + run->row_count * sizeof(struct row), sequence->data,
           sequence->data_size);
}

/* Makes the block, and reads what is in its place. */
static int make_block(struct run *run, struct dz_fault *fault)
{
    static unsigned char frame[FRAME_MAX];
    const struct sequence *sequence = run->sequence;
    const struct registers *registers = &run->thread->registers;
    size_t frame_size;
    size_t size;

    run->row_count = sequence->count + sequence->undo_count + 2;
    run->frame = stack_pointer(registers) - red_zone();
    frame_size = make_frame(run->thread->tid, registers, run->mask, &run->frame, frame);
    if (frame_size == 0)
        return dz_fault_number(fault, "adopt", run->tracee->pid, errno, NULL);
    run->end = run->frame + frame_size;
    run->rows =
        (run->frame - run->row_count * sizeof(struct row) - sequence->data_size) &
        ~UINT64_C(15);
    size = (size_t)(run->end - run->rows);
    run->block = calloc(2, size);
    if (run->block == NULL)
        return dz_fault_number(fault, "adopt", run->tracee->pid, errno, NULL);
    run->before = run->block + size;
    put_rows(run);
    memcpy(run->block + (run->frame - run->rows), frame, frame_size);
    if (pread(run->memory, run->before, size, (off_t)run->rows) == (ssize_t)size)
        return 0;
    return dz_fault_number(fault, "adopt", run->tracee->pid, 0,
                           "has no room left on its stack");
}

/* ---- writing and putting back ---- */

/* Writes to memory that is not writable for the target itself. */
static int poke(const struct run *run, uint64_t at, const unsigned char *bytes,
                size_t size)
{
    if (pwrite(run->memory, bytes, size, (off_t)at) == (ssize_t)size)
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
    return poke(run, run->code, bytes, run->code_size);
}

/* Writes block, code, registers and signal mask.  Until the registers are written the
 * thread would go on as it was.  With them it restores its mask at the end, so if we
 * are killed before all signals are blocked, some handler may run in between. */
static int begin(struct run *run)
{
    struct registers registers = run->thread->registers;
    size_t size = (size_t)(run->end - run->rows);
    uint64_t all = ~UINT64_C(0);

    if (pwrite(run->memory, run->block, size, (off_t)run->rows) != (ssize_t)size ||
        write_code(run) < 0)
        return -1;
    begin_code(&registers, run->code, run->rows, run->frame);
    if (write_registers(run->thread->tid, &registers) < 0)
        return -1;
    return trace(PTRACE_SETSIGMASK, run->thread->tid, (void *)sizeof all, &all) < 0 ? -1
                                                                                    : 0;
}

/* Puts back all that begin() has written.  The bytes are unused, so it does no harm if
 * some of them stay. */
static void put_back(struct run *run)
{
    static const unsigned char zeros[CODE_MAX];
    size_t size = (size_t)(run->end - run->rows);
    pid_t tid = run->thread->tid;

    /* If one of these fails, the thread goes on by the frame, which is left to it. */
    if (trace(PTRACE_SETSIGMASK, tid, (void *)sizeof run->mask, &run->mask) < 0 ||
        write_registers(tid, &run->thread->registers) < 0)
        return;
    (void)!pwrite(run->memory, run->before, size, (off_t)run->rows);
    poke(run, run->code, zeros, run->code_size);
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
        return -1; /* it cannot be: the code has gone astray */
    if (index < sequence->count)
        sequence->calls[index].row.result = result;
    memcpy(&row, run->block + index * sizeof row, sizeof row);
    index = result < 0 && result >= -4095
                ? (size_t)(row.otherwise - run->rows) / sizeof row
                : index + 1;
    memcpy(&row, run->block + index * sizeof row, sizeof row);
    return row.number < 0;
}

/* Follows the thread through all calls, and stops it behind the last one.  Returns 0,
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

/* Reads what the calls have written, for what may have to be undone later.  All of
 * them have been made, so a failure of this is none of theirs. */
static void read_back(const struct run *run)
{
    enum { TRIES = 3 };
    const struct sequence *sequence = run->sequence;

    for (int i = 0; i < TRIES && sequence->data_size > 0; i++)
        if (pread(run->memory, sequence->data, sequence->data_size,
                  (off_t)row_address(run, run->row_count)) >= 0)
            return;
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

static int run_calls(struct run *run, struct dz_fault *fault)
{
    pid_t tid = run->thread->tid;
    int followed;

    if (trace(PTRACE_GETSIGMASK, tid, (void *)sizeof run->mask, &run->mask) < 0)
        return dz_fault_number(fault, "adopt", tid, errno, NULL);
    if (run->sequence->count == 0)
        return 0;
    run->code = find_unused(run->tracee->pid, run->memory, run->code_size, 0);
    if (run->code == 0)
        return dz_fault_number(
            fault, "adopt", run->tracee->pid, errno,
            errno != 0 ? NULL : "has no room for the code that makes the calls");
    if (make_block(run, fault) < 0)
        return -1;
    followed = begin(run);
    if (followed < 0)
        dz_fault_number(fault, "adopt", tid, errno, "its memory cannot be written");
    else if ((followed = follow(run)) < 0 && is_alive(tid))
        return let_run(run, fault);
    else if (followed < 0)
        dz_fault_number(fault, "adopt", run->tracee->pid, 0, "has ended meanwhile");
    else
        read_back(run);
    put_back(run);
    return followed < 0 ? -1 : judge(run->sequence, fault);
}

int run_sequence(struct sequence *sequence, struct tracee *tracee,
                 struct thread *thread, struct dz_fault *fault)
{
    struct run run = {.sequence = sequence, .tracee = tracee, .thread = thread};
    char path[64];
    size_t size;
    int result;

    machine_code(sequence->wide, &size);
    run.code_size = (size + 7) & ~(size_t)7;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)tracee->pid);
    run.memory = open(path, O_RDWR | O_CLOEXEC);
    if (run.memory < 0)
        return dz_fault(fault, "adopt", path, errno, NULL);
    result = run_calls(&run, fault);
    free(run.block);
    dz_close(run.memory);
    return result;
}
