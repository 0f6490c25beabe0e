"""How soon blocks are freed, counted in allocations: exactly where each is traced, estimated where samples are.

ctest: timeout=600
"""

import json
import math
import subprocess
import sys

import native
import pytest

sys.path.insert(0, str(native.ROOT / "tests" / "cpython"))
import suites

PYTHONS = [python for python in suites.discover() if not python.free_threaded]
WITHIN = [10**i for i in range(7)]


def ouro(*arguments, folder):
    command = [str(native.OURO), *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env=native.clean_environment(), capture_output=True, text=True, timeout=300, check=False
    )


def record(folder, *command, options=("--trace=exact",)):
    run = ouro("run", "--quiet", "--lifetimes", *options, "-f", "-o", "lives.ouro", *command, folder=folder)
    assert (run.returncode, run.stderr) == (0, "")


def temporary(folder, within, by="function", options=()):
    shown = ouro("report", f"--temporary={within}", "--by", by, "--json", *options, "lives.ouro", folder=folder)
    assert (shown.returncode, shown.stderr) == (0, "")
    return json.loads(shown.stdout)


def rows(told, file, key="function"):
    return {row[key]: row for row in told["rows"] if row["file"].endswith(file)}


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return native.compile_program(tmp_path_factory.mktemp("program"), "lifetimes.c")


def others_within(ages, within):
    """Of blocks that are allocated n together and freed in their order: the last is 0 old, the first n - 1."""
    return sum(min(age, within + 1) for age in ages)


@pytest.mark.parametrize("size", [1, 100, 40_000, 3_000_000])
def test_ages_are_exact(program, tmp_path, size):
    """At each border, on both sides of it."""
    ages = [0, 1, 2, 10, 11, 100, 101, 1000, 1001, 10_000, 10_001, 100_000, 100_001]
    if size == 100:
        ages += [1_000_000, 1_000_001]
    record(tmp_path, program, size, 2, *ages)
    churn = json.loads(ouro("report", "--churn", "--by", "function", "--json", "lives.ouro", folder=tmp_path).stdout)
    all_blocks = {name: row["blocks"] for name, row in rows(churn, "lifetimes.c").items()}
    assert all_blocks == {"subject": 2 * len(ages), "others": 2 * sum(ages) + 200 * 20, "resized": 201, "kept": 300}
    for within in WITHIN:
        told = rows(temporary(tmp_path, within), "lifetimes.c")
        freed = 2 * sum(age <= within for age in ages)
        # In `resized` the resizing comes before they are dropped, and makes each of them one older.
        others = 2 * others_within(ages, within) + 200 * min(20, within)
        wanted = {
            "subject": (freed, freed * size),
            "others": (others, others * 16),
            "resized": (201, sum(50 + 100 * i for i in range(201))) if within >= 20 else (1, 20_050),
        }
        assert {name: (row["blocks"], row["bytes"]) for name, row in told.items()} == wanted
        assert told["subject"]["freed"] == pytest.approx(freed / all_blocks["subject"])


def test_all_of_them_together(program, tmp_path):
    """What is said of all blocks is what the rows add up to, within filters."""
    record(tmp_path, program, 100, 50, 5, 50, 500)
    shown = [temporary(tmp_path, within, options=("--filter", "*lifetimes.c")) for within in WITHIN]
    for told in shown:
        assert told["lifetimes"]["allocated_blocks"] == 50 * (3 + 555) + 200 * 20 + 201 + 300
        assert [one["within"] for one in told["lifetimes"]["freed"]] == WITHIN
        assert [one["blocks"] for one in told["lifetimes"]["freed"]] == [other["filtered"]["blocks"] for other in shown]
        assert told["measure"] == "churn" and told["traced"]["blocks"] >= told["filtered"]["blocks"]
    text = ouro("report", "--temporary", "--filter", "*lifetimes.c", "lives.ouro", folder=tmp_path).stdout
    assert "freed within 10 allocations" in text and " freed  line" in text
    shares = [100 * one["blocks"] / 32_401 for one in shown[0]["lifetimes"]["freed"]]
    assert "lifetimes    of 32.4 k blocks, freed within 1: {:.1f} %, 10: {:.1f} %, 100: {:.1f} %,".format(*shares[:3]) in text


