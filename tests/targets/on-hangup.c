/*
 * A program that has its own ideas about SIGHUP, and says to stdout, a line a call,
 * what it is told of it.
 *
 * usage: hangup SEEN none|default|ignore|siginfo|once|stack|
 *        redirects|umask|closes|worker|vfork
 */
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *way;

static int is(const char *word)
{
    return strcmp(way, word) == 0;
}

static void say(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) < 0)
        abort();
}

static void on_hangup(int number, siginfo_t *info, void *context)
{
    char line[200];
    sigset_t mask;

    sigprocmask(SIG_BLOCK, NULL, &mask);
    snprintf(line, sizeof line,
             "handler: signal %d code %d from %d, USR2 blocked %d%s\n", number,
             info->si_code, (int)info->si_pid, sigismember(&mask, SIGUSR2),
             context != NULL ? "" : ", no context");
    say(1, line);
}

/* Ask back. */
static void tell(const char *when)
{
    struct sigaction now;
    char line[200];

    sigaction(SIGHUP, NULL, &now);
    snprintf(line, sizeof line, "%s: %s flags %x\n", when,
             now.sa_handler == SIG_DFL       ? "default"
             : now.sa_handler == SIG_IGN     ? "ignored"
             : now.sa_sigaction == on_hangup ? "own"
                                             : "a stranger's",
             (unsigned)now.sa_flags & ~0x04000000U /* SA_RESTORER */);
    say(1, line);
}

static void on_user(int number)
{
    (void)number;
    tell("asked");
}

/* A stack of a page and a quarter for handlers, beside what the kernel puts there,
 * and behind its end nothing: who uses more is killed. */
static void take_small_stack(void)
{
    enum { PAGE = 4096 };
    size_t size = PAGE + PAGE / 4 + getauxval(AT_MINSIGSTKSZ);
    char *low = mmap(NULL, PAGE + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t stack = {.ss_sp = low + PAGE, .ss_size = size};

    if (low == MAP_FAILED || mprotect(low + PAGE, size, PROT_READ | PROT_WRITE) < 0 ||
        sigaltstack(&stack, NULL) < 0)
        abort();
}

static void set(void)
{
    struct sigaction action = {.sa_sigaction = on_hangup, .sa_flags = SA_SIGINFO};

    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGUSR2);
    if (is("once"))
        action.sa_flags |= (int)SA_RESETHAND;
    if (is("stack")) {
        take_small_stack();
        action.sa_flags |= SA_ONSTACK;
    }
    if (is("siginfo") || is("once") || is("stack"))
        sigaction(SIGHUP, &action, NULL);
    if (is("default"))
        signal(SIGHUP, SIG_DFL);
    if (is("ignore"))
        signal(SIGHUP, SIG_IGN);
    if (is("redirects"))
        dup2(open("elsewhere", O_WRONLY | O_CREAT | O_APPEND, 0666), 2);
    if (is("closes"))
        syscall(DZ_SYS_CLOSE_RANGE, 3, ~0U, 0);
    if (is("umask"))
        umask(077);
}

/* A child of vfork(2) in a child of fork(2) may set what it likes. */
static void run_true(void)
{
    pid_t pid = vfork();

    if (pid == 0) {
        signal(SIGHUP, SIG_DFL);
        execl("/bin/true", "true", (char *)NULL);
        _exit(1);
    }
    waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
    char line[50];
    int child = 0;

    if (argc < 3)
        return 2;
    way = argv[2];
    signal(SIGUSR1, on_user);
    set();
    if (is("worker") || is("vfork"))
        child = fork() == 0;
    if (is("vfork") && child)
        run_true();
    FILE *seen = fopen(argv[1], "a");
    snprintf(line, sizeof line, "%s %d\n", child ? "worker" : "main", (int)getpid());
    fputs(line, seen);
    fclose(seen);
    say(1, "out\n");
    say(2, "err\n");
    for (;;) {
        pause();
        snprintf(line, sizeof line, "awake %d\n", errno == EINTR);
        say(2, line);
    }
}
