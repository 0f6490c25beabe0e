"""Nothing but small garbage in cycles."""
import sys


class Pair:
    def __init__(self, data):
        self.data = data
        self.other = None


n = int(sys.argv[1]) if len(sys.argv) > 1 else 400000
for i in range(n):
    a, b = Pair([i]), Pair([i + 1])
    a.other, b.other = b, a
print(n)
