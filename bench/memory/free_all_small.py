"""Everything, all of it small, is built, then everything is freed: what stays resident?"""
import sys

import _mixed
import _resident

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 1500000


def main():
    start = _resident.resident()
    items = _mixed.make_items(COUNT, 400)
    peak = _resident.resident()
    print("free_all_small", len(items))
    del items
    _resident.show(start, peak, _resident.resident())


main()
