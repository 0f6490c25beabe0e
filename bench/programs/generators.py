"""Generators: lazy pipelines, recursive generators, itertools and coroutines over streams of readings."""
import itertools
import sys
import zlib

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 2000000


def readings(count):
    state = 12345
    for number in range(count):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        yield number, state >> 8


def smooth(source, width):
    window = []
    total = 0
    for number, value in source:
        window.append(value)
        total += value
        if len(window) > width:
            total -= window.pop(0)
        yield number, total // len(window)


def only_rising(source):
    last = None
    for number, value in source:
        if last is None or value > last:
            yield number, value
        last = value


def batches(source, size):
    while True:
        batch = list(itertools.islice(source, size))
        if not batch:
            return
        yield batch


def permute(items):
    if not items:
        yield ()
    for i, item in enumerate(items):
        for rest in permute(items[:i] + items[i + 1:]):
            yield (item,) + rest


def flatten(tree):
    for item in tree:
        if isinstance(item, list):
            yield from flatten(item)
        else:
            yield item


def averager():
    total = count = 0
    value = None
    while True:
        value = yield (total // count if count else 0)
        total += value
        count += 1


def nest(depth, start):
    return start if depth == 0 else [nest(depth - 1, start * 3 + i) for i in range(3)]


def main():
    crc = 0
    n_batches = 0
    mean = averager()
    next(mean)
    for batch in batches(only_rising(smooth(readings(COUNT), 6)), 50):
        n_batches += 1
        last = [mean.send(value) for _, value in batch][-1]
        crc = zlib.crc32(repr(batch[::7] + [last]).encode(), crc)
    orders = sum(1 for order in permute(tuple(range(9))) if order[0] < order[-1])
    leaves = sum(flatten(nest(9, 1))) % 1000003
    squares = sum(x * y for x, y in itertools.product(range(400), repeat=2) if (x ^ y) & 1)
    groups = [(key, sum(1 for _ in group)) for key, group in itertools.groupby(sorted(v % 1000 for _, v in readings(COUNT // 4)))]
    crc = zlib.crc32(repr(groups).encode(), crc)
    print("generators", n_batches, orders, leaves, squares, "%08x" % crc)


main()
