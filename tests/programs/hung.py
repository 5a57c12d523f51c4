# Starts the words with 0, 1 and 2 on a terminal that is no more, and shows the PID.
import os, pty, subprocess, sys
master, slave = pty.openpty()
os.close(master)
print(subprocess.Popen(sys.argv[1:], stdin=slave, stdout=slave, stderr=slave).pid)
