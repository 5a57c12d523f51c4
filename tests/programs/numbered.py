"""Whether the logs hold the lines 1, 2, 3, ..., each once and in order."""
import glob
import re


def age(path):
    return -int(path[4:]) if path != "log" else 0


def check(last):
    """Prints each line of log.N ... log.1 and log, without a time stamp, that is not the
    next number, and at the end the number of lines beyond the last."""
    expected = 1
    faults = 0
    for path in sorted(glob.glob("log*"), key=age):
        with open(path, "rb") as file:
            for line in file:
                found = re.fullmatch(rb"(?:\d{4}-\d\d-\d\dT\S+ )?(\d+)\n", line)
                number = int(found.group(1)) if found else None
                if number != expected and faults < 10:
                    print(path, line, "instead of", expected)
                    faults += 1
                expected = (number or expected) + 1
    print(expected - 1 - last, "lines too many")
