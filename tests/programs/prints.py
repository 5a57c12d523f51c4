"""Prints a line and parts of one; tells on stderr after each print how long the log is."""
import os
def say(after):
    os.write(2, b"%s %d\n" % (after, os.fstat(1).st_size))
say(b"start")
print("line")
say(b"line")
print("part", end="")
say(b"part")
print()
say(b"end")
