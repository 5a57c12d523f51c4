/*
 * Sessions and forks: how a process comes to be on its own.
 *
 * Stay mode makes no process.  Leave mode is fork, setsid, fork: the target is
 * in a session that it does not lead, so it can never acquire a controlling
 * terminal.  In both SIGHUP is ignored before anything here runs.
 *
 * No parent exits before its child has its own session.  Where the launcher
 * itself leads the terminal's session (ssh -t, script, docker run -t), its exit
 * hangs up the terminal and kills a child that is still in it: setsid -f and
 * daemonize lose daemons so.  The caller waits for the target's report; the
 * first child has made the session before it forks and ends.
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

/* Signals that a terminal sends to a whole process group. */
static const int from_keyboard[] = {SIGINT, SIGQUIT, SIGTSTP};
enum { KEYS = sizeof from_keyboard / sizeof from_keyboard[0] };

/* Whether our process group is the foreground one of our terminal. */
static bool is_foreground(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    pid_t foreground;

    if (fd < 0)
        return false; /* ENXIO: no controlling terminal */
    foreground = tcgetpgrp(fd);
    close(fd); /* opened for a question: nothing can be lost */
    return foreground == getpgrp();
}

/* setsid(2) by way of that group. */
static bool setsid_from(pid_t group)
{
    /* 0: a group of another PID namespace; our own would change nothing. */
    if (group <= 0 || group == getpid() || setpgid(0, group) < 0)
        return false;
    if (setsid() >= 0)
        return true;
    /* Back: the group of our number exists if others are in it, and is made
     * anew if they have gone; neither can fail. */
    setpgid(0, 0);
    return false;
}

/*
 * We lead a process group, as every job of an interactive shell does, and so
 * setsid fails with EPERM.  Join the parent's group for an instant; our old
 * group is then empty, unless others are in it, and setsid works again.
 *
 * While we are in the shell's group a Ctrl-C meant for it hits us too.  Hence
 * every signal is blocked meanwhile, and what the keyboard sent is discarded:
 * to ignore a pending signal discards it, signal(7).  Anything else, a kill by
 * the user, is delivered afterwards.
 */
static bool leave_own_group(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    uint64_t all = ~UINT64_C(0);
    uint64_t mask = 0;
    bool done = false;

    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, &mask, sizeof mask);
    /* A parent that died has left us to one of another session, whose group we
     * cannot join; the session's own leader has one that we can. */
    done = setsid_from(getpgid(getppid())) || setsid_from(getsid(0));
    for (int i = 0; i < KEYS; i++)
        if (sigaction(from_keyboard[i], &ignore, &before) == 0)
            sigaction(from_keyboard[i], &before, NULL);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
    return done;
}

/*
 * We lead a session already (a service, a container's first process, setsid),
 * so it is our own.  A controlling terminal is given up if nobody else is in
 * the session: TIOCNOTTY by its leader takes it from all of them, and sends
 * SIGHUP to the foreground group, which we ignore by now, ioctl_tty(2).
 */
static int give_up_terminal(struct dz_start *start, struct dz_fault *fault)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    int result = 0;

    if (fd < 0)
        return 0; /* ENXIO: there is none */
    if (dz_has_other_members(getpid(), true) != 0)
        start->terminal_kept = true;
    else if (ioctl(fd, TIOCNOTTY) < 0)
        result = dz_fault(fault, "setsid", "/dev/tty", errno, NULL);
    close(fd); /* opened for a request: nothing can be lost */
    return result;
}

int dz_own_session(struct dz_start *start, struct dz_fault *fault)
{
    bool foreground;

    if (setsid() >= 0)
        return 0;
    /* EPERM, the only error there is: we lead a process group. */
    start->led_session = getsid(0) == getpid();
    if (start->led_session)
        return give_up_terminal(start, fault);
    foreground = is_foreground();
    if (!foreground && leave_own_group())
        return 0;
    if (getpid() == 1)
        return 0; /* our end would be the container's */
    start->mode = DZ_LEAVE;
    start->leave_reason = foreground ? DZ_LEFT_FOREGROUND : DZ_LEFT_GROUP;
    return 0;
}

enum dz_leave_reason dz_would_leave(void)
{
    if (getpgrp() != getpid() || getsid(0) == getpid() || getpid() == 1)
        return DZ_NOT_LEFT;
    if (is_foreground())
        return DZ_LEFT_FOREGROUND;
    return dz_has_other_members(getpgrp(), false) == 1 ? DZ_LEFT_GROUP : DZ_NOT_LEFT;
}
