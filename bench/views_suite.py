"""Views: how long `ouro` takes to read a large snapshot, and to show it in each way.

Two programs of ten million live blocks are traced exactly, once, each with a smaller run to compare it with: an ordinary one
(views/library.py), and one whose tracebacks are as many and as deep as hardly any program's (views/towers.py).  Loading is measured
by a program that does nothing else (views/load.c); what a verb takes beyond that is the view's."""
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
EXPORT_ROUNDS = 3  # at most: the files are up to gigabytes
PROGRAMS = (  # name, what its argument counts, the argument, that of --quick, what --filter looks for
    ("library", "sources", 930, 60, "ast.py"),
    ("towers", "tracebacks", 1000000, 50000, "tower"),
)


def views(snapshot, before, wanted):
    """[(group, name, arguments)]"""
    found = [("views", "report --by " + by, ["report", snapshot, "--by", by]) for by in BYS]
    found += [("views", "report " + " ".join(options), ["report", snapshot, *options])
              for options in (["--peak"], ["--churn"], ["--leaks"], ["--cumulative"], ["--filter", wanted], ["--tree"], ["--json"])]
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


def take(ouro, python, folder, program, unit, n):
    """The snapshot of a program with such an argument, made anew by each ouro."""
    path = os.path.join(folder, "%s-%d.ouro" % (program, n))
    if not os.path.exists(path) or os.path.getmtime(path) < os.path.getmtime(ouro):
        print("bench: tracing %s of %d %s" % (program, n, unit), file=sys.stderr)
        subprocess.run([ouro, "run", "--quiet", "-f", "--trace=exact", "-o", path, python.path,
                        os.path.join(HERE, "views", program + ".py"), str(n)],
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
    load = build_load(ouro, folder)
    rows = []

    def add(of, group, name, command, **more):
        if suites.wanted(name, options) or options.quick:
            rounds = min(options.rounds, EXPORT_ROUNDS) if group == "exports" else options.rounds
            results = run_in_turns(measure, [Variant("ouro")], command, rounds)
            rows.append({"program": name, "of": of, "group": group, "variants": results, **more})
            say(rows[-1])

    for of, unit, n, n_quick, wanted in PROGRAMS:
        n = n_quick if options.quick else n
        packed, before = take(ouro, python, folder, of, unit, n), take(ouro, python, folder, of, unit, n // 2)
        plain = os.path.join(folder, "plain.ouro")
        subprocess.run([load, packed, plain], check=True, stdout=subprocess.DEVNULL)
        for name, path in (("packed, of ouro run", packed), ("plain, of ouro_snapshot_save()", plain), ("the smaller one, packed", before)):
            add(of, "loading", name, [load, path], contents=contents(path), bytes=os.path.getsize(path))
        for group, name, arguments in views(packed, before, wanted):
            add(of, group, name, [ouro, *arguments])
    return rows
