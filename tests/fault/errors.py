"""Which errors a system call may give, by its manual page; what is in no row
cannot fail, and its process is only killed there.

A filter (seccomp) or a security module may refuse any call with EPERM, and an old
kernel or filter answers ENOSYS.  So each call gets these two as well, but for those
without which no program runs at all.
"""

FILES = "EINTR ENOMEM EMFILE ENFILE EIO EACCES EPERM ENOSPC ENOENT"
NAMED = "ENOMEM EIO EACCES ENOENT"
ERRORS = {
    "access": NAMED,
    "bind": "EACCES ENOMEM EADDRINUSE",
    "brk": "ENOMEM",
    "chdir": NAMED,
    "clone": "EAGAIN ENOMEM EPERM",
    "close": "EINTR EIO ENOSPC",
    "close_range": "ENOMEM EMFILE EPERM ENOSYS",
    "connect": "EINTR EAGAIN ENOMEM EACCES EPERM ENOENT",
    "dup": "EMFILE ENOMEM",
    "dup2": "EINTR EMFILE ENOMEM EBUSY",
    "execve": "ENOMEM EMFILE ENFILE EAGAIN EIO EACCES EPERM ENOENT ETXTBSY E2BIG",
    "faccessat2": NAMED + " EPERM ENOSYS",
    "fchmod": "EINTR EIO ENOMEM EPERM ENOSPC",
    "fcntl": "EINTR EMFILE EAGAIN ENOMEM EACCES EPERM",
    "flock": "EINTR EAGAIN ENOMEM EIO",
    "fork": "EAGAIN ENOMEM",
    "fstatfs": "EINTR EIO ENOMEM",
    "ftruncate": "EINTR EIO ENOSPC EPERM",
    "getcwd": "ENOMEM EACCES ENOENT",
    "getdents64": "EINTR EIO ENOENT ENOMEM",
    "getpgid": "EPERM",
    "getrandom": "EINTR EAGAIN ENOSYS",
    "getsid": "EPERM",
    "getsockname": "ENOMEM",
    "ioctl": "EINTR EIO ENOMEM EPERM",
    "kill": "EPERM",
    "lseek": "EIO",
    "mkdir": NAMED + " EPERM ENOSPC",
    "mmap": "ENOMEM EAGAIN ENFILE EACCES EPERM",
    "newfstatat": NAMED,
    "open": FILES,
    "openat": FILES,
    "pidfd_open": "ENOMEM EMFILE ENFILE EPERM ENOSYS",
    "pidfd_send_signal": "EPERM ENOSYS",
    "pipe2": "EMFILE ENFILE ENOMEM",
    "poll": "EINTR ENOMEM",
    "prctl": "EPERM EINVAL",
    "pread64": "EIO",
    "ptrace": "EPERM ESRCH EIO",
    "pwrite64": "EIO ENOMEM",
    "read": "EINTR EAGAIN EIO ENOMEM",
    "readlink": NAMED,
    "readlinkat": NAMED,
    "recvfrom": "EINTR EAGAIN ENOMEM",
    "recvmsg": "EINTR EAGAIN ENOMEM EMFILE",
    "rename": NAMED + " EPERM ENOSPC",
    "rt_sigaction": "EPERM",
    "rt_sigprocmask": "EPERM",
    "rt_sigtimedwait": "EINTR EAGAIN",
    "sendmmsg": "EINTR EAGAIN ENOMEM ENOBUFS ECONNREFUSED ENOTCONN EPERM ENOSYS",
    "sendmsg": "EINTR EAGAIN ENOMEM EACCES EPERM",
    "sendto": "EINTR EAGAIN ENOMEM EACCES EPERM",
    "setpgid": "EACCES EPERM",
    "setsid": "EPERM",
    "setsockopt": "ENOMEM EPERM",
    "signalfd4": "EMFILE ENFILE ENOMEM",
    "socket": "EMFILE ENFILE ENOMEM EACCES",
    "statx": NAMED + " EPERM ENOSYS",
    "unlink": NAMED + " EPERM",
    "unlinkat": NAMED + " EPERM",
    "vfork": "EAGAIN ENOMEM",
    "wait4": "EINTR ECHILD",
    "waitid": "EINTR ECHILD",
    "writev": "EINTR EAGAIN EIO ENOSPC EPERM",
    "write": "EINTR EAGAIN EIO ENOSPC EPERM",
}


# Calls that no filter refuses: those whose interface has no error (umask(2), getpid(2)),
# the program's own end, what every libc needs to get to main, and the clock, which no
# libc asks by a system call where the kernel's page (vDSO) answers.
NEVER_REFUSED = {"umask", "getpid", "getppid", "gettid", "getpgrp", "getuid", "geteuid",
                 "getgid", "getegid", "exit", "exit_group", "rt_sigreturn", "execve",
                 "arch_prctl", "set_tid_address", "set_robust_list", "brk", "mmap",
                 "mprotect", "munmap", "clock_gettime"}


def errors_of(name):
    """The errors to inject at a call, and the kill."""
    found = ERRORS.get(name, "").split()
    if name not in NEVER_REFUSED:
        found += [error for error in ("EPERM", "ENOSYS") if error not in found]
    return found + ["KILL"]
