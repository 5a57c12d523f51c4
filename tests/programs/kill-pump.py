"""Kills a pump again and again while its target writes numbers, and puts another in its
place each time.

usage: kill-pump.py PUMPS NUMBERS KILLS [OPTION]...

Prints what numbered.py finds in the logs.
"""
import os
import random
import subprocess
import sys
import time

import numbered

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

numbered.check(int(open("last").read()))
