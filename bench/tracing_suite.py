"""Tracing: what it costs to know where the memory comes from, with Ouro, tracemalloc, memray and memory_profiler (PyPI), on
one Python.

The others take several times as long as the program does: they, and Ouro writing its file as memray does, run some of the
programs alone, and the others in fewer rounds.  memory_profiler looks at the lines of the function main alone, of one program: it slows down those in
functions that it isn't asked about as well, beyond what a run may take.  lisp is not among those programs:
tracemalloc with 25 frames takes minutes for it."""
import os

import suites
from measuring import Variant, run_in_turns

WITH_PEERS = ("ast_stdlib", "json_roundtrip", "numeric", "regex", "trees", "words")  # three minutes each
WITH_MEMORY_PROFILER = ("json_roundtrip",)  # a minute
PEERS = 5  # they take part in one round of five


def modes(ouro, python):
    """Ouro, from no tracing to all of it."""
    def mode(name, *options):
        return Variant(name, [ouro, "run", "--quiet", *options, python.path])

    if not ouro:
        return []
    return [mode("not tracing", "--trace=off"), mode("sampled", "--trace=sampled"),
            mode("exact, 1 frame", "--trace=exact", "--frames", "1"), mode("exact", "--trace=exact")]


def peers(ouro, python, installed):
    """The others, and Ouro writing a file as memray always does."""
    found = []
    if ouro:
        prefix = [ouro, "run", "--quiet", "--trace=exact", "-o", "run.ouro", python.path]
        found.append(Variant("exact, -o", prefix, writes="run.ouro"))
    found += [Variant("tracemalloc, %d" % n_frames, [python.path, "-X", "tracemalloc=%d" % n_frames], every=PEERS) for n_frames in (1, 25)]
    for name, options in (("memray", []), ("memray, Python", ["--trace-python-allocators"]),
                          ("memray, aggregated", ["--trace-python-allocators", "--aggregate"])):
        prefix = [installed, "-m", "memray", "run", "--quiet", *options, "--output", "run.memray"]
        found.append(Variant(name, prefix, writes="run.memray", every=PEERS))
    return found


def line_by_line(installed):
    return Variant("memory_profiler", [installed, os.path.join(suites.HERE, "memory_profiled.py")], every=PEERS)


def run(measure, options, python, ouro, say):
    """Rows like those of the Python programs, with two bases: "not tracing" is Ouro's, "plain" is the others'."""
    folder = os.path.join(os.path.abspath(options.build), "tracers-" + python.version)
    suites.install(python, folder, ["memory_profiler", "memray"])
    everywhere = [Variant("plain", [python.path], every=PEERS), *modes(ouro, python)]
    installed = os.path.join(folder, "bin", "python")
    beside = peers(ouro, python, installed)
    rows = []
    for name, path in suites.programs_in("programs").items():
        if suites.wanted(name, options):
            variants = everywhere + (beside if name in WITH_PEERS else [])
            variants += [line_by_line(installed)] if name in WITH_MEMORY_PROFILER else []
            rows.append({"program": name, "python": python.version, "variants": run_in_turns(measure, variants, [path], options.rounds)})
            say(rows[-1])
    return rows
