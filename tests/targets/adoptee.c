/*
 * Programs to be adopted.  Usage: adoptee MODE [NUMBER]
 *
 *   count       a line with the next number each millisecond, by write(2)
 *   threads N   that, beside N - 1 threads that wait in all ways
 *   spin        measures its longest pause; says it, in microseconds, at each USR1
 *   tight       counts on a stack of two pages, in a handler; below it is no memory
 *   execs N     counts from there, and executes itself anew each time, by a thread
 *   vfork       waits for its vfork(2) child, which executes when USR1 comes
 *   pipe        writes 1 MiB at a time, and checks that all of it was written
 *   wait CALL   waits in that call for four seconds, and says how long
 *
 * Each says "EINTR in NAME" for a call that was interrupted though no handler ran, and
 * "WRONG" if its registers were not kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void say(const char *text, const char *name)
{
    char line[128];

    snprintf(line, sizeof line, "%s%s\n", text, name);
    if (write(2, line, strlen(line)) < 0)
        _exit(3);
}

static void check(const char *name, long result)
{
    if (result < 0 && errno == EINTR)
        say("EINTR in ", name);
}

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000) + time.tv_nsec / 1000;
}

static void nap(void)
{
    const struct timespec time = {0, 1000000};

    check("nanosleep", nanosleep(&time, NULL));
}

/* ---- waiting ---- */

static void wait_epoll(void)
{
    struct epoll_event event;
    int fd = epoll_create1(0);

    for (;;)
        check("epoll_wait", epoll_wait(fd, &event, 1, 20));
}

static void wait_futex(void)
{
    enum { WAIT_PRIVATE = 128 }; /* linux/futex.h, which musl lacks */
    uint32_t word = 0;
    const struct timespec time = {0, 20000000};

    for (;;)
        check("futex", syscall(SYS_futex, &word, WAIT_PRIVATE, 0, &time));
}

static void wait_signal(void)
{
    const struct timespec time = {0, 20000000};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    for (;;)
        check("sigtimedwait", sigtimedwait(&set, NULL, &time));
}

static void wait_poll(void)
{
    for (;;)
        check("poll", poll(NULL, 0, 20));
}

static void wait_pipe(void)
{
    int ends[2];
    char byte;

    if (pipe(ends) == 0)
        for (;;)
            check("read", read(ends[0], &byte, 1));
}

/* Keeps numbers in registers, and looks whether they are still there. */
static void compute(void)
{
    for (;;) {
        double sum = 0;
        for (int i = 1; i <= 100000; i++)
            sum += 1.0 / i;
        if (sum < 12.0901461 || sum > 12.0901462)
            say("WRONG", "");
        nap();
    }
}

static void *run_thread(void *number)
{
    static void (*const ways[])(void) = {wait_epoll, wait_futex, wait_signal,
                                         wait_pipe,  wait_poll,  compute};
    size_t count = sizeof ways / sizeof ways[0];

    ways[(uintptr_t)number % count]();
    return NULL;
}

static void start_threads(int count)
{
    sigset_t set;
    pthread_t thread;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (int i = 1; i < count; i++)
        if (pthread_create(&thread, NULL, run_thread, (void *)(uintptr_t)(i - 1)) != 0)
            _exit(3);
}

/* ---- the modes ---- */

static void count_lines(void)
{
    char line[32];

    for (unsigned long i = 1;; i++) {
        int length = snprintf(line, sizeof line, "%lu\n", i);
        if (write(1, line, (size_t)length) != length)
            _exit(3);
        nap();
    }
}

static void on_small_stack(int number)
{
    (void)number;
    count_lines();
}

static void count_tightly(void)
{
    enum { PAGE = 4096, PAGES = 3 };
    struct sigaction action = {.sa_handler = on_small_stack, .sa_flags = SA_ONSTACK};
    char *pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t stack = {.ss_sp = pages + PAGE, .ss_size = (PAGES - 1) * PAGE};

    if (pages == MAP_FAILED || mprotect(pages, PAGE, PROT_NONE) < 0 ||
        sigaltstack(&stack, NULL) < 0 || sigaction(SIGUSR1, &action, NULL) < 0)
        _exit(3);
    raise(SIGUSR1);
}

static void *execute_again(void *number)
{
    char text[32];
    int length =
        snprintf(text, sizeof text, "%lu\n", (unsigned long)(uintptr_t)number + 1);

    if (write(1, text, (size_t)length) != length)
        _exit(3);
    nap();
    text[length - 1] = '\0';
    execl("/proc/self/exe", "adoptee", "execs", text, (char *)NULL);
    return NULL;
}

static void execute_by_thread(unsigned long number)
{
    pthread_t thread;

    start_threads(4);
    if (pthread_create(&thread, NULL, execute_again, (void *)(uintptr_t)number) == 0)
        for (;;)
            pause();
}

