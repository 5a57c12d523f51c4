/*
 * A program that makes itself a daemon, or forks a worker first; then it forks a
 * worker, and writes to the file SEEN what it has found.
 *
 * usage: daemonizes SEEN daemon NO_CHDIR NO_CLOSE
 *        daemonizes SEEN twice|quick|pidfile|ignoring
 *        daemonizes SEEN worker|pipe|shared|maps|protects|atfork|threads
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

static const char *seen;
static const char *way;
static volatile sig_atomic_t children_ended;
static int *shared; /* counts what is done to it */
static int shared_fd = -1;

static void map_shared(void)
{
    int flags = MAP_SHARED | (shared_fd < 0 ? MAP_ANONYMOUS : 0);

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, flags, shared_fd, 0);
}

static void on_child(int number)
{
    (void)number;
    children_ended++;
}

static int is(const char *word)
{
    return strcmp(way, word) == 0;
}

/* At once, by one write to a file that is open for good: nothing hides there. */
static void say(const char *text)
{
    static int fd = -1;

    if (fd < 0)
        fd = open(seen, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (write(fd, text, strlen(text)) < 0)
        abort();
}

static void say_number(const char *what, long number)
{
    char line[100];

    snprintf(line, sizeof line, "%s %ld\n", what, number);
    say(line);
}

static int prepared;

static void prepare(void)
{
    prepared++;
}

static void at_exit(void)
{
    fputs("exit handler\n", stdout);
}

/* The parent's branch. */
static void leave(pid_t child)
{
    printf("child %d\n", child == getpid() ? 0 : (int)child);
    if (is("pidfile")) {
        FILE *file = fopen("daemon.pid", "w");
        fprintf(file, "%d\n", child);
        fclose(file);
    }
    if (is("quick")) {
        fflush(stdout);
        _exit(0);
    }
    exit(0);
}

static void detach(void)
{
    pid_t pid = fork();

    if (pid > 0)
        leave(pid);
}

static void twice(void)
{
    atexit(at_exit);
    detach();
    say_number("setsid", setsid() > 0);
    detach();
    umask(027);
    if (chdir("/tmp") < 0)
        abort();
    int fd = open("/dev/null", O_RDWR);
    dup2(fd, 0);
    close(fd);
}

/* Ends with 7; what its parent is told. */
static void work(const char *name)
{
    int status = -1;
    int pipes[2];
    char byte = 'x';

    if (pipe(pipes) < 0)
        abort();
    pid_t self = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        say_number("worker's own pid", getpid() != self);
        say_number("worker's parent", getppid() == self);
        if (write(pipes[1], &byte, 1) < 0)
            abort();
        _exit(7);
    }
    close(pipes[1]);
    puts("parent goes on");
    fflush(stdout);
    if (is("pipe") && read(pipes[0], &byte, 1) < 0)
        abort();
    if (is("worker"))
        say("parent wrote\n");
    if (is("maps"))
        map_shared();
    if (is("protects"))
        mprotect(shared, sizeof *shared, PROT_READ | PROT_WRITE);
    if (is("shared") || is("maps") || is("protects"))
        ++*shared;
    close(pipes[0]);
    pid_t ended = waitpid(pid, &status, 0);
    if (ended < 0 && errno == EINTR)
        ended = waitpid(pid, &status, 0);
    say_number(name, ended == pid ? WEXITSTATUS(status) : -errno);
}

static void *fork_on(void *failures)
{
    for (int i = 0; i < 10; i++) {
        int status = -1;
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        if (waitpid(pid, &status, 0) != pid || status != 0)
            __atomic_fetch_add((int *)failures, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

/* Workers of several threads at a time. */
static void fork_in_threads(void)
{
    pthread_t threads[4];
    int failures = 0;

    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, fork_on, &failures);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    say_number("threads", failures);
    children_ended = 0;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_RESTART};

    if (argc < 3)
        return 2;
    seen = argv[1];
    way = argv[2];
    if (is("maps")) {
        shared_fd = memfd_create("shared", MFD_CLOEXEC);
        if (ftruncate(shared_fd, sizeof *shared) < 0)
            return 2;
    }
    map_shared();
    if (is("atfork"))
        pthread_atfork(prepare, NULL, NULL);
    if (is("ignoring"))
        action.sa_handler = SIG_IGN;
    sigaction(SIGCHLD, &action, NULL);
    if (is("daemon"))
        say_number("daemon", daemon(atoi(argv[3]), atoi(argv[4])));
    else if (is("twice") || is("quick") || is("pidfile") || is("ignoring"))
        twice();
    else if (is("threads"))
        fork_in_threads();
    say_number("pid", getpid());
    say_number("before", children_ended);
    work("first");
    say_number("after", children_ended);
    work("second");
    say_number("at last", children_ended);
    say_number("left", waitpid(-1, NULL, WNOHANG) < 0 ? -errno : 0);
    say_number("shared", *shared);
    say_number("prepared", prepared);
    say("done\n");
    for (;;)
        pause();
}
