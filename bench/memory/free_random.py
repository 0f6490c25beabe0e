"""Nine tenths at random are freed: the hardest case, for a single live block keeps its page."""
import random
import sys

import _mixed
import _resident

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 930000


def main():
    start = _resident.resident()
    items = _mixed.make_items(COUNT)
    peak = _resident.resident()
    rng = random.Random(73)
    items = [item for item in items if rng.random() < 0.1]
    print("free_random", len(items))
    _resident.show(start, peak, _resident.resident())


main()
