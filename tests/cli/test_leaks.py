"""`ouro report --leaks`: what is live and not by design, and what grows from each snapshot to the next."""

import csv
import io
import json

import pytest
import snapshots
from snapshots import Snapshot, Trace

CACHE, WORK, LOAD = ("/app/cache.py", "put", 7), ("/app/main.py", "work", 20), ("/app/main.py", "load", 3)
MAIN = ("/app/main.py", "<module>", 40)
IMPORT = ("<frozen importlib._bootstrap>", "_load_unlocked", 600)
EXTERNAL = ("<frozen importlib._bootstrap_external>", "exec_module", 800)


def moment(cache=100, work=50, load=10, new=0):
    traces = [
        Trace((MAIN, CACHE), 100, live=cache, peak=cache, all=cache),
        Trace((MAIN, WORK), 10, live=work, peak=500, all=10_000),
        Trace((MAIN, LOAD), 1000, live=load, peak=load, all=2 * load),
        Trace((MAIN, IMPORT, EXTERNAL, ("/app/cache.py", "<module>", 1)), 5000, live=77, peak=77, all=80),
        Trace((), 48, live=1000, peak=1000, all=1000),
    ]
    if new:
        traces.append(Trace((MAIN, ("/app/new.py", "f", 9)), 8, live=new, all=new))
    return Snapshot(traces)


@pytest.fixture
def leaks(ouro, tmp_path):
    def leaks(*moments, options=("--json",)):
        paths = [snapshot.write(tmp_path / f"{i}.ouro") for i, snapshot in enumerate(moments)]
        done = ouro("report", "--leaks", *options, *paths)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout) if "--json" in options else done.stdout

    return leaks


def lines(document):
    return {(row["file"], row["line"]): (row["bytes"], row["blocks"]) for row in document["rows"]}


def test_what_is_live_but_not_by_design(leaks):
    document = leaks(moment())
    assert document["leaks"] is True and document["filtered"]["bytes"] == 100 * 100 + 500 + 10_000
    assert lines(document) == {
        ("/app/cache.py", 7): (10_000, 100), ("/app/main.py", 20): (500, 50), ("/app/main.py", 3): (10_000, 10),
    }
    kept = {(row["file"], row["line"]): row["kept"] for row in document["rows"]}
    assert kept == {("/app/cache.py", 7): 1, ("/app/main.py", 20): 0.005, ("/app/main.py", 3): 0.5}
    text = leaks(moment(), options=())
    assert "without imports" in text and "  0.5%  /app/main.py:20" in text and "importlib" not in text
    row = next(csv.DictReader(io.StringIO(leaks(moment(), options=["--csv", "--filter", "work"]))))
    assert (row["line"], row["kept"]) == ("20", "0.0050")


def test_what_grows_all_the_time(leaks):
    document = leaks(moment(100, 50, 10), moment(150, 70, 10), moment(180, 60, 11, new=5))
    # Work goes up and down, load stood still once, what is new was not there all the time.
    assert lines(document) == {("/app/cache.py", 7): (8000, 80)}
    assert "kept" not in document["rows"][0]
    two = leaks(moment(100, 50, 10), moment(150, 70, 10, new=3))
    assert lines(two) == {("/app/cache.py", 7): (5000, 50), ("/app/main.py", 20): (200, 20), ("/app/new.py", 9): (24, 3)}
    assert leaks(moment(), moment())["rows"] == []
    assert "snapshot to snapshot" in leaks(moment(), moment(), options=())


def test_growth_by_other_keys(leaks):
    document = leaks(moment(100, 50, 10), moment(150, 40, 10), options=["--json", "--by", "file"])
    assert {row["file"]: row["bytes"] for row in document["rows"]} == {"/app/cache.py": 5000}
    document = leaks(moment(100, 50), moment(150, 40), options=["--json", "--by", "function", "--cumulative"])
    assert {row["function"]: row["bytes"] for row in document["rows"]} == {"put": 5000, "<module>": 4900}
    document = leaks(moment(100), moment(120), moment(150), options=["--json", "--by", "domain"])
    assert document["rows"][0]["bytes"] == 5000


def test_growth_within_the_error_of_estimates_is_none(leaks):
    def sampled(n):
        return Snapshot([Trace((MAIN, CACHE), 100, live=n)], mode=snapshots.SAMPLED, sample=512 << 10)

    assert leaks(sampled(100), sampled(110))["rows"] == []
    assert len(leaks(sampled(100), sampled(400))["rows"]) == 1


@pytest.mark.parametrize("arguments, word", [
    (["--leaks"], "name a snapshot"), (["--leaks", "--peak", "a"], "what is live"), (["--leaks", "--tree", "a"], "as a table"),
    (["--leaks", *["a"] * 65], "64 snapshots"), (["a", "b"], "one snapshot at a time"),
])
def test_wrong_use(ouro, arguments, word):
    done = ouro("report", *arguments)
    assert (done.returncode, done.stdout) == (2, "") and word in done.stderr


def test_a_file_that_is_none(ouro, tmp_path):
    path = moment().write(tmp_path / "a.ouro")
    for files in ([tmp_path / "missing", path], [path, tmp_path / "missing"]):
        done = ouro("report", "--leaks", *files)
        assert done.returncode == 125 and "missing" in done.stderr
