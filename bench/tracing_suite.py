"""Tracing: what it costs to know where the memory comes from, with Ouro, tracemalloc, memray and memory_profiler (PyPI), on
one Python.

The others take several times as long as the program does: they, and Ouro writing its file as memray does, run some of the
programs, in fewer rounds.  memory_profiler looks at the lines of the function main alone.  lisp is not among those programs:
tracemalloc with 25 frames takes minutes for it."""
import os

import suites
from measuring import Variant, run_in_turns

WITH_PEERS = ("ast_stdlib", "json_roundtrip", "numeric", "pickling", "trees", "words")  # three minutes each
EXACT, PEERS = 2, 5  # in which rounds they take part; what traces a sample is compared so closely that it needs them all


def modes(ouro, python):
    """Ouro, from no tracing to all of it."""
    def mode(name, *options, every=1):
        return Variant(name, [ouro, "run", "--quiet", *options, python.path], every=every)

    if not ouro:
        return []
    return [mode("not tracing", "--trace=off"), mode("sampled", "--trace=sampled"),
            mode("exact, 1 frame", "--trace=exact", "--frames", "1", every=EXACT), mode("exact", "--trace=exact", every=EXACT)]


def peers(ouro, python, installed):
    """The others, and Ouro writing a file as memray always does."""
    found = []
    if ouro:
        prefix = [ouro, "run", "--quiet", "--trace=exact", "-o", "run.ouro", python.path]
        found.append(Variant("exact, -o", prefix, writes="run.ouro", every=EXACT))
    found += [Variant("tracemalloc, %d" % n_frames, [python.path, "-X", "tracemalloc=%d" % n_frames], every=PEERS) for n_frames in (1, 25)]
    for name, options in (("memray", []), ("memray, Python", ["--trace-python-allocators"]),
                          ("memray, aggregated", ["--trace-python-allocators", "--aggregate"])):
        prefix = [installed, "-m", "memray", "run", "--quiet", *options, "--output", "run.memray"]
        found.append(Variant(name, prefix, writes="run.memray", every=PEERS))
    found.append(Variant("memory_profiler", [installed, os.path.join(suites.HERE, "memory_profiled.py")], every=PEERS))
    return found


def run(measure, options, python, ouro, say):
    """Rows like those of the Python programs, with two bases: "not tracing" is Ouro's, "plain" is the others'."""
    folder = os.path.join(os.path.abspath(options.build), "tracers-" + python.version)
    suites.install(python, folder, ["memory_profiler", "memray"])
    everywhere = [Variant("plain", [python.path], every=PEERS), *modes(ouro, python)]
    beside = peers(ouro, python, os.path.join(folder, "bin", "python"))
    rows = []
    for name, path in suites.programs_in("programs").items():
        if suites.wanted(name, options):
            variants = everywhere + (beside if name in WITH_PEERS else [])
            rows.append({"program": name, "python": python.version, "variants": run_in_turns(measure, variants, [path], options.rounds)})
            say(rows[-1])
    return rows
