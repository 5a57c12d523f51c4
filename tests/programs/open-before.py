"""A parent that writes to a file which was open before the fork."""
import os, sys, time
pidfile = os.open("daemon.pid", os.O_WRONLY | os.O_CREAT, 0o644)
child = os.fork()
if child:
    os.write(pidfile, b"%d\n" % child)
    os._exit(0)
os.setsid()
print("done", file=open("seen", "w"), flush=True)
time.sleep(3600)
