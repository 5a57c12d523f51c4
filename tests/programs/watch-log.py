"""Starts COMMAND, which prints three lines to LOG, and tells how late they are there.

usage: watch-log.py LOG TIMES COMMAND...

COMMAND writes to TIMES when it printed each line.  A line is late by the time from
its print to the last look that did not show it: on a busy machine either process
may be kept from running, which is no lateness of the line.
"""
import subprocess, sys, time
log, count, missing = open(sys.argv[1], "a+"), 0, [0.0] * 3
program = subprocess.Popen(sys.argv[3:])
while count < 3:
    now = time.monotonic()
    log.seek(0)
    count = log.read().count("\n")
    for line in range(count, 3):
        missing[line] = now
    time.sleep(0.002)
program.wait()
with open(sys.argv[2]) as file:
    worst = max(seen - float(printed) for seen, printed in zip(missing, file.read().split()))
print("live" if worst < 0.1 else "late by %d ms" % (1000 * worst))
