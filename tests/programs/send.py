"""Sends each MESSAGE, one datagram each, to NOTIFY_SOCKET.

usage: send.py MESSAGE...

In place of a message:
  sleep:SEC
  until:SEC    sleep until that long after the launcher's start
  pid:FILE     write the PID to FILE
  await:FILE   wait until FILE exists
  child        have a child that sleeps; its PID replaces CHILD in messages
  child:FILE   the child makes FILE when its parent has ended
  times:N      send N messages
  huge:N       send a message of more than N bytes
  closed:N     send N descriptors, and tell when all are closed
  end:STATUS   exit
"""
import array, os, socket, sys, time
address = os.environ["NOTIFY_SOCKET"]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + address[1:] if address[0] == "@" else address)
for word in sys.argv[1:]:
    kind, _, value = word.partition(":")
    if kind == "sleep":
        time.sleep(float(value))
    elif kind == "until":
        while os.getppid() == os.getsid(0):  # the first child is still there
            time.sleep(0.001)
        with open(f"/proc/{os.getppid()}/stat") as file:
            began = int(file.read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
        time.sleep(max(0, began + float(value) - time.clock_gettime(time.CLOCK_BOOTTIME)))
    elif kind == "pid":
        with open(value + ".tmp", "w") as file:
            print(os.getpid(), file=file)
        os.rename(value + ".tmp", value)
    elif kind == "await":
        while not os.path.exists(value):
            time.sleep(0.01)
    elif kind == "child":
        parent, child = os.getpid(), os.fork()
        if child == 0:
            while value and os.getppid() == parent:
                time.sleep(0.01)
            if value:
                open(value, "w").close()
            time.sleep(60)
            os._exit(0)
        os.environ["CHILD"] = str(child)
    elif kind == "times":
        for i in range(int(value)):
            s.send(b"STATUS=%d\nX_UNKNOWN=%d" % (i, i))
    elif kind == "huge":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        s.send(b"READY=1\nSTATUS=" + b"x" * int(value) + b"\nREADY=1")
    elif kind == "closed":
        # Descriptors go along; the pipe ends when all copies are closed.
        ends = os.pipe()
        rights = array.array("i", [ends[1]] * int(value))
        s.sendmsg([b"FDSTORE=1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        os.close(ends[1])
        print("end of file", os.read(ends[0], 1), flush=True)
    elif kind == "end":
        sys.exit(int(value))
    else:
        s.send(word.replace("CHILD", os.environ.get("CHILD", "")).replace("\\n", "\n").encode())
time.sleep(60)
