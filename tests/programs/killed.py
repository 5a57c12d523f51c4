"""Kills a launcher, alone or with its group, at moments that cover its whole run: what is
there afterwards must be true, and the next start must not hang.

usage: killed.py MODE DZNOHUP LIBDZ DZCTL VICTIM PROGRAM
"""
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
        # One that is ending has none.
        return set(os.listdir(f"/proc/{pid}/fd")) == {"0", "1", "2"}
    except OSError:
        return False

def settle():
    """Wait until what is left has become the program, or ended."""
    deadline = time.monotonic() + float(os.environ["DEADLINE"])
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
                              stderr=subprocess.PIPE, timeout=float(os.environ["DEADLINE"]), text=True)
    except subprocess.TimeoutExpired:
        return "the next start hangs"
    if running and (done.returncode != 122 or not done.stderr.endswith(f"already running as PID {running[0]}\n")):
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
