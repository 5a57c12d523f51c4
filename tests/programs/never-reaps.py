"""Starts COMMAND, writes its PID to the file "pid", and never waits for it.

usage: never-reaps.py COMMAND...
"""
import os, subprocess, sys, signal
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
print(child.pid, file=open("new", "w"), flush=True)
os.rename("new", "pid")
signal.pause()
