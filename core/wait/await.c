/*
 * The caller's wait, and the end of a start that fails.
 *
 * One loop sleeps in poll(2) until an event arrives: the report, an interrupt, the end
 * of the target, a notification.  What has no event is looked at from time to time.
 * The caller is the job's subreaper, so it can wait for the target, whichever process
 * forked it.
 */
#include "await.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TELL_MS = 1000 /* between two lines on the caller's terminal */
};

static int open_watch(struct watch *watch, struct dz_start *start,
                      struct dz_fault *fault)
{
    dz_watch_open(watch, start);
    watch->interrupts = dz_open_interrupts(start, fault);
    return watch->interrupts < 0 ? -1 : 0;
}

void dz_watch_open(struct watch *watch, struct dz_start *start)
{
    int64_t now = dz_milliseconds();
    struct dz_process self;

    memset(watch, 0, sizeof *watch);
    watch->start = start;
    watch->pidfd = -1;
    watch->interrupts = -1;
    watch->child_ended = start->child == 0;
    watch->status = -1;
    watch->deadline = start->plan->timeout > 0 ? now + start->plan->timeout : INT64_MAX;
    watch->tell_at = now + (start->waiting_once ? 1000 * DZ_SLOW_S : TELL_MS);
    dz_ready_init(&watch->ready, now);
    /* Without a /proc of our own no process can be looked up.  The target alone is
     * known, because it is our child. */
    if (dz_proc_is_ours() && dz_read_process(getpid(), &self) == 0) {
        watch->members.session = start->child;
        watch->members.root = getpid();
        watch->members.oldest = self.start;
        /* The command of cmd: is our child, but not of the job. */
        if (dz_condition(dz_wait_of(start->plan), DZ_WAIT_CMD) != NULL)
            watch->members.probe = &watch->ready.probe.who;
    }
}

void dz_watch_close(struct watch *watch)
{
    dz_probe_end(&watch->ready.probe);
    dz_close_fd(&watch->interrupts);
    dz_close_fd(&watch->pidfd);
    dz_close_fd(&watch->start->await_fd);
    dz_close_fd(&watch->start->await_ready);
    dz_close_fd(&watch->start->notify.fd);
}

/* ---- what comes in ---- */

/*
 * Returns whether the program, which has closed the library's pipe, still runs.  The
 * kernel also closes the pipe when the program ends, a moment before waitpid(2) returns
 * it.  Its exit status says more than the closed pipe.
 */
static bool goes_on(pid_t pid)
{
    struct dz_process process;

    return dz_read_process(pid, &process) == 0 && !process.exiting;
}

/* Returns whether the wait is over once the program was executed.  Its end does not
 * matter then, because only chance would decide whether we see it. */
static bool waits_for_exec(const struct dz_start *start)
{
    const struct dz_conditions *wait = dz_wait_of(start->plan);

    for (int i = 0; i < wait->count; i++)
        if (wait->list[i].kind != DZ_WAIT_EXEC)
            return false;
    return !start->needs_answer;
}

static void open_pidfd(struct watch *watch)
{
    watch->pidfd =
        (int)syscall(DZ_SYS_PIDFD_OPEN, watch->start->pid, 0); /* -1: polled */
}

/* Handles a target that was killed before exec.  It has closed its files, but may not
 * have ended yet. */
static int die_unexecuted(struct watch *watch, struct dz_fault *fault)
{
    int64_t until = dz_milliseconds() + DZ_DIE_MS;
    struct pollfd wanted = {.events = POLLIN};
    int status = -1;

    open_pidfd(watch);
    wanted.fd = watch->pidfd;
    while (dz_waitpid(watch->start->pid, &status, WNOHANG) == 0 &&
           dz_milliseconds() < until)
        poll(&wanted, 1, DZ_BLIND_MS);
    return dz_fault_exited(watch, status, fault);
}

/* Handles the end of the report: the pipe was closed, or the library is done. */
static int executed(struct watch *watch, struct dz_fault *fault)
{
    struct dz_start *start = watch->start;
    struct dz_process process;

    if (start->pid == 0)
        return dz_fault(fault, "fork", "child", 0,
                        "was killed before it could start the program");
    watch->reported = true;
    watch->look_at_end = true;
    /* The library's pipe outlives exec, so the time of the exec is not known. */
    watch->ready.executed =
        dz_is_unheard(watch) ? watch->ready.began : dz_milliseconds();
    dz_close_fd(&start->await_fd);
    if (dz_is_unheard(watch) && goes_on(start->pid))
        return dz_fault(fault, "preload", "libdz.so", 0, "was not loaded");
    if (!watch->ready.done && watch->members.root != 0 &&
        dz_read_process(start->pid, &process) == 0 && !process.executed)
        return die_unexecuted(watch, fault);
    if (!waits_for_exec(start))
        open_pidfd(watch);
    return 0;
}

