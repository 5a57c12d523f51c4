"""What is rightly ignored, and why: the violations that are none.

Each: the mode, the call as "PROCESS:NAME ERROR ABOUT", the problems, all as
regular expressions that have to match as a whole, and the reason.
"""
import re

KEPT_LOCK = r"what is left is \{(?=[^}]*\.new')'[^']*', '[^']*'\}, not .*"
LOCK = r"what is left is \{'[^']*\.new'\}, not set\(\)"
STANDS_IN = r"status is \d+, not 0|PID is missed.*"
# The caller was told of a success, so what follows came behind it.
AFTER = r"status is a failure's is False.*|lines on stderr is 0.*|what is left is .*" \
    r"|recorded status is .*|lines is .*"
EXCUSED = [
    ("nohup", r"0:ioctl E.*", r"std(in|out) is .*",
     "GNU nohup asks isatty(3) too, and keeps what is not said to be a terminal"),
    ("nohup", r"0:rt_sigaction E.*", r"SigIgn is .*",
     "signal(2) cannot fail for SIGHUP, and GNU nohup does not look either"),
    ("nohup", r"0:write E\S+ pipe:.*", r"lines on stderr is 0, not 1|what is left is .*",
     "stderr itself fails: there is nowhere to say so but the status"),
    (".*", r"\d:statx E.*", LOCK,
     "a lock that cannot be looked at is not known to be ours, and not removed; it is "
     "empty, names nobody, and the next start takes it"),
    ("manager", r"1:\S+ KILL .*", STANDS_IN,
     "who waits in the caller's place is killed: the caller says so, does not know whether "
     "the job runs, and removes nothing that might be the job's"),
    ("manager|keep-leave|keep-again", r"[01]:(read|write) E\S+ pipe:.*", STANDS_IN + "|" + AFTER,
     "a pipe that blocks gives none of these"),
    ("main|powers.*|shim.*", r"\d:rt_sigprocmask E.*", r"SigBlk is .*",
     "the kernel refuses no valid mask, and a filter that does has refused to block the "
     "signals before; no libc looks at it"),
    ("powers", r"0:access ENOENT /lib.*", r"descriptors is \{3\}.*",
     "the interpreter is there after all: the copy of stderr, for the library of a program "
     "that cannot be executed, stays open in it"),
    ("main|powers.*|shim.*", r"2:(close|rt_sigtimedwait|rt_sigprocmask) KILL .*", AFTER,
     "the program has said that main is reached: its own end, behind the start's"),
    ("keep.*", r"\d:(unlink|statx) E.*", KEPT_LOCK,
     "a lock that cannot be removed is empty, names nobody, and the next start takes it"),
    ("keep.*", r"\d:open(at)? ENOENT .*", r"what is left is .*",
     "no failure but an answer: there is no pidfile"),
    ("keep-pump", r"\d:(lstat|newfstatat) ENOENT .*", r"lines .*",
     "no failure but an answer: there is no such old log, so its name is free"),
    ("keep-again", r"2:(open|openat|getdents64) ENOENT /proc/\d+/fd.*", r"lines is .*",
     "no failure but an answer: the program has ended, and its pipe with it"),
    ("keep-.*", r"0:rt_sigprocmask E.*", r"status is 15|state/job names .*|work/pid names .*",
     "the kernel refuses no valid mask; libc's fork(2) does not look, and unblocks TERM then"),
    ("keep-stop", r"0:kill E.*", r"hangs: .*",
     "a program that may not be signalled gets another signal, KILL, after 90 s"),
    ("keep-.*", r"\d:unlink E\S+ .*ring.*", r"what is left is .*",
     "an empty ring that cannot be removed holds nothing, and the next start takes it"),
    ("stop.*", r"0:open(at)? ENOENT .*", r".*",
     "no failure but an answer: there is no such job, record or process"),
    ("stop.*", r"0:\S+ E\S+ .*", r"what is left is .*",
     "the job has ended and is said to be stopped; a pidfile or record that could not be "
     "removed names nobody who runs, and a lock is empty"),
]


def excuse(mode, fault, about, problems):
    """Why these problems are none, or an empty string."""
    call = f"{fault[0]}:{fault[1]} {fault[3]} {about}"
    for modes, calls, found, reason in EXCUSED:
        if re.fullmatch(modes, mode) and re.fullmatch(calls, call) and \
                all(re.fullmatch(found, problem) for problem in problems):
            return reason
    return ""
