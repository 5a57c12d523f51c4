/*
 * Finds out what the parent would do after a fork, in a copy of the process that can
 * change nothing outside itself.
 *
 * The copy gets a seccomp(2) filter and returns from fork as the parent would.  Calls
 * that change only its own memory, or nothing, are let through.  Some are answered
 * without being made: a copy that is about to exit need not close a file.  Each other
 * call raises SIGSYS, whose handler decides.  What parents of daemons do before they
 * exit is recorded (recorded.c).  exit_group(2) with status 0 shows a parent that only
 * exits.  Any other call shows one that goes on; then nothing of it has happened.
 *
 * The process waits for the copy's end with all signals blocked.  The program is not
 * told of the copy.
 *
 * Nothing smaller does this.  Without the copy each daemon would be a child that its
 * parent stands in for (stand_in.c).  Of 16 default starts of Debian's daemons, 15
 * would be two processes, and their pidfiles would name the one that was not started.
 * With the copy 2 are (tests/daemons); without the files of recorded.c 4 would be, also
 * nginx and ntpd.  A child cannot go on under its parent's PID.  Only letting the
 * parent go on shows what it does after the fork.
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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CPU_SECONDS = 1,    /* a parent that computes for longer goes on */
    PATIENCE_MS = 30000 /* for a copy that gets no processor, or is stopped */
};

/* ---- in the copy ---- */

/* Set in the copy alone: another thread of the process may try a fork as well. */
static struct shim_trial *trial;

__attribute__((noreturn)) static void end_copy(enum shim_cause cause, int number)
{
    trial->reason = (struct shim_reason){cause, number};
    for (;;)
        syscall(SYS_exit, 0); /* of one thread; exit_group is not let through */
}

/*
 * Frees a lock that the copy waits for.  Its holder is another thread of the process,
 * of which the copy has none, so the wait would never end.  What the lock protects is
 * the copy's own memory.  Returns false if the wait is for something else.
 */
static bool break_lock(const ucontext_t *context)
{
    enum {
        WAIT = 128,              /* FUTEX_WAIT | FUTEX_PRIVATE_FLAG */
        GLIBC_LOCKED = 2,        /* with a thread that waits */
        MUSL_LOCKED = 0x40000000 /* or any greater value, likewise */
    };
    static int broken;
    uint32_t value = (uint32_t)shim_argument(context, 2);

    if ((int)shim_argument(context, 1) != WAIT ||
        (value != GLIBC_LOCKED && value < MUSL_LOCKED) || ++broken > 100)
        return false;
    *(volatile int *)shim_argument(context, 0) = 0; /* NOLINT: from a register */
    return true;
}

/*
 * The handler of SIGSYS.  The bits of siginfo_t that tell the call and its machine have
 * names in both libcs.
 */
static void on_call(int number, siginfo_t *info, void *context)
{
    long result = 0;
    int call = info->si_syscall;

    (void)number;
    if ((uint32_t)info->si_arch != SHIM_ARCHITECTURE)
        end_copy(SHIM_CALLS, -1);
    if (call == SYS_exit_group) {
        int status = (int)shim_argument(context, 0) & 0xff;
        trial->exits = status == 0;
        end_copy(SHIM_FAILS, status);
    }
    if ((call == SYS_futex || call == SHIM_SYS_FUTEX64) && break_lock(context))
        result = 0;
    else if (!shim_keep_call(trial, call, context, &result))
        end_copy(SHIM_CALLS, call);
    shim_answer(context, result);
}

/* What changes nothing but its own memory, or nothing at all. */
static const int allowed[] = {
    SYS_brk,           SYS_munmap,       SYS_mremap,       SYS_rt_sigprocmask,
    SYS_rt_sigaction,  SYS_rt_sigreturn, SYS_sigaltstack,  SYS_getpid,
    SYS_gettid,        SYS_getppid,      SYS_getuid,       SYS_geteuid,
    SYS_getgid,        SYS_getegid,      SYS_getrandom,    SYS_gettimeofday,
    SYS_clock_gettime, SYS_sched_yield,  SHIM_SYS_FSTAT,   SYS_statx,
    SYS_exit,          SYS_faccessat,    SHIM_SYS_FSTATAT, DZ_SYS_FACCESSAT2,
    SYS_getcwd,        SYS_readlinkat,   SYS_getsid,       SYS_uname,
};

/* Calls that are not made, and what they return. */
static const struct {
    int call;
    int err;
} answered[] = {
    {SYS_close, 0},
    {DZ_SYS_CLOSE_RANGE, 0},
    {SYS_nanosleep, 0},
    {SYS_clock_nanosleep, 0},
    {SHIM_SYS_CLOCK_NANOSLEEP64, 0},
    {SHIM_SYS_LSEEK, ESPIPE},
    {SYS_ioctl, ENOTTY},
    {SYS_setpgid, 0}, /* of itself, or of the child, which has a group of its own */
    {SYS_madvise, 0}, /* some of it is for others: MADV_REMOVE */
};

