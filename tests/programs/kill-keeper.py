"""Kills the keeper of the job "web" again and again while its program writes numbers, and
has dzctl put another in its place each time.

usage: kill-keeper.py DZCTL KILLS

Every third time the new keeper is killed before it is one, at any moment of its start.
At the end the program is told to end.  Prints what numbered.py finds in the logs.
"""
import os
import random
import re
import select
import signal
import subprocess
import sys
import time

import numbered

dzctl, kills = sys.argv[1], int(sys.argv[2])
record = os.path.join(os.environ["DZ_STATE_DIR"], "web")


def keeper():
    with open(record) as file:
        return int(re.search(r"^keeper (\d+) ", file.read(), re.M).group(1))


def kill(pid):
    """Kills it, and waits for its end."""
    try:
        fd = os.pidfd_open(pid)
        signal.pidfd_send_signal(fd, signal.SIGKILL)
    except ProcessLookupError:
        return
    select.select([fd], [], [], 60)
    os.close(fd)


def kill_keeper():
    pid = keeper()
    with open(f"/proc/{pid}/comm") as file:
        if file.read() != "dznohup\n":
            sys.exit(f"PID {pid} is no keeper")
    kill(pid)


def below(pid):
    """The processes that descend from one, the deepest first."""
    found = []
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = file.read().split()
    except OSError:
        children = []
    for child in children:
        found += below(int(child)) + [int(child)]
    return found


def kill_start():
    """Kills a new keeper during its start, and the dznohup that waits for it."""
    start = subprocess.Popen([dzctl, "keep", "web"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    time.sleep(random.uniform(0, 0.006))
    for pid in below(start.pid):
        kill(pid)
    start.wait()


def keep():
    done = subprocess.run([dzctl, "keep", "web"], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)


for number in range(kills):
    time.sleep(random.uniform(0, 0.015))
    kill_keeper()
    if number % 3 == 2:
        kill_start()
    keep()
open("go", "w").close()
if subprocess.run([dzctl, "wait", "-t", "60", "web"]).returncode != 0:
    sys.exit("status")
numbered.check(int(open("last").read()))
