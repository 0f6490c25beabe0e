#!/usr/bin/env python3
"""Compare Ouro with the allocators it meets, print a page of tables, and, when all was run, write it to
docs/performance.md and every figure to bench/results.json.

Programs run in turns (A B C D A B C D ...) with fixed seeds; the tables show medians.  Every run's output
must be the same as under the stock allocator.  Ends with 0 when every program ran under every variant and
gave the right answer; targets that are missed do not change that, failures and wrong answers do.

results.json: {"schema": "ouro-bench/1", "date", "machine", "rounds", "partial", "targets": [{"what",
"target", "measured", "met", "detail", "unit"}], "suites": {suite: [{"program", "python" (but in "c"),
"variants": {variant: {"failed": text or null, "runs": [{"wall", "user", "system": seconds, "rss_kb"}], and
medians: "cpu" (user+system), "wall", "rss_kb"}}}]}}.  Runs of the suite "memory" also have "start", "peak",
"freed" and "settled": resident bytes without files.  Rows of the suite "objects" have a "group" and a "unit", their
runs and medians a "figure".  Runs of the suite "tracing" also have "file", the bytes written, where there is one.  Rows of the suite "views" have a
"group" and the program that they are "of", those of loading also the "bytes" of the file and of its "contents"."""
import argparse
import datetime
import json
import os
import platform
import sys

import object_suite
import report
import suites
import tracing_suite
import views_suite
from measuring import Measure, build_c

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
SUITES = ("python", "startup", "memory", "c", "objects", "tracing", "views", "pyperformance")
OF_EACH_PYTHON = ("python", "startup", "memory", "pyperformance")


def parse_arguments():
    parser = argparse.ArgumentParser(description="Compare Ouro with the allocators it meets.")
    parser.add_argument("--ouro", default=os.path.join(ROOT, "build", "bin", "ouro"), help="the built ouro (default: build/bin/ouro)")
    parser.add_argument("--quick", action="store_true", help="3 rounds of some programs, on Debian's python3 alone")
    parser.add_argument("--only", metavar="PATTERN", help="programs whose name matches this regular expression")
    parser.add_argument("--rounds", type=int, help="how often each program runs under each variant (default: 5)")
    parser.add_argument("--python", action="append", metavar="PATH", help="use this Python (may be repeated; default: Debian's and two others)")
    parser.add_argument("--what", action="append", choices=SUITES, help="run this suite alone (may be repeated)")
    parser.add_argument("--update", action="store_true", help="keep what results.json has of the other suites, and with --python of the other Pythons, and write all again")
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "bench"), help="where the C programs are built")
    parser.add_argument("--page", metavar="FILE", help="the page to write (default: docs/performance.md; none for a part of the programs)")
    parser.add_argument("--json", metavar="FILE", help="the figures to write (default: bench/results.json; none for a part of the programs)")
    options = parser.parse_args()
    options.partial = bool(options.quick or options.only or options.what)
    if options.update and (options.quick or options.only):
        parser.error("--update takes whole suites")
    if options.update or not options.partial:
        options.page = options.page or os.path.join(ROOT, "docs", "performance.md")
        options.json = options.json or os.path.join(HERE, "results.json")
    if options.rounds is None:
        options.rounds = 3 if options.quick else 5
    if options.rounds < 1:
        parser.error("--rounds must be 1 at least")
    return options


def complain(text):
    print("bench: " + text, file=sys.stderr)


def say(row):
    """One line a program, while it goes on."""
    cells = []
    for name, result in row["variants"].items():
        if result["failed"]:
            text = "FAILED (%s)" % result["failed"]
        elif "figure" in result:
            text = "%.2f %s" % (result["figure"], row["unit"])
        else:
            text = "%.2f s %d MB" % (result["cpu"], result["rss_kb"] / 1024)
        cells.append("%s %s" % (name, text))
    print("%-32s %s" % (report.where(row), "; ".join(cells)), file=sys.stderr, flush=True)


