"""Says READY=1 as any script may."""
import os, socket, time
address = os.environ["NOTIFY_SOCKET"]
ours = [name for name in os.environ if name.startswith("DZ_")]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\0" + address[1:])
time.sleep(0.2)
print("ours", ours, flush=True)
s.sendall(b"READY=1")
time.sleep(60)
