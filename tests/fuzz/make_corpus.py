#!/usr/bin/env python3
"""Write the seed corpus of the heap's fuzzer: short programs in its bytes, each with a point.

usage: make_corpus.py FOLDER

See heap.c for what the bytes mean.  The output is the same at every run.
"""

import pathlib
import random
import sys

KINDS = {"exclusive": 0, "shared": 1, "exclusive_debug": 2, "shared_debug": 3}


def word(n):
    return [n & 0xFF, n >> 8 & 0xFF]


def size(n):
    """The bytes that next_size() reads as n, or nearly."""
    if n < 128:
        return [n]
    if n < 1200:
        head = min(63, max(0, (n - 200) // 16))
        return [128 + head, min(255, n - head * 16)]
    if n < 65536 + 47 * 1024:
        head = max(0, (n - 65535 + 1023) // 1024)
        return [192 + head, *word(n - head * 1024)]
    step = max(0, min(5, (n - 1).bit_length() - 17))
    return [240 + 3 * step, *word(max(0, min(65535, (n - (65536 << step) + 32768) // 8)))]


def alloc(n, domain=0):
    return [domain, *size(n)]


def zeroed(n):
    return [96, *size(n), 0]


def aligned(n, power):
    return [112, *size(n), power]


def free(index):
    return [128, *word(index)]


def realloc(index, n):
    return [176, *word(index), *size(n)]


def many(n, count):
    return [208, *size(n), count]


def free_many(start, step, count):
    return [220, start, step - 1, count]


TRIM, WALK, STATS = [236], [249], [252]


def limit(eighths):
    return [242, eighths]


TOO_MUCH = [246, 7, 0, 0, 12, 0]


def programs():
    sizes = [0, 1, 16, 17, 48, 64, 512, 513, 1000, 8192, 8193, 40000, 65536, 65537, 100000, 300000, 2000000]
    yield "every_size", [b for n in sizes for b in alloc(n, n % 3)] + WALK + STATS
    yield "zeroed_after_dirty", [
        b for n in sizes for b in alloc(n) + free(0) + zeroed(n) + free(0) + TRIM + zeroed(n) + free(0)]
    yield "alignments", [b for p in range(22) for n in (0, 24, 5000, 70000) for b in aligned(n, p)] + WALK
    yield "realloc_up_and_down", alloc(1) + [
        b for n in sizes + sizes[::-1] for b in realloc(0, n) + alloc(n) + free(1)] + WALK
    yield "growing_by_turns", alloc(70000) + alloc(70000) + [
        b for n in range(80000, 1900000, 120000) for b in realloc(0, n) + realloc(1, n)] + STATS
    yield "pools_fill_and_empty", [
        b for n in (64, 200, 1024, 4096) for b in many(n, 255) + many(n, 200) + WALK
        + free_many(0, 2, 255) + TRIM + many(n, 255) + STATS + free_many(3, 1, 255) + free_many(0, 1, 255)]
    yield "trim_inside_pools", many(96, 200) + free_many(1, 1, 190) + TRIM + many(96, 255) + WALK + \
        free_many(0, 3, 200) + TRIM + many(96, 255) + STATS + WALK
    yield "limits", [
        b for eighths in (1, 2, 8, 0) for b in limit(eighths) + many(1000, 255) + alloc(300000)
        + realloc(0, 500000) + STATS + free_many(0, 1, 200)]
    yield "too_much", alloc(100) + TOO_MUCH + alloc(70000) + TOO_MUCH + WALK + STATS
    source = random.Random(1)
    for i in range(4):
        yield f"random_{i}", [source.randrange(256) for _ in range(2000)]


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, operations in programs():
        for kind, byte in KINDS.items():
            if name.startswith("random") or kind in ("exclusive", "shared_debug") or name == "limits":
                (folder / f"{name}_{kind}").write_bytes(bytes([byte, *operations]))


if __name__ == "__main__":
    main()
