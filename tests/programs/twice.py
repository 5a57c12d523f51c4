"""Becomes a daemon by fork, setsid, fork; then has a worker, and tells in SEEN.

usage: twice.py SEEN OUT exit|_exit
"""
import os, signal, sys
seen, out, how = sys.argv[1:]
def leave():
    pid = os.fork()
    if pid:
        print("leaving", pid, flush=True)
        with open("daemon.pid", "w") as file:
            print(pid, file=file)
        sys.exit(0) if how == "exit" else os._exit(0)
open(os.devnull).close()  # Python 3.9 imports a module for its first text file
print("begins", flush=True)
leave()
try:
    os.setsid()
    session = 1
except OSError:
    session = 0
leave()
os.chdir("/tmp")
os.umask(0o027)
os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
worker = os.fork()
if not worker:
    os._exit(7)
status = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
with open(seen + ".new", "w") as file:
    print("pid", os.getpid(), "worker", status, "setsid", session, file=file)
os.rename(seen + ".new", seen)
signal.pause()
