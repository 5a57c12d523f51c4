/*
 * Calls that a stop ends with EINTR though no signal has come, signal(7): the tracer
 * has them made again, and their time begins anew.  How long they have been waiting
 * cannot be seen from outside.  All others are restarted by the kernel.
 */
#include "adopt.h"

#include <errno.h>

void repeat_interrupted(struct tracee *tracee)
{
    for (size_t i = 0; i < tracee->count; i++) {
        struct thread *thread = &tracee->threads[i];
        if (!thread->stopped || interrupted_call(&thread->registers) < 0 ||
            call_result(&thread->registers) != -EINTR)
            continue;
        if (pending_signals(tracee->pid, thread->tid) != 0)
            continue; /* a signal has ended it, whose handler runs next */
        make_again(&thread->registers);
        thread->changed = true;
        /* At once: if we are killed, the call is made again all the same. */
        write_registers(thread->tid, &thread->registers);
    }
}
