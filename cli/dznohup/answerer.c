/*
 * Stay mode below a manager: a process that tells the manager when the job is ready.
 *
 * The program keeps the PID that the manager knows.  So a process beside the program,
 * the answerer, waits for the conditions, and ends when the manager is told.  The
 * answerer is no child of the program, which must not meet a child that it does not
 * know.  It is in a session of its own.
 */
#include "dznohup.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    STOP_MS = 5000, /* from TERM to KILL */
    BLIND_MS = 5    /* between two looks if there is no pidfd */
};

struct answerer {
    struct dz_start *start;
    struct dz_ready ready;
    struct dz_members members;
    struct dz_identity program;
    struct dz_report_reader report;
    int pidfd;
    int64_t deadline;
    bool executed;
};

/* Reads the report.  Returns false if the program was not executed: the launcher tells
 * of that itself. */
static bool take_report(struct answerer *answerer)
{
    struct dz_start *start = answerer->start;
    struct dz_fault unheard;
    pid_t unused;

    if (answerer->executed)
        return true;
    switch (dz_report_read(start->await_fd, &answerer->report, &unused, &unheard)) {
    case DZ_REPORT_LATER:
    case DZ_REPORT_MORE:
    case DZ_REPORT_NOTE:
        return true;
    case DZ_REPORT_FAULT:
        return false;
    case DZ_REPORT_DONE:
    case DZ_REPORT_EXEC:
        break;
    }
    answerer->executed = true;
    answerer->ready.executed = dz_milliseconds();
    dz_close_fd(&start->await_fd);
    return true;
}

/* Stops the program, which is not ready in time, and says so. */
static void time_out(const struct answerer *answerer)
{
    const struct dz_start *start = answerer->start;
    struct dz_members rest = {.session = start->pid}; /* which it leads */
    int64_t until = dz_milliseconds() + STOP_MS;
    struct dz_fault fault;
    char words[sizeof fault.reason + 1]; /* dz_fault marks what it cuts */
    struct dz_text text = dz_text(words, sizeof words);

    dz_add(&text, "stopped after ");
    dz_add_seconds(&text, start->plan->timeout);
    dz_add(&text, " s: ");
    dz_add_unmet(&answerer->ready, start, &answerer->members, &text);
    dz_fault(&fault, "wait", start->plan->argv[0], 0, words);
    tell(start->stderr_fd, &fault);
    dz_stop_process(&answerer->program, SIGTERM, until); /* a failure shows below */
    if (!dz_is_running(start->pid))
        dz_stop_members(&rest, until);
}

static void tell_manager(const struct answerer *answerer)
{
    const struct dz_start *start = answerer->start;
    struct dz_fault fault;

    if (dz_tell_manager(start, 0, start->pid) == 0)
        return;
    dz_fault(&fault, "note", "manager", errno, NULL);
    tell(start->stderr_fd, &fault);
}

/* Sleeps until an event or that time.  Returns whether the program has ended. */
static bool await_event(const struct answerer *answerer, int64_t until)
{
    struct pollfd wanted[] = {
        {.fd = answerer->pidfd, .events = POLLIN},
        {.fd = answerer->start->await_fd, .events = POLLIN},
        {.fd = answerer->ready.probe.who.pid > 0 ? answerer->ready.probe.pidfd : -1,
         .events = POLLIN},
    };
    int64_t left = until - dz_milliseconds();

    left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
    if (answerer->pidfd < 0 && left > BLIND_MS)
        left = BLIND_MS;
    if (poll(wanted, sizeof wanted / sizeof wanted[0], (int)left) < 0)
        return false; /* EINTR: look again */
    return answerer->pidfd >= 0 ? wanted[0].revents != 0
                                : !dz_is_running(answerer->program.pid);
}

/* Waits until the manager is told, the time is over or the program has ended. */
static void answer(struct answerer *answerer)
{
    struct dz_start *start = answerer->start;
    int64_t tell_at = answerer->ready.began + INT64_C(1000) * DZ_SLOW_S;

    for (;;) {
        int64_t now = dz_milliseconds();
        int64_t until = answerer->deadline;
        if (!take_report(answerer))
            return;
        if (answerer->executed) {
            int64_t next;
            if (dz_ready_look(&answerer->ready, start, &answerer->members)) {
                tell_manager(answerer);
                return;
            }
            next = dz_ready_next(&answerer->ready, start);
            until = next < until ? next : until;
        }
        if (now >= answerer->deadline) {
            time_out(answerer);
            return;
        }
        if (!start->plan->quiet && now >= tell_at) {
            say_slow(start, &answerer->ready);
            tell_at = INT64_MAX;
        }
        until = tell_at < until ? tell_at : until;
        if (await_event(answerer, until))
            return; /* the manager sees the program's end */
    }
}

/* Closes what belongs to the program alone. */
static void close_others(const struct dz_start *start)
{
    const int own[] = {start->await_fd, start->stderr_fd, start->plan->ready_fd,
                       start->new_fd[1], start->new_fd[2]};
    int from = 3;

    while (from >= 0) {
        int next = -1;
        for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
            if (own[i] >= from && (next < 0 || own[i] < next))
                next = own[i];
        dz_close_between(from, next < 0 ? INT_MAX : next - 1); /* harmless if not */
        from = next < 0 ? -1 : next + 1;
    }
    for (int i = 0; i < 2; i++) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null >= 0)
            dz_dup2(null, i);
        dz_close_fd(&null);
    }
}

__attribute__((noreturn)) static void become_answerer(struct dz_start *start,
                                                      pid_t program)
{
    struct answerer answerer = {.start = start};
    int64_t now = dz_milliseconds();
    struct dz_process process;

    setsid();
    start->pid = program;
    start->needs_answer = false; /* in stay mode the library does not answer */
    answerer.program.pid = program;
    dz_identify(program, &answerer.program); /* without /proc the PID must do */
    answerer.pidfd = -1;
    close_others(start);
    answerer.pidfd = (int)syscall(DZ_SYS_PIDFD_OPEN, program, 0); /* -1: polled */
    answerer.deadline =
        start->plan->timeout > 0 ? now + start->plan->timeout : INT64_MAX;
    dz_ready_init(&answerer.ready, now);
    if (dz_proc_is_ours() && dz_read_process(program, &process) == 0)
        answerer.members = (struct dz_members){
            .root = program, .oldest = process.start, .with_root = true};
    answer(&answerer);
    dz_probe_end(&answerer.ready.probe);
    _exit(0);
}

int make_answerer(struct dz_start *start, struct dz_fault *fault)
{
    pid_t program = getpid();
    int ends[2];
    pid_t child;
    int status;

    if (dz_readiness_open(start, fault) < 0)
        return -1;
    if (pipe2(ends, O_CLOEXEC) < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
        return dz_fault(fault, "report", "pipe", errno, NULL);
    start->await_fd = ends[0];
    start->report_fd = ends[1];
    child = fork();
    if (child == 0) {
        pid_t answerer;
        dz_close_fd(&start->report_fd);
        answerer = fork();
        if (answerer == 0)
            become_answerer(start, program);
        _exit(answerer < 0 ? errno : 0);
    }
    dz_close_fd(&start->await_fd);
    if (child < 0)
        return dz_fault(fault, "fork", NULL, errno, NULL);
    if (dz_waitpid(child, &status, 0) == child && status != 0)
        return dz_fault(fault, "fork", NULL, status >> 8, NULL);
    return 0;
}
