# Moves the log and signals PID, 200 times; then reads what is in all of them.
import collections, os, re, signal, sys, time
pid = int(sys.argv[1])

def until(condition):
    end = time.monotonic() + float(os.environ["DEADLINE"])
    while not condition():
        assert time.monotonic() < end, "too late"
        os.sched_yield()

def wrote():
    return os.path.exists("out") and os.path.getsize("out") > 0

rotations = 200
for number in range(rotations):
    until(wrote)
    os.rename("out", f"out.{number}")
    os.kill(pid, signal.SIGHUP)
until(wrote)
os.kill(pid, signal.SIGUSR1)
until(lambda: os.path.exists("seen") and open("seen").read().endswith("\n"))

written = [int(n) for n in open("seen").read().split()]
assert sum(written) >= 100000 and min(written) >= 25000, written
found = [collections.Counter() for thread in written]
line = re.compile(r"([0-3]) (\d+) (x*)")
for name in ["out"] + [f"out.{n}" for n in range(rotations)]:
    text = open(name).read()
    assert text.endswith("\n"), f"{name} ends in the middle of a line"
    for each in text.splitlines():
        parts = line.fullmatch(each)
        assert parts and int(parts[2]) % 40 == len(parts[3]), f"torn: {name}: {each}"
        found[int(parts[1])][int(parts[2])] += 1
for thread, count in enumerate(written):
    assert len(found[thread]) == count, f"{thread}: {len(found[thread])} of {count}"
    assert sum(found[thread].values()) == count, f"{thread}: some are there twice"
    assert max(found[thread]) == count
