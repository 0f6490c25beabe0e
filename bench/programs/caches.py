"""Caches: least-recently-used tables, memoised functions, weak references and sessions that come and go."""
import collections
import functools
import random
import sys
import weakref
import zlib

REQUESTS = int(sys.argv[1]) if len(sys.argv) > 1 else 260000


class Session:
    def __init__(self, key, user):
        self.key = key
        self.user = user
        self.seen = 0
        self.data = {"cart": [], "language": "en", "theme": "dark"}
        self.owner = None


class Lru:
    def __init__(self, size):
        self.size = size
        self.entries = collections.OrderedDict()
        self.hits = self.misses = 0

    def get(self, key, make):
        try:
            self.entries.move_to_end(key)
            self.hits += 1
            return self.entries[key]
        except KeyError:
            self.misses += 1
            value = self.entries[key] = make(key)
            if len(self.entries) > self.size:
                self.entries.popitem(last=False)
            return value


@functools.lru_cache(maxsize=4096)
def describe(number):
    return "item %d: %s" % (number, ", ".join(str(number % divisor) for divisor in (3, 5, 7, 11)))


def make_session(key):
    session = Session(key, "user-" + key[-4:])
    session.data["self"] = session      # a cycle, as callbacks and back references make them
    return session


def main():
    rng = random.Random(59)
    cache = Lru(20000)
    live = weakref.WeakValueDictionary()
    totals = collections.Counter()
    crc = 0
    for request in range(REQUESTS):
        key = "session-%08d" % int(60000 * rng.random() ** 2)
        session = cache.get(key, make_session)
        session.seen += 1
        session.data["cart"].append((request, rng.randrange(100)))
        if session.seen % 8 == 0:
            totals[session.user] += sum(count for _, count in session.data["cart"])
            session.data["cart"] = []
        if request % 50 == 0:
            live[key] = session
        text = describe(int(9000 * rng.random() ** 2))
        if request % 16 == 0:
            crc = zlib.crc32(text.encode(), crc)
    # A session that was thrown out may live on until the collector finds its cycle: count only those in use.
    kept = sorted(key for key, session in live.items() if cache.entries.get(key) is session)
    crc = zlib.crc32(repr((totals.most_common(50), kept[:200])).encode(), crc)
    print("caches", cache.hits, cache.misses, sum(totals.values()), "%08x" % crc)


main()
