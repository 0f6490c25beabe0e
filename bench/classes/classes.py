#!/usr/bin/env python3
"""What sizes CPython asks for on the programs of bench/, and what rounding to our size classes wastes.

    bench/classes/classes.py [--python PATH ...] [--out docs/size-classes.md]

Runs every program of bench/programs once under each interpreter with a library preloaded that counts requests
by size, and writes a table: for each size class its share of the requests and of the bytes, and the waste.
"""
import argparse
import collections
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = sorted((HERE.parent / "programs").glob("*.py"))


def class_sizes():
    """The classes of src/heap/classes.c: steps of 16 to 512, then eight a doubling to 65536."""
    sizes = list(range(16, 513, 16))
    while sizes[-1] < 65536:
        base = sizes[-1]
        sizes += [base + base // 8 * eighth for eighth in range(1, 9)]
    return sizes


def build(folder):
    library = folder / "requests.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, HERE / "requests.c"], check=True)
    return library


def count(python, library, program, folder):
    out = folder / "requests.txt"
    environment = dict(os.environ, LD_PRELOAD=str(library), REQUESTS_FILE=str(out), PYTHONHASHSEED="0")
    subprocess.run([python, program], env=environment, check=True, stdout=subprocess.DEVNULL)
    return {int(size): int(n) for size, n in (line.split() for line in out.read_text().splitlines())}


def by_class(requests, sizes):
    """(class, requests, bytes asked) of each class; larger requests under class 0."""
    table = {size: [0, 0] for size in sizes + [0]}
    i = 0
    for size in sorted(requests):
        while i < len(sizes) and sizes[i] < size:
            i += 1
        row = table[sizes[i] if i < len(sizes) else 0]
        row[0] += requests[size]
        row[1] += requests[size] * size
    return table


def version_of(python):
    return subprocess.run([python, "-c", "import platform; print(platform.python_version())"], check=True,
                          capture_output=True, text=True).stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", action="append", help="interpreters (default: python3 on the PATH)")
    parser.add_argument("--out", type=pathlib.Path, help="write the table there instead of standard output")
    arguments = parser.parse_args()
    sizes = class_sizes()
    lines = ["# Size classes and what they waste", "",
             "Made by `bench/classes/classes.py`: requests of the mem and object domains by all programs of",
             "`bench/programs`. Classes that serve under one request in ten thousand are left out."]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        library = build(folder)
        for python in arguments.python or ["python3"]:
            requests = collections.Counter()
            for program in PROGRAMS:
                requests.update(count(python, library, program, folder))
            lines += render(version_of(python), by_class(requests, sizes))
    text = "\n".join(lines) + "\n"
    if arguments.out:
        arguments.out.write_text(text)
    else:
        sys.stdout.write(text)


def render(version, table):
    all_requests = sum(n for n, _ in table.values())
    pooled = {size: row for size, row in table.items() if size}
    served = sum(size * n for size, (n, _) in pooled.items())
    asked = sum(n_bytes for _, n_bytes in pooled.values())
    lines = ["", f"## CPython {version}", "",
             f"{all_requests:,} requests, {table[0][0]:,} of them above 64 KiB. Rounding wastes "
             f"{100 * (served - asked) / served:.1f} % of the bytes served from pools.", "",
             "| class | requests | bytes served | waste |", "|---:|---:|---:|---:|"]
    for size, (n, n_bytes) in pooled.items():
        if n * 10000 >= all_requests:
            lines.append(f"| {size} | {100 * n / all_requests:.2f} % | {100 * size * n / served:.2f} % | "
                         f"{100 * (size * n - n_bytes) / (size * n):.1f} % |")
    return lines


if __name__ == "__main__":
    main()
