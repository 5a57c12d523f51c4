"""Sends READY=1 to NOTIFY_SOCKET, and tells that it was taken."""
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
s.send(b"READY=1\nEXTEND_TIMEOUT_USEC=60000000")
print("read")
