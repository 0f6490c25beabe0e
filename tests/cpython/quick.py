#!/usr/bin/env python3
"""The quick modules of CPython's own test suite under `ouro run`, on one CPython.

    quick.py [--ouro PATH] [--python PATH] [--out FOLDER]

A few minutes; part of `make test`.  The same modules run plain first, and only what goes wrong
under Ouro and not without counts as failed.  The last line is "N passed, N failed".  matrix.py is
the long form: every module on every CPython.
"""

import argparse
import os
import pathlib
import sys
import tempfile

import suites

MODULES = """
test_gc test_weakref test_finalization test_atexit test_capi
test_dict test_list test_set test_tuple test_unicode|test_str test_bytes test_long
test_array test_deque test_itertools test_generators test_coroutines test_asyncgen test_context
test_descr test_exceptions test_json test_pickle test_re test_struct test_xml_etree_c
test_decimal test_ctypes test_sys test_tracemalloc test_mmap test_resource
test_os test_fork1 test_threading test_queue
""".split()

STOCK = "test_gc test_weakref test_threading".split()


def choose_python(path):
    """The one asked for, or the first with a test package: the PATH's python3 if it has one."""
    if path:
        python = suites.probe(path)
        if python is None or not python.modules:
            suites.die(f"{path} is no CPython 3.9 to 3.15 with its test package")
        return python
    for candidate in suites.find_candidates():
        python = suites.probe(str(candidate)) if os.access(candidate, os.X_OK) else None
        if python is not None and python.modules:
            return python
    suites.die("no CPython with its test package here; on Debian 12: apt install libpython3.11-testsuite")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ouro", default=suites.ROOT / "build/bin/ouro", type=pathlib.Path)
    parser.add_argument("--python", metavar="PATH")
    parser.add_argument("--out", type=pathlib.Path, help="keep the logs of the runs here")
    arguments = parser.parse_args()
    if not os.access(arguments.ouro, os.X_OK):
        suites.die(f"{arguments.ouro} is not there: build first")
    python = choose_python(arguments.python)
    suites.say(f"CPython {python.label}, {python.path}")
    with tempfile.TemporaryDirectory(prefix="ouro-quick-") as scratch:
        runner = suites.Runner(suites.make_modes(arguments.ouro.resolve()),
                               arguments.out or scratch, timeout=240,
                               baseline=os.path.join(scratch, "plain"))
        passed, failed = run_all(runner, python)
    suites.say(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def run_all(runner, python):
    passed = failed = 0
    for names, mode in [(m, "paced") for m in MODULES] + [(m, "stock") for m in STOCK]:
        module = suites.pick_module(python, names)
        if module is None:
            suites.say(f"{python.label}: not in this version or package: {names}")
            continue
        outcome = runner.judge(python, module, mode)
        suites.say(suites.describe(outcome))
        counts = outcome.ouro.counts()
        passed += counts["pass"] + counts["xfail"]
        failed += len(outcome.differs)
    return passed, failed


if __name__ == "__main__":
    sys.exit(main())
