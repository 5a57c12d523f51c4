/*
 * Signal numbers and names, and the sets that the other rooms need.
 */
#include "base.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_REALTIME = 34 /* glibc's SIGRTMIN: most targets use glibc */ };

/* Names, indexed by number. */
static const char names[FIRST_REALTIME][8] = {
    [SIGHUP] = "HUP",       [SIGINT] = "INT",   [SIGQUIT] = "QUIT",
    [SIGILL] = "ILL",       [SIGTRAP] = "TRAP", [SIGABRT] = "ABRT",
    [SIGBUS] = "BUS",       [SIGFPE] = "FPE",   [SIGKILL] = "KILL",
    [SIGUSR1] = "USR1",     [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
    [SIGPIPE] = "PIPE",     [SIGALRM] = "ALRM", [SIGTERM] = "TERM",
    [SIGCHLD] = "CHLD",     [SIGCONT] = "CONT", [SIGSTOP] = "STOP",
    [SIGTSTP] = "TSTP",     [SIGTTIN] = "TTIN", [SIGTTOU] = "TTOU",
    [SIGURG] = "URG",       [SIGXCPU] = "XCPU", [SIGXFSZ] = "XFSZ",
    [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF", [SIGWINCH] = "WINCH",
    [SIGIO] = "IO",         [SIGPWR] = "PWR",   [SIGSYS] = "SYS",
};

/* Further names of some signals. */
static const struct {
    char name[8];
    int number;
} aliases[] = {{"IOT", SIGABRT}, {"POLL", SIGIO}, {"CLD", SIGCHLD}};
enum { ALIASES = sizeof aliases / sizeof aliases[0] };

uint64_t dz_terminal_signals(void)
{
    return dz_signal_bit(SIGHUP) | dz_signal_bit(SIGTTIN) | dz_signal_bit(SIGTTOU);
}

/* Reads "RTMIN", "RTMIN+N", "RTMAX" or "RTMAX-N".  Returns the number, or -1. */
static int realtime_number(const char *name, size_t length)
{
    bool low = length >= 5 && memcmp(name, "RTMIN", 5) == 0;
    int base = low ? FIRST_REALTIME : DZ_SIGNALS;
    int more;
    const char *at = name + 6;

    if (!low && (length < 5 || memcmp(name, "RTMAX", 5) != 0))
        return -1;
    if (length == 5)
        return base;
    if (name[5] != (low ? '+' : '-') || (more = dz_read_number(&at)) < 0 ||
        at != name + length || more > DZ_SIGNALS - FIRST_REALTIME)
        return -1;
    return low ? base + more : base - more;
}

int dz_signal_number(const char *name, size_t length)
{
    const char *at = name;
    int number = dz_read_number(&at);

    if (number >= 0)
        return at == name + length && number >= 1 && number <= DZ_SIGNALS ? number : -1;
    if (length > 3 && memcmp(name, "SIG", 3) == 0) {
        name += 3;
        length -= 3;
    }
    for (int i = 1; i < FIRST_REALTIME; i++)
        if (length > 0 && strlen(names[i]) == length &&
            memcmp(names[i], name, length) == 0)
            return i;
    for (size_t i = 0; i < ALIASES; i++)
        if (strlen(aliases[i].name) == length &&
            memcmp(aliases[i].name, name, length) == 0)
            return aliases[i].number;
    return realtime_number(name, length);
}

void dz_add_signal(struct dz_text *text, int number)
{
    if (number >= FIRST_REALTIME) {
        dz_add(text, "RTMIN+");
        dz_add_number(text, number - FIRST_REALTIME);
    } else if (number > 0 && names[number][0] != '\0') {
        dz_add(text, names[number]);
    } else {
        dz_add_number(text, number); /* 32 and 33: glibc uses them itself */
    }
}

void dz_hold_write_signals(struct dz_held *held)
{
    static const int numbers[] = {SIGPIPE, SIGXFSZ};
    sigset_t both;
    sigset_t pending;

    sigemptyset(&both);
    sigemptyset(&held->ours);
    sigpending(&pending);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaddset(&both, numbers[i]);
        if (!sigismember(&pending, numbers[i]))
            sigaddset(&held->ours, numbers[i]);
    }
    /* If a filter refuses the call, a write can raise the signal as before. */
    held->holds = sigprocmask(SIG_BLOCK, &both, &held->mask) == 0;
}

void dz_release_write_signals(const struct dz_held *held)
{
    const struct timespec now = {0};
    int err = errno;

    if (!held->holds)
        return;
    /* Until EAGAIN, which tells that none is left. */
    while (sigtimedwait(&held->ours, NULL, &now) > 0 || errno == EINTR)
        ;
    sigprocmask(SIG_SETMASK, &held->mask, NULL);
    errno = err;
}

void dz_die_by_signal(int number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t set;

    sigaction(number, &action, NULL); /* cannot fail for INT, QUIT and TERM */
    sigemptyset(&set);
    sigaddset(&set, number);
    kill(getpid(), number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}
