/*
 * Sets dispositions by every function of the family.  By its first word:
 *
 * asks NUMBER...  a transcript of all that they answer for these signals;
 * default         sets HUP, TTIN, TTOU to SIG_DFL, sends them to itself;
 * handler         the same with a handler, and says how often it ran;
 * once            a handler with SA_RESETHAND, and two of each;
 * spawns WORD...  starts a program with SIGHUP among its defaults;
 * starts          fork, setsid, daemon: what they answer.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The family is an old one. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

extern char **environ;

typedef void (*handler)(int);

/* Not declared with every set of feature macros; musl has the first two. */
extern handler bsd_signal(int, handler);
extern handler __sysv_signal(int, handler);

static handler by_sigaction(int number, handler to)
{
    struct sigaction action = {.sa_handler = to, .sa_flags = SA_RESTART};
    struct sigaction old;

    sigaddset(&action.sa_mask, SIGUSR2);
    return sigaction(number, &action, &old) < 0 ? SIG_ERR : old.sa_handler;
}

static const struct way {
    const char *name;
    handler (*set)(int, handler);
} ways[] = {
    {"signal", signal},
    {"bsd_signal", bsd_signal},
    {"__sysv_signal", __sysv_signal},
    {"sigset", sigset},
    {"sigaction", by_sigaction},
#ifdef __GLIBC__
    {"ssignal", ssignal},
    {"sysv_signal", sysv_signal},
#endif
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static volatile sig_atomic_t calls;
static volatile sig_atomic_t sender;
static const int pinned[] = {SIGHUP, SIGTTIN, SIGTTOU};

static void one(int number)
{
    calls += number > 0;
}

static void two(int number)
{
    calls += number > 0;
}

static void with_info(int number, siginfo_t *info, void *context)
{
    calls += number > 0 && context != NULL;
    sender = info->si_pid;
}

static const char *name_of(handler value)
{
    return value == SIG_DFL                              ? "DFL"
           : value == SIG_IGN                            ? "IGN"
           : value == SIG_ERR                            ? "ERR"
           : value == SIG_HOLD                           ? "HOLD"
           : value == one                                ? "one"
           : value == two                                ? "two"
           : value == (handler)(void (*)(void))with_info ? "with_info"
                                                         : "another";
}

static unsigned long bits(const sigset_t *set)
{
    unsigned long low; /* signals 1 to 64 */

    memcpy(&low, set, sizeof low);
    return low;
}

/* What is set, and what is blocked. */
static void show(int number)
{
    struct sigaction now;
    sigset_t blocked;
    int err;

    memset(&now, 0x55, sizeof now);
    errno = 0;
    int result = sigaction(number, NULL, &now);
    err = errno;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    printf("    is ");
    if (result < 0)
        printf("%d errno %d", result, err);
    else
        printf("%s flags %x mask %lx errno %d", name_of(now.sa_handler),
               (unsigned)now.sa_flags, bits(&now.sa_mask), err);
    printf(" blocked %lx\n", bits(&blocked));
}

static void set(const struct way *way, int number, handler to)
{
    errno = 0;
    handler before = way->set(number, to);
    printf("  %s(%d, %s) = %s errno %d\n", way->name, number, name_of(to),
           name_of(before), errno);
    show(number);
}

static void answer(const char *what, int number, int result)
{
    printf("  %s(%d) = %d errno %d\n", what, number, result, errno);
    show(number);
}

static void ask_flags(int number)
{
    static const int flags[] = {
        0,          SA_RESTART,   SA_SIGINFO,
        SA_NODEFER, SA_NOCLDWAIT, (int)SA_RESETHAND,
        0x10000,    0x800,        SA_RESTART | (int)SA_RESETHAND | SA_SIGINFO};

    for (unsigned i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        struct sigaction action = {.sa_flags = flags[i]};
        struct sigaction old;
        memset(&old, 0x55, sizeof old);
        action.sa_handler = i % 2 == 0 ? one : SIG_IGN;
        sigaddset(&action.sa_mask, SIGKILL);
        sigaddset(&action.sa_mask, SIGUSR1);
        errno = 0;
        answer("sigaction", number, sigaction(number, &action, &old));
        if (errno == 0)
            printf("    was %s flags %x mask %lx\n", name_of(old.sa_handler),
                   (unsigned)old.sa_flags, bits(&old.sa_mask));
    }
}

static void ask_others(int number)
{
    posix_spawnattr_t attributes;
    sigset_t signals;
    int status;

    for (int to = 1; to >= 0; to--) {
        errno = 0;
        answer("siginterrupt", number, siginterrupt(number, to));
        for (int i = 0; i < WAYS; i++)
            set(&ways[i], number, two);
    }
    errno = 0;
    answer("sigignore", number, sigignore(number));
    for (int i = 0; i < WAYS; i++)
        if (strcmp(ways[i].name, "sigset") == 0) {
            set(&ways[i], number, SIG_HOLD);
            set(&ways[i], number, SIG_HOLD);
            set(&ways[i], number, one);
        }
    posix_spawnattr_init(&attributes);
    sigemptyset(&signals);
    sigaddset(&signals, number);
    sigaddset(&signals, SIGUSR1);
    status = posix_spawnattr_setsigdefault(&attributes, &signals);
    memset(&signals, 0x55, sizeof signals);
    status += posix_spawnattr_getsigdefault(&attributes, &signals);
    printf("  spawn defaults %d %lx\n", status, bits(&signals));
}

/* What a child does, forked or vforked, is not its parent's. */
static void ask_children(int number)
{
    int status;

    signal(number, one);
    fflush(stdout);
    if (fork() == 0) {
        signal(number, two);
        show(number);
        fflush(stdout);
        _exit(0);
    }
    wait(&status);
    show(number);
    if (vfork() == 0) {
        signal(number, SIG_DFL);
        _exit(3);
    }
    wait(&status);
    printf("  vforked, ended with %x\n", (unsigned)status);
    show(number);
}

static int ask(char **words)
{
    static const handler to[] = {one, SIG_IGN, SIG_DFL, SIG_ERR, SIG_DFL, two};

    for (; *words != NULL; words++) {
        int number = atoi(*words);
        printf("signal %d\n", number);
        show(number);
        for (int i = 0; i < WAYS; i++)
            for (unsigned j = 0; j < sizeof to / sizeof to[0]; j++)
                set(&ways[i], number, to[j]);
        ask_flags(number);
        ask_others(number);
        ask_children(number);
    }
    return 0;
}

static void show_ignored(const char *name)
{
    char line[128];
    FILE *status = fopen("/proc/self/status", "r");

    while (fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, "SigIgn:", 7) == 0)
            printf("%s %s", name, line);
    fclose(status);
    fflush(stdout);
}

