"""A program whose memory is known line by line; run with "tracemalloc" it prints what that module says of its lines,
as JSON: {line: [blocks, bytes]}.  Without, it ends with all of it alive."""

import functools
import gc
import json
import sys

kept = []


class Point:
    def __init__(self, x):
        self.x = x
        self.name = "point %d" % x


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self, a):
        self.a = a
        self.b = [a] * 3


def make_points(n):
    return [Point(i) for i in range(1000, 1000 + n)]


def make_table(n):
    return {"key %d" % i: (i, str(i)) for i in range(1000, 1000 + n)}


def produce(n):
    for i in range(n):
        yield bytearray(i)


def recurse(depth):
    if depth == 0:
        return [bytes(5000)]
    return [recurse(depth - 1)]


@functools.lru_cache(None)
def cached(n):
    return "x" * n


def grow():
    grown = []
    for i in range(20000):
        grown.append(i * 1.5)
    return grown


def shrink():
    shrunk = list(range(50000, 60000))
    del shrunk[100:]
    return shrunk


def build():
    kept.append(make_points(3000))
    kept.append([Slotted(i) for i in range(2000)])
    kept.append(make_table(2500))
    kept.append(list(produce(700)))
    kept.append(recurse(200))
    kept.append([cached(n) for n in range(100, 1100)])
    kept.append(grow())
    kept.append(shrink())
    kept.append(bytearray(3_000_000))
    kept.append({i: set(range(i % 20)) for i in range(2000)})
    kept.append("".join(chr(1000 + i % 500) for i in range(30000)))
    space = {}
    exec(compile("rows = [[i] for i in range(500)]", "<made>", "exec"), space)
    kept.append(space["rows"])
    make_points(20000)  # and lost again


def show():
    import tracemalloc

    snapshot = tracemalloc.take_snapshot()
    lines = {}
    for trace in snapshot.traces:
        frame = trace.traceback[-1]
        if frame.filename in (__file__, "<made>"):
            known = lines.setdefault(f"{frame.filename}:{frame.lineno}", [0, 0])
            known[0] += 1
            known[1] += trace.size
    print(json.dumps(lines))


gc.collect()  # before and after: the interpreter's free lists are empty
build()
gc.collect()
if "tracemalloc" in sys.argv:
    show()
