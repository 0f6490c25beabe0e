"""Ten million blocks that live to the end, asked for by a million tracebacks of 20 to 50 frames, each other than the others.

Arguments: tracebacks."""
import sys

BITS = 20
STEPS = [[level * BITS // depth for level in range(depth)] for depth in range(1, 51)]
kept = []


def tower(way, steps, level):
    """Each frame goes on from one of two lines."""
    if level == 0:
        for _ in range(5):
            kept.append([way])
    elif way[steps[level - 1]] == 48:
        tower(way, steps, level - 1)
    else:
        tower(way, steps, level - 1)


def main():
    for i in range(int(sys.argv[1])):
        way = b"%020d" % int(bin(i)[2:])
        depth = 20 + i * 2654435761 % 31
        tower(way, STEPS[depth - 1], depth)
    print(len(kept))


main()
