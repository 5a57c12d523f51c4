/*
 * Programs of system calls, which a thread of the target makes.
 */
#ifndef CALLS_H
#define CALLS_H

#include "dznohup.h"
#include "machine.h"

struct thread;
struct tracee;

/* ---- sequence.c: a program of system calls ---- */

enum { TEXT_MAX = 96 };

/* One call, as the code in machine.h reads it. */
struct row {
    int64_t number;
    uint64_t argument[6];
    int64_t result;
    uint64_t from;      /* address of a result that is argument 0; 0: none */
    uint64_t otherwise; /* address of the row to go on with after an error */
};

struct call {
    struct row row;
    int from;            /* the forward call whose result is argument 0; -1: none */
    int64_t data[6];     /* the offset of data that an argument points to; -1: none */
    size_t undone;       /* the number of undo calls before it */
    bool may_fail;       /* an error does not matter */
    const char *step;    /* for a fault */
    char text[TEXT_MAX]; /* for -v and a fault: "dup3(5, 1)" */
};

struct sequence {
    struct call *calls; /* allocated */
    size_t count;
    struct call *undo; /* allocated; run from the last to the first */
    size_t undo_count;
    char *data; /* allocated: what arguments point to */
    size_t data_size;
    size_t room; /* how many of each there is memory for */
    size_t undo_room;
    size_t data_room;
    int *closing; /* allocated: the calls whose results are closed at the end */
    size_t closing_count;
    bool failed; /* there was no memory for all of it */
    bool wide;   /* the target is of 64 bits */
};

/* Empties it, with memory for what most need. */
void reserve_sequence(struct sequence *sequence);

/* Adds a call, whose text is made from format.  Returns it, valid until the next one is
 * added. */
struct call *add_call(struct sequence *sequence, const char *step,
                      enum remote_call which, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Adds a call that undoes what was done before it, if a later call fails. */
struct call *add_undo(struct sequence *sequence, enum remote_call which);

/* Adds bytes that arguments may point to; NULL: zeros.  Returns their offset. */
int64_t add_data(struct sequence *sequence, const void *bytes, size_t size);

/* Adds the closing of a call's result, at the end or if a later call fails. */
void close_later(struct sequence *sequence, int call);

/* Makes calls of the undo list of one that has been run. */
void revert_sequence(const struct sequence *done, struct sequence *undo);

void free_sequence(struct sequence *sequence);

/* ---- block.c ---- */

/* A sequence that is run in a thread. */
struct run {
    struct sequence *sequence;
    struct tracee *tracee;
    struct thread *thread;
    uint64_t rows; /* where the first row is */
    uint64_t frame;
    uint64_t end; /* behind the frame */
    size_t row_count;
    unsigned char *block;  /* allocated or reserved: what is at rows..end */
    unsigned char *before; /* behind it: what was there */
    uint64_t mask;         /* the thread's signal mask */
    int marker;            /* the signal that stops it at the end, or 0 */
    bool returned;         /* it has its registers again by the frame */
};

/* Has memory ready for the next block, of which there is one at a time. */
void reserve_block(void);

void free_block(struct run *run);

/* Makes the block, and reads what is in its place. */
int make_block(struct run *run, struct dz_fault *fault);

/* ---- remote.c ---- */

/* Runs the sequence in that thread, with all threads stopped.  Returns 0 if each call
 * has worked; -1 with the fault if one has failed and what was before it is undone, or
 * if the target has ended. */
int run_sequence(struct sequence *sequence, struct tracee *tracee,
                 struct thread *thread, struct dz_fault *fault);

#endif
