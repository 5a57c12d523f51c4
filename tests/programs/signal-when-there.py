"""Sends SIGNAL to COMMAND once the file "there" exists, and prints its exit status.

usage: signal-when-there.py SIGNAL COMMAND...
"""
import os, signal, subprocess, sys, time
process = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL)
while not os.path.exists("there"):
    time.sleep(0.01)
process.send_signal(signal.Signals["SIG" + sys.argv[1]])
print(process.wait())
