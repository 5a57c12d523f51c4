"""columns.py WIDTH: fails if a line of a table on stdin takes more columns than WIDTH, or
the running state does not begin in the column of its heading."""
import sys
import unicodedata


def width(text):
    return sum(0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else
               2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


lines = sys.stdin.read().splitlines()
heading = width(lines[0].split("STATE")[0])
for line in lines:
    if width(line) > int(sys.argv[1]):
        sys.exit(f"{width(line)} columns: {line}")
for line in lines[1:]:
    if width(line.split("running")[0]) != heading:
        sys.exit(f"not in column {heading}: {line}")
