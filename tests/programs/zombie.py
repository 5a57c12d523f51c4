"""Has a child that is a zombie, whose PID is in the file "pid"."""
import os, signal, sys
pid = os.fork()
if pid == 0:
    os._exit(0)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
print(pid, file=open("new", "w"), flush=True)
os.rename("new", "pid")
signal.pause()
