"""Says MAINPID and READY right before it ends, while its launcher is stopped."""
import os, signal, socket, time
while os.getppid() == os.getsid(0):
    time.sleep(0.01)
launcher, parent = os.getppid(), os.getpid()
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
os.kill(launcher, signal.SIGSTOP)
child = os.fork()
if child:
    s.send(b"MAINPID=%d\nREADY=1" % child)
    os._exit(0)
# It goes on when there is a zombie to ask.
while " Z " not in open(f"/proc/{parent}/stat").read():
    time.sleep(0.01)
os.kill(launcher, signal.SIGCONT)
time.sleep(60)
