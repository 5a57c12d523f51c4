"""Where a run happens: a folder of its own, a terminal, pipes; and its end."""
import os
import pty
import re
import fcntl
import shutil
import signal
import socket
import subprocess
import tempfile
import termios
import threading
import time

import judge
import modes
import sinks
import trace

SECONDS = 20  # a run that takes longer hangs
terminal = []  # of this worker: master, slave
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


def listen():
    """Be the manager that is told of a start: take what it sends, barriers too."""
    while manager.recv(4096):
        pass


class Hangs(Exception):
    """The time is up."""


def prepare():
    """Make this worker what an interactive shell is: a session leader whose
    children are its jobs."""
    def alarm(_number, _frame):
        raise Hangs
    os.setsid()
    terminal.extend(pty.openpty())
    fcntl.ioctl(terminal[1], termios.TIOCSCTTY, 0)
    trace.become_subreaper()
    signal.signal(signal.SIGALRM, alarm)
    os.umask(0o022)
    manager.bind("")  # the kernel names it
    threading.Thread(target=listen, daemon=True).start()
    if os.geteuid() == 0:
        sinks.open_sinks()


class Place:
    """The folder and the pipes of one run."""

    def __init__(self, mode):
        self.top = tempfile.mkdtemp(prefix="faults-", dir=mode.folder)
        self.work, self.home = self.top + "/work", self.top + "/home"
        os.mkdir(self.work)
        os.mkdir(self.home)
        sinks.log = self.work + "/log"
        self.ends = [os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK) for _ in range(2)]
        for _, end in self.ends:
            os.set_blocking(end, True)
        self.out, self.err = (os.readlink(f"/proc/self/fd/{end}") for _, end in self.ends)
        self.texts = {}
        self.adoptee = 0  # PID of a program that is to be adopted

    def close(self):
        """Nothing is left."""
        for end in [end for ends in self.ends for end in ends]:
            os.close(end)
        shutil.rmtree(self.top)

    def _text(self, number):
        """What came through a pipe so far; it is read once."""
        if number not in self.texts:
            try:
                self.texts[number] = os.read(self.ends[number][0], 65536).decode()
            except BlockingIOError:
                self.texts[number] = ""
        return self.texts[number]

    def stdout(self):
        """What was said there."""
        return self._text(0)

    def stderr(self):
        """What was said there."""
        return self._text(1)

    def environment(self, mode):
        """That of a run."""
        own = {"PATH": os.environ["PATH"], "HOME": self.home, "DZ_STATE_DIR": self.top + "/state"}
        return own | {name: self.fill(value) for name, value in mode.environment.items()}

    def fill(self, text):
        """The words of modes.py with the names of this place."""
        return text.format(build=trace.BUILD, top=self.top, work=self.work,
                           adoptee=self.adoptee,
                           manager="@" + manager.getsockname()[1:].decode())

    def begin(self, mode):
        """In the child: become the launcher."""
        words, environment = self.fill(mode.command).split(), self.environment(mode)
        os.setpgid(0, 0)
        os.chdir(self.work)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(terminal[1], 0)
        os.dup2(terminal[1] if mode.name == "nohup" else self.ends[0][1], 1)
        os.dup2(self.ends[1][1], 2)
        os.closerange(3, 1024)
        os.dup2(0, modes.OTHER)
        os.execve(words[0], words, environment)


def start_job(place, mode):
    """A job to be stopped, or to get another keeper; its PID."""
    words = modes.TO_KEEP if mode.kept else \
        modes.TO_STOP_KEPT if mode.name == "stop-kept" else modes.TO_STOP
    done = subprocess.run(place.fill(words).split(), cwd=place.work, check=True,
                          env=place.environment(modes.BY_NAME["stop"]), capture_output=True)
    return int(done.stdout)


def kill_keeper(place):
    """The keeper of the job dies before it reads."""
    with open(place.top + "/state/job", encoding="utf-8") as file:
        pid = int(re.search(r"^keeper (\d+) ", file.read(), re.M)[1])
    os.kill(pid, signal.SIGKILL)
    while judge.lives(pid):
        time.sleep(0.001)


def start_adoptee(place):
    """A program on the terminal, in a group of its own, that waits."""
    words = place.fill(modes.ADOPTEE).split()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        for number in range(3):
            os.dup2(terminal[1], number)
        os.closerange(3, 1024)
        os.execv(words[0], words)
    while judge.sleeps_in(pid) not in ("230", "35"):  # nanosleep, clock_nanosleep
        time.sleep(0.001)
    place.adoptee = pid
    return judge.facts(pid)


def judge_anew(verdict, look, living):
    """Judge; anew where the target has ended meanwhile, which it may: some faults are
    noticed behind the exec, by who kills it then, and a killed stop may have signalled."""
    while True:
        alive = living()
        try:
            look()
        except (FileNotFoundError, ProcessLookupError):
            verdict.problems.append("gone while it was looked at")
        if alive == living():
            return
        verdict.problems.clear()


def launch(mode, fault):
    """One run, judged: what was said, what is wrong, the run itself."""
    place = Place(mode)
    verdict = judge.Judge(mode, place)
    run = trace.Run(fault)
    try:
        again = mode.kept == "drained"
        job = start_job(place, mode) if mode.stops or again else 0
        if again:
            kill_keeper(place)
        before = start_adoptee(place) if mode.adopts else None
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        run.start(lambda: place.begin(mode))
        run.wait()
        signal.setitimer(signal.ITIMER_REAL, 0)
        if mode.stops:
            judge_anew(verdict, lambda: verdict.stop(run, job), lambda: judge.lives(job))
        elif mode.kept:
            sinks.drain()
            verdict.kept(run, job)
        elif mode.adopts:
            verdict.adoption(run, place.adoptee, before)
        else:
            judge_anew(verdict, lambda: verdict.start(run), lambda: judge.living(run))
    except Hangs:
        verdict.problems.append(f"hangs: not at its end within {SECONDS} s")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        trace.end_children()
        words = (run.status, place.stdout(), place.stderr())
        place.close()
    return words, verdict.problems, run


def calls(mode):
    """The system calls of a good run."""
    return launch(mode, None)[2].calls
