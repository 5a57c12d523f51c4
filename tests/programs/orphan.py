"""Executes DZNOHUP in a process whose parent, a shell-like leader's child, has died.

usage: orphan.py DZNOHUP
"""
import os, sys, time
# A shell-like leader of a session, whose child starts the job and dies.
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        if os.fork() == 0:
            os.setpgid(0, 0)
            parent = os.getppid()
            while os.getppid() == parent:
                pass
            os.execv(sys.argv[1], [sys.argv[1], "-q", "-o", "log", "-C", ".", "sh", "-c",
                     f"echo {os.getpid()} $$ >pids; exec sleep 3600"])
        time.sleep(0.2)
        os._exit(0)
    os.wait()
    while not os.path.exists("pids"):
        time.sleep(0.01)
    os._exit(0)
os.wait()
