"""Holds the lock .pid.new until the file "over" exists."""
import fcntl, os, time
file = open(".pid.new", "w")
fcntl.flock(file, fcntl.LOCK_EX)
open("held", "w").write("held\n")
while not os.path.exists("over"):
    time.sleep(0.01)
