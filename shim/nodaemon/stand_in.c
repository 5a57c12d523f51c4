/*
 * --no-daemon where the fork is made: the parent of a daemon stands in for it.
 *
 * A parent that waits for its child's word runs beside the child, so the child is
 * another process.  Instead of exiting, the parent does two things: it passes its
 * signals on to the daemon, and ends when the daemon does, with the daemon's status.
 * The program's caller sees it run, stop and fail as if it had stayed.
 *
 * The process is the reaper of its orphaned descendants, so that it finds the daemon
 * behind a child that has exited.
 */
#include "nodaemon.h"

#include "shim.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SETTLES_MS = 100 }; /* a daemon's first child exits within that time */

void shim_reap_orphans(bool reaps)
{
    prctl(PR_SET_CHILD_SUBREAPER, reaps ? 1 : 0, 0, 0, 0); /* cannot fail */
}

/* ---- which child is the daemon ---- */

static bool has_children(void)
{
    siginfo_t info;

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

/* Returns whether pid is a child of ours that has not ended. */
static bool lives(pid_t pid)
{
    siginfo_t info = {.si_pid = 0};

    return pid > 0 &&
           waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
           info.si_pid == 0;
}

struct youngest {
    pid_t parent;
    pid_t pid; /* 0: none is found */
    uint64_t start;
};

static int visit_process(int number, int fd, void *data)
{
    struct youngest *youngest = data;
    struct dz_process process;

    (void)fd;
    if (dz_read_process(number, &process) == 0 && process.ppid == youngest->parent &&
        !dz_has_ended(&process) && process.start >= youngest->start) {
        youngest->pid = process.pid;
        youngest->start = process.start;
    }
    return 0;
}

/* Returns the youngest living child of a process, or 0. */
static pid_t find_child(pid_t parent)
{
    struct youngest youngest = {.parent = parent};

    dz_each_number("/proc", visit_process, &youngest); /* else: none is found */
    return youngest.pid;
}

/*
 * A child that has a child of its own may be the first of two forks, which is about to
 * exit.  Waits for its end.  Without pidfd_open(2) it counts as the daemon.
 */
static void await_exit(pid_t pid)
{
    struct pollfd end = {.fd = (int)syscall(DZ_SYS_PIDFD_OPEN, pid, 0),
                         .events = POLLIN};

    if (end.fd < 0)
        return;
    while (poll(&end, 1, SETTLES_MS) < 0 && errno == EINTR)
        ; /* by a signal of the libc's own, which cannot be blocked */
    dz_close(end.fd);
}

pid_t shim_find_daemon(pid_t last_child)
{
    pid_t youngest;

    if (lives(last_child) && find_child(last_child) > 0)
        await_exit(last_child);
    if (lives(last_child))
        return last_child;
    youngest = has_children() ? find_child(getpid()) : 0;
    return lives(youngest) ? youngest : 0;
}

/* ---- in its place ---- */

__attribute__((noreturn)) static void end_as(int status)
{
    if (WIFSIGNALED(status)) {
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* the daemon's core is the one to see */
        dz_die_by_signal(WTERMSIG(status));
    }
    ((void (*)(int))shim_next(SHIM_EXIT_NOW))(WEXITSTATUS(status));
    __builtin_unreachable();
}

/* Lets go of all that is the program's: pipes, locks, sockets, logs, directory. */
static void let_go(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 0; fd <= 2 && null >= 0; fd++)
        dz_dup2(null, fd);
    dz_close_between(3, INT_MAX);
    if (chdir("/") < 0)
        return; /* then this process keeps its directory */
}

/* Reaps all children that have ended.  Returns whether the daemon is one of them, or no
 * child is left; sets *status then. */
static bool reap(pid_t daemon_pid, int *status)
{
    bool ended = false;
    pid_t pid;
    int one;

    while ((pid = waitpid(-1, &one, WNOHANG | __WALL)) > 0)
        if (pid == daemon_pid) {
            ended = true;
            *status = one;
        }
    return ended || (pid < 0 && errno == ECHILD);
}

/*
 * Returns whether a signal is for the daemon: a process or a terminal has sent it.  A
 * timer's signal is for the parent.  A signal from the daemon was for the parent, and
 * came too late.
 */
static bool is_for_daemon(const siginfo_t *info, pid_t daemon_pid)
{
    if (info->si_code == SI_KERNEL)
        return info->si_signo == SIGHUP || info->si_signo == SIGINT ||
               info->si_signo == SIGQUIT || info->si_signo == SIGTSTP;
    return (info->si_code == SI_USER || info->si_code == SI_QUEUE ||
            info->si_code == SI_TKILL) &&
           info->si_pid != daemon_pid;
}

void shim_stand_in(pid_t daemon_pid)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    bool is_to_end = false;
    int status = 0;
    sigset_t all;

    memset(&all, 0xff, sizeof all);
    sigprocmask(SIG_SETMASK, &all, NULL); /* cannot fail */
    /* If it were ignored, no status would be left. */
    shim_next_sigaction(SIGCHLD, &action, NULL);
    let_go();
    for (;;) {
        siginfo_t info;
        if (reap(daemon_pid, &status)) {
            /* What exits with 0 may have left another process in its place. */
            daemon_pid = status == 0 && !is_to_end ? shim_find_daemon(0) : 0;
            if (daemon_pid == 0)
                end_as(status);
            continue;
        }
        int number = sigtimedwait(&all, &info, NULL);
        if (number <= 0 || !is_for_daemon(&info, daemon_pid))
            continue;
        is_to_end |= number == SIGTERM || number == SIGINT || number == SIGQUIT;
        kill(daemon_pid, number); /* our child, not reaped: no other process */
    }
}
