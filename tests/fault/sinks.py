"""The sockets of syslog and the journal, which have fixed names: for each worker its own,
in a mount namespace.  What is sent there goes to a file, a line each."""
import ctypes
import re
import socket
import subprocess
import threading

NEW_MOUNTS = 0x00020000  # CLONE_NEWNS
SYSLOG, JOURNAL = "/dev/log", "/run/systemd/journal/socket"
PRIVATE = """
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/systemd/journal /run/dev
mount -t tmpfs -o mode=755 dev /run/dev
cd /run/dev
for node in null zero full random urandom tty; do
    : >$node
    mount --bind /dev/$node $node
done
mkdir pts shm
mount --bind /dev/pts pts
mount --bind /dev/shm shm
ln -s /proc/self/fd fd
mount --move /run/dev /dev
"""
log = None  # the file of the present run
seen = threading.Semaphore(0)
sockets = []


def text_of(message):
    """The line of a message of syslog or the journal."""
    if b"MESSAGE\n" in message:
        value = message.split(b"MESSAGE\n", 1)[1]
        return value[8:8 + int.from_bytes(value[:8], "little")]
    return re.sub(rb"^<\d+>\w+ [ \d]\d [\d:]+ [^ \[]+\[\d+\]: ", b"", message)


def take(sink):
    """Writes each message to the log; an empty one says that all is written."""
    while True:
        message = sink.recv(1 << 18)
        if not message:
            seen.release()
            continue
        with open(log, "ab") as file:
            file.write(text_of(message) + b"\n")


def open_sinks():
    """In a worker of root."""
    if ctypes.CDLL(None, use_errno=True).unshare(NEW_MOUNTS) < 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["sh", "-c", PRIVATE], check=True)
    for path in (SYSLOG, JOURNAL):
        sink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sink.bind(path)
        sockets.append(path)
        threading.Thread(target=take, args=[sink], daemon=True).start()


def drain():
    """Waits until all that was sent is in the log."""
    for path in sockets:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", path)
        seen.acquire()
