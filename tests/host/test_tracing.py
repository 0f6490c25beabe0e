"""Which lines hold the memory: `ouro run --trace` against tracemalloc's figures, line by line, and against what the
programs are known to hold.

Follows CPython's Lib/test/test_tracemalloc.py.

ctest: timeout=900
"""

import json
import math
import subprocess
import sys

import native
import pytest

sys.path.insert(0, str(native.ROOT / "tests" / "cpython"))
import suites

PROGRAM = native.HERE / "programs" / "traced.py"
# What CPython keeps for reuse at most: 100 integers (3.14), a block for frames of 16 KiB.
KEPT_BLOCKS = 120
KEPT_BYTES = 17000

PYTHONS = [python for python in suites.discover() if not python.free_threaded]


def label(python):
    return python.label


@pytest.fixture(params=PYTHONS, ids=label)
def python(request):
    return request.param


class Traced:
    """A run whose snapshot was kept; figures by key."""

    def __init__(self, folder, python, *arguments, options=("--trace=exact",), code=0):
        self.file = folder / "run.ouro"
        command = [native.OURO, "run", "--quiet", "-f", "-o", self.file, *options, python.path, *arguments]
        self.run = subprocess.run(
            list(map(str, command)),
            env=native.clean_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert self.run.returncode == code, self.run.stderr

    def rows(self, *options):
        command = [native.OURO, "report", self.file, "--json", "--top", "1000000", *options]
        shown = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        assert shown.returncode == 0, shown.stderr
        return json.loads(shown.stdout)["rows"]

    def lines(self, *options):
        return {f"{row['file']}:{row['line']}": [row["blocks"], row["bytes"]] for row in self.rows(*options) if row["file"]}


def run_code(folder, python, code, **options):
    program = folder / "program.py"
    program.write_text(code)
    return Traced(folder, python, program, **options), str(program)


def line_of(program, mark):
    """The number of the program's only line that ends with a mark."""
    with open(program) as text:
        numbers = [n for n, line in enumerate(text, 1) if line.rstrip().endswith("# " + mark)]
    assert len(numbers) == 1
    return f"{program}:{numbers[0]}"


# ---- against tracemalloc ----


@pytest.mark.parametrize("limit", [(), ("--frames", "1")], ids=["all", "1"])
def test_lines_are_those_of_tracemalloc(python, tmp_path, limit):
    """To the block and the byte, but for what the interpreter keeps for reuse: a few frames, small lists, dicts, tuples
    and floats.  tracemalloc counts those for the line that took them last (_PyTraceMalloc_NewReference), we for the line
    whose call made the block."""
    plain = subprocess.run(
        [python.path, "-X", "tracemalloc=1", str(PROGRAM), "tracemalloc"],
        env=native.clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    expected = json.loads(plain.stdout)
    got = Traced(tmp_path, python, PROGRAM, options=("--trace=exact", *limit)).lines()
    ours = {line: got[line] for line in got if line.startswith((str(PROGRAM), "<made>"))}
    apart = {}
    for line in set(expected) | set(ours):
        theirs, mine = expected.get(line, [0, 0]), ours.get(line, [0, 0])
        if theirs != mine:
            apart[line] = (mine[0] - theirs[0], mine[1] - theirs[1])
    n_blocks, n_bytes = (sum(known[i] for known in expected.values()) for i in range(2))
    assert n_blocks > 30000 and n_bytes > 5_000_000
    assert all(abs(blocks) <= KEPT_BLOCKS and abs(size) <= KEPT_BYTES for blocks, size in apart.values()), apart
    assert sum(abs(size) for _, size in apart.values()) <= n_bytes / 100, apart
    assert {line for line in expected if line not in apart}, "no line at all is the same"


# ---- the peak, churn ----


def test_peak_and_churn(python, tmp_path):
    traced, program = run_code(
        tmp_path,
        python,
        "def high():\n"
        "    return [bytearray(1000) for i in range(20000)]  # high\n"
        "def low():\n"
        "    return [bytearray(1000) for i in range(5000)]  # low\n"
        "kept = low()\n"
        "high()\n"
        "for i in range(100):\n"
        "    bytes(100000)  # churn\n"
        "kept += low()\n",
    )
    live, peak, churn = (traced.lines(f"--{which}") for which in ("live", "peak", "churn"))
    high, low, churned = (line_of(program, mark) for mark in ("high", "low", "churn"))
    assert live.get(high, [0, 0])[1] < 10000
    assert 20_000_000 < peak[high][1] < 24_000_000
    assert 5_000_000 < peak[low][1] < 6_000_000
    assert 10_000_000 < live[low][1] < 12_000_000
    assert churn[churned][0] >= 100 and churn[churned][1] >= 10_000_000


# ---- tracebacks ----


def test_tracebacks_are_whole(python, tmp_path):
    traced, program = run_code(
        tmp_path,
        python,
        "def inner():\n"
        "    return bytearray(12345678)\n"
        "def middle():\n"
        "    return inner()\n"
        "class Outer:\n"
        "    def method(self):\n"
        "        return middle()\n"
        "kept = Outer().method()\n",
    )
    row = max(traced.rows("--by", "traceback"), key=lambda row: row["bytes"])
    frames = [(frame["file"], frame["line"]) for frame in row["traceback"]]
    assert frames == [(program, 2), (program, 4), (program, 7), (program, 8)]
    names = [frame["function"] for frame in row["traceback"]]
    assert names[:2] == ["inner", "middle"] and names[2] in ("method", "Outer.method") and names[3] == "<module>"


def test_frames_are_limited(python, tmp_path):
    code = "def f(n):\n    return bytearray(20000000) if n == 0 else f(n - 1)\nkept = f(50)\n"
    traced, program = run_code(tmp_path, python, code, options=["--trace=exact", "--frames", "3"])
    row = max(traced.rows("--by", "traceback"), key=lambda row: row["bytes"])
    assert [frame["line"] for frame in row["traceback"]] == [2, 2, 2]


def test_deep_recursion(python, tmp_path):
    traced, program = run_code(
        tmp_path,
        python,
        "import sys, threading\n"
        "sys.setrecursionlimit(20000)\n"
        "threading.stack_size(512 << 20)\n"
        "kept = []\n"
        "def f(n):\n"
        "    if n == 0:\n"
        "        kept.append(bytearray(17000000))\n"
        "    else:\n"
        "        f(n - 1)\n"
        "thread = threading.Thread(target=f, args=(10000,))\n"
        "thread.start()\n"
        "thread.join()\n",
    )
    row = max(traced.rows("--by", "traceback"), key=lambda row: row["bytes"])
    assert sum(frame["line"] == 9 for frame in row["traceback"]) == 10000


def test_codes_that_come_and_go(python, tmp_path):
    """Each text is compiled where the one before it lay."""
    traced, program = run_code(
        tmp_path,
        python,
        "kept = []\n"
        "for i in range(300):\n"
        "    space = {}\n"
        "    exec(compile('\\n' * i + 'block = bytearray(10000)', '<made %d>' % (i % 3), 'exec'), space)\n"
        "    kept.append(space['block'])\n",
    )
    lines = traced.lines()
    for i in range(300):
        assert lines[f"<made {i % 3}>:{i + 1}"][1] in range(10000, 10400), i


@pytest.mark.parametrize("allocator", ["debug", "malloc", "malloc_debug", "pymalloc"])
def test_codes_that_come_and_go_elsewhere(python, tmp_path, monkeypatch, allocator):
    """An allocator of the interpreter's own tells no end of a code that lies in an arena of its own."""
    monkeypatch.setenv("PYTHONMALLOC", allocator)
    traced, _ = run_code(
        tmp_path,
        python,
        "import ctypes\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p\n"
        "for i in range(300):\n"
        "    exec(f'def f{i}(): libc.malloc(100000)\\nf{i}()', {'libc': libc})\n",
    )
    rows = {row["function"]: row for row in traced.rows("--by", "function", "--live")}
    assert [f"f{i}" for i in range(300) if rows.get(f"f{i}", {"blocks": 0})["blocks"] != 1] == []


def test_generators_and_coroutines(python, tmp_path):
    traced, program = run_code(
        tmp_path,
        python,
        "import asyncio\n"
        "def produce():\n"
        "    for i in range(1000):\n"
        "        yield bytearray(3000)  # generator\n"
        "async def work(n):\n"
        "    await asyncio.sleep(0)\n"
        "    return bytearray(2000)  # coroutine\n"
        "async def main():\n"
        "    return await asyncio.gather(*(work(i) for i in range(500)))\n"
        "kept = [list(produce()), asyncio.run(main())]\n",
    )
    lines = traced.lines()
    assert 3_000_000 <= lines[line_of(program, "generator")][1] < 3_200_000
    assert 1_000_000 <= lines[line_of(program, "coroutine")][1] < 1_100_000


# ---- threads, forks ----


def test_threads(python, tmp_path):
    traced, program = run_code(
        tmp_path,
        python,
        "import threading\n"
        "kept = []\n"
        "def work(n):\n"
        "    for i in range(2000):\n"
        "        kept.append(bytearray(500))  # work\n"
        "        bytearray(600)\n"
        "threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n",
    )
    blocks, size = traced.lines()[line_of(program, "work")]
    assert 16000 * 500 <= size < 16000 * 620


def test_children_have_snapshots_of_their_own(python, tmp_path):
    traced, program = run_code(
        tmp_path,
        python,
        "import os\n"
        "kept = bytearray(2000000)  # both\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    more = bytearray(5000000)  # child\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)\n",
    )
    children = [file for file in tmp_path.glob("run.*.ouro")]
    assert len(children) == 1
    lines = traced.lines()
    assert lines[line_of(program, "both")][1] >= 2000000
    assert line_of(program, "child") not in lines
    traced.file = children[0]
    lines = traced.lines()
    assert lines[line_of(program, "both")][1] >= 2000000
    assert lines[line_of(program, "child")][1] >= 5000000


# ---- programs that go on ----


@pytest.mark.parametrize("target", ["/nonexistent/program", "text"], ids=["missing", "no program"])
def test_an_exec_that_fails_is_no_end(python, tmp_path, target):
    text = tmp_path / "text"
    text.write_bytes(b"\0no program")
    text.chmod(0o755)
    target = text if target == "text" else target
    traced, program = run_code(
        tmp_path,
        python,
        "import os\n"
        "try: os.execv(%r, ['program'])\n"
        "except OSError: pass\n"
        "kept = bytearray(3000000)  # after\n" % str(target),
    )
    assert traced.lines()[line_of(program, "after")][1] >= 3000000


def test_an_interpreter_that_begins_anew(tmp_path):
    """A program that embeds Python may end it more than once: its last end counts."""
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "python3-embed"], capture_output=True, text=True, check=True
    ).stdout.split()
    program = native.compile_program(tmp_path, native.HERE / "programs" / "embedded.c", *flags)
    file = tmp_path / "run.ouro"
    command = [native.OURO, "run", "--quiet", "--trace=exact", "-o", file, program]
    subprocess.run(list(map(str, command)), env=native.clean_environment(), check=True)
    command = [native.OURO, "report", file, "--json", "--live"]
    rows = json.loads(subprocess.run(list(map(str, command)), capture_output=True, check=True).stdout)["rows"]
    kept = {row["line"]: row["bytes"] for row in rows if row["file"] == "<string>"}
    assert kept[3] >= 3000000


