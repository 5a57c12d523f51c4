/*
 * If a parent exits and leaves a child, although --no-daemon was asked for, one line on
 * stderr says so, and the parent stands in for the child.
 *
 * Only the parent's exit shows that the child it leaves behind was to be the daemon,
 * and no worker.  So the reason why the fork was made is kept until then.
 */
#include "nodaemon.h"

#include "registers.h"
#include "shim.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern int fflush(void *file); /* its type is the libc's own */

static pid_t last_child; /* 0: none */
static struct shim_reason last_reason;

/* What parents of daemons do, on every machine. */
static const struct shim_call calls[] = {
    {SYS_read, "read"},
    {SYS_openat, "openat"},
    {SYS_write, "write"},
    {SYS_ppoll, "ppoll"},
    {SYS_pselect6, "pselect6"},
    {SYS_epoll_pwait, "epoll_pwait"},
    {SYS_wait4, "wait4"},
    {SYS_waitid, "waitid"},
    {SYS_rt_sigsuspend, "rt_sigsuspend"},
    {SYS_rt_sigtimedwait, "rt_sigtimedwait"},
    {SYS_kill, "kill"},
    {SYS_tgkill, "tgkill"},
    {SYS_clone, "clone"},
    {SYS_execve, "execve"},
    {SYS_setsid, "setsid"},
    {SYS_chdir, "chdir"},
    {SYS_dup, "dup"},
    {SYS_dup3, "dup3"},
    {SYS_pipe2, "pipe2"},
    {SYS_socket, "socket"},
    {SYS_socketpair, "socketpair"},
    {SYS_connect, "connect"},
    {SYS_sendto, "sendto"},
    {SYS_recvfrom, "recvfrom"},
    {SYS_flock, "flock"},
    {SHIM_SYS_FCNTL, "fcntl"},
    {SYS_futex, "futex"},
    {SHIM_SYS_MMAP, "mmap"},
    {SYS_mprotect, "mprotect"},
    {SYS_getdents64, "getdents64"},
};

/* Returns the name of a call in a table, or NULL. */
static const char *find_name(const struct shim_call *table, size_t size, int number)
{
    for (size_t i = 0; i < size; i++)
        if (table[i].number == number)
            return table[i].name;
    return NULL;
}

static void add_call(struct dz_text *text, int call)
{
    const char *name = find_name(calls, sizeof calls / sizeof calls[0], call);

    if (name == NULL)
        name = find_name(shim_old_calls,
                         sizeof shim_old_calls / sizeof shim_old_calls[0], call);
    if (name != NULL) {
        dz_add(text, name);
        dz_add(text, "(2)");
        return;
    }
    dz_add(text, call < 0 ? "a system call of another architecture" : "system call ");
    if (call >= 0)
        dz_add_number(text, call);
}

static void add_reason(struct dz_text *text, const struct shim_reason *reason)
{
    switch (reason->cause) {
    case SHIM_CALLS:
        dz_add(text, "its parent called ");
        add_call(text, reason->number);
        dz_add(text, " before it exited");
        return;
    case SHIM_FAILS:
        dz_add(text, "its parent exited with status ");
        dz_add_number(text, reason->number);
        return;
    case SHIM_COMPUTES:
        dz_add(text, "its parent ran for more than a second before it exited");
        return;
    case SHIM_DIES:
        dz_add(text, "its parent, when tried, was ended by SIG");
        dz_add_signal(text, reason->number);
        return;
    case SHIM_NOT_TRIED:
        dz_add(text, "its parent could not be tried: ");
        dz_add_error(text, reason->number);
        return;
    case SHIM_TOO_MANY:
        dz_add_number(text, reason->number);
        dz_add(text, " forks came before it");
        return;
    }
}

void shim_note_fork(pid_t child, const struct shim_reason *reason)
{
    last_child = child;
    last_reason = *reason;
}

/* Writes one line about the child that goes on; stands: this process stays for it. */
static void tell(pid_t child, bool stands, bool has_threads)
{
    char line[320];
    struct dz_text text = dz_text(line, sizeof line);

    dz_add(&text, "libdz.so: no-daemon: PID ");
    dz_add_number(&text, child);
    dz_add(&text, " goes on in the background");
    if (stands) {
        dz_add(&text, ", and PID ");
        dz_add_number(&text, getpid());
        dz_add(&text, " stands in for it");
    }
    dz_add(&text, ": ");
    if (last_child == 0)
        dz_add(&text, "it was not made by fork(3)");
    else
        add_reason(&text, &last_reason);
    dz_add(&text, has_threads ? "; it has other threads\n" : "\n");
    /* If that fails, there is no other place to say so. */
    dz_write(2, line, text.length);
}

void shim_leave(bool was_kept, bool flushes)
{
    pid_t child;
    sigset_t all;
    sigset_t mask;

    /* From here on a signal is for the child. */
    memset(&all, 0xff, sizeof all);
    sigprocmask(SIG_BLOCK, &all, &mask); /* cannot fail */
    child = shim_find_daemon(last_child);
    if (child > 0) {
        /* Other threads would go on here, with the program's memory. */
        bool has_threads = shim_has_threads();
        bool stands = !was_kept && !has_threads;
        if (flushes)
            fflush(NULL);
        tell(child, stands, has_threads);
        if (stands)
            shim_stand_in(child);
    }
    sigprocmask(SIG_SETMASK, &mask, NULL);
}
