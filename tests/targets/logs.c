/*
 * Threads that write numbered lines to stdout, "THREAD NUMBER xxx...", each in one
 * piece: two by write(2), two by stdio; at least LINES each, and until SIGUSR1.
 * What each has written is the last line of the file SEEN.
 *
 * usage: logs SEEN LINES
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 4 };

static volatile sig_atomic_t enough;
static long least;
static long written[THREADS];

static void on_user(int number)
{
    (void)number;
    enough = 1;
}

static void *lines(void *argument)
{
    int thread = (int)((long *)argument - written);
    char line[100];

    while (!enough || written[thread] < least) {
        int n = snprintf(line, sizeof line, "%d %ld %.*s\n", thread,
                         written[thread] + 1, (int)((written[thread] + 1) % 40),
                         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        if (thread % 2 == 0 ? write(1, line, (size_t)n) != n
                            : fwrite(line, (size_t)n, 1, stdout) != 1)
            abort();
        written[thread]++;
        sched_yield(); /* to who rotates */
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];

    if (argc < 3)
        return 2;
    least = atol(argv[2]);
    signal(SIGUSR1, on_user);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, lines, &written[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    FILE *file = fopen(argv[1], "w");
    for (int i = 0; i < THREADS; i++)
        fprintf(file, "%ld ", written[i]);
    fprintf(file, "\n");
    fclose(file);
    return 0;
}
