/*
 * A preload that is initfirst itself, and whose constructor starts a thread:
 * glibc runs it before ours where it is loaded after ours.
 */
#include <pthread.h>
#include <unistd.h>

static int alive;

static void *work(void *unused)
{
    while (usleep(1000) == 0)
        alive = getpid();
    return unused;
}

__attribute__((constructor)) static void start(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, work, NULL);
}

/* The PID in which the thread was last seen running. */
int initfirst_alive_in(void)
{
    return alive;
}
