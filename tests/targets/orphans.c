/*
 * usage: orphans COUNT FILE: leaves so many orphans that end at once, then writes to
 * FILE the most zombies of process 1 that were seen at a time, and how many came a
 * second. Then it sleeps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Returns how many children of process 1 are zombies. */
static int count_zombies(void)
{
    char path[64];
    char state;
    int pid;
    int count = 0;
    FILE *children = fopen("/proc/1/task/1/children", "r");

    if (children == NULL)
        return -1;
    while (fscanf(children, "%d", &pid) == 1) {
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        FILE *stat = fopen(path, "r");
        if (stat == NULL)
            continue;
        if (fscanf(stat, "%*d %*s %c", &state) == 1 && state == 'Z')
            count++;
        fclose(stat);
    }
    fclose(children);
    return count;
}

int main(int argc, char **argv)
{
    enum { EACH = 100 };
    int count = argc > 2 ? atoi(argv[1]) : 0;
    double looking = 0;
    double began = seconds();
    char name[4096];
    int most = 0;

    for (int i = 0; i < count; i++) {
        pid_t child = fork();
        if (child == 0) {
            fork(); /* a failure: one orphan less */
            _exit(0);
        }
        waitpid(child, NULL, 0);
        if (i % EACH != EACH - 1)
            continue;
        double before = seconds();
        int zombies = count_zombies();
        if (zombies < 0)
            return 1;
        most = zombies > most ? zombies : most;
        looking += seconds() - before;
    }
    if (count == 0)
        return 1;
    double rate = count / (seconds() - began - looking);
    snprintf(name, sizeof name, "%s.new", argv[2]);
    FILE *out = fopen(name, "w");
    if (out == NULL)
        return 1;
    fprintf(out, "%d %.0f\n", most, rate);
    fclose(out);
    rename(name, argv[2]);
    sleep(1000);
    return 0;
}
