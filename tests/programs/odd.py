"""A process with an odd cwd, umask and signal mask: usage: odd.py DIRECTORY READY WORD..."""
import os, signal, sys
os.chdir(sys.argv[1])
os.umask(0o027)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGRTMIN + 2])
os.setsid()
open(sys.argv[2], "w").write("x")
signal.pause()
