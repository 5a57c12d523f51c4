/*
 * Linked into the programs of the coverage build alone, with ld's --wrap.
 *
 * gcov writes what it has counted from exit(3).  A launcher ends otherwise: it
 * becomes another program, or a copy of it ends by _exit(2) or a signal.
 */
#include <errno.h>
#include <signal.h>
#include <sys/types.h>

void __gcov_dump(void);
void __gcov_reset(void);
void flush_counters(void);

_Noreturn void __real__exit(int status);
int __real_execve(const char *path, char *const *argv, char *const *envp);
int __real_execvp(const char *file, char *const *argv);
int __real_kill(pid_t pid, int number);

_Noreturn void __wrap__exit(int status);
int __wrap_execve(const char *path, char *const *argv, char *const *envp);
int __wrap_execvp(const char *file, char *const *argv);
int __wrap_kill(pid_t pid, int number);

void flush_counters(void)
{
    int err = errno;

    __gcov_dump();
    __gcov_reset(); /* or it would be counted twice where we go on */
    errno = err;
}

void __wrap__exit(int status)
{
    flush_counters();
    __real__exit(status);
}

int __wrap_execve(const char *path, char *const *argv, char *const *envp)
{
    flush_counters();
    return __real_execve(path, argv, envp);
}

int __wrap_execvp(const char *file, char *const *argv)
{
    flush_counters();
    return __real_execvp(file, argv);
}

/* It may be to ourselves. */
int __wrap_kill(pid_t pid, int number)
{
    flush_counters();
    return __real_kill(pid, number);
}
