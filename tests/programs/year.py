"""Prints LD_PRELOAD and the year, and has a handler of SIGHUP."""
import os, signal, time
print(os.environ["LD_PRELOAD"], time.gmtime().tm_year)
signal.signal(signal.SIGHUP, lambda number, frame: print("handler", flush=True))
while True: signal.pause()