# ---- malloc's users ----


def test_what_libraries_allocate_belongs_to_the_line_that_called(python, tmp_path):
    """malloc() through ctypes stands for a C extension of the program's."""
    traced, program = run_code(
        tmp_path,
        python,
        "import ctypes\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.malloc.restype = libc.realloc.restype = ctypes.c_void_p\n"
        "libc.malloc.argtypes = [ctypes.c_size_t]\n"
        "libc.realloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]\n"
        "libc.free.argtypes = [ctypes.c_void_p]\n"
        "for i in range(100):\n"
        "    block = libc.malloc(10000)  # malloc\n"
        "    if i % 2: libc.free(block)\n"
        "block = libc.malloc(100)\n"
        "block = libc.realloc(block, 3000000)  # realloc\n",
    )
    lines = traced.lines("--filter", str(program))
    blocks, size = lines[line_of(program, "malloc")]
    assert 500000 <= size < 520000
    assert 3000000 <= lines[line_of(program, "realloc")][1] < 3010000
    domains = {row["domain"]: row["bytes"] for row in traced.rows("--by", "domain")}
    assert domains["raw"] >= 3500000


# ---- samples ----


def test_samples_estimate(python, tmp_path):
    """Within four of the errors that samples so far apart have, and stating theirs; the default: nothing is asked for but
    the file.  What a sample states follows from what it met, so where it met few it states too little: that is no
    measure of how far it may be off."""
    traced, program = run_code(
        tmp_path,
        python,
        "kept = [[i] for i in range(400000)]  # lists\n"
        "table = {i: str(i) for i in range(200000)}  # table\n"
        "def grow():\n"
        "    one = []\n"
        "    for k in range(60): one.append(k)  # grown\n"
        "    return one\n"
        "grown = [grow() for i in range(60000)]\n"
        "lost = [bytearray(300) for i in range(100000)]\n"
        "del lost\n",
        options=[],
    )
    rows = {f"{row['file']}:{row['line']}": row for row in traced.rows()}
    exact, _ = run_code(tmp_path, python, open(program).read())
    for mark in ("lists", "table", "grown"):
        row, truth = rows[line_of(program, mark)], exact.lines()[line_of(program, mark)][1]
        assert truth > 10_000_000
        assert abs(row["bytes"] - truth) <= 4 * math.sqrt(truth * 512 * 1024), mark
        assert 0 < row["bytes_error"] <= 1.01 * math.sqrt(row["bytes"] * 512 * 1024), mark


