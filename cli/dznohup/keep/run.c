/*
 * One run of the program: what is made anew for each, the fork, and the steps of the
 * child.
 *
 * The keeper holds open what each run gets: the streams, the descriptors of --keep-fd
 * and LISTEN_FDS.  The child does the steps that any start does in the target's
 * process.
 */
#include "keep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- the keeper's own descriptors ---- */

/* Returns the smallest descriptor >= from that stays open, or -1. */
static int next_open(const struct keeper *keeper, int from)
{
    const struct dz_start *start = keeper->start;
    const int own[] = {
        start->new_fd[0],
        start->new_fd[1],
        start->new_fd[2],
        start->stderr_fd,
        keeper->signals,
        keeper->pidfd,
        start->result_fd,
        start->pidfile_claim.fd,
        start->record_claim.fd,
        start->mode == DZ_STAY && !keeper->told ? start->plan->ready_fd : -1,
    };
    int best = dz_next_kept(start, from);
    int pumped = pump_next_fd(&keeper->pump, from);

    if (pumped >= 0 && (best < 0 || pumped < best))
        best = pumped;

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (own[i] >= from && (best < 0 || own[i] < best))
            best = own[i];
    return best;
}

static int close_rest(const struct keeper *keeper, struct dz_fault *fault)
{
    int from = 3;

    while (from >= 0) {
        int next = next_open(keeper, from);
        if (dz_close_between(from, next < 0 ? INT_MAX : next - 1) < 0)
            return dz_fault(fault, "close", "/proc/self/fd", errno, NULL);
        from = next < 0 || next == INT_MAX ? -1 : next + 1;
    }
    return 0;
}

int run_take_streams(struct keeper *keeper, struct dz_fault *fault)
{
    struct dz_start *start = keeper->start;

    /* The caller's stderr is needed until it knows how the start went. */
    if (start->stderr_fd == 2) {
        start->stderr_fd = fcntl(2, F_DUPFD_CLOEXEC, 3);
        if (start->stderr_fd < 0) {
            start->stderr_fd = 2;
            return dz_fault(fault, "streams", "stderr", errno, NULL);
        }
    }
    for (int i = 0; i < 3; i++)
        if (start->new_fd[i] >= 0 && dz_dup2(start->new_fd[i], i) < 0)
            return dz_fault_number(fault, "streams", i, errno, NULL);
    return close_rest(keeper, fault);
}

void run_reopen_logs(struct keeper *keeper)
{
    struct dz_start *start = keeper->start;

    for (int i = 1; i < 3; i++) {
        const char *path = dz_stream_log(start, i);
        /* The log of a stream that is pumped belongs to the pump. */
        if (path == NULL || pump_target_fd(&keeper->pump, i) >= 0 ||
            dz_reopen_log(path, start->new_fd[i]) < 0)
            continue;
        dz_dup2(start->new_fd[i], i); /* cannot fail: both are open */
    }
}

/* ---- the next run ---- */

/* Sets the log's size, after which the next run writes to stream number. */
static void measure_log(const struct keeper *keeper, struct dz_log *log, int number)
{
    int fd = pump_log_fd(&keeper->pump, number);
    struct dz_stat about;

    if (fd < 0)
        fd = keeper->start->new_fd[number];
    if (log->path[0] != '\0' && fd >= 0 && dz_stat(fd, "", true, &about) == 0)
        log->size = (int64_t)about.size;
}

/* Sets back what the run before has changed. */
static int prepare_again(struct keeper *keeper, struct dz_fault *fault)
{
    struct dz_start *start = keeper->start;

    if (dz_publish_prepare(start, fault) < 0)
        return -1;
    run_reopen_logs(keeper);
    measure_log(keeper, &start->log, start->new_fd[1] >= 0 ? 1 : 2);
    measure_log(keeper, &start->error_log, 2);
    start->ended = false;
    start->notify.ready = false;
    start->notify.main_pid = 0;
    start->notify.err = 0;
    start->notify.extend_ms = 0;
    start->notify.status[0] = '\0';
    return 0;
}

/* With the console of a container, makes the program's group the one in the foreground.
 * SIGTTOU is ignored. */
static void take_terminal(const struct dz_start *start)
{
    if (start->kept.keeper == 1 && isatty(0))
        tcsetpgrp(0, getpgrp()); /* ENOTTY: it is not our controlling terminal */
}

/* In the child: becomes the program, or reports why not. */
__attribute__((noreturn)) static void become_program(struct keeper *keeper)
{
    struct dz_start *start = keeper->start;
    struct dz_fault fault;

    start->role = DZ_TARGET_ROLE;
    start->pid = getpid();
    dz_close_fd(&start->await_fd);
    setpgid(0, 0); /* cannot fail for a child that has executed nothing */
    take_terminal(start);
    dz_tell_caller(start);
    dz_pass_listen_fds(start, &fault); /* cannot fail */
    if (dz_readiness_pass(start, &fault) < 0 || watchdog_pass(keeper, &fault) < 0) {
        dz_fail(start, &fault);
        _exit(fault.status); /* not reached: dz_fail has ended this process */
    }
    if (dz_run(start, DZ_COMMIT | DZ_CLOSE, &fault) == DZ_GO)
        execute_target(start, keeper->command, keeper->library, &fault);
    _exit(fault.status); /* not reached */
}

/* Closes what was opened for a run that could not be forked. */
static int abandon(struct dz_start *start)
{
    dz_close_fd(&start->await_fd);
    dz_close_fd(&start->report_fd);
    dz_close_fd(&start->await_ready);
    dz_close_fd(&start->ready_fd);
    dz_close_fd(&start->notify.fd);
    return -1;
}

int run_begin(struct keeper *keeper, struct dz_fault *fault)
{
    struct dz_start *start = keeper->start;
    struct timespec now;
    struct dz_process program;
    pid_t pid;

    keeper->failed = false;
    keeper->reaped = false;
    keeper->status = -1;
    keeper->began = dz_milliseconds();
    if (start->kept.restarts > 0 && prepare_again(keeper, fault) < 0)
        return -1;
    clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with a valid clock */
    if (start->kept.began == 0)
        start->kept.began = now.tv_sec;
    watchdog_begin(keeper);
    if (dz_report_pipe(start, fault) < 0 || dz_readiness_open(start, fault) < 0 ||
        open_hearing(keeper, fault) < 0)
        return abandon(start);
    pid = fork();
    if (pid == 0)
        become_program(keeper);
    if (pid < 0) {
        dz_fault(fault, "fork", NULL, errno, NULL);
        return abandon(start);
    }
    dz_close_fd(&start->report_fd);
    dz_close_fd(&start->ready_fd);
    start->kept.before = start->pid;
    start->pid = pid;
    keeper->pump.target = pid;
    dz_watch_open(&keeper->watch, start);
    if (start->kept.first == 0 || keeper->taken.pid != 0) {
        if (start->kept.first == 0)
            start->kept.first = pid;
        keeper->taken.pid = 0;
        keeper->members = keeper->watch.members;
        /* Children that this process had before it was the keeper are not the job's. */
        if (dz_read_process(pid, &program) == 0)
            keeper->members.oldest = program.start;
    }
    spare_commands(keeper);
    keeper->watch.members = keeper->members;
    return 0;
}
