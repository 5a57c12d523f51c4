"""Starts COMMAND on a socket; writes its PID to "pid", and what it sends to "received".

usage: sockets.py COMMAND...
"""
import os, socket, subprocess, sys
ours, theirs = socket.socketpair()
child = subprocess.Popen(sys.argv[1:], stdin=theirs, stdout=theirs, stderr=theirs)
theirs.close()
with open("pid.new", "w") as file:
    file.write(f"{child.pid}\n")
os.rename("pid.new", "pid")
data = ours.recv(100)
open("received", "wb").write(data)
