/*
 * What the parent would do after a fork, found out in a copy of the process that
 * can do nothing to anybody.
 *
 * The copy gets a seccomp(2) filter and returns from fork as the parent would.
 * Calls that change only its own memory are let through, some are answered without
 * being made (to close a file, to sleep: it is about to end anyway), and each other
 * raises SIGSYS, whose handler decides: what parents of daemons do before they exit
 * is kept for later (recorded.c), exit_group with status 0 ends it as a branch that
 * only exits, and anything else as one that goes on.  Then nothing has happened.
 *
 * The process waits for the copy's end, all signals blocked; the program is not told
 * of it.
 */
#include "bpf.h"
#include "nodaemon.h"
#include "registers.h"
#include "shim.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000 /* a parent that computes for longer goes on */ };

/* ---- in the copy ---- */

/* In shared memory.  Set in the copy alone: another thread may try a fork as well. */
static struct shim_trial *trial;

__attribute__((noreturn)) static void end(void)
{
    for (;;)
        syscall(SYS_exit, 0); /* of one thread; exit_group is not let through */
}

static void on_call(int number, siginfo_t *info, void *context)
{
    long result;

    (void)number;
    if (info->si_syscall == SYS_exit_group && (int)shim_argument(context, 0) == 0)
        trial->exits = true;
    if (trial->exits || !shim_keep_call(trial, info->si_syscall, context, &result))
        end();
    shim_answer(context, result);
}

/* What changes nothing but its own memory, or nothing at all. */
static const int allowed[] = {
    SYS_brk,           SYS_munmap,       SYS_mremap,       SYS_rt_sigprocmask,
    SYS_rt_sigaction,  SYS_rt_sigreturn, SYS_sigaltstack,  SYS_getpid,
    SYS_gettid,        SYS_getppid,      SYS_getuid,       SYS_geteuid,
    SYS_getgid,        SYS_getegid,      SYS_getrandom,    SYS_gettimeofday,
    SYS_clock_gettime, SYS_sched_yield,  SHIM_SYS_FSTAT,   SYS_statx,
    SYS_exit,          SYS_futex,        SHIM_SYS_FSTATAT,
};

/* Calls that are not made, and what they return: it is about to end. */
static const struct {
    int call;
    int err;
} answered[] = {
    {SYS_close, 0},           {DZ_SYS_CLOSE_RANGE, 0},  {SYS_nanosleep, 0},
    {SYS_clock_nanosleep, 0}, {SHIM_SYS_LSEEK, ESPIPE}, {SYS_ioctl, ENOTTY},
    {SYS_madvise, 0}, /* some of it is for others: MADV_REMOVE */
};

enum {
    ALLOWED = sizeof allowed / sizeof allowed[0],
    ANSWERED = sizeof answered / sizeof answered[0]
};

static struct dz_bpf *add_answer(struct dz_bpf *at, int call, uint32_t answer)
{
    *at++ = dz_bpf_is((uint32_t)call, 0, 1);
    *at++ = dz_bpf_answer(answer);
    return at;
}

/* Allow the call, unless that argument has the bit.  Ends with the number loaded. */
static struct dz_bpf *add_unless(struct dz_bpf *at, int call, int argument, int bit)
{
    *at++ = dz_bpf_is((uint32_t)call, 0, 4);
    *at++ = dz_bpf_load_argument(argument, false);
    *at++ = dz_bpf_has((uint32_t)bit, 0, 1);
    *at++ = dz_bpf_answer(DZ_ANSWER_TRAP);
    *at++ = dz_bpf_answer(DZ_ANSWER_ALLOW);
    return at;
}

/* Of the machine's other word size no call is made by a program of this one. */
static int install_filter(void)
{
    struct dz_bpf filter[2 + 2 * 5 + 2 * (ALLOWED + ANSWERED)];
    struct dz_bpf *at = filter;
    struct dz_filter program = {.filter = filter};

    *at++ = dz_bpf_load(offsetof(struct dz_call, number));
    /* What is shared is read only, protect_shared(), and remains so. */
    at = add_unless(at, SHIM_SYS_MMAP, 3, MAP_SHARED);
    at = add_unless(at, SYS_mprotect, 2, PROT_WRITE);
    for (int i = 0; i < ALLOWED; i++)
        at = add_answer(at, allowed[i], DZ_ANSWER_ALLOW);
    for (int i = 0; i < ANSWERED; i++)
        at = add_answer(at, answered[i].call,
                        DZ_ANSWER_ERRNO | (uint32_t)answered[i].err);
    *at++ = dz_bpf_answer(DZ_ANSWER_TRAP);
    program.rows = (unsigned short)(at - filter);
    return prctl(PR_SET_SECCOMP, DZ_SECCOMP_FILTER, &program);
}

static uintptr_t read_hex(const char **at)
{
    uintptr_t value = 0;

    for (;; (*at)++) {
        int digit = **at >= 'a' ? **at - 'a' + 10 : **at - '0';
        if (digit < 0 || digit > 15)
            return value;
        value = value << 4 | (uintptr_t)digit;
    }
}

/*
 * What it shares with others it may read; to write there ends it by SIGSEGV, as one
 * that goes on.  The mappings are read into the room that nothing is kept in yet.
 */
