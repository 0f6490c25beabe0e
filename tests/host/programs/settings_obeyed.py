"""What a program asks of the collector, in order; every line is the same with and without pacing."""
import gc
import sys

print("gc" in sys.modules, gc.isenabled(), gc.get_threshold())
print(gc.get_threshold.__name__, gc.get_threshold.__doc__, type(gc.set_threshold).__name__)
print(gc.set_threshold.__doc__.splitlines()[0], gc.collect.__doc__.splitlines()[0])

before = gc.get_threshold()
keep = [[i] for i in range(200000)]
print(gc.get_threshold() == before, gc.get_freeze_count())

cycle = []
cycle.append(cycle)
del cycle
print(gc.collect() >= 1, gc.collect(0) >= 0, gc.collect(generation=1) >= 0)
try:
    gc.collect(7)
except ValueError as error:
    print("ValueError", error)
try:
    gc.set_threshold("many")
except TypeError:
    print("TypeError", gc.get_threshold() == before)

gc.freeze()
print(gc.get_freeze_count() > 100000)
gc.unfreeze()
print(gc.get_freeze_count() < 1000)

gc.disable()
runs = sum(generation["collections"] for generation in gc.get_stats())
more = [[i] for i in range(100000)]
print(runs == sum(generation["collections"] for generation in gc.get_stats()))
gc.enable()

gc.set_threshold(500, 5, 5)
print(gc.get_threshold())
runs = gc.get_stats()[0]["collections"] + gc.get_stats()[1]["collections"]
yet_more = [[i] for i in range(100000)]
print(gc.get_stats()[0]["collections"] + gc.get_stats()[1]["collections"] - runs > 100)
gc.set_threshold(0)
print(gc.get_threshold()[0])
print(len(keep), len(more), len(yet_more), any(o is keep for o in gc.get_objects()))
