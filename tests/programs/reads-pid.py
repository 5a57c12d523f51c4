"""Starts COMMAND, reads a PID from its stdout into the file "pid", and keeps the pipe.

usage: reads-pid.py COMMAND...
"""
import os, signal, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
with open("new", "wb") as file:
    file.write(child.stdout.readline())
os.rename("new", "pid")
signal.pause()
