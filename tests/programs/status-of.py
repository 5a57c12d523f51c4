"""Prints the exit status of COMMAND.

usage: status-of.py COMMAND...
"""
import subprocess, sys
print(subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL).wait())
