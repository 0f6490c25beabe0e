#!/usr/bin/env python3
"""CPython's own test suites under `ouro run`, for every CPython on this machine.

    matrix.py                              all pythons found, all modules
    matrix.py --python PATH --module NAME  these only (both can be given many times)
    matrix.py --list                       show which pythons and modules there are
    matrix.py --baseline-only              run them plain and keep the results, nothing else

Writes matrix.json in --out after every module, and a Markdown table with --table FILE.  The last
line is "N modules compared, N with differences"; the exit code is 1 when there are any.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import sys

import suites

# One line a room of CPython; "a|b" is one module under two names.
MODULES = """
test_gc test_weakref test_weakset test_finalization test_atexit test_capi
test_dict test_list test_set test_tuple test_unicode|test_str test_bytes test_long
test_int test_float test_complex test_bool test_range test_slice test_memoryview test_buffer
test_array test_userdict test_collections test_deque test_defaultdict test_ordered_dict test_heapq
test_sort test_itertools test_functools test_enumerate test_iter test_opcache test_types test_descr
test_class test_super test_property test_exceptions test_traceback test_generators test_coroutines
test_asyncgen test_context test_contextlib test_dataclasses test_enum test_typing test_code
test_compile test_ast test_frame test_sys_settrace test_sys_setprofile test_monitoring
test_io test_memoryio test_fileio test_json test_pickle test_pickletools test_marshal test_copy
test_re test_struct test_csv test_xml_etree test_xml_etree_c test_pyexpat test_zlib test_bz2 test_lzma
test_hashlib test_decimal test_sqlite|test_sqlite3 test_ctypes test_ssl test_unicodedata
test_tracemalloc test_faulthandler test_mmap test_resource test_sys test_audit test_embed
test_os test_posix test_signal test_fork1 test_wait3 test_wait4 test_popen test_subprocess
test_cmd_line test_cmd_line_script test_import test_zipimport test_site test_runpy
test_thread test_threading test_threading_local test_threadsignals test_queue test_sched
test_interpreters test__interpreters|test__xxsubinterpreters
test__interpchannels|test__xxinterpchannels test_free_threading
test_concurrent_futures test_asyncio
test_multiprocessing_fork test_multiprocessing_spawn test_multiprocessing_forkserver
test_multiprocessing_main_handling
""".split()

# Where the collector plays a part: these run with the collector left alone, too.
STOCK = """
test_gc test_weakref test_weakset test_finalization test_capi test_dict test_set test_generators
test_coroutines test_io test_threading test_tracemalloc test_sys test_interpreters
""".split()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", action="append", metavar="PATH", help="this CPython")
    parser.add_argument("--module", action="append", metavar="NAME", help="this module")
    parser.add_argument("--mode", action="append", choices=("paced", "stock", "debug"),
                        help="run all modules in this mode; without it: all paced, some stock")
    parser.add_argument("--ouro", default=suites.ROOT / "build/bin/ouro", type=pathlib.Path)
    parser.add_argument("--out", default=suites.ROOT / "build/matrix", type=pathlib.Path,
                        help="folder for matrix.json and logs")
    parser.add_argument("--table", type=pathlib.Path, help="write the Markdown table here")
    parser.add_argument("--baseline", type=pathlib.Path, help="folder that keeps plain results")
    parser.add_argument("--keep", action="store_true",
                        help="keep earlier results in --out, but those that run again now")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="modules that run at once")
    parser.add_argument("--timeout", type=int, default=900, help="seconds a module may take")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--baseline-only", action="store_true")
    return parser.parse_args()


def choose_pythons(paths):
    if not paths:
        pythons = suites.discover()
    else:
        pythons = [suites.probe(path) for path in paths]
        for path, python in zip(paths, pythons):
            if python is None:
                suites.die(f"{path} is no CPython 3.9 to 3.15")
    for python in pythons:
        if not python.modules:
            suites.say(f"{python.label}: no test package at {python.path}, left out")
    return [python for python in pythons if python.modules]


def plan(python, arguments):
    """(module, mode) in the order to run; says what this version does not have."""
    names = arguments.module or MODULES
    absent = []
    for name in names:
        module = suites.pick_module(python, name)
        if module is None:
            absent.append(name)
            continue
        if arguments.mode:
            modes = arguments.mode
        else:
            modes = ["paced", "stock"] if name in STOCK and not arguments.module else ["paced"]
        for mode in modes:
            yield module, mode
    if absent:
        suites.say(f"{python.label}: not in this version: {' '.join(absent)}")


def make_record(outcome):
    return {
        "python": outcome.python, "module": outcome.module, "mode": outcome.mode,
        "plain": {"seconds": outcome.plain.seconds, **outcome.plain.counts()},
        "ouro": {"seconds": outcome.ouro.seconds, **outcome.ouro.counts()},
        "differs": [dataclasses.asdict(d) for d in outcome.differs],
        "unsteady": [dataclasses.asdict(d) for d in outcome.unsteady],
        "expected": [dataclasses.asdict(d) for d in outcome.expected],
    }


def read_json(path):
    """Earlier results, by what they are results of."""
    records = json.loads(path.read_text())["runs"] if path.exists() else []
    return {(r["python"], r["module"], r["mode"]): r for r in records}


def write_json(path, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"schema": 1, "runs": records}, indent=1))
    os.replace(part, path)


# ------------------------------------------------------------------------------ the table

TABLE_HEAD = """# CPython's own suites under Ouro

