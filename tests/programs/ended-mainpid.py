"""Says READY=1 with the PID of a zombie."""
import os, socket, time
child = os.fork()
if child == 0:
    os._exit(0)
while " Z " not in open(f"/proc/{child}/stat").read():
    time.sleep(0.01)
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
s.send(b"MAINPID=%d\nREADY=1" % child)
time.sleep(60)
