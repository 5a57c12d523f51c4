/*
 * Attaching to one thread without waiting for ever.
 *
 * A thread that executes another program waits for the end of the others, and an end
 * that is traced is over only when the tracer has taken it.  The kernel attaches to no
 * thread of that process meanwhile: PTRACE_SEIZE waits, and begins again after each
 * handler that returns.  So the handler does not return.
 */
#include "adopt.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <unistd.h>

enum { MOMENT_US = 20000 };

static sigjmp_buf way_out;

static void leave(int number)
{
    (void)number;
    siglongjmp(way_out, 1); /* what is left is the system call, and no code of libc */
}

/* Attaches, or is interrupted after a moment: then errno is EINTR. */
static int seize_soon(pid_t tid, long options)
{
    const struct itimerval moment = {.it_value = {.tv_usec = MOMENT_US}};
    /* Static: siglongjmp(3) spoils no variable of ours. */
    static struct itimerval before;
    static volatile int result;
    static volatile int err;

    result = 1;
    if (sigsetjmp(way_out, 1) == 0) {
        setitimer(ITIMER_REAL, &moment, &before); /* its arguments are valid */
        result = trace(PTRACE_SEIZE, tid, NULL, (void *)options) == 0 ? 0 : -1;
        err = errno;
    }
    setitimer(ITIMER_REAL, &before, NULL);
    if (result == 1) { /* the handler has left, perhaps right after the call */
        result = -1;
        err = EINTR;
    }
    if (result < 0 && (err == EINTR || err == EPERM) && tracer_of(tid) == getpid())
        result = 0; /* attached by an attempt before, or right before the signal */
    errno = err;
    return result;
}

int seize(pid_t tid, long options)
{
    struct sigaction action = {.sa_handler = leave};
    struct sigaction before;
    sigset_t mask;
    sigset_t alarm;
    int result;
    int err;

    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    sigaction(SIGALRM, &action, &before); /* these cannot fail for a valid signal */
    sigprocmask(SIG_UNBLOCK, &alarm, &mask);
    result = seize_soon(tid, options);
    err = errno;
    sigprocmask(SIG_SETMASK, &mask, NULL);
    sigaction(SIGALRM, &before, NULL);
    errno = err;
    return result;
}
