"""Listens as asked, says so, and sleeps.

usage: listening.py FAMILY=ADDRESS...
"""
import ast, socket, sys, time
sockets = []
for word in sys.argv[1:]:
    family, address = word.split("=", 1)
    kind = socket.SOCK_DGRAM if family == "UDP" else socket.SOCK_STREAM
    address = ast.literal_eval(address)
    if family == "UNIX" or family == "BOUND":
        s = socket.socket(socket.AF_UNIX, kind)
        if address.startswith("@"):
            address = "\0" + address[1:]
    elif family == "TCP6":
        s = socket.socket(socket.AF_INET6, kind)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    else:
        s = socket.socket(socket.AF_INET, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(address)
    if family not in ("UDP", "BOUND"):
        s.listen()
    sockets.append(s)
print("listens", flush=True)
time.sleep(600)
