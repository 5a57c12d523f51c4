/*
 * Executes a program in odd ways.
 *
 * usage: odd-execs environment PROGRAM [ARGUMENT...]
 *        odd-execs exec|spawn PROGRAM [more]
 * The first has an odd environment.  The others give the longest argument for which the
 * kernel has room beside the environment, but for some bytes; or 4 KiB more.  Exits
 * with 99 if that fails.
 */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROOM = 128 << 10, SPARE = 40, MORE = 4096, FAILED = 99 };

static int fail(int err)
{
    fprintf(stderr, "%s\n", strerror(err));
    return FAILED;
}

/* Returns an argument that fills the room. */
static char *longest(const char *program, int more)
{
    size_t used = 3 * sizeof program + 2 * (strlen(program) + 1) + SPARE;

    for (char **at = environ; *at != NULL; at++)
        used += strlen(*at) + 1 + sizeof *at;
    size_t length = ROOM - used + (size_t)more - 1;
    char *argument = malloc(length + 1);
    memset(argument, 'a', length);
    argument[length] = '\0';
    return argument;
}

int main(int argc, char **argv)
{
    char *odd[] = {"LD_PRELOAD=/no/one", "NOVALUE",    "",       "=", "DZ_INSIDE=junk",
                   "LD_PRELOAD=/no/two", "LD_PRELOAD", "LAST=1", NULL};
    struct rlimit least = {4 * ROOM, 4 * ROOM}; /* a quarter of it is the room */
    int status;
    pid_t pid;

    if (strcmp(argv[1], "environment") == 0) {
        execve(argv[2], argv + 2, odd);
        return fail(errno);
    }
    char *words[] = {argv[2], longest(argv[2], argc > 3 ? MORE : 0), NULL};
    setrlimit(RLIMIT_STACK, &least);
    if (strcmp(argv[1], "exec") == 0) {
        execve(argv[2], words, environ);
        return fail(errno);
    }
    int err = posix_spawn(&pid, argv[2], NULL, NULL, words, environ);
    if (err != 0)
        return fail(err);
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}
