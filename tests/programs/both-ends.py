"""Starts a job while it holds both ends of the pipe that is its stdout, and reads to the
end.

usage: both-ends.py launcher DZNOHUP | both-ends.py preload LIBDZ
"""
import os, subprocess, sys
r, w = os.pipe()
os.set_inheritable(w, True); os.set_inheritable(r, True)
env = dict(os.environ)
if sys.argv[1] == "preload":
    env["LD_PRELOAD"] = sys.argv[2]
    command = ["sleep", "3602"]
else:
    command = [sys.argv[2], "-d", "-q", "sleep", "3602"]
subprocess.run(command, stdout=w, stderr=w, close_fds=False, env=env, check=True)
os.close(w)
print(os.read(r, 100).decode().strip(), repr(os.read(r, 1) if sys.argv[1] != "preload" else b""))
