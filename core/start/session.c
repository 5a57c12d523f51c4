/*
 * Stay mode: makes a session for this process.  In one case a child helps for an
 * instant.
 *
 * SIGHUP is ignored before any function of this file runs.
 */
#include "start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

/* Signals that a terminal sends to a whole process group. */
static const int from_keyboard[] = {SIGINT, SIGQUIT, SIGTSTP};
enum { KEYS = sizeof from_keyboard / sizeof from_keyboard[0] };

/* Returns whether the signal set in that line of /proc/PID/status holds SIGTSTP. */
static bool has_tstp(const char *status, const char *line)
{
    enum { DIGITS = 16, FROM_END = (SIGTSTP - 1) / 4 };
    const char *at = strstr(status, line);
    static const char digits[] = "0123456789abcdef";

    if (at == NULL || strlen(at) < strlen(line) + DIGITS)
        return false;
    at = strchr(digits, at[strlen(line) + DIGITS - 1 - FROM_END]);
    return at != NULL && ((at - digits) >> (SIGTSTP - 1) % 4 & 1) != 0;
}

/*
 * Returns whether the parent is a shell with job control.  Such a shell ignores or
 * catches SIGTSTP.  An init that hands us its terminal (docker run -it --init) does
 * neither.  Without /proc every parent counts as a shell.
 */
static bool is_below_shell(void)
{
    enum { LONGEST = 8192 };
    char path[32];
    char status[LONGEST];
    struct dz_text text = dz_text(path, sizeof path);

    if (getppid() == 0)
        return false; /* outside our PID namespace */
    dz_add(&text, "/proc/");
    dz_add_number(&text, getppid());
    dz_add(&text, "/status");
    if (dz_read_file(path, status, sizeof status) <= 0)
        return true;
    return has_tstp(status, "\nSigIgn:\t") || has_tstp(status, "\nSigCgt:\t");
}

/* Returns whether our process group is in the foreground of our terminal. */
static bool is_foreground(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    pid_t foreground;

    if (fd < 0)
        return false; /* ENXIO: no controlling terminal */
    foreground = tcgetpgrp(fd);
    dz_close(fd);
    return foreground == getpgrp();
}

/* Calls setsid(2) as a member of that group.  Returns whether it worked. */
static bool setsid_from(pid_t group)
{
    /* 0: the group is in another PID namespace.  To join our own changes nothing. */
    if (group <= 0 || group == getpid() || setpgid(0, group) < 0)
        return false;
    if (setsid() >= 0)
        return true;
    /* Go back.  If our old group has no members any more, the kernel makes it anew.
     * Neither case can fail. */
    setpgid(0, 0);
    return false;
}

/* Calls setsid(2) by way of a group that a child makes.  The child ends when the pipe
 * is closed.  Returns whether it worked. */
static bool setsid_from_child(void)
{
    int ends[2];
    int status;
    pid_t child;
    bool done = false;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    child = fork();
    if (child == 0) {
        char unused;
        close(ends[1]);
        while (read(ends[0], &unused, 1) < 0 && errno == EINTR)
            ;
        _exit(0);
    }
    if (child > 0 && setpgid(child, child) == 0)
        done = setsid_from(child);
    dz_close(ends[0]);
    dz_close(ends[1]);
    if (child > 0)
        dz_waitpid(child, &status, 0);
    return done;
}

/*
 * Calls setsid(2) for the leader of a process group.  Every job of an interactive shell
 * is one, and setsid fails with EPERM for it.  So this process joins the parent's group
 * for an instant.  If our old group is empty then, setsid works.  Returns whether it
 * did.
 *
 * While we are in the shell's group, a Ctrl-C meant for the shell reaches us too.
 * So every signal is blocked meanwhile, and pending signals of the keyboard are
 * discarded: ignoring a pending signal discards it, signal(7).  Other signals, a kill
 * by the user for one, are delivered afterwards.
 */
static bool leave_own_group(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;
    uint64_t all = ~UINT64_C(0);
    uint64_t mask = 0;
    bool done = false;

    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, &mask, sizeof mask);
    /* If the parent has died, the new parent may be of another session, and its group
     * cannot be joined.  The group of our session's leader can.  Outside our PID
     * namespace both are out of reach. */
    done = setsid_from(getpgid(getppid())) || setsid_from(getsid(0)) ||
           setsid_from_child();
    for (int i = 0; i < KEYS; i++)
        if (sigaction(from_keyboard[i], &ignore, &before) == 0)
            sigaction(from_keyboard[i], &before, NULL);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
    return done;
}

/*
 * Gives up the controlling terminal of the session that we lead already (a service,
 * setsid, the first process of a container).  If the session has other members we keep
 * it: TIOCNOTTY by the leader takes the terminal from all of them.  It also sends
 * SIGHUP to the foreground group, ioctl_tty(2); we ignore that by now.
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
    dz_close(fd);
    return result;
}

int dz_own_session(struct dz_start *start, struct dz_fault *fault)
{
    bool must_stay = start->plan->mode == DZ_STAY_ONLY;
    bool foreground;

    if (setsid() >= 0)
        return 0;
    /* EPERM, the only error of setsid(2): we lead a process group. */
    start->led_session = getsid(0) == getpid();
    /* A keeper that is PID 1 hands the container's console to the program. */
    if (start->led_session)
        return getpid() == 1 && dz_wants_keeper(start->plan)
                   ? 0
                   : give_up_terminal(start, fault);
    foreground = is_foreground() && is_below_shell();
    if ((!foreground || must_stay) && leave_own_group())
        return 0;
    if (getpid() == 1)
        return 0; /* our end would be the container's */
    if (must_stay)
        return dz_fault(fault, "setsid", NULL, EPERM,
                        dz_has_other_members(getpgrp(), false) == 1
                            ? "the process group has other members; use -d"
                            : NULL);
    start->mode = DZ_LEAVE;
    start->leave_reason = foreground ? DZ_LEFT_FOREGROUND : DZ_LEFT_GROUP;
    return 0;
}

enum dz_leave_reason dz_would_leave(void)
{
    if (getpgrp() != getpid() || getsid(0) == getpid() || getpid() == 1)
        return DZ_NOT_LEFT;
    if (is_foreground() && is_below_shell())
        return DZ_LEFT_FOREGROUND;
    return dz_has_other_members(getpgrp(), false) == 1 ? DZ_LEFT_GROUP : DZ_NOT_LEFT;
}
