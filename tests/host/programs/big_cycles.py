"""Garbage in cycles, each of which holds a buffer of a megabyte."""
import sys


class Holder:
    def __init__(self, i):
        self.buffer = bytearray(b"x" * (1 << 20))
        self.buffer[0] = i & 127
        self.me = self


n = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
total = 0
for i in range(n):
    total += Holder(i).buffer[0]
print(total)
