"""Moves the log and signals PID, 200 times at random moments, while targets/chain runs;
then reads what is in all of the files.  usage: rotates-chain.py PID STOP"""
import os, random, re, signal, sys, time
pid, stop = int(sys.argv[1]), sys.argv[2]

def until(condition):
    end = time.monotonic() + float(os.environ["DEADLINE"])
    while not condition():
        assert time.monotonic() < end, "too late"
        os.sched_yield()

def state():
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "gone"

def wrote():
    assert state() not in ("Z", "X", "gone"), f"ended after {number} rotations"
    return os.path.exists("log") and os.path.getsize("log") > 0

ROTATIONS = 200
number = 0
for number in range(ROTATIONS):
    until(wrote)
    time.sleep(random.random() / 200)
    os.rename("log", f"log.{number}")
    os.kill(pid, signal.SIGHUP)
until(wrote)
open(stop, "w").close()
until(lambda: state() in ("Z", "X", "gone"))
lines = []
for name in [f"log.{n}" for n in range(ROTATIONS)] + ["log"]:
    text = open(name).read()
    assert text.endswith("\n"), f"{name} is empty or torn"
    lines += text.splitlines()
end = re.fullmatch(r"end (\d+) after (\d+) execs", lines.pop())
assert end and int(end[2]) >= 30, f"execs: {lines[-1:]} {end}"
assert lines == [f"line {n + 1}" for n in range(int(end[1]))], "lines are missing"
print("all there")
