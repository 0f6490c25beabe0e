"""CSV: sensor readings are written, read with both readers, grouped, joined, and turned into a report."""
import csv
import io
import random
import sys
import zlib

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 190000
KINDS = ["temperature", "pressure", "humidity", "light, visible", "noise \"A\""]


def write_readings(rng, count):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["serial", "station", "kind", "minute", "value", "remark"])
    for serial in range(count):
        writer.writerow([serial, "station-%03d" % rng.randrange(300), rng.choice(KINDS), rng.randrange(1440),
                         rng.randrange(100000) / 100, "" if rng.random() < 0.8 else "checked, see\nlog %d" % (serial % 100)])
    return out.getvalue()


def main():
    rng = random.Random(41)
    text = write_readings(rng, ROWS)
    groups = {}
    rows = []
    for row in csv.DictReader(io.StringIO(text)):
        rows.append(row)
        cents = round(float(row["value"]) * 100)
        groups.setdefault((row["station"], row["kind"]), []).append((int(row["minute"]), cents))
    plain = [row for row in csv.reader(io.StringIO(text)) if row[5]]
    out = io.StringIO()
    writer = csv.DictWriter(out, ["station", "kind", "count", "least", "most", "mean"], lineterminator="\n")
    writer.writeheader()
    for (station, kind), values in sorted(groups.items()):
        cents = [value for _, value in values]
        writer.writerow({"station": station, "kind": kind, "count": len(values), "least": min(cents), "most": max(cents),
                         "mean": sum(cents) // len(cents)})
    late = sorted(rows, key=lambda row: (-int(row["minute"]), int(row["serial"])))[:1000]
    crc = zlib.crc32(text.encode())
    crc = zlib.crc32(out.getvalue().encode(), crc)
    crc = zlib.crc32(repr([row["serial"] for row in late]).encode(), crc)
    print("csv_report", len(rows), len(plain), len(groups), "%08x" % crc)


main()
