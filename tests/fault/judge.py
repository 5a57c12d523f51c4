"""What must hold after a run, whatever call has failed in it.

Either the target runs as a full daemon and the launcher has said 0, or it does
not run, the launcher has said why in one line and with another status, and no
file is left.  A launcher that was killed has said nothing: then only what the
files claim must be so.
"""
import os
import re
import time

LIBC_CATCHES = 0b11 << 31  # 32 and 33, by libpthread until glibc 2.34
DAEMON_IGNORES = 0x300001  # HUP, TTIN, TTOU
PYTHON_IGNORES = 0x1001000  # PIPE, XFSZ; set back for what is launched


def stat_fields(pid):
    """The fields of proc_pid_stat(5), field N being at N - 1; None if gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            head, _, rest = file.read().rpartition(")")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return [str(pid), head, *rest.split()]


def lives(pid):
    """Whether that process is there and no zombie."""
    fields = stat_fields(pid)
    return fields is not None and fields[2] not in "ZX"


def living(run):
    """The targets of a run that live."""
    return [pid for pid in run.up if lives(pid)]


def status_field(pid, key):
    """A hexadecimal line of proc_pid_status(5)."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        return int(re.search(rf"^{key}:\s*(\w+)$", file.read(), re.M)[1], 16)


def sleeps_in(pid):
    """The number of the system call that it sleeps in."""
    with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
        return file.read().split()[0]


