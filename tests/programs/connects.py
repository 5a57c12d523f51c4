"""Has three connections to PORT.

usage: connects.py PORT
"""
import socket, sys, time
s = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for i in range(3)]
print("connected", flush=True)
time.sleep(60)
