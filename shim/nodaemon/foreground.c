/*
 * --no-daemon: the functions by which a program makes itself a daemon.
 *
 * A fork whose parent only exits is not made: the program is told that it is the child.
 * A fork whose parent goes on is an ordinary one.  Nothing tells beforehand which of
 * the two a fork is, so each fork of this process is tried (trial.c).  daemon(3) never
 * forks.  If a parent exits after an ordinary fork, it stands in for its child.
 *
 * After a hundred ordinary forks no more are tried: a trial costs as much as the fork.
 */
#include "nodaemon.h"
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static pid_t here;   /* the process that is kept; 0: not asked for */
static int not_made; /* forks so far */
static int made;
static bool quiet;

/* glibc alone has it, and tells what main() returns as well. */
extern __attribute__((weak)) int on_exit(void (*function)(int, void *), void *data);
static void end_with_status(int status, void *unused);
static bool knows_status; /* on_exit(3) will call that */

enum { WORKERS = 100 };

int shim_stay_in_foreground(const struct dz_start *start, bool inherited,
                            struct dz_fault *fault)
{
    (void)inherited;
    if (start->plan->no_daemon == DZ_MAY_DAEMONIZE)
        return 0;
    if (!shim_can_try())
        return dz_fault(fault, "no-daemon", "seccomp", ENOSYS, NULL);
    here = getpid();
    quiet = start->plan->no_daemon == DZ_NO_DAEMON_QUIET;
    if (!quiet)
        shim_keep_streams();
    shim_reap_orphans(true);
    knows_status = on_exit != NULL && on_exit(end_with_status, NULL) == 0;
    return 0;
}

/* Returns whether this is the process that is kept.  Its children are not, not even a
 * vfork(2) child, which shares its memory. */
static bool is_here(void)
{
    return here != 0 && getpid() == here;
}

/* This process is the daemon, and has left no child of its own behind. */
static void become_daemon(void)
{
    if (not_made++ == 0)
        shim_reap_orphans(false);
    shim_detached();
}

static pid_t next_fork(void)
{
    pid_t (*next)(void) = (pid_t(*)(void))shim_next(SHIM_FORK);
    pid_t pid = next();

    if (pid == 0) {
        shim_signals_forked();
        shim_streams_forked(not_made > 0);
    }
    return pid;
}

static pid_t fork_or_stay(void)
{
    struct shim_reason reason = {SHIM_TOO_MANY, WORKERS};
    enum shim_branch branch = made < WORKERS ? shim_try_parent(&reason) : SHIM_GOES_ON;
    pid_t result;

    if (branch == SHIM_IN_COPY)
        return here; /* its parent sees the process that stays as its child */
    if (branch == SHIM_ONLY_EXITS) {
        become_daemon();
        return 0;
    }
    result = next_fork();
    if (result > 0) {
        made += made < WORKERS;
        shim_note_fork(result, &reason);
    }
    return result;
}

SHIM_EXPORT pid_t fork(void)
{
    return is_here() ? fork_or_stay() : next_fork();
}

/* ---- what the child of a daemon does ---- */

SHIM_EXPORT pid_t setsid(void)
{
    /* The session that the program wants to leave was left before it began. */
    if (not_made > 0 && is_here())
        return here;
    pid_t session = ((pid_t(*)(void))shim_next(SHIM_SETSID))();
    /* The child of a parent that waits for its word. */
    if (session > 0 && here != 0 && not_made == 0)
        shim_detached();
    return session;
}

/* Returns whether the process leads a group already, and cannot make one: setpgid(2)
 * refuses it to a session leader. */
static bool leads_group(void)
{
    return not_made > 0 && is_here() && getsid(0) == here;
}

SHIM_EXPORT int setpgid(pid_t pid, pid_t group)
{
    if ((pid == 0 || pid == here) && (group == 0 || group == here) && leads_group())
        return 0;
    return ((int (*)(pid_t, pid_t))shim_next(SHIM_SETPGID))(pid, group);
}

SHIM_EXPORT int setpgrp(void)
{
    if (leads_group())
        return 0;
    return ((int (*)(void))shim_next(SHIM_SETPGRP))();
}

static int redirect_streams(void)
{
    int fd = open("/dev/null", O_RDWR);

    if (fd < 0)
        return -1;
    for (int to = 0; to <= (quiet ? 2 : 0); to++)
        if (fd != to && dup2(fd, to) < 0)
            return -1; /* daemon(3) leaves what it has done, too */
    if (fd > 2)
        dz_close(fd);
    return 0;
}

SHIM_EXPORT int daemon(int no_chdir, int no_close)
{
    if (!is_here())
        return ((int (*)(int, int))shim_next(SHIM_DAEMON))(no_chdir, no_close);
    become_daemon(); /* the fork and the setsid(2) that it would make */
    if (no_chdir == 0 && chdir("/") < 0)
        return -1;
    return no_close == 0 ? redirect_streams() : 0;
}

/* ---- the end of a parent ---- */

static int exit_status; /* given to exit(3) in a musl program; 0 if main() returns */

__attribute__((noreturn)) static void exit_now(int status)
{
    /* A parent that fails has ended its child, or leaves no daemon. */
    if (status == 0 && is_here())
        shim_leave(not_made > 0, false);
    ((void (*)(int))shim_next(SHIM_EXIT_NOW))(status);
    __builtin_unreachable();
}

SHIM_EXPORT void _exit(int status)
{
    exit_now(status);
}

SHIM_EXPORT void _Exit(int status);
SHIM_EXPORT void _Exit(int status)
{
    exit_now(status);
}

SHIM_EXPORT __attribute__((noreturn)) void exit(int status);
SHIM_EXPORT void exit(int status)
{
    exit_status = status;
    ((void (*)(int))shim_next(SHIM_EXIT))(status);
    __builtin_unreachable();
}

/* Called by exit(3), whose own _exit(2) is not interposed. */
static void end_with_status(int status, void *unused)
{
    (void)unused;
    if (status == 0 && is_here())
        shim_leave(not_made > 0, true);
}

__attribute__((destructor)) static void end_program(void)
{
    if (!knows_status && exit_status == 0 && is_here())
        shim_leave(not_made > 0, true);
}