static int take_report(struct watch *watch, struct dz_fault *fault)
{
    struct dz_start *start = watch->start;

    switch (dz_report_read(start->await_fd, &watch->report, &start->pid, fault)) {
    case DZ_REPORT_LATER:
        return 0;
    case DZ_REPORT_MORE:
        dz_record_late(start);
        return 0;
    case DZ_REPORT_NOTE:
        watch->start->no_record = *fault;
        watch->start->why_no_record = &watch->start->no_record;
        return 0;
    case DZ_REPORT_FAULT:
        return -1;
    case DZ_REPORT_DONE:
        watch->ready.done = true;
        return executed(watch, fault);
    case DZ_REPORT_EXEC:
        return executed(watch, fault);
    }
    return 0; /* not reached */
}

static int take_interrupt(struct watch *watch, struct dz_fault *fault)
{
    char words[64];
    struct dz_text text = dz_text(words, sizeof words);
    int number = dz_read_interrupt(watch->interrupts);

    if (number == 0)
        return 0;
    watch->start->interrupt = number;
    dz_add(&text, "interrupted by SIG");
    dz_add_signal(&text, watch->start->interrupt);
    dz_fault(fault, "wait", NULL, 0, words);
    fault->status = DZ_EXIT_SIGNAL + watch->start->interrupt;
    return -1;
}

static const char *program_of(const struct dz_start *start)
{
    return start->plan->argv != NULL ? start->plan->argv[0] : NULL;
}

static int take_notification(struct watch *watch, struct dz_fault *fault)
{
    struct dz_notify *notify = &watch->start->notify;
    pid_t before = notify->main_pid;

    dz_notify_read(notify, &watch->members);
    if (notify->err != 0)
        return dz_fault(fault, "notify", program_of(watch->start), notify->err, NULL);
    if (notify->extend_ms > 0 && watch->deadline != INT64_MAX) {
        int64_t until = dz_milliseconds() + notify->extend_ms;
        watch->deadline = until > watch->deadline ? until : watch->deadline;
    }
    notify->extend_ms = 0;
    if (notify->main_pid != before && notify->main_pid != watch->start->pid)
        return dz_set_main_pid(watch, notify->main_pid, fault);
    return 0;
}

void dz_watch_wanted(const struct watch *watch, struct pollfd wanted[DZ_WATCH_EVENTS])
{
    const struct dz_start *start = watch->start;
    const struct dz_probe *probe = &watch->ready.probe;

    wanted[DZ_WATCH_REPORT] = (struct pollfd){.fd = start->await_fd, .events = POLLIN};
    wanted[DZ_WATCH_INTERRUPT] =
        (struct pollfd){.fd = watch->interrupts, .events = POLLIN};
    wanted[DZ_WATCH_END] = (struct pollfd){.fd = watch->pidfd, .events = POLLIN};
    wanted[DZ_WATCH_NOTIFY] = (struct pollfd){.fd = start->notify.fd, .events = POLLIN};
    wanted[DZ_WATCH_READY] =
        (struct pollfd){.fd = start->await_ready, .events = POLLIN};
    wanted[DZ_WATCH_PROBE] =
        (struct pollfd){.fd = probe->who.pid > 0 ? probe->pidfd : -1, .events = POLLIN};
}

int dz_watch_take(struct watch *watch, const struct pollfd wanted[DZ_WATCH_EVENTS],
                  struct dz_fault *fault)
{
    if (wanted[DZ_WATCH_END].revents != 0)
        watch->look_at_end = true;
    if (wanted[DZ_WATCH_INTERRUPT].revents != 0 && take_interrupt(watch, fault) < 0)
        return -1;
    if (wanted[DZ_WATCH_REPORT].revents != 0 && take_report(watch, fault) < 0)
        return -1;
    return 0; /* dz_watch_look handles all other events */
}

/* ---- the loop ---- */

static void tell(struct watch *watch, int64_t now)
{
    if (watch->start->waiting == NULL || now < watch->tell_at)
        return;
    watch->told = true;
    watch->tell_at = watch->start->waiting_once ? INT64_MAX : watch->tell_at + TELL_MS;
    watch->start->waiting(watch->start, &watch->ready,
                          (int)((now - watch->ready.began) / 1000));
}

/* Returns whether the program was executed and the library in it is silent: the
 * library's pipe outlives the exec. */
static bool library_is_silent(const struct watch *watch)
{
    struct dz_process process;

    return dz_is_unheard(watch) && watch->start->pid > 0 &&
           dz_read_process(watch->start->pid, &process) == 0 && process.executed;
}

static int time_out(const struct watch *watch, struct dz_fault *fault)
{
    const struct dz_start *start = watch->start;
    char words[sizeof fault->reason + 1]; /* dz_fault marks what it cuts */
    struct dz_text text = dz_text(words, sizeof words);

    dz_add(&text, "stopped after ");
    dz_add_seconds(&text, start->plan->timeout);
    dz_add(&text, " s: ");
    if (watch->reported)
        dz_add_unmet(&watch->ready, start, &watch->members, &text);
    else
        dz_add(&text, library_is_silent(watch) ? "libdz.so has not answered"
                                               : "was not executed");
    dz_fault(fault, "wait", program_of(start), 0, words);
    fault->status = DZ_EXIT_TIMEOUT;
    return -1;
}