static volatile sig_atomic_t asked;

static void on_usr1(int number)
{
    (void)number;
    asked = 1;
}

static void spin(void)
{
    int64_t longest = 0;
    int64_t last = now();

    for (;;) {
        int64_t time = now();
        getppid(); /* reptyr waits for a system call */
        if (time - last > longest)
            longest = time - last;
        last = time;
        if (asked) {
            char text[32];
            snprintf(text, sizeof text, "%lld", (long long)longest);
            asked = 0;
            say("pause ", text);
            longest = 0;
            last = now();
        }
    }
}

static void wait_vfork(void)
{
    for (;;) {
        sigset_t set;
        int number;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        sigprocmask(SIG_BLOCK, &set, NULL);
        pid_t child = vfork();
        if (child == 0) {
            sigwait(&set, &number);
            execl("/bin/true", "true", (char *)NULL);
            _exit(127);
        }
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            say("EINTR in ", "waitpid");
        say("child", "");
    }
}

static void write_pipe(void)
{
    enum { SIZE = 1 << 20 };
    char *block = malloc(SIZE);

    for (unsigned char value = 0;; value++) {
        memset(block, value, SIZE);
        for (size_t at = 0; at < SIZE;) {
            ssize_t n = write(1, block + at, SIZE - at);
            check("write", n);
            if (n > 0)
                at += (size_t)n;
        }
        nap();
    }
}

/* ---- waiting in one call ---- */

static const struct timespec whole = {4, 0}; /* not to be written to */
static sigset_t usr2;

static void once_epoll(void)
{
    struct epoll_event event;

    check("epoll_wait", epoll_wait(epoll_create1(0), &event, 1, 4000));
}

/* epoll_pwait2 has a 64-bit time in all programs. */
static void once_pwait2(void)
{
    static const int64_t time[2] = {4, 0};
    struct epoll_event event;

    check("epoll_pwait2",
          syscall(441, epoll_create1(0), &event, 1, time, (void *)NULL, 8));
}

static void once_signal(void)
{
    check("sigtimedwait", sigtimedwait(&usr2, NULL, &whole));
}

/* The old call of 32-bit programs has a 32-bit time. */
static void once_old_signal(void)
{
    check("rt_sigtimedwait",
          syscall(SYS_rt_sigtimedwait, &usr2, (void *)NULL, &whole, 8));
}

static void once_semaphore(void)
{
    struct sembuf down = {0, -1, 0};
    int id = semget(IPC_PRIVATE, 1, 0600);

    check("semtimedop", semtimedop(id, &down, 1, &whole));
    semctl(id, 0, IPC_RMID);
}

static void once_events(void)
{
    struct timespec time = whole;
    unsigned long context = 0;
    char event[64];

    if (syscall(SYS_io_setup, 1, &context) == 0)
        check("io_getevents", syscall(SYS_io_getevents, context, 1L, 1L, event, &time));
}

static void once_sleep(void)
{
    check("nanosleep", nanosleep(&whole, NULL));
}

static void wait_once(const char *way)
{
    static const struct {
        const char *name;
        void (*wait)(void);
    } ways[] = {{"epoll", once_epoll},         {"pwait2", once_pwait2},
                {"signal", once_signal},       {"old-signal", once_old_signal},
                {"semaphore", once_semaphore}, {"events", once_events},
                {"sleep", once_sleep}};
    char text[64];
    int64_t begin;

    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    sigprocmask(SIG_BLOCK, &usr2, NULL);
    say("begin", "");
    begin = now();
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(way, ways[i].name) == 0)
            ways[i].wait();
    snprintf(text, sizeof text, "waited %lld ms", (long long)(now() - begin) / 1000);
    if (whole.tv_sec != 4)
        say("WRONG", "");
    say(text, "");
    pause();
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";

    if (strcmp(mode, "threads") == 0 && argc > 2)
        start_threads(atoi(argv[2]));
    if (strcmp(mode, "count") == 0 || strcmp(mode, "threads") == 0)
        count_lines();
    if (strcmp(mode, "spin") == 0) {
        signal(SIGUSR1, on_usr1);
        if (argc > 2)
            start_threads(atoi(argv[2]));
        spin();
    }
    if (strcmp(mode, "tight") == 0)
        count_tightly();
    if (strcmp(mode, "execs") == 0 && argc > 2)
        execute_by_thread(strtoul(argv[2], NULL, 10));
    if (strcmp(mode, "vfork") == 0)
        wait_vfork();
    if (strcmp(mode, "pipe") == 0)
        write_pipe();
    if (strcmp(mode, "wait") == 0 && argc > 2)
        wait_once(argv[2]);
    return 2;
}
