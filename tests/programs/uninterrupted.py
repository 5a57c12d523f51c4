"""Executes COMMAND with INT, QUIT and TERM ignored or blocked.

usage: uninterrupted.py ignored|blocked COMMAND...
"""
import os, signal, sys
signals = [signal.SIGINT, signal.SIGQUIT, signal.SIGTERM]
if sys.argv[1] == "blocked":
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
for each in signals:
    signal.signal(each, signal.SIG_IGN if sys.argv[1] == "ignored" else signal.SIG_DFL)
os.execvp(sys.argv[2], sys.argv[2:])
