"""Graphs: shortest paths, strong components and page rank on a road map and on a web of links."""
import heapq
import random
import sys
import zlib

SIZE = int(sys.argv[1]) if len(sys.argv) > 1 else 250


class Place:
    def __init__(self, x, y):
        self.x = x
        self.y = y
        self.roads = []
        self.distance = None

    def __lt__(self, other):
        return (self.x, self.y) < (other.x, other.y)


def make_map(rng, size):
    places = {(x, y): Place(x, y) for x in range(size) for y in range(size)}
    for (x, y), place in places.items():
        for step in ((1, 0), (0, 1), (-1, 0), (0, -1)):
            near = places.get((x + step[0], y + step[1]))
            if near is not None and rng.random() < 0.85:
                place.roads.append((near, rng.randrange(1, 100)))
    return places


def shortest_paths(places, start):
    for place in places.values():
        place.distance = None
    queue = [(0, start)]
    reached = 0
    while queue:
        distance, place = heapq.heappop(queue)
        if place.distance is not None:
            continue
        place.distance = distance
        reached += 1
        for near, length in place.roads:
            if near.distance is None:
                heapq.heappush(queue, (distance + length, near))
    return reached


def components(links):
    """Tarjan's strong components, without recursion."""
    index, low, on_stack, stack, found = {}, {}, set(), [], []
    for root in links:
        if root in index:
            continue
        work = [(root, iter(links[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            page, rest = work[-1]
            for near in rest:
                if near not in index:
                    index[near] = low[near] = len(index)
                    stack.append(near)
                    on_stack.add(near)
                    work.append((near, iter(links[near])))
                    break
                if near in on_stack:
                    low[page] = min(low[page], index[near])
            else:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[page])
                if low[page] == index[page]:
                    component = []
                    while True:
                        member = stack.pop()
                        on_stack.discard(member)
                        component.append(member)
                        if member == page:
                            break
                    found.append(component)
    return found


def rank_pages(links, rounds):
    rank = {page: 1_000_000 for page in links}
    for _ in range(rounds):
        fresh = {page: 150_000 for page in links}
        for page, targets in links.items():
            share = rank[page] * 85 // (100 * len(targets))
            for target in targets:
                fresh[target] += share
        rank = fresh
    return rank


def main():
    rng = random.Random(5)
    places = make_map(rng, SIZE)
    crc = 0
    for start in ((0, 0), (SIZE // 2, SIZE // 3)):
        reached = shortest_paths(places, places[start])
        crc = zlib.crc32(repr([(p.x, p.y, p.distance) for p in places.values()]).encode(), crc)
    pages = ["page-%d" % i for i in range(SIZE * 200)]
    links = {page: [pages[min(rng.randrange(len(pages)), rng.randrange(len(pages)))] for _ in range(rng.randrange(1, 6))]
             for page in pages}
    sizes = sorted((len(c) for c in components(links)), reverse=True)
    rank = rank_pages(links, 8)
    best = sorted(rank.items(), key=lambda item: (-item[1], item[0]))[:100]
    crc = zlib.crc32(repr((sizes[:50], best)).encode(), crc)
    print("graph", reached, len(sizes), sizes[0], "%08x" % crc)


main()
