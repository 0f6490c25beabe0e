"""Rows are sorted by tuples, and then other rows are made: what the interpreter keeps of the keys lies all over the heap."""
import gc
import sys

COUNT = int(sys.argv[1])
seen = []
if "callback" in sys.argv:
    gc.callbacks.append(lambda phase, information: seen.append(len(gc.get_objects())))


class Row(tuple):
    pass


rows = [Row((i, i * 7919 % COUNT, i % 365, i % 50, i % 9)) for i in range(COUNT)]
rows.sort(key=lambda row: (row[3], row[1], row[0]))
kept = [row[0] for row in rows]
later = [Row((row[0], row[1], row[2], row[3], row[4] + 1)) for row in rows]
assert [row[0] for row in later] == kept
assert sum(type(thing) is Row for thing in gc.get_objects()) >= 2 * COUNT
print(len(later), sum(n < COUNT for n in seen[len(seen) // 2:]))
