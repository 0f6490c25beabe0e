"""Regular expressions: a web server's log is parsed, cleaned and summed up; a small tokenizer reads a language."""
import collections
import random
import re
import sys
import zlib

LINES = int(sys.argv[1]) if len(sys.argv) > 1 else 140000

LOG = re.compile(
    r'(?P<host>\d+\.\d+\.\d+\.\d+) - (?P<user>\S+) \[(?P<day>\d+)/(?P<month>\w+)/(?P<year>\d+):(?P<time>[\d:]+) \+0000\] '
    r'"(?P<verb>[A-Z]+) (?P<path>[^ ?"]+)(?:\?(?P<query>[^ "]*))? HTTP/[\d.]+" (?P<status>\d{3}) (?P<size>\d+|-)')
PARAMETER = re.compile(r"([^=&]+)=([^&]*)")
TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<text>\"(?:[^\"\\]|\\.)*\")|(?P<mark>[-+*/=(){};<>!]=?))")


def make_line(rng, number):
    query = "&".join("%s=%d" % (rng.choice(["page", "sort", "q", "lang"]), rng.randrange(90)) for _ in range(rng.randrange(4)))
    return '%d.%d.%d.%d - %s [%d/Nov/2021:%02d:%02d:%02d +0000] "%s /%s/%s%s HTTP/1.1" %d %s' % (
        10, rng.randrange(4), rng.randrange(256), rng.randrange(256), rng.choice(["-", "anna", "bert", "cleo"]),
        rng.randrange(1, 31), rng.randrange(24), rng.randrange(60), rng.randrange(60), rng.choice(["GET", "GET", "POST"]),
        rng.choice(["shop", "blog", "img", "api/v2"]), "item-%d.html" % (number % 977), "?" + query if query else "",
        rng.choice([200, 200, 200, 304, 404, 500]), rng.choice(["-", str(rng.randrange(100000))]))


def tokens(source):
    position = 0
    while position < len(source):
        match = TOKEN.match(source, position)
        if match is None:
            break
        yield match.lastgroup, match.group(match.lastgroup)
        position = match.end()


def main():
    rng = random.Random(23)
    log = "\n".join(make_line(rng, number) for number in range(LINES))
    by_path = collections.defaultdict(lambda: [0, 0])
    parameters = collections.Counter()
    records = []
    for match in LOG.finditer(log):
        record = match.groupdict()
        records.append(record)
        entry = by_path[record["path"]]
        entry[0] += 1
        entry[1] += int(record["size"]) if record["size"] != "-" else 0
        if record["query"]:
            parameters.update(PARAMETER.findall(record["query"]))
    hidden = re.sub(r"(\d+\.\d+)\.\d+\.\d+", r"\1.x.x", log)
    hours = collections.Counter(re.split(r":", record["time"])[0] for record in records)
    source = "\n".join("def f_%d(a) { x = a * %d + \"text %d\"; if (x >= %d.5) x = -x; }" % (i, i, i, i) for i in range(5000))
    kinds = collections.Counter(kind for kind, _ in tokens(source))
    crc = zlib.crc32(hidden.encode())
    crc = zlib.crc32(repr((sorted(by_path.items()), sorted(parameters.items()), sorted(hours.items()), sorted(kinds.items()))).encode(), crc)
    print("regex", len(records), len(by_path), sum(kinds.values()), "%08x" % crc)


main()
