/*
 * The threads of the target: attaching, stopping, letting go.
 *
 * PTRACE_SEIZE stops nothing and sends no signal.  If we end, the kernel lets every
 * thread go on.  A signal that a thread gets stops it once it is attached to, so all
 * that can be done before is done before.
 */
#include "adopt.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOKS = 30,               /* before we sleep */
    SLOW_MS = 100,            /* a thread that has not stopped by then is waiting */
    BLOCKED_MS = 5,           /* likewise, for a thread that no signal wakes */
    PATIENCE_MS = 5000,       /* with an exec that holds up the attaching */
    SUSPEND_SECCOMP = 1 << 21 /* PTRACE_O_SUSPEND_SECCOMP: Linux 4.3 */
};

/* ---- attaching ---- */

struct walk {
    struct tracee *tracee;
    bool grown;
    int err;
};

static struct thread *find_thread(struct tracee *tracee, pid_t tid)
{
    for (size_t i = 0; i < tracee->count; i++)
        if (tracee->threads[i].tid == tid)
            return &tracee->threads[i];
    return NULL;
}

/* Adds a thread.  Returns it, or NULL and sets errno. */
static struct thread *add_thread(struct tracee *tracee, pid_t tid)
{
    struct thread *grown =
        realloc(tracee->threads, (tracee->count + 1) * sizeof *grown);

    if (grown == NULL)
        return NULL;
    tracee->threads = grown;
    memset(&grown[tracee->count], 0, sizeof *grown);
    grown[tracee->count].tid = tid;
    grown[tracee->count].waited.number = -1;
    return &grown[tracee->count++];
}

static int list_thread(int tid, int fd, void *data)
{
    (void)fd;
    return add_thread(data, tid) == NULL;
}

void list_threads(struct tracee *tracee)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/task", (int)tracee->pid);
    /* What is missing in the list is found later. */
    dz_each_number(path, list_thread, tracee);
}

/* Takes a status of the thread.  Returns whether it has stopped as we want. */
static bool take_status(struct thread *thread, int status)
{
    if (!WIFSTOPPED(status)) {
        thread->ended = true;
        return true;
    }
    if (status >> 16 == PTRACE_EVENT_STOP) {
        thread->stopped = true;
        thread->group_stop = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
        return true;
    }
    /* A signal comes first.  It is delivered, and the stop follows. */
    trace(PTRACE_CONT, thread->tid, NULL,
          (void *)(intptr_t)(status >> 16 != 0 ? 0 : WSTOPSIG(status)));
    return false;
}

/* Takes what has become of the other threads that are traced.  A thread that executes
 * another program waits for the ends of all others, and as their tracer we must take
 * those ends. */
static void look_at_others(struct tracee *tracee, const struct thread *waited)
{
    for (size_t i = 0; i < tracee->count; i++) {
        struct thread *thread = &tracee->threads[i];
        int status;
        pid_t tid;
        if (thread == waited || !thread->seized || thread->ended)
            continue;
        tid = await_status(thread->tid, &status, __WALL | WNOHANG);
        if (tid > 0)
            take_status(thread, status);
        thread->ended |= tid < 0;
        thread->stopped &= !thread->ended;
    }
}

/* Attaches to the thread.  Waits meanwhile for other threads that end, so that an exec
 * in the target can go on.  Returns 0, or -1 and sets errno. */
static int seize_patiently(struct tracee *tracee, pid_t tid, long options)
{
    int64_t until = dz_milliseconds() + PATIENCE_MS;
    int result;

    while ((result = seize(tid, options)) < 0 && errno == EINTR &&
           dz_milliseconds() < until)
        look_at_others(tracee, NULL);
    return result;
}

/* Attaches to a thread.  Returns 0, or 1 to end the walk. */
static int seize_thread(int tid, int fd, void *data)
{
    struct walk *walk = data;
    struct tracee *tracee = walk->tracee;
    struct thread *thread = find_thread(tracee, tid);
    long options = PTRACE_O_TRACESYSGOOD | (tracee->suspend ? SUSPEND_SECCOMP : 0);

    (void)fd;
    if (thread != NULL && (thread->seized || thread->ended))
        return 0;
    if (thread == NULL && (thread = add_thread(tracee, tid)) == NULL) {
        walk->err = errno;
        return 1;
    }
    thread->seized = seize_patiently(tracee, tid, options) == 0;
    thread->ended = !thread->seized;
    walk->grown |= thread->seized;
    if (thread->seized || errno == ESRCH)
        return 0;
    /* A zombie, the first thread that has ended, cannot be traced. */
    struct dz_process process;
    int err = errno;
    if (dz_read_process(tid, &process) == 0 && process.thread != tid)
        return 0;
    walk->err = err;
    return 1;
}