def test_samples_that_end_are_seen(python, tmp_path):
    """Blocks of all kinds come and go; what is left is little, whatever was sampled."""
    traced, program = run_code(
        tmp_path,
        python,
        "def churn():\n"
        "    for k in range(5):\n"
        "        a = [[i] for i in range(100000)]\n"
        "        b = {i: str(i) for i in range(100000)}\n"
        "        c = [bytearray(i) for i in range(0, 100000, 17)]\n"
        "        for x in c: x += b'12345' * 20\n"
        "churn()\n",
        options=["--sample", "20K"],
    )
    assert sum(size for line, (_, size) in traced.lines().items() if line.startswith(program)) < 3_000_000
    assert sum(size for line, (_, size) in traced.lines("--churn").items() if line.startswith(program)) > 500_000_000


# ---- the program is left alone ----


def test_output_is_the_same(python, tmp_path):
    code = (
        "import sys, gc, os\n"
        "print(len(sys.modules), gc.get_threshold(), sorted(k for k in os.environ if k.startswith('X')))\n"
        "import atexit; atexit.register(lambda: print('end'))\n"
        "class A:\n"
        "    def __del__(self): print('del')\n"
        "a = A()\n"
        "raise SystemExit(3)\n"
    )
    program = tmp_path / "program.py"
    program.write_text(code)
    plain = subprocess.run([python.path, program], env=native.clean_environment(), capture_output=True, text=True)
    for options in ([], ["--trace=exact"], ["--trace=exact", "--frames", "1"]):
        traced = Traced(tmp_path, python, program, options=options, code=3)
        assert (traced.run.stdout, traced.run.stderr) == (plain.stdout, plain.stderr)