enum {
    ALLOWED = sizeof allowed / sizeof allowed[0],
    MORE = sizeof shim_more_allowed / sizeof shim_more_allowed[0],
    ANSWERED = sizeof answered / sizeof answered[0],
    UNLESS = 5, /* rows of each function below */
    ONE_OF = 6,
    ANSWER = 2,
    BEGIN = 4
};

/* Answers the call. */
static struct dz_bpf *add_answer(struct dz_bpf *at, int call, uint32_t answer)
{
    *at++ = dz_bpf_is((uint32_t)call, 0, 1);
    *at++ = dz_bpf_answer(answer);
    return at;
}

/* Allows the call, unless that argument has the bit. */
static struct dz_bpf *add_unless(struct dz_bpf *at, int call, int argument, int bit)
{
    *at++ = dz_bpf_is((uint32_t)call, 0, 4);
    *at++ = dz_bpf_load_argument(argument, false);
    *at++ = dz_bpf_has((uint32_t)bit, 0, 1);
    *at++ = dz_bpf_answer(DZ_ANSWER_TRAP);
    *at++ = dz_bpf_answer(DZ_ANSWER_ALLOW);
    return at;
}

/* Allows the call if its second argument is one of the two. */
static struct dz_bpf *add_one_of(struct dz_bpf *at, int call, int one, int other)
{
    *at++ = dz_bpf_is((uint32_t)call, 0, 5);
    *at++ = dz_bpf_load_argument(1, false);
    *at++ = dz_bpf_is((uint32_t)one, 1, 0);
    *at++ = dz_bpf_is((uint32_t)other, 0, 1);
    *at++ = dz_bpf_answer(DZ_ANSWER_ALLOW);
    *at++ = dz_bpf_answer(DZ_ANSWER_TRAP);
    return at;
}

static int install_filter(void)
{
    enum { WAKE = 1, PRIVATE = 128 }; /* futex(2) */
    struct dz_bpf filter[BEGIN + 2 * UNLESS + 4 * ONE_OF +
                         ANSWER * (ALLOWED + MORE + ANSWERED) + 1];
    struct dz_bpf *at = filter;
    struct dz_filter program = {.filter = filter};

    /* By the machine's other interface, int 0x80, a number means another call. */
    *at++ = dz_bpf_load(offsetof(struct dz_call, architecture));
    *at++ = dz_bpf_is(SHIM_ARCHITECTURE, 1, 0);
    *at++ = dz_bpf_answer(DZ_ANSWER_TRAP);
    *at++ = dz_bpf_load(offsetof(struct dz_call, number));
    /* What is shared is read only, protect_shared(), and remains so. */
    at = add_unless(at, SHIM_SYS_MMAP, 3, MAP_SHARED);
    at = add_unless(at, SYS_mprotect, 2, PROT_WRITE);
    at = add_one_of(at, SHIM_SYS_FCNTL, F_GETFL, F_GETFD);
    at = add_one_of(at, SYS_fcntl, F_GETFL, F_GETFD);
    at = add_one_of(at, SYS_futex, WAKE, WAKE | PRIVATE);
    at = add_one_of(at, SHIM_SYS_FUTEX64, WAKE, WAKE | PRIVATE);
    for (int i = 0; i < ALLOWED; i++)
        at = add_answer(at, allowed[i], DZ_ANSWER_ALLOW);
    for (int i = 0; i < MORE; i++)
        at = add_answer(at, shim_more_allowed[i], DZ_ANSWER_ALLOW);
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
 * Makes what the copy shares with others read only.  To write there ends it by SIGSEGV,
 * as a parent that goes on.  The mappings are read into the room of the records, which
 * is empty yet.  Returns whether that succeeded.
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
    dz_close(fd);
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
 * Limits the processor time of the copy, setrlimit(2); SIGXCPU ends it then.  Time on
 * the clock would tell how busy the machine is.  Returns 0, or -1 and sets errno.
 */
static int limit_time(void)
{
    uint64_t limit[2]; /* the limit and its bound, in seconds: struct rlimit64 */

    if (syscall(SYS_prlimit64, 0, RLIMIT_CPU, NULL, limit) < 0)
        return -1;
    if (limit[0] > CPU_SECONDS)
        limit[0] = CPU_SECONDS;
    return (int)syscall(SYS_prlimit64, 0, RLIMIT_CPU, limit, NULL);
}

/*
 * Begins the copy with the parent's signal mask, but for the signals that end it.  It
 * ends when the process does, since no other process would end it.
 */
static void become_copy(struct shim_trial *own, pid_t process, const sigset_t *mask)
{
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO};
    struct sigaction fatal = {.sa_handler = SIG_DFL};
    sigset_t open_to = *mask;

    trial = own;
    sigdelset(&open_to, SIGSYS);
    sigdelset(&open_to, SIGXCPU);
    trial->umask = (int)umask(0);
    umask((mode_t)trial->umask);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != process)
        end_copy(SHIM_NOT_TRIED, ESRCH);
    /* A branch that blocks SIGSYS is killed by it.  PR_SET_DUMPABLE: then there is no
     * core file. */
    if (!protect_shared() || !shim_give_files(trial) ||
        shim_next_sigaction(SIGSYS, &action, NULL) < 0 ||
        shim_next_sigaction(SIGSEGV, &fatal, NULL) < 0 ||
        shim_next_sigaction(SIGXCPU, &fatal, NULL) < 0 || limit_time() < 0 ||
        sigprocmask(SIG_SETMASK, &open_to, NULL) < 0 ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || install_filter() < 0)
        end_copy(SHIM_NOT_TRIED, errno);
}