def find_ouro(path):
    """The command and the host library beside it, or (None, None)."""
    path = os.path.abspath(path)
    host = os.path.join(os.path.dirname(os.path.dirname(path)), "lib", "libouro-host.so")
    if os.access(path, os.X_OK) and os.path.exists(host):
        return path, host
    complain("no Ouro at %s: its peers alone are compared" % path)
    return None, None


def describe_machine():
    name = "Linux"
    try:
        with open("/etc/os-release") as file:
            name = dict(line.rstrip().split("=", 1) for line in file if "=" in line)["PRETTY_NAME"].strip('"')
    except (OSError, KeyError):
        pass
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    text = "%d cores (%s), %.0f GB of memory, %s" % (os.cpu_count(), platform.machine(), memory, name)
    return {"cores": os.cpu_count(), "architecture": platform.machine(), "memory_gb": round(memory), "system": name, "text": text}


def run_suites(options):
    what = options.what or SUITES
    programs = build_c(os.path.join(HERE, "c"), options.build)
    measure = Measure(programs["measure"])
    ouro, host = find_ouro(options.ouro)
    peers = suites.find_peers(complain)
    if what == ["objects"]:
        pythons = []
    elif options.python:
        pythons = [suites.Python(path) for path in options.python]
    else:
        pythons = suites.find_pythons(1 if options.quick else 3)
    variants = suites.python_variants(ouro, peers)
    results = {}
    if "python" in what:
        results["python"] = suites.run_python(measure, options, pythons, variants, "programs", say)
    if "startup" in what:
        results["startup"] = suites.run_startup(measure, options, pythons, variants, say)
    if "memory" in what:
        results["memory"] = suites.run_python(measure, options, pythons, variants, "memory", say)
    if "c" in what:
        results["c"] = suites.run_c(measure, options, programs, suites.c_variants(host, peers), say)
    if "objects" in what:
        results["objects"] = object_suite.run(measure, options, ouro, complain, say)
    if "tracing" in what:
        results["tracing"] = tracing_suite.run(measure, options, pythons[0], ouro, say)
    if "views" in what and ouro:
        results["views"] = views_suite.run(measure, options, pythons[0], ouro, say)
    if "pyperformance" in what:
        site_packages = suites.install_pyperformance(pythons, os.path.join(os.path.abspath(options.build), "venv"))
        results["pyperformance"] = suites.run_pyperformance(measure, options, pythons, variants, site_packages, say)
    return {name: rows for name, rows in results.items() if rows}


def merge_pythons(before, found):
    """The rows of a suite, with those that were found now in the place of their Pythons' rows."""
    now = {row["python"] for row in found}
    order = list(dict.fromkeys(row["python"] for row in before + found))
    rows = [row for row in before if row["python"] not in now] + found
    return sorted(rows, key=lambda row: order.index(row["python"]))


def update_suites(path, found, keeps_pythons):
    """What a file of figures has, with the suites that were found now; those of another machine do not belong together."""
    with open(path, encoding="utf-8") as file:
        before = json.load(file)
    if before["machine"] != describe_machine():
        complain("%s is from another machine: %s" % (path, before["machine"]["text"]))
        sys.exit(2)
    if keeps_pythons:
        found = {name: merge_pythons(before["suites"].get(name, []), rows) if name in OF_EACH_PYTHON else rows
                 for name, rows in found.items()}
    return {**before["suites"], **found}


def main():
    options = parse_arguments()
    found = run_suites(options)
    if not found:
        complain("no program has such a name")
        return 2
    if options.update:
        found = update_suites(options.json, found, bool(options.python))
        options.partial = False
    results = {
        "schema": "ouro-bench/1",
        "date": datetime.date.today().isoformat(),
        "machine": describe_machine(),
        "rounds": options.rounds,
        "partial": options.partial,
        "targets": report.evaluate_targets(found),
        "suites": found,
    }
    page = report.page_text(results)
    for path, text in ((options.page, page), (options.json, json.dumps(results, indent=1) + "\n")):
        if path:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    print(page)
    wrong = report.failures(found)
    for each in wrong:
        complain("%s, %s: %s" % each)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
