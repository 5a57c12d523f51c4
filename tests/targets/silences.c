/*
 * A daemon that sends its output to /dev/null in the way that is asked for, and then
 * prints.  A worker of it does the same, and prints too.
 *
 * usage: silences WAY [child]; child: its parent waits for it, so it is another process
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *way;

static int is(const char *name)
{
    return strcmp(way, name) == 0;
}

static int open_null(void)
{
    return open("/dev/null", O_RDWR);
}

/* Puts /dev/null on descriptors 0, 1 and 2, which have been closed. */
static void open_closed(int duplicates)
{
    for (int fd = 0; fd <= 2; fd++)
        if ((fd == 0 || !duplicates ? open_null() : dup(0)) != fd)
            _exit(3);
}

/* By a function in which a program closes all descriptors. */
static void close_all(void)
{
    if (is("close"))
        for (int fd = 0; fd < 100; fd++)
            close(fd);
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 34)
    else if (is("closefrom"))
        closefrom(0);
    else if (is("close_range"))
        close_range(0, ~0U, 0);
#endif
#endif
    else
        for (int fd = 0; fd <= 2; fd++)
            close(fd);
}

static void silence(void)
{
    int fd;

    if (is("one")) { /* as rsync */
        for (int i = 0; i <= 2; i++) {
            close(i);
            open_null();
        }
    } else if (is("dup2") || is("dup3") || is("log")) {
        fd = is("log") ? open("own", O_WRONLY | O_CREAT | O_APPEND, 0600) : open_null();
        for (int to = 1; to <= 2; to++)
            if ((is("dup3") ? dup3(fd, to, O_CLOEXEC) : dup2(fd, to)) != to)
                _exit(3);
        close(fd);
    } else if (is("freopen")) {
        if (freopen("/dev/null", "r", stdin) == NULL ||
            freopen("/dev/null", "w", stdout) != stdout ||
            freopen("/dev/null", "w", stderr) != stderr)
            _exit(3);
    } else if (is("fclose")) {
        fclose(stdin);
        fclose(stdout);
        fclose(stderr);
        open_closed(0);
        way = "dup2"; /* the next time */
    } else {
        close_all();
        open_closed(is("dup"));
    }
}

static void speak(const char *who)
{
    char line[64];

    for (int fd = 1; fd <= 2; fd++) {
        snprintf(line, sizeof line, "%s on %d\n", who, fd);
        write(fd, line, strlen(line));
    }
}

int main(int argc, char **argv)
{
    int word[2];
    char c;
    FILE *file;

    way = argc > 1 ? argv[1] : "dup2";
    if (argc > 2 && pipe(word) < 0)
        return 2;
    if (fork() != 0)
        _exit(argc > 2 && read(word[0], &c, 1) != 1);
    setsid();
    silence();
    speak("daemon");
    if (fork() == 0) {
        way = "dup2";
        silence();
        speak("worker");
        _exit(0);
    }
    wait(NULL);
    silence(); /* once more */
    speak("again");
    file = fopen("seen.new", "w");
    fprintf(file, "%d\n", (int)getpid());
    fclose(file);
    rename("seen.new", "seen");
    if (argc > 2)
        write(word[1], "x", 1);
    for (;;)
        pause();
}
