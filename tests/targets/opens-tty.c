/* Appends "tty: REASON" to FILE each time it gets USR1. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    sigset_t set;
    int number;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int round = 0;; round++) {
        FILE *to = fopen(argv[argc - 1], "a");
        int fd = open("/dev/tty", O_RDWR | O_NOCTTY);
        if (to == NULL)
            return 1;
        fprintf(to, "round %d tty: %s\n", round, fd < 0 ? strerror(errno) : "open");
        fclose(to);
        printf("printed %d\n", round);
        fflush(stdout);
        sigwait(&set, &number);
    }
}
