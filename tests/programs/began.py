"""Prints a line, has a child that ends, and waits for signals."""
import os, signal
print("began")
if os.fork() == 0: os._exit(0)
os.wait()
while True: signal.pause()
