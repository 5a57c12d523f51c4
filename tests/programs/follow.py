"""Appends ROUNDS lines to LOG, which COMMAND follows; tells for each how many milliseconds
it took until the line was shown, sorted.

usage: follow.py LOG ROUNDS COMMAND...
"""
import os, signal, subprocess, sys, time
log, rounds = sys.argv[1], int(sys.argv[2])
reader = subprocess.Popen(sys.argv[3:], stdout=subprocess.PIPE, start_new_session=True)
assert reader.stdout.readline() == b"first\n"
took = []
with open(log, "ab", buffering=0) as file:
    for i in range(rounds):
        time.sleep(0.037)  # it is waiting by now
        began = time.monotonic()
        file.write(b"line %d\n" % i)
        assert reader.stdout.readline() == b"line %d\n" % i
        took.append(time.monotonic() - began)
os.killpg(reader.pid, signal.SIGTERM)  # strace(1) itself heeds none
reader.wait()
print(*(round(1000 * t, 1) for t in sorted(took)))
