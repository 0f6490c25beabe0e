"""Build something clean for a while, so that nothing speaks for looking, and then make garbage in cycles that is old by the
time it is dropped: in a stream, in bursts, or few objects with large buffers."""
import collections
import sys


class Node:
    def __init__(self, size):
        self.buffer = bytes(size)
        self.me = self


def build(n):
    return [[i] for i in range(n)]


def make_stream(n, size, n_at_a_time):
    window = collections.deque(maxlen=n_at_a_time)
    for _ in range(n):
        window.append(Node(size))


kind, n = sys.argv[1], int(sys.argv[2])
kept = [build(200000) for _ in range(4)]
if kind == "stream":
    make_stream(10 * n, 100, n)
elif kind == "bursts":
    for _ in range(6):
        kept.append(build(n))
        make_stream(3 * n, 100, n // 2)
elif kind == "buffers":
    make_stream(n, 64 << 10, 100)
print(sum(map(len, kept)))
