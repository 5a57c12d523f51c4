/*
 * A program that daemonizes itself by one fork; what its parent does before it exits,
 * or its child afterwards, is WAY.  The child then writes its PID to the file seen.
 *
 * usage: parents WAY
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *way;
static int word[2]; /* a pipe on which the child speaks to its parent */

static int is(const char *name)
{
    return strcmp(way, name) == 0;
}

/* Writes the child's PID to daemon.pid in the way that is asked for. */
static void write_pidfile(pid_t pid)
{
    const char *path = is("rename") ? "daemon.new" : "daemon.pid";
    int flags = O_CREAT | O_WRONLY | (is("excl") || is("unlink") ? O_EXCL : O_TRUNC);
    int fd;

    if (is("umask"))
        umask(077);
    if (is("unlink"))
        unlink(path);
    fd = is("creat") ? creat(path, 0644) : open(path, flags, 0644);
    if (fd < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        kill(pid, SIGKILL);
        _exit(1);
    }
    if (is("fdopen")) {
        FILE *file = fdopen(fd, "w");
        fprintf(file, "%d\n", (int)pid);
        fclose(file);
        return;
    }
    if (is("ftruncate"))
        ftruncate(fd, 0);
    if (is("fchmod"))
        fchmod(fd, 0600);
    dprintf(fd, "%d\n", (int)pid);
    if (is("fsync"))
        fsync(fd);
    close(fd);
    if (is("rename"))
        rename(path, "daemon.pid");
}

static void fill_stdout(void)
{
    static char text[100000];

    memset(text, 'x', sizeof text);
    write(1, text, sizeof text);
}

#ifdef __x86_64__
/* mkdir(2) by the machine's 32-bit interface. */
static int make_by_int80(const char *path)
{
    int result;

    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(39), "b"(path), "c"(0700)
                     : "memory", "r8", "r9", "r10", "r11");
    return result;
}
#else
static int make_by_int80(const char *path)
{
    return mkdir(path, 0700) < 0 ? -errno : 0;
}
#endif

static void be_parent(pid_t pid, const char *low)
{
    char c;

    if (is("prints") || is("locked"))
        printf("leaving\n");
    else if (is("group"))
        setpgid(pid, pid);
    else if (is("full"))
        fill_stdout();
    else if (is("reads"))
        read(word[0], &c, 1);
    else if (is("waits"))
        waitpid(pid, NULL, WNOHANG);
    else if (is("int80"))
        printf("made %d\n", make_by_int80(low));
    else if (!is("nothing"))
        write_pidfile(pid);
    if (is("reads") || is("locked"))
        exit(0);
    _exit(fflush(stdout));
}

/* A thread that holds stdout while the fork is made. */
static pthread_barrier_t held;
static void *hold(void *unused)
{
    flockfile(stdout);
    pthread_barrier_wait(&held);
    usleep(500000);
    funlockfile(stdout);
    return unused;
}

int main(int argc, char **argv)
{
    char *low;
    pid_t pid;
    FILE *file;

    way = argc > 1 ? argv[1] : "nothing";
    low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS
#ifdef MAP_32BIT
                   | MAP_32BIT
#endif
               ,
               -1, 0);
    strcpy(low, "made");
    if (pipe(word) < 0)
        return 2;
    if (is("locked")) {
        pthread_t thread;
        pthread_barrier_init(&held, NULL, 2);
        pthread_create(&thread, NULL, hold, NULL);
        pthread_barrier_wait(&held);
    }
    pid = fork();
    if (pid > 0)
        be_parent(pid, low);
    if (pid < 0 || (is("group") && (setpgid(0, 0) < 0 || setpgrp() < 0))) {
        perror("parents");
        return 1;
    }
    setsid();
    write(word[1], "x", 1);
    file = fopen("seen.new", "w");
    fprintf(file, "%d\n", (int)getpid());
    fclose(file);
    rename("seen.new", "seen");
    for (;;)
        pause();
}
