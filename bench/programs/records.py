"""Records: named tuples, data classes and plain rows are sorted, grouped, joined and ranked."""
import bisect
import collections
import dataclasses
import operator
import random
import sys
import zlib

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 140000

Sale = collections.namedtuple("Sale", "serial shop article day cents")


@dataclasses.dataclass(order=True)
class Article:
    name: str
    group: str
    cents: int
    sold: int = dataclasses.field(default=0, compare=False)


def main():
    rng = random.Random(53)
    articles = {"article %d" % i: Article("article %d" % i, rng.choice("ABCDEFG"), rng.randrange(100, 9000)) for i in range(2000)}
    names = list(articles)
    sales = [Sale(i, "shop %d" % rng.randrange(50), rng.choice(names), rng.randrange(365), rng.randrange(100, 20000))
             for i in range(COUNT)]
    crc = 0
    for key in (operator.attrgetter("cents", "serial"), operator.attrgetter("shop", "day", "serial"),
                lambda sale: (articles[sale.article].group, -sale.cents, sale.serial)):
        sales.sort(key=key)
        crc = zlib.crc32(repr([sale.serial for sale in sales[::10]]).encode(), crc)
    by_shop = collections.defaultdict(list)
    for sale in sales:
        articles[sale.article].sold += 1
        by_shop[sale.shop].append(sale._replace(cents=sale.cents * 95 // 100))
    joined = [(sale.shop, articles[sale.article].group, sale.day // 30, sale.cents) for shop in sorted(by_shop) for sale in by_shop[shop]]
    pivot = collections.defaultdict(lambda: [0] * 13)
    for shop, group, month, cents in joined:
        pivot[shop, group][month] += cents
    ranked = []
    for sale in sales[::4]:
        bisect.insort(ranked, (sale.cents, sale.serial))
    ordered = sorted(articles.values())
    frozen = [dataclasses.asdict(article) for article in ordered]
    unique = {tuple(sorted(row.items())) for row in frozen}
    recent = collections.deque((sale.serial for sale in sales), maxlen=500)
    crc = zlib.crc32(repr((sorted(pivot.items()), ranked[:100], sorted(unique)[:300], list(recent))).encode(), crc)
    print("records", len(sales), len(pivot), len(ranked), "%08x" % crc)


main()
