"""Finalizers and weak references of things in cycles: each runs once, in every order of dying."""
import gc
import sys
import weakref


class Thing:
    alive = 0
    finalized = 0
    saved = []

    def __init__(self, i):
        Thing.alive += 1
        self.i = i
        self.me = self

    def __del__(self):
        Thing.finalized += 1
        if self.i % 1000 == 0:
            Thing.saved.append(self)


n = int(sys.argv[1]) if len(sys.argv) > 1 else 50000
called = []
references = []
for i in range(n):
    thing = Thing(i)
    if i % 100 == 0:
        references.append(weakref.ref(thing, lambda _: called.append(1)))
del thing
gc.collect()
print(Thing.alive == n, Thing.finalized == n, len(Thing.saved) == (n + 999) // 1000)
print(sum(reference() is None for reference in references) == len(references), len(called) == len(references))
Thing.saved.clear()
gc.collect()
print(Thing.finalized == n)
