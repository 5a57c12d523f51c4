#!/usr/bin/env python3
"""The sessions of README.md, and the one of its picture, recorded.

usage: screens.py BUILD show LINE   the session that begins with LINE, as it is now
       screens.py BUILD write       writes all of them: make screens

Run as root, the sessions are an ordinary user's, PORT in the environment is the port of
their server.
"""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import picture  # pylint: disable=wrong-import-position
from record import record  # pylint: disable=wrong-import-position

README = os.path.join(HERE, "../../README.md")
SESSION = os.path.join(HERE, "session.txt")
PICTURE = os.path.join(HERE, "session.svg")
USER = 65432
SERVER = '''#!/usr/bin/env python3
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello\\n")
    def log_message(self, *words):
        pass
server = http.server.HTTPServer(("127.0.0.1", {port}), Handler)
print("ready", flush=True)
server.serve_forever()
'''
TRAIN = '''import time
print("epoch 1")
time.sleep(1000)
'''
# Behind a line: what must hold before the next one is typed.  A person is slow enough.
AWAITED = {
    "kill -9 $(dzctl pid web)": "dzctl status web | grep -q 'restarted 1 time'",
    "nohup sleep 1000 >nohup.out 2>&1 &":
        "for pid in $(pgrep -x sleep); do [ /proc/$pid/cwd -ef . ] && exit; done; exit 1",
}


def blocks(text):
    """The sessions in README, where each begins and ends."""
    for match in re.finditer(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield match.start(1), match.end(1)


def awaited(session):
    lines = [line[2:] for line in session.splitlines() if line.startswith("$ ")]
    return {after: AWAITED[line] for line, after in zip(lines, lines[1:]) if line in AWAITED}


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def write(path, text, mode=0o644):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)


def as_now(build, session):
    """The session as it is now, in a directory of its own, with nothing left of it."""
    home = tempfile.mkdtemp(prefix="dz-screens.")
    port = os.environ.get("PORT") or str(free_port())
    try:
        write(f"{home}/server", SERVER.format(port=port), 0o755)
        write(f"{home}/train.py", TRAIN)
        os.mkdir(f"{home}/.bin")
        for program in ("dznohup", "dzctl"):
            os.symlink(f"{os.path.abspath(build)}/{program}", f"{home}/.bin/{program}")
        environment = {"HOME": home, "PATH": f"{home}/.bin:/usr/local/bin:/usr/bin:/bin",
                       "DZ_STATE_DIR": f"{home}/.state", "PS1": "@ready@ ", "PS2": "",
                       "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "dumb"}
        if os.getuid() == 0:
            os.chown(home, USER, USER)
        names = {"/home/you": home, "8080": port}
        try:
            return as_user(lambda: record(session, names, awaited(session), home, environment))
        finally:
            as_user(lambda: stop_all(environment))
    finally:
        shutil.rmtree(home)


def stop_all(environment):
    """Ends what the session has left: it may well leave its jobs running."""
    subprocess.run([environment["PATH"].split(":", maxsplit=1)[0] + "/dzctl", "stop", "--all"],
                   env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   check=False)
    return ""


def as_user(function):
    """What the function returns in a process of an ordinary user."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(USER)
            os.setuid(USER)
        status = 1
        try:
            with os.fdopen(writer, "w", encoding="utf-8") as file:
                file.write(function())
            status = 0
        except SystemExit as why:
            print(why, file=sys.stderr, flush=True)
        except Exception:  # pylint: disable=broad-exception-caught
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as file:
        text = file.read()
    if os.waitpid(pid, 0)[1] != 0:
        sys.exit("screens: the session failed")
    return text


def all_written(build):
    with open(README, encoding="utf-8") as file:
        text = file.read()
    for start, end in reversed(list(blocks(text))):
        text = text[:start] + as_now(build, text[start:end]) + text[end:]
    write(README, text)
    with open(SESSION, encoding="utf-8") as file:
        session = as_now(build, file.read())
    write(SESSION, session)
    write(PICTURE, picture.svg(session))


def main():
    build, command = sys.argv[1:3]
    if command == "write":
        all_written(build)
        return
    with open(README, encoding="utf-8") as file:
        text = file.read()
    with open(SESSION, encoding="utf-8") as file:
        sessions = [text[start:end] for start, end in blocks(text)] + [file.read()]
    found = [each for each in sessions if each.splitlines()[0] == sys.argv[3]]
    if len(found) != 1:
        sys.exit(f"screens: {len(found)} sessions begin with {sys.argv[3]}")
    sys.stdout.write(as_now(build, found[0]))


main()
