"""Executes COMMAND with a listening socket on descriptor 20, its port in the file "port".

usage: inherit.py COMMAND...
"""
import os, socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
os.dup2(s.fileno(), 20)
with open("port", "w") as f:
    print(s.getsockname()[1], file=f)
os.execvpe(sys.argv[1], sys.argv[1:], dict(os.environ, DZ_WAIT="listen:%d" % s.getsockname()[1]))
