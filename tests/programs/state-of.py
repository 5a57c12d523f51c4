"""Prints what this process has of its caller, a line each: ids, terminal, directory,
umask, signals, descriptors."""
import os, signal, sys

field = open("/proc/self/stat").read().rpartition(")")[2].split()
print("group", os.getpgrp(), "session", os.getsid(0), "terminal", field[4], "of group", field[5])
print("directory", os.getcwd())
mask = os.umask(0)
os.umask(mask)
print("umask", oct(mask))
for line in open("/proc/self/status"):
    # python itself ignores PIPE and XFSZ
    if line.startswith("SigIgn"):
        print("SigIgn", hex(int(line.split()[1], 16) & ~(1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1)))
    elif line.startswith("SigBlk"):
        print(line.strip())
listed = os.listdir("/proc/self/fd")
for number in sorted(map(int, listed)):
    try:
        print(number, os.readlink(f"/proc/self/fd/{number}"))
    except OSError:
        pass  # of the listing itself
print("variables", sorted(name for name in os.environ if name[:3] in ("DZ_", "LD_")))
