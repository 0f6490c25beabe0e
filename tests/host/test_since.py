"""What was allocated since the program set a mark, and is still there: `--since`.

ctest: timeout=600
"""

import csv
import io
import json
import subprocess
import sys

import native
import pytest

sys.path.insert(0, str(native.ROOT / "tests" / "cpython"))
import suites

PYTHONS = [python for python in suites.discover() if not python.free_threaded]

# A server: a cache that is filled, and half of which is replaced; requests, of which one in a hundred leaves something.
SERVER = """\
import ouro, sys, threading

held, cache = {}, {}

def warm_up():
    for i in range(5000):
        cache[i] = bytes(2000)

def request(i):
    work = [bytes(500) for _ in range(20)]
    if i % 2:
        cache[i % 5000] = bytes(2001)
    if i % 100 == 0:
        held[i] = bytes(3000)

def serve():
    for i in range(10_000):
        request(i)

warm_up()
ouro.mark("warm")
serve()
ouro.snapshot("between")
ouro.mark("served")
ouro.mark("warm")
last = [bytes(7000) for _ in range(50)]
"""
CACHE, REPLACE, HELD, LAST = 7, 12, 14, 26
HEAD = bytes().__sizeof__()


def ouro(*arguments, folder):
    command = [str(native.OURO), *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env=native.clean_environment(), capture_output=True, text=True, timeout=300, check=False
    )


def record(folder, python, source, *options):
    (folder / "server.py").write_text(source)
    run = ouro("run", "--quiet", *options, "-f", "-o", "server.ouro", python.path, "server.py", folder=folder)
    assert (run.returncode, run.stderr) == (0, "")


def report(folder, *options, file="server.ouro"):
    shown = ouro("report", "--json", "--filter", "*server.py", *options, file, folder=folder)
    assert (shown.returncode, shown.stderr) == (0, "")
    return json.loads(shown.stdout)


def lines(told):
    return {row["line"]: (row["bytes"], row["blocks"]) for row in told["rows"] if row["file"].endswith("server.py")}


@pytest.mark.parametrize("python", PYTHONS, ids=lambda python: python.label)
def test_a_server_that_leaks(tmp_path, python):
    record(tmp_path, python, SERVER, "--trace=exact")
    whole = lines(report(tmp_path))
    assert 2500 * (2000 + HEAD) <= whole[CACHE][0] < 2500 * (2000 + HEAD) + 500_000
    told = report(tmp_path, "--leaks", "--since", "warm")
    since = lines(told)
    assert told["snapshot"]["since"] == "warm"
    assert CACHE not in since  # what was there and is there yet is none
    assert 0 <= since[REPLACE][0] - 2500 * (2001 + HEAD) < 1000 and 2500 <= since[REPLACE][1] < 2510
    assert 100 * (3000 + HEAD) <= since[HELD][0] < 100 * (3000 + HEAD) + 20_000
    assert since[LAST][0] >= 50 * (7000 + HEAD)
    [kept] = [row["kept"] for row in told["rows"] if row["line"] == REPLACE]
    assert 0.2 < kept < 0.51  # of 5000, and of numbers that the line makes
    since = lines(report(tmp_path, "--since", "served"))
    assert set(since) == {LAST} and 50 * (7000 + HEAD) <= since[LAST][0] < 50 * (7000 + HEAD) + 1000
    between = next(tmp_path.glob("server.*-between.ouro")).name
    since = lines(report(tmp_path, "--since", "warm", file=between))
    assert 0 <= since[REPLACE][0] - 2500 * (2001 + HEAD) < 1000 and LAST not in since


def test_ever_and_at_the_peak(tmp_path):
    """The same question of all measures; the sums are what the rows add up to."""
    highest = "more = [bytes(9000) for _ in range(1000)]\n"  # than what imports took for a while
    record(tmp_path, PYTHONS[-1], SERVER + highest, "--trace=exact", "--lifetimes")
    told = report(tmp_path, "--churn", "--since", "warm")
    assert 0 <= lines(told)[REPLACE][0] - 5000 * (2001 + HEAD) < 500_000
    assert told["filtered"]["bytes"] == sum(row["bytes"] for row in told["rows"])
    assert 2500 <= lines(report(tmp_path, "--peak", "--since", "warm"))[REPLACE][1] < 2510
    dead = lines(report(tmp_path, "--temporary", "--since", "warm"))
    assert 13 not in dead and CACHE not in dead and dead[10][1] > 100_000
    assert CACHE in lines(report(tmp_path, "--temporary=1000000"))


