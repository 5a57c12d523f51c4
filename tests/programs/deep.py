"""Starts a job by DZNOHUP in a directory of the longest path.

usage: deep.py DZNOHUP
"""
import os, sys
while len(os.getcwd()) < 3900:
    os.mkdir("x" * 150)
    os.chdir("x" * 150)
os.mkdir("y" * (4091 - len(os.getcwd())))
os.chdir("y" * (4091 - len(os.getcwd())))
os.execv(sys.argv[1], [sys.argv[1], "-d", "-q", "-o", "log", "true"])
