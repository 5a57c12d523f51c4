/*
 * The list of calls that are to be made in the target, and what undoes them.
 */
#include "adopt.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Adds a call to a list.  Returns it, or a place for its fields if there is no memory.
 */
static struct call *append(struct sequence *sequence, struct call **list, size_t *count,
                           enum remote_call which)
{
    static struct call none;
    struct call *grown = realloc(*list, (*count + 1) * sizeof **list);
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
    struct call *call = append(sequence, &sequence->calls, &sequence->count, which);
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
    return append(sequence, &sequence->undo, &sequence->undo_count, which);
}

int64_t add_data(struct sequence *sequence, const void *bytes, size_t size)
{
    size_t offset = sequence->data_size;
    size_t room = (size + 15) & ~(size_t)15; /* the next one is aligned */
    char *grown = realloc(sequence->data, offset + room);

    if (grown == NULL) {
        sequence->failed = true;
        return 0;
    }
    sequence->data = grown;
    sequence->data_size += room;
    memset(grown + offset, 0, room);
    if (bytes != NULL)
        memcpy(grown + offset, bytes, size);
    return (int64_t)offset;
}

void free_sequence(struct sequence *sequence)
{
    free(sequence->calls);
    free(sequence->undo);
    free(sequence->data);
    memset(sequence, 0, sizeof *sequence);
}
