"""Answers on the socket that is descriptor 20."""
import os, socket
s = socket.socket(fileno=20)
while True:
    s.accept()[0].sendall(b"hello %d\n" % os.getpid())
