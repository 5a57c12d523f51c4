"""A service manager at ADDRESS: prints what COMMAND tells it, and its exit status.

usage: manager.py ADDRESS COMMAND...
"""
import os, socket, subprocess, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1] if sys.argv[1][0] == "/" else "\0" + sys.argv[1][1:])
s.settimeout(float(os.environ["DEADLINE"]))
process = subprocess.Popen(sys.argv[2:], env=dict(os.environ, NOTIFY_SOCKET=sys.argv[1]), stdin=subprocess.DEVNULL)
for i in range(2):
    data, fds, _, _ = socket.recv_fds(s, 4096, 8)
    running = process.poll() is None
    print(data.decode().replace("\n", " "), len(fds), running)
    for fd in fds:
        os.close(fd)
print(process.wait())
