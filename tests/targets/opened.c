/*
 * A library whose constructor opens a descriptor and catches SIGPIPE (LIBRARY), and a
 * program that uses both: it writes what it found to the file "found".
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int note(const char *text, size_t size);
int catches(void);

#ifdef LIBRARY

static int trace = -1;

static void on_pipe(int number)
{
    (void)number;
}

__attribute__((constructor)) static void begin(void)
{
    struct sigaction action = {.sa_handler = on_pipe};

    trace = open("trace", O_WRONLY | O_CREAT | O_APPEND, 0600);
    sigaction(SIGPIPE, &action, NULL);
}

int note(const char *text, size_t size)
{
    return write(trace, text, size) < 0 ? errno : 0;
}

int catches(void)
{
    struct sigaction action;

    return sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == on_pipe;
}

#else

int main(void)
{
    int data = open("data", O_WRONLY | O_CREAT, 0600); /* the program's own */
    int err = note("a note\n", 7);
    FILE *found = fopen("found.new", "w");

    fprintf(found, "errno %d, handler %d, outside %d\n", err, catches(),
            fcntl(77, F_GETFD) >= 0);
    fclose(found);
    rename("found.new", "found");
    return data >= 0 ? pause() : 1;
}

#endif
