"""Tells which signals children ignore, by each way to have one."""
import os, signal, subprocess
THREE = 1 << 0 | 1 << 20 | 1 << 21 # HUP, TTIN, TTOU
def ignored(text):
    return "all" if int(text, 16) & THREE == THREE else text
ask = ["/bin/sed", "-n", "s/^SigIgn:[^0-9a-f]*//p", "/proc/self/status"]
print("vfork", ignored(subprocess.run(ask, capture_output=True, text=True).stdout))
print("preexec", ignored(subprocess.run(ask, capture_output=True, text=True,
    preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)).stdout))
for name, default in ("spawn", []), ("default", [signal.SIGHUP]):
    r, w = os.pipe()
    pid = os.posix_spawn(ask[0], ask, os.environ, setsigdef=default,
        file_actions=[(os.POSIX_SPAWN_DUP2, w, 1)])
    status = os.waitpid(pid, 0)[1]
    print(name, ignored(os.read(r, 100)), status)
print("system", os.system("exit 5") >> 8)
print("done", flush=True)
signal.pause()
