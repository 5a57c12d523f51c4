"""Of two launchers released at once exactly one starts the job; the other exits with 122
and names the PID that won.

usage: race.py MODE ROUNDS DZNOHUP LIBDZ VICTIM PROGRAM OPTION...
"""
import os, random, re, signal, subprocess, sys, time

mode, rounds, launcher, shim, victim, exe, *options = sys.argv[1:]
random.seed(7)

def words():
    if mode == "shim":
        twins = dict(option[2:].split("=", 1) for option in options)
        twins = {"DZ_" + key.upper(): value for key, value in twins.items()}
        return [victim, "3600"], dict(os.environ, LD_PRELOAD=shim, DZ_WAIT="exec", DZ_OUTPUT="/dev/null", **twins)
    first = ["--mode=stay"] if mode == "stay" else ["-d", "-w", "exec"]
    return [launcher, "-q", "-o", "/dev/null", *first, *options, victim, "3600"], dict(os.environ)

def spawn(gate, late):
    """A child that becomes the launcher when the gate opens, and its stdout and stderr."""
    out, out_end = os.pipe()
    err, err_end = os.pipe()
    argv, environment = words()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(out_end, 1)
            os.dup2(err_end, 2)
            os.close(gate[1])
            os.read(gate[0], 1)
            until = time.monotonic() + late
            while time.monotonic() < until:
                pass
            os.execve(argv[0], argv, environment)
        finally:
            os._exit(99)
    os.close(out_end)
    os.close(err_end)
    return pid, out, err

def is_victim(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().split(b"\0")[0] == victim.encode() and os.readlink(f"/proc/{pid}/exe") == exe
    except OSError:
        return False

def victims():
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and is_victim(pid)]

def lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
            # A zombie whose other threads are still on their way out has not ended.
            return fields[0] not in "ZX" or (fields[0] == "Z" and int(fields[17]) > 1)
    except OSError:
        return False

def text_of(fd):
    text = b""
    while more := os.read(fd, 4096):
        text += more
    os.close(fd)
    return text.decode()

def one_round(number):
    gate = os.pipe()
    pair = [spawn(gate, 0), spawn(gate, random.uniform(0, 0.002) if number % 2 else 0)]
    os.close(gate[0])
    os.close(gate[1])
    # In stay mode the winner is the job and does not end; so wait for one, the
    # loser, and there for no more.
    statuses = {}
    deadline = time.monotonic() + float(os.environ["DEADLINE"])
    while len(statuses) < (1 if mode == "stay" else 2):
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid != 0:
            statuses[pid] = os.waitstatus_to_exitcode(status)
        elif time.monotonic() > deadline:
            for pid in [start[0] for start in pair if start[0] not in statuses]:
                os.kill(pid, signal.SIGKILL)
            return f"not at their end at the deadline, others: {statuses}"
        else:
            time.sleep(0.0002)
    losers = [start for start in pair if statuses.get(start[0]) == 122]
    winners = [start for start in pair if start not in losers]
    if len(losers) != 1:
        return f"ended with {statuses}: {[text_of(start[2]) for start in losers]}"
    said = text_of(losers[0][2])
    match = re.search(r"already running as PID (\d+)\n$", said)
    if match is None or said.count("\n") != 1:
        return f"the loser says {said!r}"
    pid = int(match[1])
    if mode == "stay" and pid != winners[0][0]:
        return f"{winners[0][0]} won, the loser says {pid}"
    if mode == "leave":
        printed = text_of(winners[0][1])
        if printed != f"{pid}\n":
            return f"{printed!r} won, the loser says {pid}"
    if mode != "stay" and statuses[winners[0][0]] != 0:
        return f"the winner ended with {statuses}"
    deadline = time.monotonic() + float(os.environ["DEADLINE"])
    # Staying it publishes right before it executes the program; and an exec closes
    # the pipe that the caller waits at before /proc shows the new words.
    while not is_victim(pid) and time.monotonic() < deadline:
        pass
    running = victims()
    for one in running:
        os.kill(one, signal.SIGKILL)
    while any(map(lives, running)):
        pass
    if mode == "stay":
        os.waitpid(winners[0][0], 0)
    if running != [pid]:
        return f"{running} run, the loser says {pid}"
    return None

for number in range(int(rounds)):
    problem = one_round(number)
    if problem is not None:
        print(f"round {number}: {problem}")
        for pid in victims():
            os.kill(pid, signal.SIGKILL)
        break
else:
    print("one each time")
