"""Writes an ELF header, and behind it a program header that names a dynamic linker.

usage: elf.py FILE BITS MACHINE LINKER
"""
import os, struct, sys
name, bits, machine, linker = sys.argv[1], sys.argv[2], int(sys.argv[3]), os.fsencode(sys.argv[4])
small = bits == "32"
size = 52 if small else 64
header = struct.pack("<HHI" + ("III" if small else "QQQ") + "IHHHHHH", 2, machine, 1,
                     0, size, 0, 0, size, 32 if small else 56, 1, 0, 0, 0)
length = len(linker) + 1
if small:
    segment = struct.pack("<8I", 3, size + 32, 0, 0, length, length, 4, 1)
else:
    segment = struct.pack("<IIQQQQQQ", 3, 4, size + 56, 0, 0, length, length, 1)
with open(name, "wb") as file:
    file.write(b"\x7fELF" + bytes([1 if small else 2, 1, 1]) + bytes(9) + header + segment + linker + b"\0")
os.chmod(name, 0o755)