/* ---- in the process ---- */

bool shim_can_try(void)
{
    /* EFAULT: a filter would be taken.  EINVAL: this kernel has none. */
    return SHIM_REGISTERS && prctl(PR_SET_SECCOMP, DZ_SECCOMP_FILTER, NULL) < 0 &&
           errno == EFAULT;
}

/* Waits until the pipe, which the copy cannot close, tells its end; then reaps it.
 * Sets *reason if the copy has not told one. */
static void await_copy(pid_t copy, int pipe, struct shim_reason *reason)
{
    struct pollfd end_of = {.fd = pipe, .events = POLLIN};
    siginfo_t info;
    int status = 0;
    int result;

    /* EINTR: by a signal of the libc's own, which cannot be blocked. */
    while ((result = poll(&end_of, 1, PATIENCE_MS)) < 0 && errno == EINTR)
        ;
    if (result <= 0 &&
        waitid(P_PID, (id_t)copy, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0)
        kill(copy, SIGKILL); /* still our child, so the PID is its own */
    waitpid(copy, &status, __WALL);
    if (result <= 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU))
        *reason = (struct shim_reason){SHIM_COMPUTES, 0};
    else if (WIFSIGNALED(status))
        *reason = (struct shim_reason){SHIM_DIES, WTERMSIG(status)};
}

/*
 * Makes the copy.  Returns its PID, 0 in it, or -1.  clone(2) without a signal at its
 * end: no handler and no wait(2) of another thread sees it.  What the program has set
 * up for its forks, pthread_atfork(3), is not called.
 */
static pid_t make_copy(struct shim_trial *own, int pipe[2], const sigset_t *mask)
{
    pid_t process = getpid();
    pid_t copy;

    if (pipe2(pipe, O_CLOEXEC) < 0)
        return -1;
    copy = (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
    if (copy == 0)
        become_copy(own, process, mask);
    else
        dz_close(pipe[1]);
    if (copy < 0)
        dz_close(pipe[0]);
    return copy;
}

/*
 * Does what the parent wanted done, with the program's own signal mask, so that a
 * signal can end a write that hangs.  SIGPIPE and SIGXFSZ would have been the end of
 * the parent, not of this process.
 */
static void do_calls(const struct shim_trial *own, const sigset_t *mask)
{
    struct dz_held held;
    sigset_t program = *mask;

    dz_hold_write_signals(&held);
    sigaddset(&program, SIGPIPE);
    sigaddset(&program, SIGXFSZ);
    sigprocmask(SIG_SETMASK, &program, NULL); /* cannot fail */
    shim_do_calls(own);
    dz_release_write_signals(&held);
}

/*
 * Returns whether a child would be the first of a new PID namespace, unshare(2), which
 * ends with it.  Then the fork after the copy would fail.
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

static enum shim_branch try_branch(struct shim_trial *own, const sigset_t *mask)
{
    int pipe[2];
    pid_t copy = begins_namespace() ? -1 : make_copy(own, pipe, mask);

    if (copy == 0)
        return SHIM_IN_COPY;
    if (copy < 0) { /* if the fork fails as well, it tells why */
        own->reason = (struct shim_reason){SHIM_NOT_TRIED, errno};
        return SHIM_GOES_ON;
    }
    await_copy(copy, pipe[0], &own->reason);
    dz_close(pipe[0]);
    return own->exits ? SHIM_ONLY_EXITS : SHIM_GOES_ON;
}

/* mmap(2) of the two libcs takes offsets of different width on 32 bits. */
static struct shim_trial *map_trial(void)
{
    return (struct shim_trial *)syscall(SHIM_SYS_MMAP, NULL, sizeof(struct shim_trial),
                                        PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

enum shim_branch shim_try_parent(struct shim_reason *reason)
{
    struct shim_trial *own = map_trial();
    enum shim_branch branch;
    int err = errno;
    sigset_t all;
    sigset_t mask;

    if (own == MAP_FAILED) {
        *reason = (struct shim_reason){SHIM_NOT_TRIED, errno};
        return SHIM_GOES_ON;
    }
    memset(&all, 0xff, sizeof all);
    sigprocmask(SIG_BLOCK, &all, &mask); /* cannot fail */
    branch = try_branch(own, &mask);
    if (branch == SHIM_ONLY_EXITS)
        do_calls(own, &mask);
    if (branch != SHIM_IN_COPY) {
        *reason = own->reason;
        munmap(own, sizeof *own);
        sigprocmask(SIG_SETMASK, &mask, NULL);
    }
    errno = err;
    return branch;
}
