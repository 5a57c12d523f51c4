/*
 * The block that goes below the stack of the thread that makes the calls: rows, the
 * data that they point to, and the frame by which the thread goes on.
 *
 * The rows: the calls, an end, what undoes them from the last to the first, an end.
 */
#include "adopt.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(sizeof(struct row) == 80,
               "the code in machine.h reads rows of 80 bytes");

/* Returns the address of a row. */
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

enum { ENDING = 2 /* rows: the signal is unblocked, an end */, MASK_SIZE = 8 };

/* Writes the rows of an ending. */
static void put_ending(const struct run *run, size_t index)
{
    static const struct call end = {
        .row = {.number = -1}, .from = -1, .data = {-1, -1, -1, -1, -1, -1}};
    struct call unblock = end;

    if (run->marker != 0) {
        unblock.row.number = call_number(CALL_SIGPROCMASK, run->sequence->wide);
        unblock.row.argument[0] = SIG_SETMASK;
        unblock.data[1] = (int64_t)run->sequence->data_size; /* behind all others */
        unblock.row.argument[3] = MASK_SIZE;
    }
    put_row(run, &unblock, index, index + 1);
    put_row(run, &end, index + 1, index + 1);
}

static void put_rows(struct run *run)
{
    const struct sequence *sequence = run->sequence;
    size_t undo = sequence->count + ENDING; /* the first row of the undo list */
    uint64_t mask = run->marker != 0 ? ~dz_signal_bit(run->marker) : 0;
    unsigned char *data = run->block + run->row_count * sizeof(struct row);

    for (size_t i = 0; i < sequence->count; i++) {
        const struct call *call = &sequence->calls[i];
        put_row(run, call, i,
                call->may_fail ? i + 1 : undo + sequence->undo_count - call->undone);
    }
    put_ending(run, sequence->count);
    for (size_t i = 0; i < sequence->undo_count; i++)
        put_row(run, &sequence->undo[sequence->undo_count - 1 - i], undo + i,
                undo + i + 1);
    put_ending(run, undo + sequence->undo_count);
    if (sequence->data_size > 0) /* else there is no address, which memcpy(3) wants */
        memcpy(data, sequence->data, sequence->data_size);
    memcpy(data + sequence->data_size, &mask, sizeof mask);
}

/* What most need, and the frame. */
static unsigned char reserved[4 * 16384];
static unsigned char frame[FRAME_MAX];

void reserve_block(void)
{
    memset(reserved, 1,
           sizeof reserved); /* written to, so that it takes no time later */
    memset(frame, 1, sizeof frame);
}

void free_block(struct run *run)
{
    if (run->block != reserved)
        free(run->block);
}

/* ---- where it goes ---- */

/* Places the block so that it ends there, and makes the frame.  Returns the frame's
 * size, or 0 and sets errno. */
static size_t place_at(struct run *run, size_t rows, uint64_t end)
{
    size_t frame_size;

    run->frame = end;
    frame_size = make_frame(run->thread->tid, &run->thread->registers, run->mask,
                            &run->frame, frame);
    run->end = run->frame + frame_size;
    run->rows = (run->frame - rows) & ~UINT64_C(15);
    return frame_size;
}

/* Returns whether the thread uses what is below that address of the first stack. */
static bool uses(const struct tracee *tracee, const struct thread *thread, uint64_t end)
{
    uint64_t stack = stack_pointer(&thread->registers);

    return thread->stopped && stack >= tracee->stack_begin &&
           stack < tracee->stack_end && stack - red_zone() < end;
}

/* Returns whether the block is in the first thread's stack and nothing else is there.
 */
static bool is_free(const struct run *run)
{
    const struct tracee *tracee = run->tracee;
    size_t size = (size_t)(run->end - run->rows);

    if (tracee->stack_begin == 0 || run->end > tracee->stack_end ||
        size > sizeof reserved)
        return false;
    for (size_t i = 0; i < tracee->count; i++)
        if (uses(tracee, &tracee->threads[i], run->end))
            return false;
    if (pread(tracee->memory, reserved, size, (off_t)run->rows) != (ssize_t)size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (reserved[i] != 0)
            return false;
    return true;
}

/* Places the block below the thread's stack pointer if it is on the first thread's
 * stack, which is large; else at the far end of that stack, which few programs need.
 * The last resort is below a stack pointer on a smaller stack.  Returns the frame's
 * size, or 0 and sets errno: 0 if there is no room. */
static size_t place_block(struct run *run, size_t rows)
{
    const struct tracee *tracee = run->tracee;
    uint64_t stack = stack_pointer(&run->thread->registers);
    size_t frame_size;

    if (stack < tracee->stack_begin || stack >= tracee->stack_end) {
        frame_size =
            place_at(run, rows, tracee->stack_begin + HANDLERS + FRAME_MAX + rows);
        if (frame_size == 0 || is_free(run))
            return frame_size;
    }
    frame_size = place_at(run, rows, stack - red_zone());
    if (frame_size == 0 ||
        (run->rows >= tracee->stack_begin && run->end <= tracee->stack_end) ||
        is_writable(tracee, run->rows, run->end))
        return frame_size;
    errno = 0;
    return 0;
}

int make_block(struct run *run, struct dz_fault *fault)
{
    const struct sequence *sequence = run->sequence;
    size_t frame_size;
    size_t size;

    run->row_count = sequence->count + sequence->undo_count + 2 * (size_t)ENDING;
    frame_size = place_block(run, run->row_count * sizeof(struct row) +
                                      sequence->data_size + MASK_SIZE);
    if (frame_size == 0)
        return dz_fault_number(fault, "adopt", run->tracee->pid, errno,
                               errno == 0 ? "has no room left on its stack" : NULL);
    size = (size_t)(run->end - run->rows);
    run->block = 2 * size <= sizeof reserved ? reserved : malloc(2 * size);
    if (run->block == NULL)
        return dz_fault_number(fault, "adopt", run->tracee->pid, errno, NULL);
    memset(run->block, 0, size);
    run->before = run->block + size;
    put_rows(run);
    memcpy(run->block + (run->frame - run->rows), frame, frame_size);
    if (pread(run->tracee->memory, run->before, size, (off_t)run->rows) ==
        (ssize_t)size)
        return 0;
    return dz_fault_number(fault, "adopt", run->tracee->pid, 0,
                           "has no room left on its stack");
}