static int send_each(handler to)
{
    for (int i = 0; i < WAYS; i++) {
        calls = 0;
        for (int j = 0; j < 3; j++)
            ways[i].set(pinned[j], to);
        show_ignored(ways[i].name);
        for (int j = 0; j < 3; j++)
            kill(getpid(), pinned[j]);
        printf("%s lives, calls %d\n", ways[i].name, (int)calls);
    }
    return 0;
}

static int send_twice(void)
{
    for (int i = 0; i < 3; i++) {
        struct sigaction action = {.sa_sigaction = with_info,
                                   .sa_flags = SA_SIGINFO | (int)SA_RESETHAND};
        calls = 0;
        sender = 0;
        sigaction(pinned[i], &action, NULL);
        kill(getpid(), pinned[i]);
        show(pinned[i]);
        kill(getpid(), pinned[i]);
        printf("%d lives, calls %d, sender %s\n", pinned[i], (int)calls,
               sender == getpid() ? "itself" : "unknown");
    }
    show_ignored("at last");
    return 0;
}

static int spawn(char **words)
{
    posix_spawnattr_t attributes;
    sigset_t signals;
    pid_t child;
    int status;

    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGUSR1);
    signal(SIGUSR1, SIG_IGN);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    if (posix_spawn(&child, words[0], NULL, &attributes, words, environ) != 0)
        return 1;
    waitpid(child, &status, 0);
    printf("ended with %x\n", (unsigned)status);
    return 0;
}

/* The daemon speaks by a pipe: its parent has exited by then. */
static int start(void)
{
    char line[64] = "";
    int ends[2];
    int status;
    pid_t child;

    if (pipe(ends) < 0)
        return 1;
    child = fork();
    if (child == 0) {
        pid_t session = setsid();
        pid_t own = getpid();
        int length = snprintf(line, sizeof line, "setsid %d %d", session == own,
                              setsid() < 0 ? errno : 0);
        int result = daemon(0, 1);
        length += snprintf(line + length, sizeof line - (size_t)length, " daemon %d %d",
                           result, getpid() != own);
        return write(ends[1], line, (size_t)length) < 0;
    }
    close(ends[1]);
    waitpid(child, &status, 0);
    while (read(ends[0], line, sizeof line - 1) > 0)
        printf("%s\n", line);
    return 0;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";

    if (strcmp(word, "asks") == 0)
        return ask(argv + 2);
    if (strcmp(word, "default") == 0)
        return send_each(SIG_DFL);
    if (strcmp(word, "handler") == 0)
        return send_each(one);
    if (strcmp(word, "once") == 0)
        return send_twice();
    if (strcmp(word, "spawns") == 0)
        return spawn(argv + 2);
    return start();
}
