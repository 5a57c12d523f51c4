"""Speaks to its NOTIFY_SOCKET, by a new socket each time as sd_notify(3) does.

usage: speaks.py [MESSAGE...]

First it prints what it was told.  Then it sends the messages, makes the file "up", and
sends WATCHDOG=1 every 50 ms, until the file "silent" exists: each time adds a byte to
"beats".  Lines of the file "say" are sent as one message, and the file is removed; with
the number in the file "end", which is removed, it exits.  Who does not listen at that
moment does not matter.
"""
import os, socket, sys, time
names = "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"
print("told", *(name for name in names if name in os.environ), flush=True)
print("within", os.environ.get("WATCHDOG_USEC"), os.environ.get("WATCHDOG_PID") == str(os.getpid()), flush=True)
address = os.environ["NOTIFY_SOCKET"]


def say(message):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        s.sendto(message.encode(), "\0" + address[1:] if address[0] == "@" else address)
    except OSError:
        pass
    s.close()


for word in sys.argv[1:]:
    say(word.replace("\\n", "\n").replace("OWN", str(os.getpid())))
open("up", "w").close()
while True:
    if not os.path.exists("silent"):
        say("WATCHDOG=1")
        with open("beats", "a") as beats:
            beats.write(".")
    try:
        with open("say") as file:
            text = file.read()
        os.unlink("say")
        say(text.rstrip("\n"))
    except FileNotFoundError:
        pass
    try:
        with open("end") as file:
            status = int(file.read())
        os.unlink("end")
        sys.exit(status)
    except FileNotFoundError:
        pass
    time.sleep(0.05)