def test_memory_that_runs_out(python, tmp_path):
    code = (
        "blocks = []\n"
        "try:\n"
        "    while True:\n"
        "        blocks.append(bytearray(100000))\n"
        "except MemoryError:\n"
        "    del blocks[-50:]\n"
        "    print(len(blocks) > 800)\n"
    )
    traced, program = run_code(tmp_path, python, code, options=["--trace=exact", "--limit", "150M"])
    assert traced.run.stdout == "True\n"
    assert 90_000_000 < sum(row["bytes"] for row in traced.rows("--live")) < 160_000_000


# ---- threads ----

THREADS = """
import sys, threading
kept = []
def work(n):
    kept.append([bytearray(1000) for _ in range(n)])
def many():
    for i in range(int(sys.argv[1])):
        one = threading.Thread(target=kept.append, args=(i,))
        one.start()
        one.join()
threads = [threading.Thread(target=work, args=(1000 * (i + 1),), name=f"worker-{i}") for i in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
kept.append([bytearray(500) for _ in range(7000)])
many()
"""


def threads_of(folder, python, *arguments, options):
    program = folder / "program.py"
    program.write_text(THREADS)
    traced = Traced(folder, python, program, *arguments, options=options)
    return {row["thread"]: row["bytes"] for row in traced.rows("--by", "thread")}


