#!/usr/bin/env python3
"""Whatever program the manuals' examples name.

It listens on those of their ports that are free, answers HTTP, says that it is ready in
every way, and runs until it is ended.
"""
import http.server
import os
import signal
import socket
import threading


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def serve(port):
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer)
    except OSError:
        return  # an example before this one has the port
    threading.Thread(target=server.serve_forever).start()


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for port in (6379, 8000, 8080):
        serve(port)
    print("Started Application", flush=True)
    if "NOTIFY_SOCKET" in os.environ:
        address = os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.sendto(b"READY=1", address)
    with open("/run/app.sock", "w", encoding="ascii"):
        pass
    threading.Event().wait()


main()
