"""Interrupts its own group while 100 jobs of others start: prints how many it has hit.

usage: interrupts.py DZNOHUP
"""
import os, signal, subprocess, sys
signal.signal(signal.SIGINT, lambda *_: None)
os.setpgid(0, 0)
bad = 0
for _ in range(100):
    child = subprocess.Popen([sys.argv[1], "-q", "sh", "-c", "exit 5"],
                             preexec_fn=lambda: os.setpgid(0, 0))
    while child.poll() is None:
        os.killpg(0, signal.SIGINT)
    bad += child.returncode != 5
print(bad)
