/* Prints "thread lives" once the preloaded initfirst.so's thread is seen in
 * this very process, and waits; exits with 1 without that library. */
#include <stdio.h>
#include <unistd.h>

extern int initfirst_alive_in(void) __attribute__((weak));

int main(int argc, char **argv)
{
    if (initfirst_alive_in == NULL)
        return 1;
    for (int i = 0; initfirst_alive_in() != getpid(); i++) {
        if (i == 5000)
            return 2;
        usleep(1000);
    }
    printf("PID %ld: thread lives, words %d, last %s\n", (long)getpid(), argc,
           argv[argc - 1]);
    fflush(stdout);
    pause();
}
