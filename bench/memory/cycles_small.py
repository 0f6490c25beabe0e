"""Small garbage in cycles beside 300 000 live objects: how much of it is held before the collector looks?"""
import sys

import _resident

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 2000000


class Node:
    def __init__(self, number):
        self.number = number
        self.other = None


def main():
    start = _resident.resident()
    live = [[number] for number in range(300000)]
    total = 0
    for number in range(ROUNDS):
        first, second = Node(number), Node(-number)
        first.other, second.other = second, first
        total += first.number - second.other.number
    print("cycles_small", len(live), total)
    peak = _resident.resident()
    del live, first, second
    _resident.show(start, peak, _resident.resident())


main()
