/*
 * Time the functions that libdz.so interposes, in nanoseconds a call: each with
 * arguments that libc refuses, or answers, without a system call where there are such.
 *
 * usage: calls [FILE...]; prints "NAME NANOSECONDS" a line, the least of several
 * rounds.  With files: times execve(2), and execvp(3) for one without a slash, of
 * these alone.  The kernel finds the file and takes the environment, and then refuses
 * the arguments.
 */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 15, CALLS = 200000, SLOW_CALLS = 20000 };
/* So few that most rounds are not interrupted. */
enum { EXEC_ROUNDS = 500, EXECS = 5 };

sighandler_t bsd_signal(int number, sighandler_t to);

static posix_spawnattr_t attributes;
static sigset_t set;

static void call_signal(void)
{
    signal(-1, SIG_DFL);
}
static void call_bsd_signal(void)
{
    bsd_signal(-1, SIG_DFL);
}
static void call_ssignal(void)
{
    ssignal(-1, SIG_DFL);
}
static void call_sysv_signal(void)
{
    sysv_signal(-1, SIG_DFL);
}
static void call_sigaction(void)
{
    sigaction(-1, NULL, NULL);
}
static void call_sigset(void)
{
    sigset(-1, SIG_DFL);
}
static void call_sigignore(void)
{
    sigignore(-1);
}
static void call_siginterrupt(void)
{
    siginterrupt(-1, 0);
}
static void call_getsigdefault(void)
{
    posix_spawnattr_getsigdefault(&attributes, &set);
}
static void call_setsigdefault(void)
{
    posix_spawnattr_setsigdefault(&attributes, &set);
}
static void call_setsid(void)
{
    setsid(); /* EPERM: a leader of its group */
}

static const struct {
    const char *name;
    void (*call)(void);
    int calls;
} calls[] = {
    {"signal", call_signal, CALLS},
    {"bsd_signal", call_bsd_signal, CALLS},
    {"ssignal", call_ssignal, CALLS},
    {"sysv_signal", call_sysv_signal, CALLS},
    {"sigaction", call_sigaction, CALLS},
    {"sigset", call_sigset, CALLS},
    {"sigignore", call_sigignore, CALLS},
    {"siginterrupt", call_siginterrupt, CALLS},
    {"posix_spawnattr_getsigdefault", call_getsigdefault, CALLS},
    {"posix_spawnattr_setsigdefault", call_setsigdefault, CALLS},
    {"setsid", call_setsid, SLOW_CALLS},
};

static double nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double least(void (*call)(void), int times)
{
    double best = 1e18;

    for (int round = 0; round < ROUNDS; round++) {
        double from = nanoseconds();
        for (int i = 0; i < times; i++)
            call();
        double each = (nanoseconds() - from) / times;
        best = each < best ? each : best;
    }
    return best;
}

/* The bad address, EFAULT, is the first of the arguments. */
static double least_exec(const char *file)
{
    char *arguments[] = {(char *)1, NULL};
    double best = 1e18;

    for (int round = 0; round < EXEC_ROUNDS; round++) {
        double from = nanoseconds();
        for (int i = 0; i < EXECS; i++)
            if (strchr(file, '/') != NULL)
                execve(file, arguments, environ);
            else
                execvp(file, arguments);
        double each = (nanoseconds() - from) / EXECS;
        best = each < best ? each : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        printf("%s %.2f\n", argv[i], least_exec(argv[i]));
    if (argc > 1)
        return 0;
    setpgid(0, 0);
    posix_spawnattr_init(&attributes);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        printf("%s %.2f\n", calls[i].name, least(calls[i].call, calls[i].calls));
    return 0;
}