def test_samples_are_within_their_error(program, tmp_path):
    """A tenth of the blocks of each age: every share is known."""
    ages = [0, 5, 50, 500]
    record(tmp_path, program, 20_000, 1000, *ages, options=("--trace=sampled", "--sample", "60000"))
    for within in WITHIN:
        told = rows(temporary(tmp_path, within), "lifetimes.c")
        freed = 1000 * sum(age <= within for age in ages)
        row = told["subject"]
        assert 0 < row["bytes_error"] < 0.1 * freed * 20_000
        assert abs(row["bytes"] - freed * 20_000) < 5 * row["bytes_error"]
        assert abs(row["freed"] - freed / 4000) < 5 * math.sqrt(0.25 / 1000)


@pytest.mark.parametrize("python", PYTHONS, ids=lambda python: python.label)
def test_a_python_program(tmp_path, python):
    """Lines whose blocks live for so many objects, or a few more: in the middle between two borders."""
    source = tmp_path / "program.py"
    source.write_text(
        """\
def life(age):
    text = bytes(3000)
    others = [bytes(700) for _ in range(age)]
    del text
    del others

def short(age):
    text = bytes(3001)
    others = [bytes(701) for _ in range(age)]
    del text
    del others

for _ in range(100):
    life(5000)
for _ in range(1000):
    short(30)
held = [bytes(900) for _ in range(1234)]
"""
    )
    record(tmp_path, python.path, source)
    for within, first, second in (10, 0, 0), (100, 0, 1000), (1000, 0, 1000), (10_000, 100, 1000), (1_000_000, 100, 1000):
        told = rows(temporary(tmp_path, within, by="line"), "program.py", key="line")
        for line, size, wanted in (2, 3000, first), (8, 3001, second):
            row = told.get(line, {"bytes": 0})
            assert 0 <= row["bytes"] - wanted * (size + bytes().__sizeof__()) < 1000  # and what the line makes beside it
            assert wanted == 0 or row["freed"] > 0.98
        assert told.get(17, {"bytes": 0})["bytes"] < 200_000  # numbers of the loop, and a list that grew; not what is held


def test_threads_and_children(tmp_path):
    """Clocks are of a process: whatever threads do, no block is lost or counted twice."""
    source = tmp_path / "program.py"
    source.write_text(
        """\
import os, threading

def work():
    for _ in range(20_000):
        text = bytes(2000)

def child():
    held = [bytes(4000) for _ in range(1000)]
    for _ in range(50):
        held = [bytes(4000) for _ in range(1000)]

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
pid = os.fork()
if pid == 0:
    child()
    os._exit(0)
os.waitpid(pid, 0)
"""
    )
    record(tmp_path, PYTHONS[0].path, source)
    told = rows(temporary(tmp_path, 1_000_000, by="line"), "program.py", key="line")
    assert 0 <= told[5]["bytes"] - 80_000 * (2000 + bytes().__sizeof__()) < 10_000
    [child] = tmp_path.glob("lives.*.ouro")
    shown = ouro("report", "--temporary=10000", "--json", child.name, folder=tmp_path)
    lines = rows(json.loads(shown.stdout), "program.py", key="line")
    assert shown.stderr == "" and 0 <= lines[10]["bytes"] - 50_000 * (4000 + bytes().__sizeof__()) < 5_000_000


def test_nothing_is_noted_unasked(program, tmp_path):
    run = ouro("run", "--quiet", "--trace=exact", "-o", "lives.ouro", program, 100, 10, 5, folder=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert b"LIFE" not in (tmp_path / "lives.ouro").read_bytes()
    shown = ouro("report", "--temporary", "lives.ouro", folder=tmp_path)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert shown.stderr == "ouro: lives.ouro has no lifetimes: ouro run --lifetimes notes them\n"


def test_wrong_use(tmp_path):
    run = ouro("run", "--lifetimes", "--trace=off", "true", folder=tmp_path)
    assert run.returncode == 2 and "--lifetimes has nothing to count with --trace=off" in run.stderr
    for value in "7", "0", "", "10000000", "1e3", "-1":
        shown = ouro("report", f"--temporary={value}", "x.ouro", folder=tmp_path)
        assert shown.returncode == 2 and f"--temporary={value}: within 1, 10, 100" in shown.stderr
    for other in ["--leaks"], ["--html", "x.html"], ["--peak"], ["--by", "type"]:
        shown = ouro("report", "--temporary", *other, "x.ouro", folder=tmp_path)
        assert shown.returncode == 2 and "ouro report --help" in shown.stderr
