"""Garbage in cycles that each hold a megabyte: the collector counts objects, the machine counts bytes."""
import sys

import _resident

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3000


class Frame:
    def __init__(self, number):
        self.data = bytearray(b"%d " % number) * (1 << 18)
        self.me = self


def main():
    start = _resident.resident()
    total = 0
    for number in range(ROUNDS):
        frame = Frame(number % 10)
        total += frame.data[number]
    print("cycles_buffers", total)
    peak = _resident.resident()
    del frame
    _resident.show(start, peak, _resident.resident())


main()
