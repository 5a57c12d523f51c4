"""Executes COMMAND as the leader of a group in the foreground of its terminal.

usage: lead.py [--member] COMMAND [ARGUMENT]...; with another member of the group
"""
import os, signal, sys
os.setpgid(0, 0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
os.tcsetpgrp(0, os.getpgrp())
if "--member" in sys.argv[1:2]:
    sys.argv.pop(1)
    if os.fork() == 0:
        signal.pause()
os.execv(sys.argv[1], sys.argv[1:])
