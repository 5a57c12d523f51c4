# Two starts at the same time, and a launcher that is killed at any moment.

load helpers
load jobs

# Of two launchers released at once exactly one starts the job; the other exits
# with 125 and names the PID that won.  usage: MODE ROUNDS OPTION...
RACE='
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
    deadline = time.monotonic() + 30
    while len(statuses) < (1 if mode == "stay" else 2):
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid != 0:
            statuses[pid] = os.waitstatus_to_exitcode(status)
        elif time.monotonic() > deadline:
            for pid in [start[0] for start in pair if start[0] not in statuses]:
                os.kill(pid, signal.SIGKILL)
            return f"not at their end within 30 s, others: {statuses}"
        else:
            time.sleep(0.0002)
    losers = [start for start in pair if statuses.get(start[0]) == 125]
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
    deadline = time.monotonic() + 5
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
'
race() {
    local mode=$1 rounds=$2
    shift 2
    new_victim
    run closed timeout -s KILL 120 python3 -c "$RACE" "$mode" "$rounds" "$DZ" "$SHIM" "$victim" "$SLEEP" "$@"
    assert "race in $mode" "$output" "one each time"
}

@test "two starts of one name at a time, 200 times" {
    race leave 200 --name=job
    assert records "$(ls -A "$DZ_STATE_DIR")" job
}

@test "two starts of one pidfile at a time, 200 times" {
    race leave 200 --pidfile=pid
    assert files "$(ls -A)" pid
}

@test "two starts of one name at a time, staying and by the shim" {
    race stay 50 --name=job
    race shim 50 --name=job
    assert records "$(ls -A "$DZ_STATE_DIR")" job
}

@test "two starts of one pidfile at a time, staying and by the shim" {
    race stay 50 --pidfile=pid
    race shim 50 --pidfile=pid
    race shim 50 --pidfile=pid --name=job
    assert files "$(ls -A)" pid
    assert locks "$(find "$DZ_STATE_DIR" -name '.*')" ""
}

@test "two starts at a time where libdz.so executes the program anew" {
    SHIM=$SHIM:$TARGETS/initfirst.so
    race shim 50 --pidfile=pid
    race shim 50 --name=job
    race shim 50 --pidfile=pid --name=job
    assert files "$(ls -A)" pid
    assert locks "$(find "$DZ_STATE_DIR" -name '.*')" ""
}

# A launcher is killed, alone or with its group, at moments that cover its whole
# run; what is there afterwards must be true, and the next start must not hang.
KILLED='
import os, random, re, signal, subprocess, sys, time

mode, launcher, shim, ctl, victim, exe = sys.argv[1:]
random.seed(11)
state = os.environ["DZ_STATE_DIR"]

def words():
    if mode == "shim":
        return [victim, "3600"], dict(os.environ, LD_PRELOAD=shim, DZ_WAIT="exec", DZ_OUTPUT="/dev/null",
                                      DZ_PIDFILE="pid", DZ_NAME="job")
    first = ["--mode=stay"] if mode == "stay" else ["-d", "-w", "exec"]
    return [launcher, "-q", "-o", "/dev/null", *first, "-p", "pid", "--name=job", victim, "3600"], dict(os.environ)

def ours():
    """The living processes of this test, with their programs."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            if words[0].decode(errors="replace") in (victim, launcher) and victim.encode() in words:
                found[int(pid)] = os.readlink(f"/proc/{pid}/exe")
        except OSError:
            pass
    return found

def fork(argv, environment):
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        null = os.open("/dev/null", os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        os.execve(argv[0], argv, environment)
    try:
        os.setpgid(pid, pid)
    except OSError:
        pass # it has executed its program, and done it itself
    return pid

def is_clean(pid):
    try:
        return set(os.listdir(f"/proc/{pid}/fd")) <= {"0", "1", "2"}
    except OSError:
        return False

def settle():
    """Wait until what is left has become the program, or ended."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = ours()
        # The listing is no snapshot: a process that forks and ends while it is
        # made is missed with its child.
        time.sleep(0.01)
        if ours() != found or any(program != exe for program in found.values()):
            continue
        # By the shim the program is there from the start; until its main runs
        # it holds the pipe to its launcher.
        if len(found) > 1 or not all(map(is_clean, found)):
            continue
        return sorted(found)
    raise TimeoutError(f"still there: {found}")