def facts(pid):
    """All that an adoption changes."""
    fields = stat_fields(pid)
    links = {n: os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")}
    signals = [status_field(pid, key) for key in ("SigIgn", "SigCgt", "SigBlk", "Umask")]
    return links, signals, fields[4:7], os.readlink(f"/proc/{pid}/cwd")


def read(path):
    """The file's text; None where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return None


class Judge:
    """Looks at one run; problems are collected."""

    def __init__(self, mode, place):
        self.mode = mode
        self.place = place
        self.problems = []

    def expect(self, what, got, *wanted):
        """One of wanted."""
        if got not in wanted:
            self.problems.append(f"{what} is {got!r}, not {wanted[0]!r}")

    # ---- the target ----------------------------------------------------------

    def daemon(self, pid):
        """All that a daemon is, as /proc shows it."""
        mode, fields = self.mode, stat_fields(pid)
        session = int(fields[5])
        if mode.name == "nohup":
            self.expect("session", session, os.getsid(0))
            inherited = status_field("self", "SigIgn") & ~PYTHON_IGNORES
            self.expect("SigIgn", status_field(pid, "SigIgn"), inherited | 1)
            self.expect("cwd", os.readlink(f"/proc/{pid}/cwd"), self.place.work)
        else:
            self.expect("terminal", fields[6], "0")
            self.expect("SigIgn", status_field(pid, "SigIgn"), DAEMON_IGNORES)
            self.expect("cwd", os.readlink(f"/proc/{pid}/cwd"), "/")
            self.expect("leads its session", session == pid, not mode.leaves)
            self.expect("is in our session", session == os.getsid(0), False)
        self.expect("SigBlk", status_field(pid, "SigBlk"), 0)
        self.expect("SigCgt", status_field(pid, "SigCgt") & ~LIBC_CATCHES, 0)
        self.expect("Umask", status_field(pid, "Umask"), 0x22)
        self.streams(pid)

    def streams(self, pid):
        """0, 1, 2, and nothing else but what is to be kept."""
        mode, place = self.mode, self.place
        link = {int(n): os.readlink(f"/proc/{pid}/fd/{n}")
                for n in os.listdir(f"/proc/{pid}/fd")}
        logs = [f"{place.work}/{mode.log}", f"{place.home}/{mode.log}"]
        out = ["kept by " + place.out] if mode.log == "kept" else logs
        err = logs if mode.log != "kept" and mode.name != "nohup" else ["kept by " + place.err]
        self.expect("stdin", link.get(0), "/dev/null")
        self.expect("stdout", link.get(1), *(word.removeprefix("kept by ") for word in out))
        self.expect("stderr", link.get(2), *(word.removeprefix("kept by ") for word in err))
        # Some are the victim's own: its socket, the file that it makes.
        own = {n for n in link if mode.met and link[n].startswith(("socket:", place.top + "/met"))}
        more = {n for n in link if n > 2} - own
        self.expect("descriptors", more - set(mode.keeps), set())

    # ---- the files -----------------------------------------------------------

    def left(self):
        """What lies about, but for the folders and the victim's own file."""
        found = set()
        for folder, _, names in os.walk(self.place.top):
            found |= {os.path.relpath(os.path.join(folder, name), self.place.top)
                      for name in names}
        # A log is never removed, whoever has made it.
        logs = {f"{folder}/{name}" for folder in ("work", "home") for name in ("log", "nohup.out")}
        rotated = {name for name in found if re.fullmatch(r"work/log\.\d+", name)}
        return found - {"met", "runs"} - logs - rotated

    def claims(self, pid):
        """What pidfile and records say, of pid that runs or, 0, of nobody."""
        for name in sorted(self.left()):
            text = read(os.path.join(self.place.top, name))
            told = None
            if name == "work/pid":
                told = re.fullmatch(r"(\d+)\n", text)
            elif re.fullmatch(r"state/[^.].*", name):
                told = re.match(r"dz 1\npid (\d+)\nstart (\d+)\n(?:.*\n)*end\n", text)
            else:
                continue
            if told is None and not (name.startswith("state/") and not self.mode.files):
                self.problems.append(f"{name} is not whole: {text!r}")
            elif told is not None and int(told[1]) != pid and (pid or lives(int(told[1]))):
                self.problems.append(f"{name} names {told[1]}")
            elif told is not None and pid and name != "work/pid":
                fields = stat_fields(pid)
                if fields is None:
                    raise ProcessLookupError(pid)
                self.expect(f"start in {name}", told[2], fields[21])

    # ---- a start -------------------------------------------------------------

    def start(self, run):
        """A run of the launcher or of the preload library."""
        alive = living(run)
        self.expect("number of targets", len(alive), 0, 1)
        killed = run.status is not None and os.WIFSIGNALED(run.status) and \
            run.fault and run.fault[3] == "KILL" and run.fault[0] == 0
        if alive:
            self.runs(run, alive[0], killed)
        elif killed:
            self.claims(0)
        else:
            self.failed(run)

    def runs(self, run, pid, killed):
        """The target does."""
        self.daemon(pid)
        self.claims(pid)
        if self.mode.files:
            self.expect("pidfile is there", "work/pid" in self.left(), True)
            self.expect("record is there", "state/job" in self.left(), True)
        if killed:
            return
        self.expect("locks that are left", [f for f in self.left() if f.endswith(".new")], [])
        self.expect("status", run.status, 0 if self.mode.leaves else None)
        if self.mode.met:
            self.expect("condition is met", os.path.exists(f"{self.place.top}/met"), True)
        if self.mode.leaves and not self.mode.environment.get("LD_PRELOAD") and \
                self.place.stdout() != f"{pid}\n":
            self.expect("PID is missed", "dznohup: stdout: " in self.place.stderr(), True)

    def failed(self, run):
        """It does not run, and the launcher could say so."""
        # What the victim of the mode "log" has written is shown behind that.
        said = re.sub(r"dznohup: this run wrote to .*:\n  met\n", "", self.place.stderr())
        lines = said.count("\n")
        if run.status is None:
            self.problems.append("it neither runs nor has ended: a wait for ever")
            return
        self.expect("status is a failure's",
                    os.WIFEXITED(run.status) and os.WEXITSTATUS(run.status) > 0, True)
        # GNU nohup speaks of what it replaces first.
        self.expect("lines on stderr", lines if self.mode.name != "nohup" else min(lines, 1), 1)
        self.expect("what is left", self.left(), set())

    # ---- a stop --------------------------------------------------------------

    def stop(self, run, pid):
        """A run of dzctl stop, of the job pid."""
        said = run.status is not None and os.WIFEXITED(run.status)
        alive = lives(pid)
        self.claims(pid if alive else 0)
        if alive:
            self.expect("files of the job", self.left() >= {"work/pid", "state/job"}, True)
        if not said:
            return
        if os.WEXITSTATUS(run.status) == 0:
            self.expect("lives", alive, False)
            # The record stays, as that of a job that has ended.
            self.expect("what is left", self.left() - {"state/job"}, set())
        else:
            self.expect("lines on stderr", self.place.stderr().count("\n"), 1)

    # ---- a kept job ----------------------------------------------------------

    def written(self):
        """The program's lines in the log, as (run, number), the oldest first."""
        logs = sorted((name for name in os.listdir(self.place.work)
                       if re.fullmatch(r"log(\.\d+)?", name)),
                      key=lambda name: -int(name[4:] or 0))
        text = "".join(read(os.path.join(self.place.work, name)) for name in logs)
        found = []
        for line in text.splitlines(True):
            line = re.sub(r"^\d{4}-\d\d-\d\dT\S+ ", "", line)
            told = re.fullmatch(r"(\d+)\.(\d+)\n", line)
            if told:
                found.append((int(told[1]), int(told[2])))
            elif not line.startswith("dznohup: "):
                self.problems.append(f"the log has {line!r}")
        return found

    def lines(self, runs, whole):
        """Each line once and in order; all of the last run's if that is whole."""
        each, got = 10 if self.mode.kept == "drained" else 5, self.written()
        wanted = [(run, number) for run in range(1, runs + 1) for number in range(1, each + 1)]
        if got != sorted(set(got)):
            self.problems.append(f"lines are twice or not in order: {got}")
        for run in range(1, runs + 1):
            have = [number for r, number in got if r == run]
            self.expect(f"lines of run {run}", have, wanted and list(range(1, len(have) + 1)))
        if whole:
            self.expect("lines", got, wanted)

    def kept(self, run, job):
        """A keeper from its start to its end, or another keeper for a job."""
        until = time.monotonic() + 10
        # Without a keeper the program ends by itself, but for one that waits for it.
        while self.mode.kept != "stop" and [pid for pid in [*run.up, job] if pid and lives(pid)] and time.monotonic() < until:
            time.sleep(0.001)
        runs = len(read(self.place.top + "/runs") or "")
        self.expect("programs that live", [pid for pid in [*run.up, job] if pid and lives(pid)],
                    *([[]] if self.mode.kept != "stop" else [[], run.up[-1:]]))
        killed = run.fault is not None and run.fault[3] == "KILL"
        # One that its keeper was to stop goes on when that is killed.
        self.claims(next((pid for pid in run.up if lives(pid)), 0))
        if killed:
            self.lines(runs, False)
        elif run.status is None or os.WIFSIGNALED(run.status):
            self.problems.append(f"status is {run.status}")
        elif os.WEXITSTATUS(run.status) == (143 if self.mode.kept == "stop" else 0):
            self.is_over(runs)
        elif os.WEXITSTATUS(run.status) == 125 and self.is_unreaped():
            self.lines(runs, True)
        else:
            self.not_kept(run, runs, job)

    def is_unreaped(self):
        """Whether the keeper could not reap the program, and says so."""
        return "it is unknown how" in (read(self.place.work + "/log") or "")

    def is_over(self, runs):
        """The job has come to its end."""
        record = read(self.place.top + "/state/job") or ""
        ended = sorted(set(re.findall(r"^status (\d+)$", record, re.M)))
        self.lines(runs, True)
        self.expect("runs", runs, *([1] if self.mode.kept != "twice" else [2, 3]))
        if self.is_unreaped():
            ended = ["0"]
        self.expect("recorded status", ended, ["15" if self.mode.kept == "stop" else "0"])
        self.expect("what is left", self.left(), {"state/job"})

    def not_kept(self, run, runs, job):
        """It could not be begun, and said so."""
        said = re.sub(r"dznohup: this run wrote to .*:\n(  .*\n)*", "", self.place.stderr())
        self.expect("lines on stderr", said.count("\n"), 1)
        if job:
            return
        self.expect("runs", runs, 0, 1)
        self.expect("what is left", self.left(), set())
        self.lines(runs, False)

    # ---- an adoption ---------------------------------------------------------

    def is_adopted(self, pid, before):
        """Whether it is all that an adoption makes of it, and else as before."""
        links, signals, (group, session, tty), cwd = facts(pid)
        log = f"{self.place.work}/log"
        return links == {"0": "/dev/null", "1": log, "2": log} and \
            (group, session, tty) == (str(pid), str(pid), "0") and \
            signals == [before[1][0] | DAEMON_IGNORES, *before[1][1:]] and cwd == before[3]

    def adoption(self, run, pid, before):
        """A run of --adopt; before: what the program was."""
        until = time.monotonic() + 5
        # If the launcher was killed, the program makes the calls without it.
        while lives(pid) and sleeps_in(pid) not in ("230", "35", "219") and \
                time.monotonic() < until:
            time.sleep(0.001)
        if not lives(pid):
            self.problems.append("it has ended")
            return
        self.expect("state", stat_fields(pid)[2], "S")
        self.expect("tracer", status_field(pid, "TracerPid"), 0)
        same, adopted = facts(pid) == before, self.is_adopted(pid, before)
        self.expect("it is as before, or adopted", same or adopted or facts(pid), True)
        self.claims(pid)
        if run.status is None or not os.WIFEXITED(run.status):
            return
        done = os.WEXITSTATUS(run.status) == 0
        self.expect("is adopted", adopted, done)
        self.expect("locks that are left", [f for f in self.left() if f.endswith(".new")], [])
        if done:
            self.expect("files", self.left() >= {"work/pid", "state/job"}, True)
        else:
            self.expect("lines on stderr", self.place.stderr().count("\n"), 1)
            self.expect("what is left", self.left(), set())
