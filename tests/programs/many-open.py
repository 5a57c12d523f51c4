"""Executes COMMAND with COUNT more descriptors, and LIMIT of them allowed unless it is 0.

usage: many-open.py LIMIT COUNT COMMAND...
"""
import os, resource, sys
limit, count = int(sys.argv[1]), int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
for i in range(count):
    os.set_inheritable(os.open("/dev/null", os.O_RDONLY), True)
os.execvp(sys.argv[3], sys.argv[3:])
