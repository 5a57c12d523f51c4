"""Starts 300 jobs, each from the leader of a terminal's session, whose terminal closes at
once; tells how many did not survive.

usage: hangups.py DZNOHUP LIBDZ
"""
import concurrent.futures, os, pty, signal, sys, time

def once(number):
    pid, fd = pty.fork()
    if pid == 0:
        log = f"log.{number}"
        if number % 3 == 2:
            os.environ.update(LD_PRELOAD=sys.argv[2], DZ_OUTPUT=log)
            os.execvp("sh", ["sh", "-c", f"echo $$ >{os.getcwd()}/pid.{number}; exec sleep 3600"])
        mode = ["-d"] if number % 3 else ["--mode=leave"]
        os.execv(sys.argv[1], ["dznohup", *mode, "-q", "-o", log, "sh", "-c",
                 f"echo $$ >{os.getcwd()}/pid.{number}; exec sleep 3600"])
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return number, status

os.environ.pop("LD_PRELOAD", None)
lost = 0
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    for number, status in pool.map(once, range(300)):
        try:
            # A job counts as started after 100 ms, before which it may not have come to that.
            end = time.monotonic() + float(os.environ["DEADLINE"])
            while time.monotonic() < end:
                if os.path.exists(f"pid.{number}") and os.path.getsize(f"pid.{number}") > 0:
                    break
                time.sleep(0.01)
            with open(f"pid.{number}") as file:
                pid = int(file.read())
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            if fields[0] == "Z" or fields[4] != "0" or status != 0:
                raise ValueError(fields)
            os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError) as error:
            lost += 1
            print("lost", number, status, error)
print("lost:", lost)
