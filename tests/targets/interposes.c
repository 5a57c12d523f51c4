/*
 * A program with a signal, a sigaction and a fork of its own, which count their
 * calls; it says how often each was called, after having made one call of each.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int signals;
static int actions;
static int forks;

void (*signal(int number, void (*handler)(int)))(int)
{
    (void)number;
    (void)handler;
    signals++;
    return SIG_DFL;
}

int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    (void)number;
    (void)action;
    (void)old;
    actions++;
    return 0;
}

pid_t fork(void)
{
    forks++;
    return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

int main(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};

    signal(SIGHUP, SIG_DFL);
    sigaction(SIGHUP, &action, NULL);
    if (fork() == 0)
        _exit(0);
    wait(NULL);
    printf("signal %d sigaction %d fork %d\n", signals, actions, forks);
    for (;;)
        pause();
}
