"""A parent that waits for a word of its child before it exits with 3."""
import os, signal
r, w = os.pipe()
if os.fork():
    os._exit(3 if os.read(r, 1) == b"x" else 4)
open("daemon.pid", "w").write(f"{os.getpid()}\n")
os.write(w, b"x")
signal.pause()