def test_samples(tmp_path):
    record(tmp_path, PYTHONS[-1], SERVER, "--sample", "20000")
    told = report(tmp_path, "--since", "warm")
    rows = {row["line"]: row for row in told["rows"]}
    assert CACHE not in rows
    assert abs(rows[REPLACE]["bytes"] - 2500 * (2001 + HEAD)) < 5 * rows[REPLACE]["bytes_error"]
    assert 0 < rows[REPLACE]["bytes_error"] < 0.2 * rows[REPLACE]["bytes"]


def test_with_threads_and_a_child(tmp_path):
    """Threads are told apart as well; what is forked knows the mark, and sets its own."""
    source = SERVER + """
import os
worker = threading.Thread(target=lambda: held.update(more=[bytes(9000) for _ in range(30)]), name="worker")
worker.start(); worker.join()
if os.fork() == 0:
    ouro.mark("child")
    own = [bytes(50_000) for _ in range(40)]
    os._exit(0)
os.wait()
"""
    record(tmp_path, PYTHONS[0], source, "--trace=exact", "--threads")
    told = report(tmp_path, "--since", "served", "--by", "thread")
    assert sum(row["blocks"] for row in told["rows"]) > 80
    amounts = {row["thread"]: row["bytes"] for row in told["rows"]}
    [other] = [name for name in amounts if not name.startswith("main thread")]
    assert 30 * (9000 + HEAD) <= amounts[other] < 30 * (9000 + HEAD) + 20_000
    [child] = [path.name for path in tmp_path.glob("server.*.ouro") if "between" not in path.name]
    since = lines(report(tmp_path, "--since", "child", file=child))
    assert list(since.values()) and max(since.values())[0] >= 40 * (50_000 + HEAD) and REPLACE not in since
    assert lines(report(tmp_path, "--since", "warm", file=child))[REPLACE][1] >= 2500


def test_marks_past_the_fifteenth(tmp_path):
    """Are on the line of time; what is allocated after them belongs to the last of the fifteen."""
    source = "import ouro\nkept = []\nfor i in range(30):\n    ouro.mark(f'mark {i % 20}')\n    kept.append(bytes(10_000 + i))\n"
    record(tmp_path, PYTHONS[0], source, "--trace=exact")
    sizes = [10_000 + i + HEAD for i in range(30)]
    for i in 0, 7, 14:
        since = lines(report(tmp_path, "--since", f"mark {i}"))
        assert sum(sizes[i:]) <= since[5][0] < sum(sizes[i:]) + 1000
    shown = ouro("report", "--since", "mark 15", "server.ouro", folder=tmp_path)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert shown.stderr.startswith("ouro: server.ouro knows no mark 'mark 15'") and "mark 13, mark 14\n" in shown.stderr
    plot = json.loads(ouro("plot", "--json", "server.ouro", folder=tmp_path).stdout)
    assert [mark["name"] for mark in plot["marks"]] == [f"mark {i % 20}" for i in range(30)]


def test_diff_export_and_sql(tmp_path):
    record(tmp_path, PYTHONS[-1], SERVER, "--trace=exact")
    between = next(tmp_path.glob("server.*-between.ouro")).name
    shown = ouro("diff", "--since", "warm", "--json", between, "server.ouro", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    rows = {row["line"]: row for row in json.loads(shown.stdout)["rows"] if row["file"].endswith("server.py")}
    assert rows[LAST]["state"] == "new" and REPLACE not in rows and CACHE not in rows
    shown = ouro("diff", "--since", "served", "--json", between, "server.ouro", folder=tmp_path)  # not yet set in the first
    assert shown.returncode == 0 and json.loads(shown.stdout)["before_bytes"] == 0
    shown = ouro("diff", "--since", "served", "server.ouro", between, folder=tmp_path)
    assert shown.returncode == 2 and f"{between} knows no mark 'served'" in shown.stderr
    shown = ouro("export", "--to", "collapsed", "--since", "served", "server.ouro", folder=tmp_path)
    assert shown.returncode == 0 and "server.py" in shown.stdout and "request" not in shown.stdout
    shown = ouro("export", "--to", "collapsed", "--since", "nothing", "server.ouro", folder=tmp_path)
    assert (shown.returncode, shown.stdout) == (2, "")
    query = "select since, sum(live_bytes) as bytes from traces where size = 2034 group by since"
    query = query.replace("2034", str(2001 + HEAD))
    rows = list(csv.DictReader(io.StringIO(ouro("sql", "--csv", "server.ouro", query, folder=tmp_path).stdout)))
    assert rows == [{"since": "warm", "bytes": str(2500 * (2001 + HEAD))}]