/* Attaches to the threads that are new.  Returns whether there are any, or -1. */
static int seize_new(struct tracee *tracee, const struct subject *subject,
                     struct dz_fault *fault)
{
    struct walk walk = {.tracee = tracee};
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/task", (int)tracee->pid);
    if (dz_each_number(path, seize_thread, &walk) < 0)
        return refuse_trace(subject, ESRCH, fault);
    if (walk.err != 0)
        return refuse_trace(subject, walk.err, fault);
    for (size_t i = 0; i < tracee->count; i++)
        tracee->threads[i].ended |= !tracee->threads[i].seized;
    return walk.grown;
}

int may_trace(const struct subject *subject, struct dz_fault *fault)
{
    struct tracee tracee = {
        .pid = subject->pid, .living = subject->process.thread, .memory = -1};
    int err = 0;

    /* To open the memory takes the permissions that attaching takes. */
    if (open_memory(&tracee) < 0)
        err = errno == EACCES ? EPERM : errno;
    close_places(&tracee);
    if (err != 0)
        return refuse_trace(subject, err, fault);
    /* A filter of our own may refuse ptrace(2).  Otherwise this call fails with ESRCH,
     * or works if the process is traced since an attempt before. */
    if (trace(PTRACE_INTERRUPT, subject->pid, NULL, NULL) < 0 && errno != ESRCH)
        return refuse_trace(subject, errno, fault);
    return 0;
}

int seize_all(struct tracee *tracee, const struct subject *subject,
              struct dz_fault *fault)
{
    sigset_t child;

    tracee->traced_since = monotonic_nanoseconds();
    tracee->suspend = subject->seccomp != 0 && geteuid() == 0;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL); /* it announces a stop */
    if (seize_new(tracee, subject, fault) < 0)
        return -1;
    for (size_t i = 0; i < tracee->count; i++)
        if (tracee->threads[i].seized)
            return 0;
    return refuse_trace(subject, ESRCH, fault);
}

/* ---- stopping ---- */

/* Waits until SIGCHLD comes or the clock reaches until. */
static void await_child(int64_t until)
{
    int64_t left = until - dz_milliseconds();
    struct timespec time = {(time_t)(left / 1000), (long)(left % 1000 * 1000000)};
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    if (left > 0)
        sigtimedwait(&child, NULL, &time); /* EINTR, EAGAIN: the caller looks anew */
}

/* Returns whether no signal wakes the thread. */
static bool is_blocked(pid_t tid)
{
    struct dz_process process;

    return dz_read_process(tid, &process) == 0 && process.state == 'D';
}

/* Waits until the thread has stopped or ended.  Returns whether it has.  From the time
 * blocked on, does not wait for a thread that no signal wakes. */
static bool await_stop(struct tracee *tracee, struct thread *thread, int64_t until,
                       int64_t blocked)
{
    int looks = 0;
    int status;

    while (!thread->stopped && !thread->ended) {
        pid_t tid = await_status(thread->tid, &status, __WALL | WNOHANG);
        int64_t now;
        if (tid < 0)
            thread->ended = true;
        else if (tid > 0)
            take_status(thread, status);
        else if (looks++ < LOOKS)
            continue; /* the thread stops in a moment; a sleep may take longer */
        else if ((now = dz_milliseconds()) >= until ||
                 (now >= blocked && is_blocked(thread->tid)))
            return false;
        else {
            await_child(now < blocked && blocked < until ? blocked : until);
            look_at_others(tracee, thread);
        }
    }
    return true;
}

/* A thread that cannot be interrupted has ended, or the wait for it will fail. */
static void interrupt_all(struct tracee *tracee, size_t from)
{
    for (size_t i = from; i < tracee->count; i++) {
        struct thread *thread = &tracee->threads[i];
        if (thread->stopped || thread->ended)
            continue;
        if (!MACHINE_TELLS_CALL && thread->waited.number < 0)
            read_call(tracee->pid, thread->tid, &thread->waited);
        trace(PTRACE_INTERRUPT, thread->tid, NULL, NULL);
        thread->interrupted = true;
    }
}

/* Reads the registers of a thread that has stopped, and has it make its call again if
 * the stop has ended that.  Returns 0, or -1 and sets errno. */
static int read_stopped(struct tracee *tracee, struct thread *thread)
{
    if (thread->read)
        return 0;
    if (read_registers(thread->tid, &thread->registers) < 0)
        return -1;
    thread->read = true;
    repeat_interrupted(tracee, thread);
    return 0;
}

