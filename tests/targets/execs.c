/*
 * Executes PROGRAM by a function of the exec family, in this process or in a child.  A
 * child's PID goes to the file child, and this process stays.
 *
 * usage: execs FUNCTION PROGRAM ARGUMENT [ENVIRONMENT [FROM]]
 *        ENVIRONMENT: environ, null, empty, or a value of LD_PRELOAD, which alone is
 *        given to the program then.  FROM: a thread, a handler on a small stack of its
 *        own, a child of vfork(2) for which is waited
 *        execs vfork|clone: a child of vfork(2) sets SIGHUP to its default and executes
 *        true, in this process or in a child of clone(2), whose PID goes to child; then
 *        SIGHUP has a handler, which makes the file handled
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
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

static char preload[4096];
static char *of_preload[] = {preload, NULL};
static char *nothing[] = {NULL};

static char **environment_of(const char *word)
{
    if (word == NULL || is(word, "environ"))
        return environ;
    if (is(word, "null"))
        return NULL;
    if (is(word, "empty"))
        return nothing;
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", word);
    return of_preload;
}

static const char *way;
static char *program;
static char *argument;
static char **envp;

static int run(void)
{
    const char *slash = strrchr(program, '/');
    const char *name = slash != NULL ? slash + 1 : program;
    char *words[] = {(char *)name, argument, NULL};
    char **before = environ;
    pid_t pid = 0;

    environ = envp;
    if (is(way, "execv"))
        execv(program, words);
    if (is(way, "execve"))
        execve(program, words, envp);
    if (is(way, "execvp"))
        execvp(strchr(program, '/') != NULL ? program : name, words);
    if (is(way, "execvpe"))
        execvpe(strchr(program, '/') != NULL ? program : name, words, envp);
    if (is(way, "execl"))
        execl(program, name, argument, (char *)NULL);
    if (is(way, "execle"))
        execle(program, name, argument, (char *)NULL, envp);
    if (is(way, "execlp"))
        execlp(program, name, argument, (char *)NULL);
    if (is(way, "fexecve"))
        fexecve(open(program, O_RDONLY), words, envp);
    if (is(way, "execveat") && execveat != NULL)
        execveat(AT_FDCWD, program, words, envp, 0);
    if (is(way, "posix_spawn"))
        errno = posix_spawn(&pid, program, NULL, NULL, words, envp);
    if (is(way, "posix_spawnp"))
        errno = posix_spawnp(&pid, program, NULL, NULL, words, envp);
    environ = before;
    if (pid == 0) {
        perror(way);
        return 1;
    }
    tell("child", pid);
    for (;;)
        pause();
}

static void *run_in_thread(void *unused)
{
    return run() == 0 ? unused : NULL;
}

static void run_in_handler(int number)
{
    run();
    (void)number;
}

static int run_from(const char *from)
{
    static char stack[8192 + 4096]; /* the frame of a signal takes 3 KiB of it */
    stack_t on = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = run_in_handler, .sa_flags = SA_ONSTACK};
    pthread_t thread;
    int status = 0;

    if (from == NULL)
        return run();
    if (is(from, "thread")) {
        pthread_create(&thread, NULL, run_in_thread, NULL);
        pthread_join(thread, NULL);
    }
    if (is(from, "handler")) {
        sigaltstack(&on, NULL);
        sigaction(SIGUSR1, &action, NULL);
        raise(SIGUSR1);
    }
    if (is(from, "vfork")) {
        pid_t pid = vfork();
        if (pid == 0)
            _exit(run());
        waitpid(pid, &status, 0);
        return WEXITSTATUS(status);
    }
    return 1;
}

int main(int argc, char **argv)
{
    /* An exec that fails leaves all as it was. */
    execl("/no/such", "such", (char *)NULL);
    way = argv[1];
    if (argc >= 4) {
        program = argv[2];
        argument = argv[3];
        envp = environment_of(argv[4]);
        return run_from(argc > 5 ? argv[5] : NULL);
    }
    if (argc == 2)
        run_vfork(argv[1]);
    return 2;
}