static bool protect_shared(void)
{
    char *maps = trial->kept;
    size_t size = 0;
    ssize_t n = 0;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    while (size < SHIM_KEPT - 1 &&
           (n = read(fd, maps + size, SHIM_KEPT - 1 - size)) > 0)
        size += (size_t)n;
    close(fd); /* read only: nothing can be lost */
    if (n != 0 || size == 0)
        return false;
    maps[size] = '\0';
    for (const char *at = maps; *at != '\0'; at = strchr(at, '\n') + 1) {
        uintptr_t from = read_hex(&at);
        at++; /* "FROM-TO rwxs OFFSET ...", proc_pid_maps(5) */
        uintptr_t to = read_hex(&at);
        if (at[2] == 'w' && at[4] == 's' && from != (uintptr_t)trial &&
            mprotect((void *)from, to - from, PROT_READ) < 0) /* NOLINT */
            return false;
    }
    return true;
}

/*
 * The copy begins: with mask, as the parent would, but for SIGSYS.  It ends with the
 * process, whose death nobody else would tell it.
 */
static void become_copy(struct shim_trial *own, pid_t process, const sigset_t *mask)
{
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO};
    struct sigaction fatal = {.sa_handler = SIG_DFL};
    sigset_t open_to = *mask;

    trial = own;
    sigdelset(&open_to, SIGSYS);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != process)
        end();
    /* No core file where it blocks SIGSYS all the same, and is killed by it. */
    if (!protect_shared() || !shim_give_files(trial) ||
        shim_next_sigaction(SIGSYS, &action, NULL) < 0 ||
        shim_next_sigaction(SIGSEGV, &fatal, NULL) < 0 ||
        sigprocmask(SIG_SETMASK, &open_to, NULL) < 0 ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || install_filter() < 0)
        end();
}

/* ---- in the process ---- */

bool shim_can_try(void)
{
    /* EFAULT: it would be taken; EINVAL: this kernel has no filters. */
    return SHIM_REGISTERS && prctl(PR_SET_SECCOMP, DZ_SECCOMP_FILTER, NULL) < 0 &&
           errno == EFAULT;
}

/* Wait until the pipe, which the copy cannot close, tells its end; then reap it. */
static void await_copy(pid_t copy, int pipe)
{
    struct pollfd end_of = {.fd = pipe, .events = POLLIN};
    siginfo_t info;

    int result;

    /* EINTR: by a signal of the libc's own, which cannot be blocked. */
    while ((result = poll(&end_of, 1, PATIENCE_MS)) < 0 && errno == EINTR)
        ;
    if (result <= 0 &&
        waitid(P_PID, (id_t)copy, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0)
        kill(copy, SIGKILL); /* still our child, so the PID is its own */
    waitpid(copy, NULL, __WALL);
}

/*
 * Make the copy.  Its PID, 0 in it, -1.  By clone(2) without a signal at its end: no
 * handler and no other thread's wait(2) gets to see it, and none of what the program
 * has set up for its forks, pthread_atfork(3), is called.
 */
static pid_t start(struct shim_trial *own, int pipe[2], const sigset_t *mask)
{
    pid_t process = getpid();
    pid_t copy;

    if (pipe2(pipe, O_CLOEXEC) < 0)
        return -1;
    copy = (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
    if (copy == 0)
        become_copy(own, process, mask);
    else
        close(pipe[1]); /* nothing is ever written to it */
    if (copy < 0)
        close(pipe[0]);
    return copy;
}

/* What the parent wanted done.  SIGPIPE would have been its own end, not ours. */
static void do_calls(const struct shim_trial *kept)
{
    const struct timespec now = {0};
    sigset_t pipe;
    sigset_t pending;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    shim_do_calls(kept);
    if (!sigismember(&pending, SIGPIPE))
        sigtimedwait(&pipe, NULL, &now); /* EAGAIN: there was none */
}

/*
 * Whether a child would be the first of a new PID namespace, unshare(2), which ends
 * with it: the fork behind the copy would fail.
 */
static bool begins_namespace(void)
{
    static const char children[] = "/proc/self/ns/pid_for_children";
    struct dz_stat about;
    char own[64];
    char theirs[64];
    ssize_t length = readlink("/proc/self/ns/pid", own, sizeof own);

    /* Before its first process that namespace has no name. */
    return length > 0 && dz_stat(AT_FDCWD, children, false, &about) == 0 &&
           (readlink(children, theirs, sizeof theirs) != length ||
            memcmp(own, theirs, (size_t)length) != 0);
}

static enum shim_branch try_it(struct shim_trial *own, const sigset_t *mask)
{
    int pipe[2];
    pid_t copy = begins_namespace() ? -1 : start(own, pipe, mask);

    if (copy == 0)
        return SHIM_IN_COPY;
    if (copy < 0)
        return SHIM_GOES_ON; /* where the fork fails as well, it says why */
    await_copy(copy, pipe[0]);
    close(pipe[0]);
    if (!own->exits)
        return SHIM_GOES_ON;
    do_calls(own);
    return SHIM_ONLY_EXITS;
}

enum shim_branch shim_try_parent(void)
{
    struct shim_trial *own;
    enum shim_branch branch;
    int err = errno;
    sigset_t all;
    sigset_t mask;

    own = mmap(NULL, sizeof *own, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
               -1, 0);
    if (own == MAP_FAILED)
        return SHIM_GOES_ON; /* ENOMEM, as the fork will say */
    memset(&all, 0xff, sizeof all);
    sigprocmask(SIG_BLOCK, &all, &mask); /* cannot fail */
    branch = try_it(own, &mask);
    if (branch != SHIM_IN_COPY) {
        munmap(own, sizeof *own);
        sigprocmask(SIG_SETMASK, &mask, NULL);
    }
    errno = err;
    return branch;
}
