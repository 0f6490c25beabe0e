"""Objects: Ouro's C API against CPython's, the Boehm-Demers-Weiser collector and GLib's GObject, all in C.

Each program of bench/objects is compiled once for each peer that has the thing, and prints its figures itself."""
import os
import re
import subprocess
import statistics

from measuring import Failure, Variant

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, "objects")
FLAGS = ["-std=gnu17", "-O2", "-pthread"]
PEERS = {  # pkg-config's module, Debian package
    "cpython": ("python3-embed", "python3-dev"),
    "bdwgc": ("bdw-gc", "libgc-dev"),
    "gobject": ("gobject-2.0", "libglib2.0-dev"),
    "plain": (None, None),  # C alone
}
SHAPES = ["lists", "dicts", "instances", "shuffled instances", "random graph", "chain"]


def jobs(quick):
    """(program, arguments, peers) of all that is run."""
    live, grown = ("1000000", "2000000") if quick else ("5000000", "10000000")
    found = [
        ("create", [], ["ouro", "cpython", "bdwgc", "gobject"]),
        ("containers", [], ["ouro", "cpython"]),
        ("counts", [], ["plain", "ouro", "cpython", "gobject"]),
        ("threads", [], ["ouro", "cpython", "bdwgc", "gobject"]),
        ("sizes", [], ["ouro", "cpython"]),
        ("trees", [], ["ouro", "cpython", "bdwgc", "gobject"]),
    ]
    found += [("collect", [shape, live], ["ouro", "cpython"] + ([] if shape == "dicts" else ["bdwgc"])) for shape in SHAPES]
    found.append(("collect", ["garbage", live], ["ouro", "cpython", "bdwgc"]))
    found.append(("grow", [grown], ["ouro", "cpython", "bdwgc"]))
    return found


def pkg_config(module):
    """The compiler's arguments, or None when the module is not there."""
    try:
        return subprocess.run(["pkg-config", "--cflags", "--libs", module], capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return None


def find_peers(ouro, complain):
    """{peer: what the compiler needs to know}."""
    peers = {}
    if ouro:
        build = os.path.dirname(os.path.dirname(ouro))
        library = os.path.join(build, "lib")
        peers["ouro"] = ["-I" + os.path.join(os.path.dirname(HERE), "include"), "-L" + library, "-Wl,-rpath," + library, "-louro"]
    for name, (module, package) in PEERS.items():
        arguments = pkg_config(module) if module else []
        if arguments is None:
            complain("%s is not here and is left out (Debian package %s)" % (name, package))
        else:
            peers[name] = arguments
    return peers


def build(program, peer, arguments, folder):
    path = os.path.join(folder, "%s-%s" % (program, peer))
    source = os.path.join(SOURCES, program + ".c")
    subprocess.run([os.environ.get("CC", "cc"), *FLAGS, "-DPEER_%s=1" % peer.upper(), source, "-o", path, *arguments], check=True)
    return path


def read_figures(output):
    """[(group, what, figure, unit, check)] of what a program printed."""
    lines = [line.split("\t") for line in output.splitlines()]
    return [(group, what, float(figure), unit, check) for group, what, figure, unit, check in lines]


class Rows:
    """The figures of one program, found run by run."""

    def __init__(self, peers):
        self.peers = peers
        self.rows = {}
        self.checks = {}
        self.failed = {}

    def add(self, peer, figures):
        for group, what, figure, unit, check in figures:
            row = self.rows.setdefault((group, what), {"group": group, "program": what, "unit": unit, "variants": {}})
            result = row["variants"].setdefault(peer, {"failed": None, "runs": []})
            result["runs"].append({"figure": figure})
            if self.checks.setdefault((group, what), check) != check:
                result["failed"] = "wrong answer: %s instead of %s" % (check, self.checks[(group, what)])

    def finish(self):
        """The rows with medians; a peer that failed has failed everywhere."""
        for row in self.rows.values():
            for peer, text in self.failed.items():
                row["variants"].setdefault(peer, {"runs": []})["failed"] = text
            for result in row["variants"].values():
                if not result["failed"]:
                    result["figure"] = statistics.median(run["figure"] for run in result["runs"])
            row["variants"] = {peer: row["variants"][peer] for peer in self.peers if peer in row["variants"]}
        return list(self.rows.values())


def run_program(measure, rounds, programs, arguments):
    """Run a program under every peer, A B C A B C."""
    rows = Rows(list(programs))
    for _ in range(rounds):
        for peer, path in programs.items():
            if peer in rows.failed:
                continue
            try:
                rows.add(peer, read_figures(measure.run(Variant(peer), [path, *arguments])[1]))
            except Failure as failure:
                rows.failed[peer] = str(failure)
    return rows.finish()


def run(measure, options, ouro, complain, say):
    """Rows like those of the other suites; a variant is a peer, its "figure" is in the row's "unit"."""
    peers = find_peers(ouro, complain)
    folder = os.path.join(os.path.abspath(options.build), "objects")
    os.makedirs(folder, exist_ok=True)
    rows = []
    for program, arguments, wanted in jobs(options.quick):
        if options.only and not re.search(options.only, " ".join([program, *arguments])):
            continue
        programs = {peer: build(program, peer, peers[peer], folder) for peer in wanted if peer in peers}
        found = run_program(measure, options.rounds, programs, arguments)
        for row in found:
            say(row)
        rows += found
    return rows