/* Returns 0, or -1 with the fault if no condition can become true any more. */
static int check_hope(struct watch *watch, struct dz_fault *fault)
{
    if (watch->ready.closed)
        return dz_fault(fault, "wait", "fd", 0, "closed without a newline");
    if (!watch->start->ended || dz_count_members(watch) > 0)
        return 0;
    return dz_fault_exited(watch, 0, fault);
}

/* Looks at a program that was executed.  Returns 1 if the start has succeeded, 0 to go
 * on, or -1 with the fault; *until is when to look again. */
static int look(struct watch *watch, int64_t *until, struct dz_fault *fault)
{
    struct dz_start *start = watch->start;
    int64_t next;

    /* First: a program may notify us and end right after. */
    if (start->notify.fd >= 0 && take_notification(watch, fault) < 0)
        return -1;
    if (dz_check_end(watch, fault) < 0)
        return -1;
    if (dz_ready_look(&watch->ready, start, &watch->members)) {
        int settled = dz_settle(watch, fault);
        if (settled != 0)
            return settled;
        next = watch->settling.look_at;
    } else {
        if (check_hope(watch, fault) < 0)
            return -1;
        next = dz_ready_next(&watch->ready, start);
    }
    *until = next < *until ? next : *until;
    return 0;
}

int dz_watch_look(struct watch *watch, int64_t *until, struct dz_fault *fault)
{
    struct dz_start *start = watch->start;
    int64_t now;
    int result = 0;

    *until = watch->deadline;
    dz_reap_first_child(watch);
    if (watch->reported && waits_for_exec(start))
        return 1;
    if (watch->reported)
        result = look(watch, until, fault);
    if (result != 0)
        return result;
    now = dz_milliseconds();
    if (now >= watch->deadline)
        return time_out(watch, fault);
    if (watch->deadline != watch->told_deadline)
        dz_waiter_continues(start, watch->deadline);
    watch->told_deadline = watch->deadline;
    tell(watch, now);
    if (start->waiting != NULL && watch->tell_at < *until)
        *until = watch->tell_at;
    if (watch->reported && watch->pidfd < 0 && now + DZ_BLIND_MS < *until)
        *until = now + DZ_BLIND_MS;
    return 0;
}

static int loop(struct watch *watch, struct dz_fault *fault)
{
    for (;;) {
        struct pollfd wanted[DZ_WATCH_EVENTS];
        int64_t until;
        int64_t left;
        int result = dz_watch_look(watch, &until, fault);
        if (result != 0)
            return result < 0 ? -1 : 0;
        dz_watch_wanted(watch, wanted);
        left = until - dz_milliseconds();
        left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
        /* EINTR: the next look finds what has come. */
        if (poll(wanted, DZ_WATCH_EVENTS, (int)left) >= 0 &&
            dz_watch_take(watch, wanted, fault) < 0)
            return -1;
    }
}

/* Reads the PID that the target's process has reported but that was not read yet.
 * Pidfile and record are found by that PID. */
static void learn_pid(struct watch *watch)
{
    struct dz_start *start = watch->start;
    struct dz_fault unheard;

    if (start->await_fd < 0)
        return; /* read to its end already */
    while (dz_report_read(start->await_fd, &watch->report, &start->pid, &unheard) ==
           DZ_REPORT_MORE)
        ;
}

/* Stops the processes of a start that has failed, and removes its files. */
static void clean_up(struct watch *watch, struct dz_fault *fault)
{
    struct dz_start *start = watch->start;

    if (dz_stop_start(watch) < 0) {
        char words[sizeof fault->reason];
        struct dz_text text = dz_text(words, sizeof words);
        dz_add(&text, fault->reason[0] != '\0' ? fault->reason : "failed");
        dz_add(&text, "; could not be stopped");
        memcpy(fault->reason, words, sizeof words);
    }
    learn_pid(watch);
    dz_unpublish(start);
}

/* The wait itself, in the caller or in its waiter. */
static int await_target(struct dz_start *start, struct dz_fault *fault)
{
    struct watch watch;
    int result = open_watch(&watch, start, fault);

    if (result == 0)
        result = loop(&watch, fault);
    if (watch.told)
        start->waiting(start, &watch.ready, 0);
    dz_probe_end(&watch.ready.probe);
    if (result < 0)
        clean_up(&watch, fault);
    dz_watch_close(&watch);
    if (result == 0 && start->ended)
        dz_publish_exited(start, 0);
    return result;
}

int dz_await(struct dz_start *start, struct dz_fault *fault)
{
    int result;

    if (start->waiter_pid > 0) {
        result = dz_await_waiter(start, fault);
    } else {
        result = await_target(start, fault);
        if (start->result_fd >= 0)
            dz_waiter_ends(start, result, fault);
    }
    dz_claim_release(&start->pidfile_claim);
    dz_claim_release(&start->record_claim);
    if (result < 0)
        return -1;
    /* The keeper is the service's main process: its end is that of the job. */
    if (dz_tell_manager(start,
                        dz_wants_keeper(start->plan) ? start->waiter_pid
                        : start->ended               ? 0
                                                     : start->pid,
                        0) < 0)
        start->notify_errno = errno;
    return 0;
}
