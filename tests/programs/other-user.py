"""Becomes another user, prints a line, and waits for signals."""
import os, signal
os.setuid(65432)
print("out", flush=True)
while True: signal.pause()
