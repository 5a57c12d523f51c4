/*
 * Four threads change the disposition of SIGHUP, and so do a handler and forked
 * children, while the main thread sends it to the four.  Each answer must be one
 * that was set, whole: handler, flags and mask belong together.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHANGES = 5000, CHILDREN = 50, THREADS = 4 };

static int wrong;
static int going = THREADS + 1;

static void one(int number)
{
    (void)number;
}

/* It changes the disposition itself, whatever it has interrupted. */
static void two(int number);
static const struct sigaction *choose(unsigned n);

/* By sigaction(2) alone: SA_RESTART and USR1 go with one, neither with two. */
static const struct sigaction *choose(unsigned n)
{
    static struct sigaction choices[3];

    choices[0].sa_handler = one;
    choices[0].sa_flags = SA_RESTART;
    sigaddset(&choices[0].sa_mask, SIGUSR1);
    choices[1].sa_handler = two;
    choices[2].sa_handler = SIG_DFL;
    return &choices[n % 3];
}

static void two(int number)
{
    sigaction(number, choose(0), NULL);
}

static void check(const struct sigaction *old)
{
    int first = old->sa_handler == one;
    int known = first || old->sa_handler == two || old->sa_handler == SIG_DFL ||
                old->sa_handler == SIG_IGN;

    if (!known || first != ((old->sa_flags & SA_RESTART) != 0) ||
        first != (sigismember(&old->sa_mask, SIGUSR1) == 1))
        __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

static void *change(void *first)
{
    struct sigaction old;

    for (unsigned i = 0; i < CHANGES; i++) {
        sigaction(SIGHUP, choose(i + *(unsigned *)first), &old);
        check(&old);
        sigaction(SIGHUP, NULL, &old);
        check(&old);
    }
    __atomic_fetch_sub(&going, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void *fork_on(void *unused)
{
    for (unsigned i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct sigaction old;
            sigaction(SIGHUP, choose(i), &old);
            check(&old);
            sigaction(SIGHUP, NULL, &old);
            check(&old);
            _exit(wrong != 0 || old.sa_handler != choose(i)->sa_handler);
        }
        int status;
        if (waitpid(child, &status, 0) < 0 || status != 0)
            __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
    }
    __atomic_fetch_sub(&going, 1, __ATOMIC_RELEASE);
    return unused;
}

int main(void)
{
    static unsigned numbers[THREADS] = {0, 1, 2, 3};
    pthread_t threads[THREADS + 1];

    choose(0);
    alarm(10); /* a deadlock is an end by SIGALRM */
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, change, &numbers[i]);
    pthread_create(&threads[THREADS], NULL, fork_on, NULL);
    for (int i = 0; __atomic_load_n(&going, __ATOMIC_ACQUIRE) > 0; i++) {
        pthread_kill(threads[i % THREADS], SIGHUP);
        usleep(20);
    }
    for (int i = 0; i <= THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("wrong %d\n", wrong);
    return wrong != 0;
}
