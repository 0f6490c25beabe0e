"""The newest nine tenths of small objects are freed: the usual end of a batch that leaves a cache behind."""
import sys

import _mixed
import _resident

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 1500000


def main():
    start = _resident.resident()
    items = _mixed.make_items(COUNT, 400)
    peak = _resident.resident()
    del items[COUNT // 10:]
    print("free_newest_small", len(items))
    _resident.show(start, peak, _resident.resident())


main()
