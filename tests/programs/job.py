#!/usr/bin/env python3
"""A job on a terminal of its own, to be adopted.

usage: job.py SCREEN PIDFILE [--foreground] [--type TEXT] COMMAND...

A leader of the terminal's session, as a shell is one, runs the command as a job with a
process group.  What is on the screen goes to the file SCREEN, whole, until TERM: then
the terminal is hung up, and the leader sends HUP to the job, as bash does, and ends.
"""
import os
import pty
import select
import signal
import sys


def lead(words, pidfile, foreground):
    """In the leader of the session: run the job, and live until the hangup."""
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        if foreground:
            os.tcsetpgrp(0, os.getpid())
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        os.closerange(3, 1024)
        os.execvp(words[0], words)
    try:
        os.setpgid(job, job)
    except PermissionError:  # it has executed already
        pass
    with open(pidfile + ".new", "w", encoding="ascii") as file:
        file.write(f"{job}\n")
    os.rename(pidfile + ".new", pidfile)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    signal.sigwait([signal.SIGHUP])
    try:
        os.killpg(job, signal.SIGHUP)
    except ProcessLookupError:
        pass
    os._exit(0)


def main():
    args = sys.argv[1:]
    screen, pidfile = args[:2]
    args = args[2:]
    foreground = args[0] == "--foreground"
    args = args[foreground:]
    typed = b""
    if args[0] == "--type":
        typed, args = args[1].encode(), args[2:]
    leader, terminal = pty.fork()
    if leader == 0:
        lead(args, pidfile, foreground)
    ends = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(ends[1], b"."))
    with open(screen, "wb", buffering=0) as file:
        while True:
            ready = select.select([terminal, ends[0]], [], [])[0]
            if terminal in ready:
                try:
                    data = os.read(terminal, 65536)
                except OSError:  # EIO: nobody has it open any more
                    break
                file.write(data)
                if typed:
                    os.write(terminal, typed)
                    typed = b""
            elif ends[0] in ready:
                break
    os.close(terminal)
    os.waitpid(leader, 0)


main()
