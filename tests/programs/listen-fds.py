"""Executes COMMAND with descriptors 3 to 5 open, the first two of them LISTEN_FDS.

usage: listen-fds.py COMMAND...
"""
import os, sys
zero = os.open("/dev/zero", os.O_RDONLY)
for fd in range(3, 6):
    os.dup2(zero, fd)
    os.set_inheritable(fd, True)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = "2"
os.execvp(sys.argv[1], sys.argv[1:])
