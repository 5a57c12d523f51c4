"""usage: server.py PORT FOLDER

The /opt/app/server of the recipes: prints a line, which its buffer holds unless that is
flushed at each line; listens on 127.0.0.1:PORT; answers each connection with its PID;
exits with 0 at SIGTERM.  If a file "broken" is in FOLDER, the start fails."""
import os
import signal
import socket
import sys
import time


def stop(*_):
    print("stopped")
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
if os.path.exists(os.path.join(sys.argv[2], "broken")):
    print("app: no such database")
    sys.exit(3)
print("starting")
time.sleep(0.3)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listening:
    print("listening")
    while True:
        client, _ = listening.accept()
        client.sendall(b"hello %d\n" % os.getpid())
        client.close()
