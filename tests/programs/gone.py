"""Starts a job by DZNOHUP with a stdout that nobody reads.

usage: gone.py DZNOHUP
"""
import os, subprocess, sys
r, w = os.pipe()
os.close(r)
done = subprocess.run([sys.argv[1], "-d", "-o", "log", "sleep", "3600"], stdout=w,
                      stderr=subprocess.PIPE, text=True)
print(done.returncode, done.stderr, end="")
