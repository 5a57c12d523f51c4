/* Sends itself a SIGHUP, and says so if it lives.  hit-early is linked to
 * early-default.so. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    kill(getpid(), SIGHUP);
    return puts("lives") < 0;
}
