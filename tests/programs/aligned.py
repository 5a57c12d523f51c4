"""Fails unless the COMMAND of two rows of a table on stdin begins where its heading does,
in characters.
"""
import sys

lines = sys.stdin.buffer.read().decode("utf-8", "surrogateescape").splitlines()
at = lines[0].index("COMMAND")
assert lines[1][at:].startswith("sh -c"), lines[1]
assert lines[2][at:].startswith("sh -c"), lines[2]
