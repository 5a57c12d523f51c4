/* A library whose constructor waits for a thread that asks for a disposition. */
#include <pthread.h>
#include <signal.h>
#include <stddef.h>

static void *ask(void *unused)
{
    struct sigaction now;

    sigaction(SIGUSR1, NULL, &now);
    return unused;
}

__attribute__((constructor)) static void construct(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, ask, NULL) == 0)
        pthread_join(thread, NULL);
}
