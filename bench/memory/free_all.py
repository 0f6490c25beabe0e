"""Everything is built, then everything is freed: what stays resident?"""
import sys

import _mixed
import _resident

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 930000


def main():
    start = _resident.resident()
    items = _mixed.make_items(COUNT)
    peak = _resident.resident()
    print("free_all", len(items))
    del items
    _resident.show(start, peak, _resident.resident())


main()
