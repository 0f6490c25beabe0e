"""Nine tenths are freed where survivors lie in runs: sessions of a server that ended, and some that did not."""
import sys

import _mixed
import _resident

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 930000
RUN = 500


def main():
    start = _resident.resident()
    items = _mixed.make_items(COUNT)
    peak = _resident.resident()
    items = [item for begin in range(0, COUNT, RUN * 10) for item in items[begin:begin + RUN]]
    print("free_runs", len(items))
    _resident.show(start, peak, _resident.resident())


main()
