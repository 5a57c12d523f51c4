/*
 * Signals to the keeper: read one by one, and passed on to the program.
 *
 * All signals are blocked in the keeper, and read by signalfd(2).  So none comes
 * between two steps, and the dispositions stay those that the program is to begin with.
 * The system calls bypass libc, which keeps some numbers to itself.
 */
#include "keep.h"
#include "syscalls.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    STOP_MS = 90000, /* as systemd; dzctl stop tells its own */
    KERNEL_SET = DZ_SIGNALS / 8,
    /* What dzctl stop sends along with TERM: a signal in the lowest bits, above them
     * the time before KILL. */
    SIGNAL_BITS = DZ_STOP_SIGNAL_BITS
};

int open_signals(struct keeper *keeper, struct dz_fault *fault)
{
    uint64_t all = ~UINT64_C(0);

    if (syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, (size_t)KERNEL_SET) < 0)
        return dz_fault(fault, "keep", "signals", errno, NULL);
    keeper->signals = (int)syscall(SYS_signalfd4, -1, &all, (size_t)KERNEL_SET,
                                   SFD_CLOEXEC | SFD_NONBLOCK);
    return keeper->signals < 0 ? dz_fault(fault, "keep", "signalfd", errno, NULL) : 0;
}

bool next_signal(const struct keeper *keeper, struct request *request)
{
    struct signalfd_siginfo info;
    int told;

    /* EAGAIN: no more.  EINTR: nothing is lost, poll(2) tells of it again. */
    if (read(keeper->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return false;
    request->number = (int)info.ssi_signo;
    request->stop_signal = request->number;
    /* As PID 1 the engine kills us when its own time is over. */
    request->stop_within = getpid() == 1 ? INT64_MAX : STOP_MS;
    request->again = false;
    told = info.ssi_code == SI_QUEUE ? info.ssi_int : 0;
    if (request->number == SIGTERM && told > 0) {
        request->again = (told & DZ_STOP_AGAIN) != 0;
        told &= ~DZ_STOP_AGAIN;
        request->stop_signal = told & ((1 << SIGNAL_BITS) - 1);
        request->stop_within = (int64_t)(told >> SIGNAL_BITS) * DZ_STOP_UNIT_MS;
    }
    return true;
}

void pass_signal(const struct keeper *keeper, int number)
{
    pid_t pid = keeper->start->pid;
    pid_t group;

    if (keeper->reaped || pid <= 0)
        return;
    if (keeper->start->plan->signal_group && (group = getpgid(pid)) > 1 &&
        group != getpgrp() && kill(-group, number) == 0)
        return;
    if (keeper->pidfd >= 0 &&
        syscall(DZ_SYS_PIDFD_SEND_SIGNAL, keeper->pidfd, number, NULL, 0) == 0)
        return;
    /* The PID of our child is not reused before we reap it. */
    if (keeper->taken.pid == 0)
        kill(pid, number);
    else
        dz_signal_process(&keeper->taken, number);
}

/* Reads a set of signals of proc_pid_status(5); key is "\nNAME:\t". */
static uint64_t read_set(const char *status, const char *key)
{
    enum { DIGITS = 16 };
    const char *at = strstr(status, key);
    uint64_t set = 0;

    if (at == NULL)
        return 0;
    at += strlen(key);
    for (int left = DIGITS; left > 0 && *at > ' '; left--, at++)
        set = set << 4 | (uint64_t)(*at <= '9' ? *at - '0' : *at - 'a' + 10);
    return set;
}

bool program_takes(const struct keeper *keeper, int number)
{
    enum { LONGEST = 8192 };
    char path[32];
    char status[LONGEST];
    struct dz_text text = dz_text(path, sizeof path);

    dz_add(&text, "/proc/");
    dz_add_number(&text, keeper->start->pid);
    dz_add(&text, "/status");
    if (dz_read_file(path, status, sizeof status) <= 0)
        return false;
    return ((read_set(status, "\nSigCgt:\t") | read_set(status, "\nSigBlk:\t")) &
            dz_signal_bit(number)) != 0;
}