static void resume_thread(struct tracee *tracee, struct thread *thread)
{
    read_stopped(tracee, thread); /* it has ended, otherwise */
    thread->changed = false;
    thread->stopped = thread->interrupted = thread->read = false;
    thread->group_stop != 0 ? trace(PTRACE_LISTEN, thread->tid, NULL, NULL)
                            : trace(PTRACE_CONT, thread->tid, NULL, NULL);
}

void resume_all(struct tracee *tracee, bool all)
{
    const struct thread *late = all ? NULL : &tracee->threads[tracee->late];

    look_at_others(tracee, late);
    for (size_t i = 0; i < tracee->count; i++)
        if (tracee->threads[i].stopped && &tracee->threads[i] != late)
            resume_thread(tracee, &tracee->threads[i]);
}

/* Stops all threads that are there.  Returns 0, 1 if one is late, or -1. */
static int try_to_stop(struct tracee *tracee, const struct subject *subject,
                       struct dz_fault *fault)
{
    int64_t now = dz_milliseconds();
    size_t known = 0;
    int more;

    do {
        interrupt_all(tracee, known);
        for (size_t i = known; i < tracee->count; i++)
            if (!await_stop(tracee, &tracee->threads[i], now + SLOW_MS,
                            now + BLOCKED_MS)) {
                tracee->late = i;
                return 1;
            }
        known = tracee->count;
        more = seize_new(tracee, subject, fault);
    } while (more > 0);
    return more;
}

static int read_all(struct tracee *tracee, const struct subject *subject,
                    struct dz_fault *fault)
{
    /* One that is stopped stays. */
    for (size_t i = 0; i < tracee->count; i++)
        if (tracee->threads[i].stopped && !tracee->threads[i].ended) {
            tracee->living = tracee->threads[i].tid;
            break;
        }
    renew_memory(tracee); /* without it no call can be made, and that is reported */
    for (size_t i = 0; i < tracee->count; i++) {
        struct thread *thread = &tracee->threads[i];
        if (thread->ended)
            continue;
        if (read_stopped(tracee, thread) < 0)
            return refuse_trace(subject, errno, fault);
    }
    return calling_thread(tracee) != NULL ? 0 : refuse_trace(subject, ESRCH, fault);
}

int stop_all(struct tracee *tracee, const struct subject *subject,
             struct dz_fault *fault)
{
    int result;

    tracee->stopped_since = monotonic_nanoseconds();
    result = try_to_stop(tracee, subject, fault);
    return result != 0 ? result : read_all(tracee, subject, fault);
}

int look_at_late(struct tracee *tracee, int64_t until, struct dz_fault *fault)
{
    enum { MOMENT_MS = 10 };
    struct thread *late = &tracee->threads[tracee->late];
    int64_t now = dz_milliseconds();

    if (await_stop(tracee, late, now + MOMENT_MS, INT64_MAX))
        return 1;
    if (now < until)
        return 0;
    return dz_fault_number(fault, "adopt", late->tid, 0,
                           "waits in the kernel for a disk or its vfork(2) child, and "
                           "does not stop; try again later");
}

/* ---- letting go ---- */

void release_all(struct tracee *tracee)
{
    for (size_t i = 0; i < tracee->count; i++) {
        struct thread *thread = &tracee->threads[i];
        int64_t now = dz_milliseconds();
        if (thread->interrupted && !await_stop(tracee, thread, now + SLOW_MS, now))
            continue; /* the kernel lets it go when we end */
        if (thread->stopped)
            read_stopped(tracee, thread); /* it has ended, otherwise */
        if (thread->changed)
            write_registers(thread->tid, &thread->registers);
        if (thread->stopped)
            trace(PTRACE_DETACH, thread->tid, NULL, NULL);
    }
}

void forget_all(struct tracee *tracee)
{
    remove_copies(tracee);
    close_places(tracee);
    free(tracee->threads);
    tracee->threads = NULL;
    tracee->count = 0;
}

struct thread *calling_thread(struct tracee *tracee)
{
    struct thread *any = NULL;

    for (size_t i = 0; i < tracee->count; i++) {
        struct thread *thread = &tracee->threads[i];
        if (!thread->stopped || thread->ended)
            continue;
        if (any == NULL)
            any = thread;
        /* A thread in a call is not within a restartable sequence, rseq(2). */
        if (interrupted_call(&thread->registers) >= 0)
            return thread;
    }
    return any;
}

bool was_stopped(const struct tracee *tracee)
{
    for (size_t i = 0; i < tracee->count; i++)
        if (tracee->threads[i].group_stop != 0)
            return true;
    return false;
}
