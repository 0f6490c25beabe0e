"""Dictionaries of strings: an inverted index and word pairs over a made-up text, then queries on them."""
import random
import sys
import zlib

DOCUMENTS = int(sys.argv[1]) if len(sys.argv) > 1 else 3000


def make_vocabulary(rng, count):
    parts = ["ka", "lo", "mi", "ren", "tu", "sa", "ver", "ni", "po", "dra", "el", "um", "os", "qui", "ba"]
    words = set()
    while len(words) < count:
        words.add("".join(rng.choice(parts) for _ in range(rng.randrange(1, 6))))
    return sorted(words)


def make_document(rng, vocabulary):
    size = len(vocabulary)
    return " ".join(vocabulary[int(size * rng.random() ** 3)] for _ in range(rng.randrange(40, 160)))


def main():
    rng = random.Random(3)
    vocabulary = make_vocabulary(rng, 20000)
    index = {}
    pairs = {}
    titles = {}
    for number in range(DOCUMENTS):
        name = "document/%05d" % number
        words = make_document(rng, vocabulary).split()
        titles[name] = " ".join(words[:4]).title()
        for position, word in enumerate(words):
            index.setdefault(word, {}).setdefault(name, []).append(position)
        for pair in zip(words, words[1:]):
            pairs[pair] = pairs.get(pair, 0) + 1
    hits = []
    for _ in range(1500):
        first, second = rng.choice(vocabulary[:3000]), rng.choice(vocabulary[:3000])
        both = index.get(first, {}).keys() & index.get(second, {}).keys()
        hits.append((first, second, sorted(titles[name] for name in both)[:3], len(both)))
    top = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:200]
    lines = {word.upper(): ",".join(places) for word, places in index.items() if len(places) < 200}
    crc = zlib.crc32(repr((hits, top, sorted(lines.items())[:500])).encode())
    print("words", len(index), len(pairs), len(lines), "%08x" % crc)


main()
