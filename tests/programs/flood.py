"""Sends datagrams without end, from forty processes."""
import os, socket
for i in range(40):
    if os.fork() == 0:
        break
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
while True:
    s.send(b"X=1\n")
