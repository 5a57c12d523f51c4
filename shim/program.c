/*
 * The program that libdz.so finds itself in: its name, words, script, threads.
 */
#include "shim.h"

#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static const char self_exe[] = "/proc/self/exe";

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* Whether the name of that length is path, or its last part if it has no slash. */
static bool names(const char *name, size_t length, const char *path)
{
    if (memchr(name, '/', length) == NULL)
        path = last_part(path);
    return strlen(path) == length && memcmp(path, name, length) == 0;
}

bool shim_only_matches(const char *only)
{
    const char *executed = (const char *)getauxval(AT_EXECFN);
    char file[PATH_MAX];
    ssize_t n;

    if (only == NULL || *only == '\0') /* empty: to be refused as a bad value */
        return true;
    n = readlink(self_exe, file, sizeof file - 1);
    file[n > 0 ? n : 0] = '\0'; /* no /proc: only AT_EXECFN counts */
    while (*only != '\0') {
        size_t length = strcspn(only, ",");
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
     * argc, argv, NULL, envp: walk back from envp until the word before is the
     * number of the words passed; a pointer is never that small.  A vector that
     * somebody has allocated since does not have a NULL before it: there is the
     * allocator's own word, which is not zero for a block in use.
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
    static char absolute[PATH_MAX]; /* becomes a word of main's argv */
    const char *executed = (const char *)getauxval(AT_EXECFN);
    struct dz_text text = dz_text(absolute, sizeof absolute);

    if (argv == NULL || executed == NULL || executed[0] == '/' ||
        shim_is_program(executed)) /* not a script */
        return;
    /* The kernel makes "interpreter [option] script word...", execve(2), and
     * puts a script's own interpreter before that, up to five deep. */
    for (int i = 1; i <= 10 && argv[i] != NULL; i++) {
        if (strcmp(argv[i], executed) != 0)
            continue;
        if (getcwd(absolute, sizeof absolute) == NULL)
            return; /* a cwd without a name: the script is out of reach anyway */
        text.length = strlen(absolute);
        dz_add(&text, "/");
        dz_add(&text, executed);
        if (!text.cut) /* too long for any open(2): leave the word as it is */
            argv[i] = absolute;
        return;
    }
}

bool shim_has_threads(void)
{
    enum { ONE_THREAD = 3 }; /* links: ".", the entry, one folder a thread */
    struct dz_stat task;

    /* Without /proc none can be seen; then a fork is as good as it was. */
    return dz_stat(AT_FDCWD, "/proc/self/task", true, &task) == 0 &&
           task.links > ONE_THREAD;
}
