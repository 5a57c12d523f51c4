"""Sends SIGNAL to COMMAND once the file "pid" exists; prints its status and what it said.

usage: interrupt.py SIGNAL COMMAND...
"""
import os, signal, subprocess, sys, time
words = sys.argv[2:]
for name in "SIGINT", "SIGQUIT": # the tests may run in the background of a shell
    signal.signal(getattr(signal, name), signal.SIG_DFL)
child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True, start_new_session=True)
while not os.path.exists("pid"):
    pass
child.send_signal(getattr(signal, sys.argv[1]))
out, err = child.communicate()
print(child.returncode, out.strip(), err.strip())
