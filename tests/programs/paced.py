"""Prints three lines, 200 ms apart, and writes to FILE when each was printed.

usage: paced.py FILE
"""
import sys, time
printed = []
for i in range(3):
    print("line", i)
    printed.append(time.monotonic())
    time.sleep(0.2)
with open(sys.argv[1], "w") as file:
    print(*printed, file=file)