def end(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    while ours():
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            pass

def file(path):
    try:
        with open(path) as it:
            return it.read()
    except FileNotFoundError:
        return None

def ctl_status(word):
    return subprocess.run([ctl, "status", word], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode

def check(running):
    pidfile, record = file("pid"), file(f"{state}/job")
    if len(running) > 1:
        return f"several run: {running}"
    if running:
        if pidfile != f"{running[0]}\n":
            return f"{running} runs, the pidfile holds {pidfile!r}"
        if record is None or f"\npid {running[0]}\n" not in record or not record.endswith("\nend\n"):
            return f"{running} runs, the record is {record!r}"
        if ctl_status("job") != 0 or ctl_status("./pid") != 0:
            return f"{running} runs, dzctl says otherwise"
        return None
    if pidfile is not None and not re.fullmatch(r"[1-9][0-9]*\n", pidfile):
        return f"the pidfile holds {pidfile!r}"
    if ctl_status("job") != (3 if record is None else 1):
        return f"nothing runs, dzctl status job says otherwise: {record!r}"
    if ctl_status("./pid") != (3 if pidfile is None else 1):
        return "nothing runs, dzctl status ./pid says otherwise"
    return None

def again(running):
    """The next start of the same name and pidfile."""
    argv, environment = words()
    if mode == "stay":
        argv = [launcher, "-q", "-o", "/dev/null", "-d", "-w", "exec", *argv[5:]]
        argv = [word for word in argv if word != "--mode=stay"]
    try:
        done = subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=10, text=True)
    except subprocess.TimeoutExpired:
        return "the next start hangs"
    if running and (done.returncode != 125 or not done.stderr.endswith(f"already running as PID {running[0]}\n")):
        return f"{running} runs, the next start says {done.returncode} {done.stderr!r}"
    if not running and done.returncode != 0:
        return f"nothing runs, the next start says {done.returncode} {done.stderr!r}"
    return check(settle())

def measure():
    """How long a start takes, until its program runs."""
    times = []
    for _ in range(5):
        began = time.monotonic()
        pid = fork(*words())
        if mode == "stay":
            while ours().get(pid) != exe:
                pass
        else:
            os.waitpid(pid, 0)
        times.append(time.monotonic() - began)
        end(settle())
    return sorted(times)[2]

def one(number, delay):
    for path in ("pid", f"{state}/job"):
        if number % 3 == 0 and os.path.exists(path):
            os.unlink(path)
    began = time.monotonic()
    pid = fork(*words())
    while time.monotonic() < began + delay:
        pass
    try:
        (os.killpg if number % 2 else os.kill)(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.waitpid(pid, 0)
    running = settle()
    problem = check(running)
    problem = problem or again(running)
    end(ours())
    return problem, bool(running)

def main():
    duration = measure()
    moments = [duration * 1.3 * n / 100 for n in range(100)]
    random.shuffle(moments)
    jobs = 0
    for number, delay in enumerate(moments):
        problem, ran = one(number, delay)
        jobs += ran
        if problem:
            return f"killed after {delay * 1000:.2f} of {duration * 1000:.2f} ms: {problem}"
    # In stay mode who is killed is the job.
    return "true each time" + (", jobs and none" if 0 < jobs < 100 else "")

try:
    print(main())
finally:
    end(ours())
'
killed() {
    new_victim
    run closed timeout -s KILL 58 python3 -c "$KILLED" "$1" "$DZ" "$SHIM" "$CTL" "$victim" "$SLEEP"
    assert "after a kill in $1" "$output" "true each time$2"
    assert "locks left" "$(find . "$DZ_STATE_DIR" -name '.*.new')" ""
}

@test "a launcher killed at 100 moments: a whole job, or none" {
    killed leave ", jobs and none"
}

@test "a launcher killed at 100 moments, by the shim" {
    killed shim ", jobs and none"
}

@test "a launcher killed at 100 moments, where libdz.so executes the program anew" {
    SHIM=$SHIM:$TARGETS/initfirst.so
    killed shim ", jobs and none"
}

@test "a launcher killed at 100 moments, staying" {
    killed stay ""
}

@test "a program that daemonizes itself does not take the files of a start that came between" {
    cat >itself <<'END'
#!/bin/bash
until [ -e go ]; do sleep 0.01; done
"$1" 3600 </dev/null >/dev/null 2>&1 &
END
    chmod +x itself
    for options in --pidfile=pid --name=job "--pidfile=pid --name=job"; do
        rm -rf go pid "$DZ_STATE_DIR"
        new_victim
        # shellcheck disable=SC2086
        "$DZ" -d -q -w alive:2 $options -C . -o /dev/null ./itself "$victim" >first 2>&1 3>&- 4>&- &
        launcher=$!
        parent_runs() { parent=$(cat pid 2>/dev/null || recorded job pid 2>/dev/null) && [ -n "$parent" ]; }
        daemon_runs() { daemon=$(victim_pid) && [ -n "$daemon" ]; }
        await parent_runs
        track "$parent"
        # The launcher is slow to see that the program has ended, and left another.
        kill -STOP "$launcher"
        : >go
        await gone "$parent"
        await daemon_runs
        track "$daemon"
        # shellcheck disable=SC2086
        begin leave $options --output=/dev/null
        kill -CONT "$launcher"
        wait "$launcher" || true
        # Whichever of the two is given up, one is left, and the files name it.
        left=
        for one in "$daemon" $pid; do
            gone "$one" || left+=$one
        done
        [[ $options != *pidfile* ]] || assert "pidfile of $options" "$(cat pid)" "$left"
        [[ $options != *name* ]] || assert "record of $options" "$(recorded job pid)" "$left"
        assert locks "$(find . "$DZ_STATE_DIR" -name '.*.new')" ""
        end_victim "$left"
    done
}
