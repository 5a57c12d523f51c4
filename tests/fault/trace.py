"""Runs a command under ptrace(2), lists the system calls of all its processes,
and makes one of them fail or the process that makes it die.

Not by strace: its when=N counts in each process by itself, so the Nth call of
one process alone, a child's that its parent has made as often before, cannot be
named.

Calls are named PROCESS:NAME:N: the processes in the order in which they are
forked, the launcher being 0, and the Nth call of that name in that process.
What libc does before main is not the launcher's, and is neither listed nor
failed: a static program's start ends before its first call that is none of such a
start's, a dynamic one's with the munmap(2) of ld.so.cache, right before the
constructors.  A victim is let go
at its sched_yield(2), main's first call.
"""
import collections
import ctypes
import errno
import os
import platform
import re
import signal
import struct

(TRACEME, POKEUSER, SYSCALL, DETACH) = (0, 6, 24, 17)
(SETOPTIONS, GETEVENTMSG, GET_SYSCALL_INFO) = (0x4200, 0x4201, 0x420e)
EVENTS = {1: "fork", 2: "fork", 3: "fork", 4: "exec"}
# SYSGOOD, FORK, VFORK, CLONE, EXEC, EXITKILL
OPTIONS = 1 | 2 | 4 | 8 | 16 | 0x100000
STARTS_STATIC = {"brk", "arch_prctl", "set_tid_address", "set_robust_list", "rseq",
                 "prlimit64", "readlink", "getrandom", "mprotect"}
ENTRY = 1  # of ptrace_syscall_info.op
ORIG_RAX, RAX = 15 * 8, 10 * 8  # sys/user.h; x86-64 alone is known here
WALL = 0x40000000
PR_SET_CHILD_SUBREAPER = 36

# Which argument names what a call is about: a path, or a descriptor.
PATHS = {"access": 0, "chdir": 0, "execve": 0, "open": 0, "faccessat2": 1, "mkdir": 0,
         "newfstatat": 1, "openat": 1, "readlink": 0, "readlinkat": 1, "rename": 1,
         "statx": 1, "unlink": 0, "unlinkat": 1}
DESCRIPTORS = ("close", "dup", "dup2", "fchmod", "fcntl", "flock", "ftruncate",
               "getdents64", "ioctl", "lseek", "pidfd_send_signal", "read", "write")

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def read_names():
    """The numbers of this machine's system calls."""
    if platform.machine() != "x86_64":
        raise SystemExit("faults: needs an x86-64: others' registers are not known")
    header = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
    with open(header, encoding="ascii") as file:
        found = re.findall(r"#define __NR_(\w+) (\d+)", file.read())
    return {int(number): name for name, number in found}


NAMES = read_names()


def ptrace(request, pid, address=0, data=0):
    """ptrace(2); a tracee that was killed meanwhile is told by waitpid(2)."""
    ctypes.set_errno(0)
    result = libc.ptrace(request, pid, address, data)
    err = ctypes.get_errno()
    if result < 0 and err not in (0, errno.ESRCH):
        raise OSError(err, f"ptrace {request}: {os.strerror(err)}")
    return result


