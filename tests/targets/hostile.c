/*
 * Runs a command the way a careless parent does: SIGCHLD, SIGINT, SIGQUIT,
 * SIGPIPE and some more ignored, TERM, USR1 and a real-time signal blocked.
 */
#include <signal.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static const int ignored[] = {SIGCHLD, SIGINT, SIGQUIT, SIGPIPE, SIGUSR2, 40};
    sigset_t blocked;

    for (unsigned i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGUSR1);
    sigaddset(&blocked, 41);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
    if (argc > 1)
        execvp(argv[1], argv + 1);
    return 127;
}