def test_threads_are_told_apart(python, tmp_path):
    """Each by what it asked for; from 3.14 on by its name."""
    found = threads_of(tmp_path, python, "0", options=("--trace=exact", "--threads"))
    assert 7000 * 500 <= found.pop("main thread (thread 1)") < 7000 * 600 + 12_000_000
    workers = sorted((size, name) for name, size in found.items() if size > 900_000)
    assert [round(size / 1_000_000) for size, _ in workers] == [1, 2, 3]
    if python.version[:2] >= (3, 14):
        assert [name.split(" ")[0] for _, name in workers] == ["worker-0", "worker-1", "worker-2"]
    assert "(thread not noted)" not in found


def test_threads_of_samples(tmp_path):
    found = threads_of(tmp_path, PYTHONS[0], "0", options=("--trace=sampled", "--sample", "2K", "--threads"))
    sizes = sorted(size for name, size in found.items() if not name.startswith("main") and size > 300_000)
    assert [round(size / 1_000_000) for size in sizes] == [1, 2, 3]


def test_threads_past_counting_are_one(tmp_path):
    found = threads_of(tmp_path, PYTHONS[0], "1200", options=("--trace=exact", "--threads"))
    assert len(found) <= 1025 and any(name.startswith("other threads") for name in found)


def test_threads_are_not_told_apart_unless_asked_for(tmp_path):
    found = threads_of(tmp_path, PYTHONS[0], "3", options=("--trace=exact",))
    assert set(found) == {"(thread not noted)"}


TASKS = """
import sys
if sys.argv[1] == "python":
    sys.modules["_asyncio"] = None
import asyncio
kept = []

async def keep(n):
    kept.append([bytearray(1000) for _ in range(n)])
    await asyncio.sleep(0.001)
    kept.append([bytearray(1000) for _ in range(n)])

class Server:
    async def handle(self, n):
        await keep(n)
        return await asyncio.wait_for(keep(n), 60)

async def agenerate(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield bytearray(1000)

async def collect(n):
    kept.append([block async for block in agenerate(n)])

def call_back():
    kept.append([bytearray(1000) for _ in range(600)])

async def main():
    asyncio.get_running_loop().call_soon(call_back)
    tasks = [asyncio.create_task(Server().handle(100), name=f"client-{i}") for i in range(10)]
    await asyncio.gather(*tasks, collect(400))
    kept.append([bytearray(1000) for _ in range(300)])

assert hasattr(asyncio.Task, "_Task__step") == (sys.argv[1] == "python")
asyncio.run(main())
kept.append([bytearray(1000) for _ in range(500)])
"""


@pytest.mark.parametrize("way", ["c", "python"])
def test_tasks_are_told_by_their_coroutines(python, way, tmp_path):
    program = tmp_path / "tasks.py"
    program.write_text(TASKS)
    traced = Traced(tmp_path, python, program, way)
    found = {row["task"]: row["bytes"] for row in traced.rows("--by", "task")}
    names = {task.split(": ")[1].split(".")[-1]: size for task, size in found.items() if str(program) in task}
    # Until 3.11 wait_for() makes a task of its own: of the coroutine that it is given.
    alone = names.pop("keep", 0)
    assert alone == 0 or (alone > 2_000_000 and python.version[:2] < (3, 12))
    wanted = {"handle": 4_000_000 - (2_000_000 if alone else 0), "collect": 400_000, "call_back": 600_000, "main": 300_000}
    assert names.keys() == wanted.keys()
    for name, size in wanted.items():
        # A bytearray's own 56 bytes, its list, and what asyncio makes on the task's behalf.
        assert size < names[name] < size * 1.2 + 40_000, (name, found)
    assert found["(no task)"] > 500_000 and "(event loop)" in found
