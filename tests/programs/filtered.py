#!/usr/bin/env python3
"""Executes a command with a seccomp filter that makes one system call fail.

usage: filtered.py ERRNO NUMBER [ARGUMENT=VALUE|ARGUMENT!=VALUE]... -- COMMAND...

Of the call's arguments, 0 to 5, the lower half is compared.
"""
import ctypes
import os
import re
import struct
import sys

LOAD, EQUALS, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7fff0000, 0x00050000

at = sys.argv.index("--")
error, number, *conditions = sys.argv[1:at]
tests = [(0, "=", int(number))]  # of struct seccomp_data
for condition in conditions:
    argument, sign, value = re.fullmatch(r"([0-5])(!?=)(\w+)", condition).groups()
    tests.append((16 + 8 * int(argument), sign, int(value, 0)))
code = []
for index, (offset, sign, value) in enumerate(tests):
    out = 2 * (len(tests) - index) - 1  # from behind the comparison to the last line
    code += [(LOAD, 0, 0, offset),
             (EQUALS, 0, out, value) if sign == "=" else (EQUALS, out, 0, value)]
code += [(RETURN, 0, 0, ERRNO | int(error)), (RETURN, 0, 0, ALLOW)]
lines = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(lines))
libc = ctypes.CDLL(None)
if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, program, 0, 0) != 0:
    sys.exit("no filter")
os.execvp(sys.argv[at + 1], sys.argv[at + 1:])
