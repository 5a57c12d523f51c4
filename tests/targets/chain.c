/*
 * Executes itself again and again in one process, by one function of the exec family
 * after the other, and tells at the end what has become more on the way.
 *
 * usage: chain EXECS: prints "descriptors N mappings N variables N" and the blocked
 *        signals of the first program, and of the last
 *        chain EXECS FILE: prints numbered lines as fast as it can, executes itself
 *        after each 600, EXECS times at least, until FILE is there; then prints "end N"
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

enum { LINES = 600 };

static int count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    while (directory != NULL && readdir(directory) != NULL)
        count++;
    if (directory != NULL)
        closedir(directory);
    return count - 3; /* ".", ".." and its own */
}

/* Of files: the kernel may join what is mapped beside them or not. */
static int count_mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4096 + 100];
    int count = 0;

    while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
        count += strchr(line, '/') != NULL;
    if (maps != NULL)
        fclose(maps);
    return count;
}

static void tell(void)
{
    int variables = 0;
    sigset_t mask;

    for (char **at = environ; *at != NULL; at++)
        variables++;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    printf("descriptors %d mappings %d variables %d blocked %d preload %s\n",
           count_descriptors(), count_mappings(), variables, sigismember(&mask, SIGHUP),
           getenv("LD_PRELOAD") != NULL ? getenv("LD_PRELOAD") : "none");
    fflush(stdout);
}

static void execute(const char *self, int number, char *const argv[])
{
    switch (number % 7) {
    case 0:
        execve(self, argv, environ);
        break;
    case 1:
        execv(self, argv);
        break;
    case 2:
        execvp(self, argv);
        break;
    case 3:
        execvpe(self, argv, environ);
        break;
    case 4:
        fexecve(open(self, O_RDONLY | O_CLOEXEC), argv, environ);
        break;
    case 5:
        execl(self, argv[0], argv[1], argv[2], argv[3], argv[4], (char *)NULL);
        break;
    default:
        execle(self, argv[0], argv[1], argv[2], argv[3], argv[4], (char *)NULL,
               environ);
    }
    perror("exec");
    exit(1);
}

int main(int argc, char **argv)
{
    static char path[4096];
    int execs = argc > 1 ? atoi(argv[1]) : 0;
    const char *stop = argc > 2 ? argv[2] : "";
    int done = argc > 3 ? atoi(argv[3]) : 0;
    int line = argc > 4 ? atoi(argv[4]) : 0;
    char counts[2][16];
    char *words[] = {argv[0], argv[1], (char *)stop, counts[0], counts[1], NULL};

    if (readlink("/proc/self/exe", path, sizeof path - 1) <= 0)
        return 1;
    if (*stop == '\0' && (done == 0 || done == execs))
        tell();
    if (*stop == '\0' && done == execs)
        return 0;
    for (int i = 0; *stop != '\0' && i < LINES; i++) {
        printf("line %d\n", ++line);
        fflush(stdout);
    }
    if (*stop != '\0' && done >= execs && access(stop, F_OK) == 0) {
        printf("end %d after %d execs\n", line, done);
        return 0;
    }
    snprintf(counts[0], sizeof counts[0], "%d", done + 1);
    snprintf(counts[1], sizeof counts[1], "%d", line);
    execute(path, done, words);
}
