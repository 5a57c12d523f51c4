"""Types a session into an interactive bash on a real terminal, and returns it as it was.

A line of a session that begins with "$ " is typed when bash has shown its prompt.  A line
"^C" or "^Z" is that key, typed when the line of output before it is on the screen.  All
other lines are output: only for such a key do they matter.

What differs from run to run is given as if it did not: PIDs in their order as 4711, 4712
and so on, and one time, date, share of a processor and size of memory.  So a recording is
the same each time.
"""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

PROMPT = "@ready@ "
LIMIT = float(os.environ.get("DEADLINE", 120))
KEYS = {"^C": b"\x03", "^Z": b"\x1a"}
# So wide that nothing is cut: the width of PIDs and directories differs.
WIDTH, HEIGHT = 400, 40
FIRST_PID = 4711
# Where a PID stands in output, and in that of dznohup -d.
PIDS = r"\bPID (\d+)|^\[\d+\] (\d+)$|^[-\w.]+ +(\d+) +(?:running|ended|restarting)\b"
PRINTED = PIDS + r"|^(\d+)$"
# What is shown or not by chance: what is waited for, for longer than a second or three,
# and the end of a job, which bash tells before one prompt or another.
CHANCE = re.compile(r"\r\x1b\[K(?:dznohup: waiting for [^\r\n]*)?"
                  r"|^dzctl: \w+: waiting for [^\n]*\n"
                  r"|^\[\d+\][-+] +Terminated[^\n]*\n", re.MULTILINE)
# What is never the same, and what is given for it.
VOLATILE = [
    (r"after [0-9.]+ (?:ms|s)\b", "after 6 ms"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "2026-11-30 20:15:00"),
    (r"\b\d\d:\d\d:\d\d\b", "20:15:00"),
    (r"[0-9.]+ s of CPU time \([0-9.]+%", "0.1 s of CPU time (0.3%"),
    (r"\b[0-9.]+[kKMG] of memory", "7.2M of memory"),
    (r"\bpts/\d+", "pts/0"),
    (r"\bin the session of \d+", "in the session of 4710"),
]


class Terminal:
    """An interactive bash, whose screen is read."""

    def __init__(self, directory, environment):
        self.screen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            self.prepare()  # before bash looks: it sets again what it found
            os.chdir(directory)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], environment)
        self.read_until(PROMPT, 0)

    @staticmethod
    def prepare():
        """Sets up the terminal, in the process that becomes bash."""
        attributes = termios.tcgetattr(0)
        attributes[1] &= ~termios.ONLCR
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(0, termios.TCSANOW, attributes)
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", HEIGHT, WIDTH, 0, 0))

    def read_until(self, wanted, start):
        """Reads until wanted is on the screen behind start, or the shell has ended."""
        deadline = time.monotonic() + LIMIT
        while wanted not in self.screen[start:]:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                sys.exit(f"{self.screen}\nrecord: no {wanted!r} within {LIMIT} s")
            try:
                data = os.read(self.fd, 65536)
            except OSError:  # EIO: nobody has the terminal open any more
                data = b""
            if not data:
                return
            self.screen += data.decode(errors="replace")

    def close(self):
        """Hangs the terminal up, and waits for the shell."""
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def is_typed(line):
    return line.startswith("$ ")


def keys_behind(lines, at):
    """The keys in the output of the line, each with the line before it."""
    for number in range(at + 1, len(lines)):
        if is_typed(lines[number]):
            return
        if lines[number] in KEYS:
            yield lines[number - 1], lines[number]


def await_success(code, directory, environment):
    deadline = time.monotonic() + LIMIT
    while subprocess.run(["bash", "-c", code], cwd=directory, env=environment,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                         check=False).returncode != 0:
        if time.monotonic() > deadline:
            sys.exit(f"record: not within {LIMIT} s: {code}")
        time.sleep(0.02)


def play(session, names, awaited, directory, environment):
    """For each line that was typed, the line and its output, as they were."""
    def real(text):
        for name, value in names.items():
            text = text.replace(name, value)
        return text

    terminal = Terminal(directory, environment)
    parts = []
    lines = session.splitlines()
    for at, line in enumerate(lines):
        if not is_typed(line):
            continue
        text = line[2:]
        if text in awaited:
            await_success(awaited[text], directory, environment)
        start = len(terminal.screen)
        os.write(terminal.fd, real(text).encode() + b"\n")
        output = ""
        for before, key in keys_behind(lines, at):
            terminal.read_until(real(before) + "\n", start)
            output += terminal.screen[start:] + key + "\n"
            start = len(terminal.screen)
            os.write(terminal.fd, KEYS[key])
        terminal.read_until(PROMPT, start)
        rest = terminal.screen[start:]
        if output and rest.startswith("\n"):
            rest = rest[1:]  # bash has ended the line of the "^C"
        parts.append((line, CHANCE.sub("", output + rest.replace(PROMPT, ""))))
    terminal.close()
    return parts


def pids_of(parts):
    pids = []
    for line, output in parts:
        for match in re.finditer(PRINTED if "dznohup " in line else PIDS, output, re.MULTILINE):
            pid = next(group for group in match.groups() if group)
            if pid not in pids:
                pids.append(pid)
    return pids


def aligned(output):
    """Sets the table of dzctl list anew: PIDs and directories had another width."""
    lines = output.split("\n")
    for first, line in enumerate(lines):
        if not line.startswith("NAME "):
            continue
        names = line.split()
        last = first + 1
        while last < len(lines) and lines[last]:
            last += 1
        rows = [names] + [row.split(None, len(names) - 1) for row in lines[first + 1:last]]
        for row in rows[1:]:
            row[names.index("CPU")], row[names.index("MEM")] = "0.3%", "7.2M"
        widths = [max(len(row[column]) for row in rows) for column in range(len(names))]
        lines[first:last] = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
                             for row in rows]
    return "\n".join(lines)


def record(session, names, awaited, directory, environment):
    """Returns the session as it was, but for what is never the same.

    names: what the session calls a port or a directory, and what it is here.  awaited: for
    lines that are typed, shell code that must have succeeded before.
    """
    parts = play(session, names, awaited, directory, environment)
    pids = pids_of(parts)
    text = ""
    for line, output in parts:
        for name, value in names.items():
            output = output.replace(value, name)
        for number, pid in enumerate(pids):
            output = re.sub(rf"\b{pid}\b", f"@{FIRST_PID + number}@", output)
        output = re.sub(r"@(\d+)@", r"\1", output)
        for pattern, shown in VOLATILE:
            output = re.sub(pattern, shown, output)
        text += line + "\n" + aligned(output)
    return text
