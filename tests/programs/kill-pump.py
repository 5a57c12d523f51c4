"""Kills a pump again and again while its target writes numbers, and puts another in its
place each time.

usage: kill-pump.py PUMPS NUMBERS KILLS [OPTION]...

Prints each line of the logs, without a time stamp, that is not the next number, and at
the end the number of lines.
"""
import glob
import os
import random
import re
import subprocess
import sys
import time

pumps, numbers, kills = sys.argv[1], sys.argv[2], int(sys.argv[3])
options = ["-o", "log"] + sys.argv[4:]
program = [numbers, "go", "last"]
deadline = time.monotonic() + 60


def start(pid):
    return subprocess.Popen([pumps, "ring", str(pid)] + options + program)


def target():
    while time.monotonic() < deadline:
        try:
            with open("ring.pid") as file:
                text = file.read()
            if text.endswith("\n"):
                return int(text)
        except OSError:
            pass
        time.sleep(0.001)
    sys.exit("no target")


pump = start(0)
pid = target()
for _ in range(kills):
    time.sleep(random.uniform(0, 0.015))
    pump.kill()
    pump.wait()
    if os.path.exists("ring.pid"):
        os.unlink("ring.pid")
    pump = start(pid)
# A target that ends while there is no pump takes what is in its pipe along.
target()
open("go", "w").close()
try:
    status = pump.wait(60)
except subprocess.TimeoutExpired:
    pump.kill()
    os.kill(pid, 9)
    sys.exit("the last pump does not end")
if status != 0:
    print("status", status)


def age(path):
    return -int(path[4:]) if path != "log" else 0


expected = 1
faults = 0
for path in sorted(glob.glob("log*"), key=age):
    with open(path, "rb") as file:
        for line in file:
            found = re.fullmatch(rb"(?:\d{4}-\d\d-\d\dT\S+ )?(\d+)\n", line)
            number = int(found.group(1)) if found else None
            if number != expected and faults < 10:
                print(path, line, "instead of", expected)
                faults += 1
            expected = (number or expected) + 1
print(expected - 1 - int(open("last").read()), "lines too many")
