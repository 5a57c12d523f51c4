"""Has a thousand sockets that listen."""
import resource, socket, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
held = [socket.socket() for i in range(1000)]
for s in held:
    s.bind(("0.0.0.0", 0))
    s.listen()
print("ready", flush=True)
time.sleep(60)