def become_subreaper():
    """What the launched leave behind comes to us, to be ended."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children():
    """The PIDs of this process's children; none of them can be a stranger's."""
    own = os.getpid()
    with open(f"/proc/self/task/{own}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def end_children():
    """Kill them, and what comes to us from them, until there are none."""
    while True:
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, WALL)
        except ChildProcessError:
            return


def is_dynamic(pid):
    """Whether the program of that process has an interpreter: PT_INTERP."""
    with open(f"/proc/{pid}/exe", "rb") as file:
        head = file.read(4096)
    start, = struct.unpack_from("<Q", head, 32)
    size, count = struct.unpack_from("<HH", head, 54)
    return any(struct.unpack_from("<I", head, start + i * size)[0] == 3
               for i in range(count))


def is_ours(pid):
    """Whether its program is one that we build.  What others do is not swept."""
    return os.readlink(f"/proc/{pid}/exe").startswith(BUILD + "/")


class Process:
    """One that is traced."""

    def __init__(self, index, forked):
        self.index = index
        self.new = forked      # its first SIGSTOP is ptrace's
        self.begun = forked    # libc's start is over
        self.executed = False
        self.start_ends = None
        self.counts = collections.Counter()
        self.err = 0           # what the call that it is in is to return


class Run:
    """One run of a command."""

    def __init__(self, fault=None):
        self.fault = fault      # (process, name, nth, error or "KILL"), or None
        self.fired = None       # what the call was about
        self.calls = []         # (process, name, nth, about)
        self.up = []            # PIDs that have reached main
        self.status = None      # of process 0, as of waitpid(2)
        self.pids = []          # in the order of their making
        self.traced = {}
        self.early = set()      # stopped before their parent's event

    def start(self, begin):
        """Fork; begin() makes the child what it is to be, and executes."""
        pid = os.fork()
        if pid == 0:
            try:
                ptrace(TRACEME, 0)
                os.kill(os.getpid(), signal.SIGSTOP)
                begin()
            finally:
                os._exit(99)
        self._add(pid, False)
        os.waitpid(pid, WALL)
        ptrace(SETOPTIONS, pid, 0, OPTIONS)
        ptrace(SYSCALL, pid)

    def wait(self):
        """Until each process has ended or reached main."""
        while self.traced:
            pid, status = os.waitpid(-1, WALL)
            process = self.traced.get(pid)
            if os.WIFSTOPPED(status):
                if process is None:
                    self.early.add(pid)
                else:
                    self._stopped(pid, process, status)
            elif process is not None:
                del self.traced[pid]
                if process.index == 0:
                    self.status = status

    def _add(self, pid, forked):
        self.traced[pid] = Process(len(self.pids), forked)
        self.pids.append(pid)

    def _stopped(self, pid, process, status):
        number = os.WSTOPSIG(status)
        event = EVENTS.get(status >> 16)
        deliver = 0
        if number == signal.SIGTRAP | 0x80:
            if not self._call(pid, process):
                return
        elif event == "fork":
            child = ctypes.c_ulong()
            ptrace(GETEVENTMSG, pid, 0, ctypes.addressof(child))
            self._add(child.value, True)
            if child.value in self.early:
                self.early.remove(child.value)
                self.traced[child.value].new = False
                ptrace(SYSCALL, child.value)
        elif event == "exec" and not is_ours(pid):
            del self.traced[pid]
            ptrace(DETACH, pid)
            return
        elif event == "exec":
            process.begun = False
            process.executed = True
            process.start_ends = "munmap" if is_dynamic(pid) else None
        elif process.new and number == signal.SIGSTOP:
            process.new = False
        else:
            deliver = number
        ptrace(SYSCALL, pid, 0, deliver)

    def _call(self, pid, process):
        """At the entry of a call, or its end.  Whether it is to go on traced."""
        info = ctypes.create_string_buffer(88)
        ptrace(GET_SYSCALL_INFO, pid, len(info), ctypes.addressof(info))
        number, *arguments = struct.unpack_from("<7Q", info, 24)
        if info[0][0] != ENTRY:
            if process.err:
                ptrace(POKEUSER, pid, RAX, -process.err)
                process.err = 0
            return True
        name = NAMES[number]
        if name == "sched_yield":
            self.up.append(pid)
            del self.traced[pid]
            ptrace(DETACH, pid)
            return False
        if not process.begun and process.start_ends:
            process.begun = name == process.start_ends
            return True
        if not process.begun and (not process.executed or name in STARTS_STATIC):
            return True
        process.begun = True
        process.counts[name] += 1
        call = (process.index, name, process.counts[name])
        if self.fault is None:
            self.calls.append((*call, about(pid, name, arguments)))
        elif call == self.fault[:3] and self.fired is None:
            self.fired = about(pid, name, arguments)
            if self.fault[3] == "KILL":
                os.kill(pid, signal.SIGKILL)
                return True
            process.err = getattr(errno, self.fault[3])
            if name != "close":  # which gives its descriptor up even so
                ptrace(POKEUSER, pid, ORIG_RAX, -1)
        return True


def about(pid, name, arguments):
    """The path or the file that a call is about, or nothing."""
    try:
        if name in PATHS:
            with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
                memory.seek(arguments[PATHS[name]])
                return memory.read(256).split(b"\0")[0].decode()
        if name in DESCRIPTORS:
            return os.readlink(f"/proc/{pid}/fd/{ctypes.c_int(arguments[0]).value}")
    except OSError:
        pass
    return ""
