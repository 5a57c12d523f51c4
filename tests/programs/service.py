"""A service manager: notes what COMMAND tells it in the file "told", one line for a
message, until COMMAND ends; then its exit status.  WATCHDOG=1 is noted in "fed".

usage: service.py COMMAND...

The command's own PID is OURS.  With WITHIN in the environment it has a watchdog of so
many microseconds.
"""
import os, re, select, socket, subprocess, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("socket")
environment = dict(os.environ, NOTIFY_SOCKET=os.getcwd() + "/socket")
words = sys.argv[1:]
if "WITHIN" in environment:
    environment["WATCHDOG_USEC"] = environment.pop("WITHIN")
    words = ["sh", "-c", 'WATCHDOG_PID=$$; export WATCHDOG_PID; exec "$@"', "sh", *words]
process = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL)
with open("pid.new", "w") as file:
    print(process.pid, file=file)
os.rename("pid.new", "service")
end = os.pidfd_open(process.pid)
told = open("told", "a", buffering=1)
fed = open("fed", "a", buffering=1)
while True:
    ready, _, _ = select.select([s, end], [], [], float(os.environ["DEADLINE"]))
    if s in ready:
        data, fds, _, _ = socket.recv_fds(s, 4096, 8)
        for fd in fds:
            os.close(fd)
        text = re.sub("MONOTONIC_USEC=[0-9]+", "MONOTONIC_USEC=N", data.decode())
        text = text.replace("\n", " ").replace(str(process.pid), "OURS")
        if text != "BARRIER=1":
            print(text, file=fed if text == "WATCHDOG=1" else told)
        continue
    print("over", process.wait() if ready else "hangs", file=told)
    break
