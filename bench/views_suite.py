"""Views: how long `ouro` takes to read a large snapshot, and to show it in each way.

A program of ten million live blocks is traced exactly, once, and a smaller one to compare it with.  Loading is measured by
a program that does nothing else (views/load.c); what a verb takes beyond that is the view's."""
import os
import struct
import subprocess
import sys

import object_suite
import suites
from measuring import Variant, clean_environment, run_in_turns

HERE = os.path.dirname(os.path.abspath(__file__))
BYS = ("line", "file", "function", "traceback", "package", "thread", "type", "domain")
EXPORTS = ("pprof", "collapsed", "speedscope", "json", "sqlite", "memray-csv")
MB = 1e6


def views(snapshot, before):
    """[(group, name, arguments)]"""
    found = [("views", "report --by " + by, ["report", snapshot, "--by", by]) for by in BYS]
    found += [("views", "report " + " ".join(options), ["report", snapshot, *options])
              for options in (["--peak"], ["--churn"], ["--leaks"], ["--cumulative"], ["--filter", "tower"], ["--tree"], ["--json"])]
    found += [("views", "report --html", ["report", snapshot, "--html", "page.html"]),
              ("views", "diff", ["diff", before, snapshot]),
              ("views", "diff --by traceback", ["diff", before, snapshot, "--by", "traceback"]),
              ("views", "lines", ["lines", snapshot]), ("views", "plot", ["plot", snapshot])]
    found += [("exports", "export --to " + to, ["export", snapshot, "--to", to, "-o", "out"]) for to in EXPORTS]
    question = "select file, line, live from lines order by live desc limit 3"
    return found + [("exports", "sql", ["sql", snapshot, question])]


def contents(path):
    """Bytes of a snapshot's chunks, unpacked."""
    n_bytes = 0
    with open(path, "rb") as file:
        file.seek(16)
        while head := file.read(32):
            stored, size = struct.unpack_from("<QQ", head, 8)
            n_bytes += size
            file.seek(stored, os.SEEK_CUR)
    return n_bytes


def take(ouro, python, folder, n_tracebacks):
    """The snapshot of a program with so many tracebacks, made anew by each ouro."""
    path = os.path.join(folder, "towers-%d.ouro" % n_tracebacks)
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(ouro):
        print("bench: tracing %d tracebacks" % n_tracebacks, file=sys.stderr)
        subprocess.run([ouro, "run", "--quiet", "-f", "--trace=exact", "-o", path, python.path,
                        os.path.join(HERE, "views", "towers.py"), str(n_tracebacks)],
                       check=True, stdout=subprocess.DEVNULL, env=clean_environment())
    return path


def build_load(ouro, folder):
    program = os.path.join(folder, "load")
    flags = object_suite.find_peers(ouro, lambda text: None)["ouro"] + object_suite.pkg_config("libzstd")
    subprocess.run([os.environ.get("CC", "cc"), *object_suite.FLAGS, os.path.join(HERE, "views", "load.c"), "-o", program, *flags],
                   check=True)
    return program


def run(measure, options, python, ouro, say):
    folder = os.path.join(os.path.abspath(options.build), "views")
    os.makedirs(folder, exist_ok=True)
    n_tracebacks = 50000 if options.quick else 1000000
    packed, before = take(ouro, python, folder, n_tracebacks), take(ouro, python, folder, n_tracebacks // 2)
    plain = os.path.join(folder, "plain.ouro")
    load = build_load(ouro, folder)
    subprocess.run([load, packed, plain], check=True, stdout=subprocess.DEVNULL)
    rows = []

    def add(group, name, command, **more):
        if suites.wanted(name, options) or options.quick:
            results = run_in_turns(measure, [Variant("ouro")], command, options.rounds)
            rows.append({"program": name, "group": group, "variants": results, **more})
            say(rows[-1])

    for name, path in (("packed, of ouro run", packed), ("plain, of ouro_snapshot_save()", plain), ("the smaller one, packed", before)):
        add("loading", name, [load, path], contents=contents(path), bytes=os.path.getsize(path))
    for group, name, arguments in views(packed, before):
        add(group, name, [ouro, *arguments])
    return rows
