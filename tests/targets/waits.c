/*
 * A daemon whose parent waits until it is there, as WAY says, and then exits with 0.
 * The daemon then writes its PID to the file seen, and does what a signal tells it:
 * HUP: prints "hup"; ALRM: prints "alarm"; USR1: ends with 5; USR2: a successor takes
 * over; WINCH: signals its parent; TERM: ends by it.
 *
 * usage: waits pipe|exits|threads|timer one fork, and a word over a pipe
 *        waits double                   two forks, and a word over a pipe
 *        waits lingers                  as double; the first child exits 20 ms later
 *        waits libdaemon                two forks, the first child waited for, the
 *                                       daemon's PID and status over pipes
 *        waits signal                   a signal from the daemon
 *        waits file                     looks for a file again and again
 *        waits fails                    as pipe, but the parent exits with 3
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *way;
static int word[2];
static int number[2];
static volatile sig_atomic_t told;

static int is(const char *name)
{
    return strcmp(way, name) == 0;
}

static void on_signal(int signal)
{
    told = signal;
}

static void expect(int signal)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(signal, &action, NULL);
}

static void say(const char *text)
{
    if (write(1, text, strlen(text)) < 0)
        _exit(9);
}

static void tell_parent(void)
{
    if (is("signal"))
        kill(getppid(), SIGUSR1);
    else if (is("file"))
        fclose(fopen("there", "w"));
    else if (write(word[1], "", 1) != 1)
        _exit(9);
}

static void write_seen(void)
{
    FILE *file = fopen("seen.new", "w");

    fprintf(file, "%d\n", (int)getpid());
    fclose(file);
    rename("seen.new", "seen");
}

static void be_daemon(void)
{
    static const int signals[] = {SIGHUP, SIGALRM, SIGUSR1, SIGUSR2, SIGWINCH};

    for (int i = 0; i < 5; i++)
        expect(signals[i]);
    tell_parent();
    close(word[1]);
    write_seen();
    for (;;) {
        sigset_t none;
        sigemptyset(&none);
        sigsuspend(&none);
        if (told == SIGHUP)
            say("hup\n");
        else if (told == SIGALRM)
            say("alarm\n");
        else if (told == SIGUSR1)
            _exit(5);
        else if (told == SIGUSR2 && fork() > 0)
            _exit(0);
        else if (told == SIGUSR2)
            write_seen();
        else if (told == SIGWINCH) {
            kill(getppid(), SIGUSR1);
            say("winch\n");
        }
    }
}

static void *idle(void *unused)
{
    for (;;)
        pause();
    return unused;
}

/* Returns the status that the daemon has told. */
static int await_word(pid_t child)
{
    sigset_t none;
    fd_set set;
    char status = 1;
    pid_t pid;

    sigemptyset(&none);
    if (is("signal")) {
        while (told != SIGUSR1)
            sigsuspend(&none);
        return 0;
    }
    if (is("file")) {
        while (access("there", F_OK) < 0)
            usleep(1000);
        return 0;
    }
    if (is("libdaemon")) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            ;
        if (read(number[0], &pid, sizeof pid) != sizeof pid)
            return 8;
        FD_ZERO(&set);
        FD_SET(word[0], &set);
        if (select(word[0] + 1, &set, NULL, NULL, NULL) != 1)
            return 8;
    }
    close(word[1]);
    return read(word[0], &status, 1) == 1 ? status : 8;
}

int main(int argc, char **argv)
{
    struct itimerval soon = {.it_value.tv_usec = 1000};
    pthread_t thread;
    sigset_t blocked;
    pid_t pid;

    way = argc > 1 ? argv[1] : "pipe";
    if (pipe(word) < 0 || pipe(number) < 0)
        return 2;
    if (is("threads"))
        pthread_create(&thread, NULL, idle, NULL);
    expect(SIGUSR1);
    sigemptyset(&blocked);
    for (int i = 0; i < 5; i++)
        sigaddset(&blocked, (int[]){SIGHUP, SIGALRM, SIGUSR1, SIGUSR2, SIGWINCH}[i]);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    printf("begins\n"); /* flushed at the parent's end */
    pid = fork();
    if (pid > 0) {
        int status = await_word(pid);
        if (is("timer"))
            setitimer(ITIMER_REAL, &soon, NULL);
        if (is("exits"))
            _exit(fflush(stdout));
        return is("fails") ? 3 : status;
    }
    setsid();
    if (is("double") || is("lingers") || is("libdaemon")) {
        pid = fork();
        if (pid > 0 && is("lingers"))
            usleep(20000);
        if (pid > 0)
            _exit(0);
        pid = getpid();
        if (write(number[1], &pid, sizeof pid) < 0)
            return 9;
    }
    be_daemon();
}