Made by `make matrix`, which runs each module of CPython's own test suite plain and under `ouro run`
and compares test case by test case.

A cell is the number of tests that passed under Ouro. **Bold**: so many went wrong under Ouro each
time and never without. *(n)*: so many are expected to, listed below with the reason. *~n*: so many
went wrong once, not each time. A dash: the version has no such module, or it was not run.

`-shared` is a CPython whose interpreter is a shared library, `t` a free-threaded one, `-tree` one that
runs from its build tree, which has the programs that test_embed needs.

"""


def make_cell(record):
    if record is None:
        return "–"
    ouro = record["ouro"]
    text = str(ouro.get("pass", 0) + ouro.get("xfail", 0))
    if record["differs"]:
        text += f" **{len(record['differs'])}**"
    if record["expected"]:
        text += f" *({len(record['expected'])})*"
    if record["unsteady"]:
        text += f" *~{len(record['unsteady'])}*"
    return text


def make_row(cells):
    return "| " + " | ".join(cells) + " |\n"


def find_row(module):
    """Where a module stands in the table: its place and names in MODULES."""
    for place, names in enumerate(MODULES):
        if module in names.split("|"):
            return place, names
    return len(MODULES), module


def make_grid(records):
    pythons = sorted({r["python"] for r in records},
                     key=lambda label: [int(n) for n in re.findall(r"\d+", label)] + [label])
    known = {(find_row(r["module"]), r["mode"], r["python"]): r for r in records}
    rows = sorted({key[:2] for key in known}, key=lambda row: (row[1] != "paced", row[0]))
    text = make_row(["module"] + pythons) + make_row(["---"] + ["---:"] * len(pythons))
    for row, mode in rows:
        name = row[1].replace("|", ", ")
        if mode != "paced":
            name += f", `--{'gc=' * (mode == 'stock')}{mode}`"
        text += make_row([name] + [make_cell(known.get((row, mode, p))) for p in pythons])
    return text


def make_list(title, records, key):
    lines = {}
    for record in records:
        for item in record[key]:
            place = (record["module"], item["test"], item["reason"])
            lines.setdefault(place, []).append(record["python"])
    if not lines:
        return ""
    text = f"\n## {title}\n\n"
    for (module, test, reason), pythons in sorted(lines.items()):
        short = test.removeprefix("test.").removeprefix(module + ".")
        where = ", ".join(dict.fromkeys(pythons))
        text += f"- {module}: `{short}` ({where}){': ' + reason if reason else ''}\n"
    return text


def write_table(path, records):
    text = TABLE_HEAD + make_grid(records)
    text += make_list("Differences", records, "differs")
    text += make_list("Went wrong once, not each time", records, "unsteady")
    text += make_list("Expected, and why", records, "expected")
    path.write_text(text)


# ------------------------------------------------------------------------------

def write_results(arguments, records):
    write_json(arguments.out / "matrix.json", records)
    if arguments.table:
        write_table(arguments.table, records)


def run_all(arguments, pythons):
    runner = suites.Runner(suites.make_modes(arguments.ouro.resolve()), arguments.out,
                           arguments.baseline, arguments.timeout)
    known = read_json(arguments.out / "matrix.json") if arguments.keep else {}
    runs = [(python, *run) for python in pythons for run in plan(python, arguments)]
    records = []

    if arguments.baseline_only:
        for python, module, _ in runs:
            result = runner.run_plain(python, module)
            suites.say(f"{python.label:14} {module:28} {result.seconds:7.1f} s "
                       f"{dict(result.counts())} {' '.join(sorted(result.bad()))}")
        return records
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for outcome in pool.map(lambda run: runner.judge(*run), runs):
            suites.say(suites.describe(outcome))
            record = make_record(outcome)
            records.append(record)
            known[record["python"], record["module"], record["mode"]] = record
            write_results(arguments, list(known.values()))
    return records


def main():
    arguments = parse_arguments()
    pythons = choose_pythons(arguments.python)
    if not pythons:
        suites.die("no CPython with its test package here (Debian: libpython3.11-testsuite)")
    if arguments.list:
        for python in pythons:
            suites.say(f"{python.label:14} {len(list(plan(python, arguments))):4} runs  {python.path}")
        return 0
    if not arguments.baseline_only and not os.access(arguments.ouro, os.X_OK):
        suites.die(f"{arguments.ouro} is not there: build first")
    records = run_all(arguments, pythons)
    if arguments.baseline_only:
        return 0
    bad = sum(1 for record in records if record["differs"])
    suites.say(f"{len(records)} modules compared, {bad} with differences")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
