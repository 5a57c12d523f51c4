/*
 * What tests/faults has a keeper start: kept-victim FILE HOW.
 *
 * A system call that nobody else makes says that main has begun.  Each run adds a byte
 * to FILE, and writes five lines "RUN.NUMBER".  HOW: once, it exits with 0; twice, the
 * first run exits with 1; stop, it tells its keeper to stop; drained, it begins when
 * its keeper was killed, waits for one that reads, and writes five lines more.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_lines(int run, int from)
{
    char line[32];

    for (int i = from; i < from + 5; i++) {
        int length = snprintf(line, sizeof line, "%d.%d\n", run, i);
        if (write(1, line, (size_t)length) < 0)
            return;
    }
}

/* Returns when the pipe at stdout is empty, or some time has passed. */
static void await_reader(void)
{
    int left = 1;

    for (int i = 0; i < 1500 && ioctl(1, FIONREAD, &left) == 0 && left > 0; i++)
        usleep(1000);
}

/* Returns our keeper, or 0.  One that was killed is our parent no more. */
static pid_t find_keeper(void)
{
    char path[64];
    char name[16] = "";
    pid_t parent = getppid();
    int fd;

    snprintf(path, sizeof path, "/proc/%d/comm", (int)parent);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (read(fd, name, sizeof name - 1) <= 0 || strcmp(name, "dznohup\n") != 0)
        parent = 0;
    close(fd);
    return parent;
}

int main(int argc, char **argv)
{
    struct stat about;
    int fd;
    int run;

    sched_yield();
    if (argc < 3 || (fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0600)) < 0 ||
        write(fd, ".", 1) < 0 || fstat(fd, &about) < 0)
        return 9;
    close(fd);
    run = (int)about.st_size;
    if (strcmp(argv[2], "drained") == 0)
        for (int i = 0; i < 5000 && find_keeper() != 0; i++)
            usleep(1000);
    write_lines(run, 1);
    if (strcmp(argv[2], "twice") == 0)
        return run == 1;
    if (strcmp(argv[2], "stop") == 0) {
        pid_t keeper = find_keeper();
        if (keeper != 0)
            kill(keeper, SIGTERM);
        for (;;)
            pause();
    }
    if (strcmp(argv[2], "drained") == 0) {
        await_reader();
        write_lines(run, 6);
    }
    return 0;
}
