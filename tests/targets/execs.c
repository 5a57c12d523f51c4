/*
 * Executes PROGRAM by a function of the exec family, in this process or in a child.  A
 * child's PID goes to the file child, and this process stays.
 *
 * usage: execs FUNCTION PROGRAM ARGUMENT
 *        execs vfork|clone: a child of vfork(2) sets SIGHUP to its default and executes
 *        true, in this process or in a child of clone(2), whose PID goes to child; then
 *        SIGHUP has a handler, which makes the file handled
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
extern int execveat(int, const char *, char *const *, char *const *, int)
    __attribute__((weak));

static int is(const char *way, const char *name)
{
    return strcmp(way, name) == 0;
}

static void tell(const char *path, pid_t pid)
{
    FILE *file = fopen("new", "w");

    fprintf(file, "%d\n", (int)pid);
    fclose(file);
    rename("new", path);
}

static void on_hangup(int number)
{
    close(open("handled", O_CREAT | O_WRONLY, 0600));
    (void)number;
}

static void use_vfork(void)
{
    pid_t pid = vfork();

    if (pid == 0) {
        signal(SIGHUP, SIG_DFL);
        execl("/bin/true", "true", (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
    signal(SIGHUP, on_hangup);
}

static void run_vfork(const char *way)
{
    pid_t pid = 0;

    if (is(way, "clone"))
        pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        use_vfork();
        tell("child", getpid());
    }
    for (;;)
        pause();
}

static int run(const char *way, char *program, char *argument)
{
    const char *slash = strrchr(program, '/');
    const char *name = slash != NULL ? slash + 1 : program;
    char *words[] = {(char *)name, argument, NULL};
    pid_t pid = 0;

    if (is(way, "execv"))
        execv(program, words);
    if (is(way, "execve"))
        execve(program, words, environ);
    if (is(way, "execvp"))
        execvp(name, words);
    if (is(way, "execvpe"))
        execvpe(name, words, environ);
    if (is(way, "execl"))
        execl(program, name, argument, (char *)NULL);
    if (is(way, "execle"))
        execle(program, name, argument, (char *)NULL, environ);
    if (is(way, "execlp"))
        execlp(name, name, argument, (char *)NULL);
    if (is(way, "fexecve"))
        fexecve(open(program, O_RDONLY), words, environ);
    if (is(way, "execveat") && execveat != NULL)
        execveat(AT_FDCWD, program, words, environ, 0);
    if (is(way, "posix_spawn"))
        errno = posix_spawn(&pid, program, NULL, NULL, words, environ);
    if (is(way, "posix_spawnp"))
        errno = posix_spawnp(&pid, name, NULL, NULL, words, environ);
    if (pid == 0) {
        perror(way);
        return 1;
    }
    tell("child", pid);
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    /* An exec that fails leaves all as it was. */
    execl("/no/such", "such", (char *)NULL);
    if (argc == 4)
        return run(argv[1], argv[2], argv[3]);
    if (argc == 2)
        run_vfork(argv[1]);
    return 2;
}
