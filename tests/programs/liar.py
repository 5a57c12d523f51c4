"""Lies to the NOTIFY_SOCKET of process PID, and tells when that was read.

usage: liar.py PID
"""
import array, os, socket, sys
with open(f"/proc/{sys.argv[1]}/environ", "rb") as file:
    address = dict(v.split(b"=", 1) for v in file.read().split(b"\0") if b"=" in v)[b"NOTIFY_SOCKET"]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(b"\0" + address[1:])
ends = os.pipe()
s.sendmsg([b"READY=1\nMAINPID=%d\nEXTEND_TIMEOUT_USEC=60000000" % os.getpid()],
          [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [ends[1]]))])
os.close(ends[1])
os.read(ends[0], 1)
print("read")
