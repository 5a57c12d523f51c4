# A thread with a descriptor table of its own listens on 127.0.0.1:PORT.
#
# usage: own-files.py unshare PORT: it was unshared, unshare(2)
#        own-files.py leader PORT: the first thread ends before it
import ctypes
import socket
import sys
import threading
import time

CLONE_FILES = 0x400
libc = ctypes.CDLL(None, use_errno=True)


def serve():
    if sys.argv[1] == "unshare" and libc.unshare(CLONE_FILES) < 0:
        sys.exit("unshare")
    if sys.argv[1] == "leader":
        time.sleep(0.3)
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", int(sys.argv[2])))
    server.listen()
    print("listens", flush=True)
    time.sleep(60)


thread = threading.Thread(target=serve)
thread.start()
if sys.argv[1] == "leader":
    libc.pthread_exit(None)
thread.join()
