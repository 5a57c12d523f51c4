"""Makes of the file "good" copies cut1, cut2, ..., each cut one byte later."""
import os
data = open("good", "rb").read()
for i in range(1, len(data)):
    fd = os.open(f"cut{i}", os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(fd, data[:i])
