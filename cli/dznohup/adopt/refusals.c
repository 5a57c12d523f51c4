/*
 * What cannot be adopted, with the reason and the way out.  All of it is found before
 * the target is stopped.
 */
#include "adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int refuse(const struct subject *subject, struct dz_fault *fault, const char *format,
           ...)
{
    char words[sizeof fault->reason];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    dz_one_line(words);
    return dz_fault_number(fault, "adopt", subject->pid, 0, words);
}

/* Returns the setting of yama, or -1 if this kernel has none. */
static int trace_scope(void)
{
    char text[16];

    return dz_read_file("/proc/sys/kernel/yama/ptrace_scope", text, sizeof text) > 0 &&
                   text[0] >= '0' && text[0] <= '9'
               ? text[0] - '0'
               : -1;
}

/* Returns whether the kernel shows the process as root's though it is not: a setuid
 * program, or one that has made itself not dumpable. */
static bool is_guarded(const struct subject *subject)
{
    char path[64];
    struct stat about;

    snprintf(path, sizeof path, "/proc/%d/mem", (int)subject->process.thread);
    return stat(path, &about) == 0 && about.st_uid != subject->uid;
}

int refuse_trace(const struct subject *subject, int err, struct dz_fault *fault)
{
    if (err == ESRCH || err == ENOENT)
        return refuse(subject, fault, "has ended");
    if (err == EINTR)
        return refuse(subject, fault, "is executing another program; try again");
    if (err != EPERM)
        return dz_fault_number(fault, "adopt", subject->pid, err, NULL);
    if (geteuid() != 0 && subject->uid != geteuid())
        return refuse(subject, fault, "belongs to user %u; use sudo", subject->uid);
    if (geteuid() != 0 && is_guarded(subject))
        return refuse(subject, fault,
                      "has gained privileges, or has made itself undumpable; use sudo");
    switch (trace_scope()) {
    case 1:
        return refuse(subject, fault,
                      "this system lets only a parent trace it; use sudo, or "
                      "sysctl kernel.yama.ptrace_scope=0");
    case 2:
        return refuse(subject, fault,
                      "this system lets only root trace it "
                      "(kernel.yama.ptrace_scope is 2); use sudo");
    case 3:
        return refuse(subject, fault,
                      "this system lets nobody trace until it boots with "
                      "kernel.yama.ptrace_scope below 3");
    default:
        return refuse(subject, fault,
                      "ptrace(2) is refused: by a container without CAP_SYS_PTRACE, or "
                      "a security module");
    }
}

/* ---- seccomp ---- */

/* Returns whether this process has as many filters.  If a container has given one
 * filter to all its processes, those are the same filters. */
static bool has_our_filters(const struct subject *subject)
{
    struct subject own;
    struct dz_fault unheard;

    return subject->filters >= 0 && read_subject(&own, getpid(), &unheard) == 0 &&
           own.seccomp == subject->seccomp && own.filters == subject->filters;
}

static int check_filter(const struct subject *subject, struct dz_fault *fault)
{
    if (subject->seccomp == 0 || (subject->seccomp == 2 && has_our_filters(subject)))
        return 0;
    if (subject->seccomp == 2 && geteuid() == 0)
        return 0; /* its filters are suspended meanwhile: seize_all */
    return refuse(subject, fault,
                  "has a seccomp filter, which may end it at a call that it does not "
                  "expect%s",
                  geteuid() == 0 ? "" : "; root can suspend the filter: use sudo");
}

/* ---- all ---- */

/* Returns whether the process finds us, and so what we open, under our PID in /proc. If
 * we may not look, ptrace(2) will be refused, too. */
static bool can_reach_us(const struct subject *subject)
{
    char path[64];
    struct stat seen;
    struct stat own;

    snprintf(path, sizeof path, "/proc/%d/root/proc/%d/exe",
             (int)subject->process.thread, (int)getpid());
    if (stat(path, &seen) < 0)
        return errno == EACCES || errno == EPERM;
    return stat("/proc/self/exe", &own) == 0 && own.st_dev == seen.st_dev &&
           own.st_ino == seen.st_ino;
}

/* Returns whether it is a program of 32 bits. */
static bool is_narrow(const struct subject *subject)
{
    struct dz_head head;
    struct dz_elf elf;
    char path[64];
    bool narrow;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/exe", (int)subject->process.thread);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false; /* if it is one, the first look at its registers tells */
    narrow =
        dz_read_head(fd, &head) == 0 && dz_read_elf(fd, &head, &elf) && elf.bits == 32;
    dz_close(fd);
    return narrow;
}

int check_user(const struct subject *subject, pid_t target, struct dz_fault *fault)
{
    if (!MACHINE_KNOWN || subject->of_kernel || dz_has_ended(&subject->process) ||
        subject->uid == geteuid())
        return 0; /* check_subject() has a better reason, or none */
    if (target != 0)
        return refuse(
            subject, fault,
            "is adopted with process %d, but belongs to user %u, who could not open "
            "the log; stop the job and start it with dznohup",
            (int)target, subject->uid);
    if (geteuid() != 0)
        return refuse_trace(subject, EPERM, fault);
    return refuse(subject, fault,
                  "belongs to user %u, who could not open the log; use "
                  "setpriv --reuid=%u --clear-groups dznohup --adopt=%d",
                  subject->uid, subject->uid, (int)subject->pid);
}

int check_subject(const struct subject *subject, struct dz_fault *fault)
{
    if (!MACHINE_KNOWN)
        return refuse(subject, fault, "dznohup cannot do this on this machine");
    if (subject->pid == 1)
        return refuse(subject, fault, "is PID 1; its end would be the system's");
    if (subject->pid == getpid())
        return refuse(subject, fault, "is dznohup itself");
    if (subject->of_kernel && !dz_has_ended(&subject->process))
        return refuse(subject, fault, "is a thread of the kernel");
    if (dz_has_ended(&subject->process))
        return refuse(subject, fault, "has ended");
    if (subject->group_of_threads != subject->pid)
        return refuse(subject, fault, "is a thread of process %d; adopt that",
                      (int)subject->group_of_threads);
    if (subject->tracer != 0 && subject->tracer != getpid())
        return refuse(subject, fault, "is already traced by process %d",
                      (int)subject->tracer);
    if (subject->namespaces > 1)
        return refuse(subject, fault, "is in another PID namespace; run dznohup there");
    if (!can_reach_us(subject))
        return refuse(subject, fault,
                      "has another root directory or mount namespace, whose /proc does "
                      "not show dznohup's files; run dznohup there");
    if (!MACHINE_NARROW && is_narrow(subject))
        return refuse(subject, fault,
                      "is a program of 32 bits, which dznohup cannot adopt on this "
                      "machine; start it with dznohup");
    return check_filter(subject, fault);
}
