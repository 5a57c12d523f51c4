/*
 * The list of calls that are to be made in the target, and what undoes them.
 */
#include "adopt.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALLS = 64, DATA = 4096 /* what most need */ };

/* Makes room for count elements more.  Returns the list, moved or not, or NULL. */
static void *make_room(void *list, size_t *room, size_t count, size_t size)
{
    void *grown = list;

    if (count > *room) {
        grown = realloc(list, 2 * count * size);
        if (grown != NULL)
            *room = 2 * count;
    }
    return grown;
}

void reserve_sequence(struct sequence *sequence)
{
    struct call *calls = malloc(CALLS * sizeof *calls);
    struct call *undo = malloc(CALLS * sizeof *undo);
    char *data = malloc(DATA);

    if (calls == NULL || undo == NULL || data == NULL) {
        free(calls);
        free(undo);
        free(data);
        return; /* it is made when it is used */
    }
    free_sequence(sequence);
    sequence->calls = calls;
    sequence->undo = undo;
    sequence->data = data;
    /* Written to, so that it takes no time later. */
    memset(calls, 1, CALLS * sizeof *calls);
    memset(undo, 1, CALLS * sizeof *undo);
    memset(data, 1, DATA);
    sequence->room = sequence->undo_room = CALLS;
    sequence->data_room = DATA;
}

/* Adds a call to a list.  Returns it, or a place for its fields if there is no memory.
 */
static struct call *append(struct sequence *sequence, struct call **list, size_t *count,
                           size_t *room, enum remote_call which)
{
    static struct call none;
    struct call *grown = make_room(*list, room, *count + 1, sizeof **list);
    struct call *call;

    if (grown == NULL) {
        sequence->failed = true;
        return &none;
    }
    *list = grown;
    call = &grown[(*count)++];
    memset(call, 0, sizeof *call);
    call->row.number = call_number(which, sequence->wide);
    call->from = -1;
    for (int i = 0; i < 6; i++)
        call->data[i] = -1;
    return call;
}

struct call *add_call(struct sequence *sequence, const char *step,
                      enum remote_call which, const char *format, ...)
{
    struct call *call =
        append(sequence, &sequence->calls, &sequence->count, &sequence->room, which);
    va_list arguments;

    call->step = step;
    call->undone = sequence->undo_count;
    va_start(arguments, format);
    vsnprintf(call->text, sizeof call->text, format, arguments);
    va_end(arguments);
    return call;
}

struct call *add_undo(struct sequence *sequence, enum remote_call which)
{
    return append(sequence, &sequence->undo, &sequence->undo_count,
                  &sequence->undo_room, which);
}

int64_t add_data(struct sequence *sequence, const void *bytes, size_t size)
{
    size_t offset = sequence->data_size;
    size_t rounded = (size + 15) & ~(size_t)15; /* the next one is aligned */
    char *grown = make_room(sequence->data, &sequence->data_room, offset + rounded, 1);

    if (grown == NULL) {
        sequence->failed = true;
        return 0;
    }
    sequence->data = grown;
    sequence->data_size += rounded;
    memset(grown + offset, 0, rounded);
    if (bytes != NULL)
        memcpy(grown + offset, bytes, size);
    return (int64_t)offset;
}

void close_later(struct sequence *sequence, int call)
{
    int *grown = realloc(sequence->closing,
                         (sequence->closing_count + 1) * sizeof *sequence->closing);

    add_undo(sequence, CALL_CLOSE)->from = call;
    if (grown == NULL) {
        sequence->failed = true;
        return;
    }
    sequence->closing = grown;
    grown[sequence->closing_count++] = call;
}

void revert_sequence(const struct sequence *done, struct sequence *undo)
{
    undo->wide = done->wide;
    add_data(undo, done->data, done->data_size); /* at offset 0, as it was there */
    for (size_t i = done->undo_count; i-- > 0;) {
        struct call *call = add_call(undo, "undo", CALL_CLOSE, "undo");
        call->row.number = done->undo[i].row.number;
        memcpy(call->row.argument, done->undo[i].row.argument,
               sizeof call->row.argument);
        memcpy(call->data, done->undo[i].data, sizeof call->data);
        if (done->undo[i].from >= 0)
            call->row.argument[0] =
                (uint64_t)done->calls[done->undo[i].from].row.result;
        call->may_fail = true;
    }
}

void free_sequence(struct sequence *sequence)
{
    free(sequence->calls);
    free(sequence->undo);
    free(sequence->data);
    free(sequence->closing);
    memset(sequence, 0, sizeof *sequence);
}
