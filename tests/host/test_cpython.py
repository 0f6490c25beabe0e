"""CPython on Ouro's heap: the same output as on its own, the memory that was promised, the collector as the
program wants it.

ctest: timeout=900 labels=serial serial
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

OURO = Path(os.environ.get("OURO", Path(__file__).resolve().parents[2] / "build" / "bin" / "ouro")).resolve()
PROGRAMS = Path(__file__).parent / "programs"

# The interpreter that runs this, and the system's where that is another one; more by OURO_TEST_PYTHONS.
PYTHONS = list(
    dict.fromkeys(
        os.path.realpath(path)
        for path in [sys.executable, "/usr/bin/python3", *os.environ.get("OURO_TEST_PYTHONS", "").split(":")]
        if path and os.access(path, os.X_OK)
    )
)


class Run:
    """One run of a program: its output, its peak of resident memory in MiB, and Ouro's account of it."""

    def __init__(self, command, folder, **environment):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("OURO_") and k != "LD_PRELOAD"}
        clean.update(environment, PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1")
        with open(folder / "output", "w+b") as output:
            child = subprocess.Popen(
                list(map(str, command)), stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=clean
            )
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            self.output = output.read().decode()
        self.code = child.returncode
        self.peak = usage.ru_maxrss / 1024


@pytest.fixture(params=PYTHONS)
def python(request):
    return request.param


@pytest.fixture
def plain(python, tmp_path):
    """plain(*arguments): the interpreter on its own."""
    return lambda *arguments, **environment: Run([python, *arguments], tmp_path, **environment)


@pytest.fixture
def ouro(python, tmp_path):
    """ouro(*arguments): the interpreter under `ouro run`; `process` is what the report says of it."""

    def run(*arguments, options=(), **environment):
        report = tmp_path / "report.json"
        command = [OURO, "run", "--quiet", "--json", report, *options, python, *arguments]
        result = Run(command, tmp_path, TMPDIR=str(tmp_path), **environment)
        result.report = json.loads(report.read_text())
        result.process = result.report["processes"][0]
        return result

    return run


def collector(run):
    return run.process["collector"]


# ---- the same output ----


@pytest.mark.parametrize("gc", ["paced", "stock"])
@pytest.mark.parametrize(
    "program, size",
    [
        ("trees", 6),
        ("parented", 7),
        ("json_round_trip", 20000),
        ("syntax_trees", 1),
        ("binary_trees", 13),
        ("small_cycles", 100000),
        ("documents", 400),
        ("plain_data_in_cycles", 300),
        ("shapes", 1500000),
        ("ordinary", 2),
        ("tasks", 500),
        ("threads", 8000),
        ("finalizers", 20000),
    ],
)
def test_same_output(plain, ouro, program, size, gc):
    path = PROGRAMS / f"{program}.py"
    expected = plain(path, size)
    got = ouro(path, size, options=[f"--gc={gc}"])
    assert expected.code == 0
    assert (got.code, got.output) == (expected.code, expected.output)


@pytest.mark.parametrize("options", [[], ["--debug"], ["--trace=exact"]], ids=" ".join)
def test_functions_take_no_context(plain, ouro, options):
    path = PROGRAMS / "without_context.py"
    assert plain(path).output == "ok\n"
    got = ouro(path, options=options)
    assert (got.code, got.output) == (0, "ok\n")


def test_settings_are_obeyed(plain, ouro):
    path = PROGRAMS / "settings_obeyed.py"
    expected = plain(path)
    got = ouro(path)
    assert expected.code == 0
    assert (got.code, got.output) == (expected.code, expected.output)
    assert "False" not in expected.output.replace("False True", "", 1)
    assert collector(got)["mode"] == "obeyed"


def test_gc_is_not_imported_for_the_program(plain, ouro):
    code = "import sys; print('gc' in sys.modules, sorted(sys.modules))"
    expected, got = plain("-c", code), ouro("-c", code)
    assert expected.output.startswith("False ")
    assert (got.code, got.output) == (0, expected.output)


# ---- all three domains ----


def test_installation_waits_for_imports(python, tmp_path):
    """Where the collector gets watched depends on what was allocated before: amid site's imports, too, where another
    import would make importlib lose its account of who waits for which module."""
    for length in range(0, 400, 20):
        code = "print(1)" + "#" * length
        for options in (["-Wd"], ["-X", "utf8"]):
            run = Run([OURO, "run", "--quiet", python, *options, "-c", code], tmp_path)
            assert (run.code, run.output) == (0, "1\n"), (options, length)


def test_all_domains_are_served(ouro):
    run = ouro("-c", "x = [str(i) for i in range(100000)]")
    assert run.process["python"]["served"] == {"raw": True, "mem": True, "object": True}
    assert run.process["allocations_by_domain"]["object"] > 100000
    assert run.process["peak"]["live_bytes_by_domain"]["object"] > 4 << 20
    assert run.process["note"] is None


@pytest.mark.parametrize("setting", ["malloc", "malloc_debug", "pymalloc", "pymalloc_debug", "debug"])
def test_pythonmalloc_is_obeyed(plain, ouro, setting):
    code = "x = {str(i): [i] for i in range(50000)}; print(len(x))"
    run = ouro("-c", code, PYTHONMALLOC=setting)
    assert (run.code, run.output) == (0, "50000\n")
    assert not run.process["python"]["served"]["object"]
    assert "PYTHONMALLOC" in run.process["note"]


def test_development_mode(plain, ouro):
    arguments = ["-X", "dev", "-c", "print(sorted(str(i) for i in range(30))[:3])"]
    expected, got = plain(*arguments), ouro(*arguments)
    assert expected.code == 0
    assert (got.code, got.output) == (0, expected.output)


def test_tracemalloc(ouro):
    code = (
        "import tracemalloc; tracemalloc.start(); x = [bytes(1000) for _ in range(1000)]; "
        "print(tracemalloc.get_traced_memory()[0] > 1000000); tracemalloc.stop(); del x; print('done')"
    )
    assert ouro("-c", code).output == "True\ndone\n"


def test_memory_error(ouro):
    code = (
        "x = []\n"
        "try:\n"
        "    while True: x.append(bytes(1 << 20))\n"
        "except MemoryError: n = len(x); x = None; print('MemoryError', 20 < n < 200)"
    )
    run = ouro("-c", code, options=["--limit", "200M"])
    assert (run.code, run.output) == (0, "MemoryError True\n")


def test_debug_heap(ouro):
    run = ouro(PROGRAMS / "documents.py", 20, options=["--debug"])
    assert (run.code, run.output) == (0, "0\n")


# ---- interpreters, forks, threads ----

INTERPRETERS = """
import sys, threading
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
def work(i):
    identity = interpreters.create()
    code = "x = [[i] for i in range(20000)]; y = {str(i): x for i in range(20000)}; del x, y; import json; json.dumps(1)"
    interpreters.run_string(identity, code)
    interpreters.destroy(identity)
threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
data = [[i] for i in range(50000)]
for t in threads: t.start()
for t in threads: t.join()
print(sum(x[0] for x in data))
"""


def test_interpreters(python, ouro):
    run = ouro("-c", INTERPRETERS)
    assert (run.code, run.output) == (0, f"{sum(range(50000))}\n")
    version = run.process["python"]["version_hex"]
    assert run.process["python"]["interpreters_own_gil"] == (version >= 0x030C0000)


def test_multiprocessing_fork(plain, ouro):
    code = (
        "import multiprocessing as m, warnings; warnings.simplefilter('ignore')\n"
        "def f(n): return len([[i] for i in range(n)])\n"
        "c = m.get_context('fork')\n"
        "x = [[i] for i in range(100000)]\n"
        "with c.Pool(3) as p: print(sum(p.map(f, [30000] * 9)))\n"
    )
    got = ouro("-c", code)
    assert (got.code, got.output) == (0, "270000\n")
    children = [p for p in got.report["processes"] if p["forked"]]
    assert children
    for child in children: # figures begin at the fork
        assert sum(g["runs"] for g in child["collector"]["generations"]) < 200


# ---- the collector ----


def test_watching_counts_what_the_collector_counts(python, ouro):
    code = (
        "import gc, time\n"
        "class Spent: all = longest = 0\n"
        "def note(phase, information, now=time.thread_time_ns):\n"
        "    if phase == 'start': Spent.began = now(); return\n"
        "    took = now() - Spent.began\n"
        "    Spent.all += took; Spent.longest = max(Spent.longest, took)\n"
        "gc.callbacks.append(note)\n"
        "x = [[i] for i in range(300000)]\n"
        "def f():\n    a = []; a.append(a)\n"
        "for i in range(30000): f()\n"
        "gc.collect()\n"
        "print(*(s['collections'] for s in gc.get_stats()), *(s['collected'] for s in gc.get_stats()),\n"
        "      Spent.all, Spent.longest)"
    )
    run = ouro("-c", code, options=["--gc=stock"])
    numbers = list(map(int, run.output.split()))
    seen = collector(run)
    assert seen["mode"] == "stock"
    for i, generation in enumerate(seen["generations"]):
        # Those before we came, of the interpreter's start, and after, at its end, are a few.
        assert abs(generation["runs"] - numbers[i]) <= 10
        assert abs(generation["collected_objects"] - numbers[3 + i]) <= 2000
        # The longest by the clock on the wall, all of them in the thread's own time, which is part of it; clocks are adjusted.
        assert generation["time_ns"] <= seen["longest_ns"] * generation["runs"] * 1.01
        assert (generation["time_ns"] > 0) == (generation["runs"] > 0)
    # What the program itself finds that they cost in its thread's time, which no load changes; and it costs a little, too.
    in_all, longest = numbers[6:]
    assert in_all / 2 < sum(g["time_ns"] for g in seen["generations"]) < in_all * 2
    assert seen["longest_ns"] > longest / 2
    assert seen["generations"][seen["longest_generation"]]["runs"] > 0


def test_building_is_hardly_looked_at(ouro):
    stock = ouro(PROGRAMS / "trees.py", 8, options=["--gc=stock"])
    paced = ouro(PROGRAMS / "trees.py", 8)
    assert (stock.code, paced.code) == (0, 0)
    runs = [sum(g["runs"] for g in collector(run)["generations"]) for run in (stock, paced)]
    assert collector(paced)["mode"] == "paced"
    assert collector(paced)["raised"] > 0
    assert runs[1] * 3 < runs[0]


def test_old_garbage_needs_no_full_look(ouro):
    run = ouro(PROGRAMS / "shapes.py")
    assert (run.code, run.output) == (0, "1500000 30 30\n")
    seen = collector(run)
    assert seen["mode"] == "paced"
    assert seen["generations"][2]["runs"] <= 2  # the one at the interpreter's end, and what it does before
    assert sum(g["collected_objects"] for g in seen["generations"][:2]) > 600000


def test_neighbours(ouro):
    run = ouro(PROGRAMS / "neighbours.py")
    assert run.code == 0
    assert int(run.output) <= 20000


# Peaks: each of these fills itself with garbage in cycles.
@pytest.mark.parametrize(
    "program, size, factor",
    [
        ("small_cycles", 300000, 1.15),
        ("big_cycles", 1200, 1.15),
        ("documents", 1200, 1.15),
        ("models", 1500, 1.15),
        ("plain_data_in_cycles", 1200, 1.15),
        ("binary_trees", 14, 1.15),
        ("trees", 12, 1.10),
        ("parented", 8, 1.10),
        ("json_round_trip", 60000, 1.10),
    ],
)
def test_peak(plain, ouro, program, size, factor):
    path = PROGRAMS / f"{program}.py"
    stock, paced = plain(path, size), ouro(path, size)
    assert stock.code == 0
    assert (paced.code, paced.output) == (0, stock.output)
    # Half a MiB for the heap's records and the host's own pages, where a program is tiny.
    assert paced.peak <= stock.peak * factor + 0.5


# Tuples that were a sort's keys and wait for reuse lie between others all over the heap: emptied lists give the pools back.
def test_free_lists_keep_no_pools(plain, ouro):
    path = PROGRAMS / "sort_keys.py"
    stock, paced = plain(path, 200000), ouro(path, 200000)
    assert stock.code == 0
    assert (paced.code, paced.output) == (0, stock.output)
    assert paced.peak <= stock.peak * 1.05
    assert collector(paced)["emptied"] >= 5
    assert collector(paced)["generations"][2]["runs"] <= 2


def test_free_lists_are_left_alone(ouro):
    """Where others hear of collections, and where every block is traced."""
    exact = ouro(PROGRAMS / "sort_keys.py", 200000, options=["--trace=exact"])
    assert (exact.code, exact.output, collector(exact)["emptied"]) == (0, "200000 0\n", 0)
    run = ouro(PROGRAMS / "sort_keys.py", 200000, "callback")
    assert (run.code, run.output) == (0, "200000 0\n")
    assert collector(run)["emptied"] <= 1  # before there was another


# Garbage that begins when nothing has been found for long: what the heaps hold at most, which is no matter of time.
@pytest.mark.parametrize(
    "program, arguments",
    [
        ("late_garbage", ("stream", 100000)),
        ("late_garbage", ("bursts", 100000)),
        ("late_garbage", ("buffers", 3000)),
        ("clean_then_garbage", (3,)),
    ],
)
def test_late_garbage(ouro, program, arguments):
    path = PROGRAMS / f"{program}.py"
    stock, paced = (ouro(path, *arguments, options=["--gc=" + gc]) for gc in ("stock", "paced"))
    assert (stock.code, paced.code, paced.output) == (0, 0, stock.output)
    assert collector(paced)["mode"] == "paced"
    assert sum(g["collected_objects"] for g in collector(paced)["generations"]) > 3000
    held, held_by_stock = paced.process["peak"]["live_bytes"], stock.process["peak"]["live_bytes"]
    # Two MiB: the last batch, and the growth between two looks at the peak.
    assert held <= held_by_stock + max(16 << 20, held_by_stock // 10) + (2 << 20)


def test_finalizers_at_the_end(plain, ouro):
    code = (
        "class A:\n"
        "    def __del__(self): print('bye')\n"
        "a = A(); a.me = a\n"
        "x = [[i] for i in range(100000)]\n"
    )
    assert ouro("-c", code).output == plain("-c", code).output == "bye\n"


def test_callbacks_may_be_cleared(ouro):
    code = (
        "import gc; gc.callbacks.clear()\n"
        "x = [[i] for i in range(400000)]\n"
        "print(gc.get_stats()[1]['collections'] > 10)"
    )
    run = ouro("-c", code)
    assert (run.code, run.output) == (0, "True\n")
    assert collector(run)["mode"] == "stock"
