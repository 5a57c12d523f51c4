"""Follows the log of a job; tells for each of ROUNDS lines that it appends how many
milliseconds it took until the line was shown, sorted.

usage: follow.py DZCTL NAME LOG ROUNDS
"""
import subprocess, sys, time
ctl, name, log, rounds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
reader = subprocess.Popen([ctl, "log", "-f", name], stdout=subprocess.PIPE)
assert reader.stdout.readline() == b"first\n"
took = []
with open(log, "ab", buffering=0) as file:
    for i in range(rounds):
        time.sleep(0.037)  # it is waiting by now
        began = time.monotonic()
        file.write(b"line %d\n" % i)
        assert reader.stdout.readline() == b"line %d\n" % i
        took.append(time.monotonic() - began)
reader.terminate()
reader.wait()
print(*(round(1000 * t, 1) for t in sorted(took)))
