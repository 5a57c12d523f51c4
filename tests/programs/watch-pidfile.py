"""Reads a pidfile as fast as possible while 200 starts replace it: tells what was no whole
PID.

usage: watch-pidfile.py DZNOHUP SLEEP
"""
import os, re, subprocess, sys, signal
launcher, sleep = sys.argv[1:]
def watch(pipe):
    seen, reads, bad = set(), 0, set()
    while not os.path.exists("over"):
        try:
            with open("pid", "rb") as file:
                text = file.read()
        except FileNotFoundError:
            continue
        reads += 1
        (seen if re.fullmatch(rb"[1-9][0-9]*\n", text) else bad).add(text)
    os.write(pipe, f"{len(seen)} {reads} {sorted(bad)}".encode())
    os._exit(0)
out, into = os.pipe()
if os.fork() == 0:
    watch(into)
pids = []
for number in range(200):
    done = subprocess.run([launcher, "-d", "-q", "-w", "exec", "-p", "pid", "-o", "log", sleep, "3600"],
                          stdout=subprocess.PIPE, check=True)
    pids.append(int(done.stdout))
    with open("pid") as file:
        assert int(file.read()) == pids[-1]
    os.kill(pids[-1], signal.SIGKILL)
    while True:
        try:
            with open(f"/proc/{pids[-1]}/stat") as file:
                if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                    break
        except (FileNotFoundError, ProcessLookupError):
            break
open("over", "w").close()
os.wait()
seen, reads, bad = os.read(out, 4096).decode().split(" ", 2)
print("bad:", bad, "seen enough:", int(seen) > 20 and int(reads) > 200)
