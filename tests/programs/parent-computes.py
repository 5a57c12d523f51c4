"""A parent that computes for ever."""
import os
if os.fork():
    while True:
        pass
