"""Pickling: a company's records, with shared and circular references, are dumped, loaded and deep-copied."""
import copy
import datetime
import io
import pickle
import random
import sys
import zlib

PEOPLE = int(sys.argv[1]) if len(sys.argv) > 1 else 25000


class Person:
    def __init__(self, name, born, salary):
        self.name = name
        self.born = born
        self.salary = salary
        self.boss = None
        self.team = []
        self.tags = set()

    def __getstate__(self):
        state = self.__dict__.copy()
        state["tags"] = sorted(self.tags)
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.tags = set(state["tags"])


def make_company(rng, count):
    people = []
    for number in range(count):
        born = datetime.date(1950, 1, 1) + datetime.timedelta(days=rng.randrange(18000))
        person = Person("person %d" % number, born, rng.randrange(2000, 9000))
        person.tags.update(rng.choice(["night", "day", "remote", "guard", "driver"]) for _ in range(2))
        if people:
            person.boss = people[max(0, number // 50 - 1)]
            person.boss.team.append(number)
        people.append(person)
    return people


def digest(people):
    crc = 0
    for person in people:
        boss = person.boss.name if person.boss else None
        crc = zlib.crc32(repr((person.name, str(person.born), person.salary, boss, person.team, sorted(person.tags))).encode(), crc)
    return crc


def main():
    people = make_company(random.Random(31), PEOPLE)
    before = digest(people)
    total = 0
    for protocol in (2, 4, 4):
        data = pickle.dumps(people, protocol)
        total += len(data)
        people = pickle.loads(data)
        assert digest(people) == before
    rows = [[i, str(i), i / 7, (i, -i), {"k": i % 5}] for i in range(PEOPLE * 4)]
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream, 4)
    for start in range(0, len(rows), 1000):
        pickler.dump(rows[start:start + 1000])
        pickler.clear_memo()
    stream.seek(0)
    back = []
    while len(back) < len(rows):
        back.extend(pickle.load(stream))
    assert back == rows
    twin = copy.deepcopy(rows[:PEOPLE // 2])
    crc = zlib.crc32(repr((total, twin[-1], twin[PEOPLE // 3])).encode(), before)
    print("pickling", len(people), total, len(stream.getvalue()), "%08x" % crc)


main()
