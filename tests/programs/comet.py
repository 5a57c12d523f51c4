"""A process that ignores TERM, forks and ends every 2 ms; at most 10,000 times, or until
the file "over" is there.  Each writes to the file "beat"."""
import os
import signal
import time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(10000):
    with open("beat", "w") as beat:
        beat.write("x")
    if os.path.exists("over") or os.fork() > 0:
        os._exit(0)
    time.sleep(0.002)
