"""Listens on PORT, with many descriptors, sockets and children.

usage: many.py PORT
"""
import os, socket, sys, time
held = [os.open("/dev/null", os.O_RDONLY) for i in range(300)]
held += [socket.socket(socket.AF_UNIX) for i in range(600)]
for i in range(20):
    if os.fork() == 0:
        time.sleep(60)
time.sleep(0.3)
s = socket.socket()
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen()
time.sleep(60)
