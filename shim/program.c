/*
 * The program that libdz.so is in: its name, arguments, script, threads, descriptors.
 */
#include "shim.h"

#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static const char self_exe[] = "/proc/self/exe";

static const char *last_part(const char *path)
{
    const char *last = path;

    for (; *path != '\0'; path++)
        if (*path == '/')
            last = path + 1;
    return last;
}

/* Returns whether the name of that length is path.  A name without a slash is compared
 * with the last part of path. */
static bool names(const char *name, size_t length, const char *path)
{
    size_t same = 0;

    if (dz_until(name, "/") >= length)
        path = last_part(path);
    while (same < length && path[same] == name[same])
        same++;
    return same == length && path[same] == '\0';
}

bool shim_only_matches(const char *only)
{
    const char *executed = (const char *)getauxval(AT_EXECFN);
    char file[PATH_MAX];
    ssize_t n;

    if (only == NULL || *only == '\0') /* empty: refused later as a bad value */
        return true;
    n = readlink(self_exe, file, sizeof file - 1);
    file[n > 0 ? n : 0] = '\0'; /* without /proc only AT_EXECFN counts */
    while (*only != '\0') {
        size_t length = dz_until(only, ",");
        if ((executed != NULL && names(only, length, executed)) ||
            names(only, length, file))
            return true;
        only += length + (only[length] == ',');
    }
    return false;
}

char **shim_find_argv(char **envp)
{
    long count = 0;

    /*
     * argc, argv, NULL, envp: go back from envp until the value before is the number of
     * pointers passed.  A pointer is never that small.  A vector that was allocated
     * since has no NULL before it: the allocator's own value for a block in use is not
     * zero.
     */
    if (envp[-1] != NULL)
        return NULL;
    while ((long)(intptr_t)envp[-2 - count] != count)
        count++;
    return envp - 1 - count;
}

bool shim_is_program(const char *path)
{
    struct dz_stat one;
    struct dz_stat other;

    return dz_stat(AT_FDCWD, path, true, &one) == 0 &&
           dz_stat(AT_FDCWD, self_exe, true, &other) == 0 && one.inode == other.inode &&
           one.device == other.device;
}

void shim_keep_script(char **argv)
{
    static char absolute[PATH_MAX]; /* becomes an argument of main */
    const char *executed = (const char *)getauxval(AT_EXECFN);
    struct dz_text text = dz_text(absolute, sizeof absolute);

    if (argv == NULL || executed == NULL || executed[0] == '/' ||
        shim_is_program(executed)) /* not a script */
        return;
    /* The kernel makes "interpreter [option] script argument...", execve(2).  It puts
     * the interpreter of an interpreter before that, up to five deep. */
    for (int i = 1; i <= 10 && argv[i] != NULL; i++) {
        if (strcmp(argv[i], executed) != 0)
            continue;
        if (getcwd(absolute, sizeof absolute) == NULL)
            return; /* a directory without a name: the script is out of reach anyway */
        text.length = strlen(absolute);
        dz_add(&text, "/");
        dz_add(&text, executed);
        if (!text.cut) /* too long for any open(2): the argument stays as it is */
            argv[i] = absolute;
        return;
    }
}

bool shim_has_threads(void)
{
    enum { ONE_THREAD = 3 }; /* links: ".", the entry, a directory for each thread */
    struct dz_stat task;

    /* Without /proc no thread can be seen. */
    return dz_stat(AT_FDCWD, "/proc/self/task", true, &task) == 0 &&
           task.links > ONE_THREAD;
}

/* For dz_each_number. */
static int is_open_from_3(int number, int fd, void *data)
{
    (void)data;
    return number >= 3 && number != fd;
}

bool shim_has_descriptors(void)
{
    return dz_each_number("/proc/self/fd", is_open_from_3, NULL) != 0;
}
