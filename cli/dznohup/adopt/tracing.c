/*
 * ptrace(2) and the wait for a stop, with some patience.
 */
#include "dznohup.h"
#include "machine.h"

#include <sys/syscall.h>
#include <unistd.h>

enum { TRIES = 3 };

long trace(int request, pid_t tid, void *address, void *data)
{
    long result = -1;

    /* Calls the kernel itself: the two libcs differ in the type of the request. */
    for (int i = 0; i < TRIES && result < 0; i++)
        result = syscall(SYS_ptrace, (long)request, (long)tid, address, data);
    return result;
}

pid_t await_status(pid_t tid, int *status, int flags)
{
    pid_t result = -1;

    for (int i = 0; i < TRIES && result < 0; i++)
        result = dz_waitpid(tid, status, flags);
    return result;
}
