/*
 * A server that goes into the background several times: its own way, then a library's.
 *
 * usage: again WAY...; d: daemon(3); 1 and 2: with so many forks; w: a worker that ends
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void fork_away(int forks)
{
    if (fork() != 0)
        _exit(0);
    setsid();
    if (forks > 1 && fork() != 0)
        _exit(0);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        switch (argv[i][0]) {
        case 'd':
            if (daemon(1, 1) < 0)
                return 2;
            break;
        case 'w':
            if (fork() == 0)
                _exit(0);
            wait(NULL);
            break;
        default:
            fork_away(argv[i][0] - '0');
        }
    printf("%d\n", (int)getpid());
    fflush(stdout);
    for (;;)
        pause();
}
