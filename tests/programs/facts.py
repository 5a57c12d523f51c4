"""Prints what an inspection says, as JSON on stdin: names and values, each ended by NUL.

A name is a key of it, "row NAME KEY" of a check, or "fd N KEY" of a descriptor; strings
are bare, all other values as JSON.
"""
import json
import sys


def tell(name, value):
    text = value if isinstance(value, str) else json.dumps(value)
    sys.stdout.write(f"{name}\0{text}\0")


it = json.load(sys.stdin)
for key, value in it.items():
    tell(key, value)
rows = [row["name"] for row in it["checks"]]
assert len(rows) == len(set(rows)), rows
for row in it["checks"]:
    for key, value in row.items():
        sys.stdout.write(f"row {row['name']} {key}\0{json.dumps(value)}\0")
for fd in it["fds"] or []:
    for key, value in fd.items():
        tell(f"fd {fd['fd']} {key}", value)
tell("numbers", " ".join(str(n) for n in sorted(fd["fd"] for fd in it["fds"] or [])))
tell("words", "".join(word + " " for word in it["command"] or []))
tell("last words", (it["command"] or [])[-2:])
