"""JSON: a shop's orders are written, read back, changed a little, and written again."""
import json
import random
import sys
import zlib

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
CITIES = ["Aachen", "Bologna", "Córdoba", "Delft", "Esbjerg", "Fes", "Gdańsk", "Haarlem"]


def make_orders(rng, count):
    for number in range(count):
        yield {
            "id": number,
            "customer": {"name": "customer %d" % rng.randrange(5000), "city": rng.choice(CITIES), "vip": rng.random() < 0.1},
            "lines": [
                {"sku": "%05x" % rng.randrange(1 << 20), "count": rng.randrange(1, 9), "price": rng.randrange(10000) / 100}
                for _ in range(rng.randrange(1, 7))
            ],
            "note": None if rng.random() < 0.7 else "leave it with the neighbour, " * rng.randrange(1, 4),
        }


def main():
    rng = random.Random(7)
    orders = list(make_orders(rng, 20000))
    crc = 0
    for _ in range(ROUNDS):
        text = json.dumps(orders)
        crc = zlib.crc32(text.encode(), crc)
        orders = json.loads(text)
        for order in orders:
            order["cents"] = sum(line["count"] * round(line["price"] * 100) for line in order["lines"])
        lines = "\n".join(json.dumps(order, sort_keys=True, ensure_ascii=False) for order in orders[::4])
        crc = zlib.crc32(lines.encode(), crc)
        parsed = [json.loads(line) for line in lines.split("\n")]
        assert parsed == orders[::4]
    print("json_roundtrip", len(orders), sum(order["cents"] for order in orders), "%08x" % crc)


main()
