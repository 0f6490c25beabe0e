"""About 500 MB of what programs hold: strings, lists, dictionaries, instances and buffers of mixed sizes."""
import random


class Record:
    def __init__(self, number, text):
        self.number = number
        self.text = text
        self.links = [number, number + 1]


def make_item(rng, number, largest):
    kind = rng.randrange(6)
    if kind == 0:
        return "text %d " % number * rng.randrange(1, 12)
    if kind == 1:
        return list(range(number, number + rng.randrange(1, 30)))
    if kind == 2:
        return {"key": number, "name": "n%d" % number}
    if kind == 3:
        return Record(number, str(number) * 3)
    if kind == 4:
        return bytes(rng.randrange(16, largest))
    return (number, str(number), float(number))


def make_items(count, largest=3000):
    """In the order they are made: 930 000 items are about 500 MB, or 1 500 000 when no buffer is above 400 bytes."""
    rng = random.Random(71)
    return [make_item(rng, number, largest) for number in range(count)]
