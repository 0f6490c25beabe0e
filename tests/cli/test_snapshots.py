"""`ouro report` on snapshots made up: figures, keys, filters, estimates, and files that are cut, spoiled or hostile."""

import csv
import io
import json
import math
import os
import pty
import random
import re
import resource
import select
import struct
import time

import pytest
import records
import snapshots
from snapshots import KIB, MEM, OBJECT, RAW, Snapshot, Trace, typical


@pytest.fixture
def report(ouro, tmp_path):
    """Run `ouro report` on a snapshot; its JSON."""

    def report(snapshot, *options, packed=False):
        path = snapshot.write(tmp_path / "a.ouro", packed)
        done = ouro("report", "--json", *options, path)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return report


def rows(document, *names):
    return {tuple(row[name] for name in names): (row["bytes"], row["blocks"]) for row in document["rows"]}


@pytest.mark.parametrize("packed", [False, True])
def test_lines(report, packed):
    document = report(typical(), packed=packed)
    assert rows(document, "file", "line") == {
        ("/app/main.py", 12): (3000 * 1024, 3000),
        ("/app/parse.py", 7): (640_000, 10_000),
        ("/usr/lib/python3.11/json/decoder.py", 337): (200_000, 1000),
        ("(no frame)", 0): (4800, 100),
    }
    total = 3000 * 1024 + 640_000 + 200_000 + 4800
    assert document["traced"] == document["filtered"] == {"bytes": total, "blocks": 14_100, "bytes_error": 0}
    assert document["untraced"]["bytes"] == 120_000
    sizes = [row["bytes"] for row in document["rows"]]
    assert sizes == sorted(sizes, reverse=True)


def test_peak_and_churn(report):
    peak = rows(report(typical(), "--peak"), "file", "line")
    assert peak["/app/parse.py", 7] == (20_000 * 64, 20_000)
    assert peak["/usr/lib/python3.11/site-packages/requests/api.py", 73] == (500_000, 100)
    churn = rows(report(typical(), "--churn"), "file", "line")
    assert churn["/app/parse.py", 7] == (90_000 * 64, 90_000)


def test_keys(report):
    assert rows(report(typical(), "--by", "file"), "file")[("/app/main.py",)] == (3000 * 1024, 3000)
    functions = rows(report(typical(), "--by", "function"), "file", "function")
    assert functions["/app/parse.py", "parse"] == (640_000, 10_000)
    assert rows(report(typical(), "--by", "domain"), "domain") == {
        ("mem",): (3000 * 1024, 3000),
        ("object",): (840_000, 11_000),
        ("raw",): (4800, 100),
    }
    tracebacks = report(typical(), "--by", "traceback")["rows"]
    deepest = next(row for row in tracebacks if row["bytes"] == 200_000)["traceback"]
    assert [(f["file"], f["function"], f["line"]) for f in deepest] == [
        snapshots.DECODE, snapshots.PARSE, snapshots.LOAD, snapshots.MAIN,
    ]
    assert next(row for row in tracebacks if row["bytes"] == 4800)["traceback"] == []


A, B = ("/app/a.py", "f", 1), ("/app/b.py", "g", 2)


def asides():
    snapshot = Snapshot([
        Trace((A,), 100, live=10, peak=20, all=30, thread=1, types=(("dict", 7), ("app.Thing", 2))),
        Trace((B,), 50, live=8, thread=2, types=(("dict", 8),)),
        Trace((B,), 10, live=5, thread=2, domain=MEM),
        Trace((A, B), 7, live=3, thread=3, domain=RAW),
        Trace((A,), 1, live=4, peak=9),
    ])
    snapshot.threads = ["main thread", "worker", ""]
    return snapshot


def test_threads(report):
    assert rows(report(asides(), "--by", "thread"), "thread") == {
        ("main thread (thread 1)",): (1000, 10), ("worker (thread 2)",): (450, 13), ("thread 3",): (21, 3),
        ("(thread not noted)",): (4, 4),
    }
    assert rows(report(asides(), "--by", "thread", "--peak"), "thread") == {
        ("main thread (thread 1)",): (2000, 20), ("(thread not noted)",): (9, 9),
    }
    assert rows(report(asides(), "--by", "thread", "--filter", "b.py"), "thread") == {
        ("worker (thread 2)",): (450, 13), ("thread 3",): (21, 3),
    }
    assert set(rows(report(typical(), "--by", "thread"), "thread")) == {("(thread not noted)",)}


LIB = "/usr/lib/python3.12/asyncio"
LOOP = (("/app/main.py", "<module>", 9), (f"{LIB}/runners.py", "run", 194), (f"{LIB}/base_events.py", "BaseEventLoop._run_once", 1987))
HANDLE = (*LOOP, (f"{LIB}/events.py", "Handle._run", 88))
SERVE, PARSE = ("/app/asyncio/main.py", "serve", 3), ("/app/asyncio/parse.py", "parse", 5)


def test_tasks(report):
    """What the loop runs, below the tasks that asyncio has in Python, and asyncio's own coroutines."""
    snapshot = Snapshot([
        Trace((*HANDLE, SERVE), 100, live=10, peak=20),
        Trace((*HANDLE, (f"{LIB}/tasks.py", "Task.__step", 303), SERVE, PARSE), 50, live=8),
        # A loop within a task, and what is called like the loop's.
        Trace((*HANDLE, SERVE, *HANDLE, PARSE), 70, live=2),
        Trace((("/app/asyncio/other.py", "Handle._run", 1), PARSE), 3, live=1),
        Trace((*HANDLE, PARSE), 10, live=5),
        Trace((*HANDLE, (f"{LIB}/streams.py", "StreamReader.read", 60)), 9, live=3),
        Trace(LOOP, 7, live=3, domain=RAW),
        Trace((), 1, live=4, peak=9),
    ])
    serve, parse = ("/app/asyncio/main.py: serve",), ("/app/asyncio/parse.py: parse",)
    assert rows(report(snapshot, "--by", "task"), "task") == {
        serve: (1540, 20), parse: (50, 5), ("(event loop)",): (27, 3), ("(no task)",): (28, 8),
    }
    assert rows(report(snapshot, "--by", "task", "--peak"), "task") == {serve: (2000, 20), ("(no task)",): (9, 9)}
    assert rows(report(snapshot, "--by", "task", "--filter", "main.py", "--exclude", "parse.py"), "task") == {
        serve: (1000, 10), ("(event loop)",): (27, 3), ("(no task)",): (21, 3),
    }


def test_tasks_of_two_snapshots(ouro, tmp_path):
    before = Snapshot([Trace((*HANDLE, SERVE), 100, live=10)]).write(tmp_path / "before.ouro")
    after = Snapshot([Trace((*HANDLE, PARSE), 10, live=5), Trace((*HANDLE, SERVE), 100, live=30, all=60)]).write(tmp_path / "after.ouro")
    document = json.loads(ouro("diff", "--json", "--by", "task", before, after).stdout)
    found = {row["task"]: (row["state"], row["before_bytes"], row["after_bytes"]) for row in document["rows"]}
    assert found == {
        "/app/asyncio/main.py: serve": ("grew", 1000, 3000), "/app/asyncio/parse.py: parse": ("new", 0, 50),
    }
    leaks = json.loads(ouro("report", "--json", "--leaks", "--by", "task", after).stdout)["rows"]
    assert {row["task"]: row["kept"] for row in leaks}["/app/asyncio/main.py: serve"] == 0.5
    shown = ouro("report", "--by", "task", after).stdout
    assert "/app/asyncio/main.py: serve" in shown and "2 of 2 tasks" in shown


def test_types(report):
    assert rows(report(asides(), "--by", "type"), "type") == {
        ("dict",): (1100, 15), ("app.Thing",): (200, 2), ("(buffer, object)",): (104, 5), ("(buffer, mem)",): (50, 5),
        ("(buffer, raw)",): (21, 3),
    }
    assert rows(report(asides(), "--by", "type", "--exclude", "b.py"), "type") == {
        ("dict",): (700, 7), ("app.Thing",): (200, 2), ("(buffer, object)",): (104, 5),
    }


def test_more_objects_than_blocks(report):
    """A hostile file's figures stay within its blocks."""
    snapshot = Snapshot([Trace((A,), 100, live=10, types=(("dict", 7), ("dict", 7), ("list", 2**63)))])
    assert rows(report(snapshot, "--by", "type"), "type") == {("dict",): (1000, 10)}


def test_types_of_samples_are_estimates(report):
    snapshot = Snapshot([Trace((A,), 1000, live=4, types=(("dict", 3),))], mode=snapshots.SAMPLED, sample=100_000)
    p = -math.expm1(-1000 / 100_000)
    assert rows(report(snapshot, "--by", "type"), "type") == {
        ("dict",): (round(3000 / p), round(3 / p)), ("(buffer, object)",): (round(1000 / p), round(1 / p)),
    }


def test_one_line_in_two_functions_is_one_line(report):
    file = "/app/x.py"
    document = report(Snapshot([
        Trace(((file, "f", 3),), 10, live=1),
        Trace(((file, "f.<locals>.<listcomp>", 3),), 10, live=2),
        Trace(((file, "f", 4),), 10, live=4),
    ]))
    assert rows(document, "file", "line") == {(file, 3): (30, 3), (file, 4): (40, 4)}


def test_two_codes_of_one_function_are_one(report):
    """A function that is defined anew at each turn has a code each, or a code was read twice."""
    snapshot = Snapshot()
    for first_line in range(50):
        code = snapshot.code("/app/x.py", "f", first_line=first_line)
        node = snapshot.node(0, code, 5)
        snapshot.trace_bytes += snapshot.pack_trace(8, node, OBJECT, 1, 8, 0, 0, 0, 0)
    document = report(snapshot, "--by", "traceback")
    assert [(row["bytes"], row["traceback"][0]["line"]) for row in document["rows"]] == [(400, 5)]


def test_cumulative_counts_each_frame_once(report):
    """Recursion, also by way of another function, does not count twice."""
    f, g = ("/app/r.py", "f", 1), ("/app/r.py", "g", 9)
    snapshot = Snapshot([
        Trace((snapshots.MAIN, f, g, f, f), 10, live=1),
        Trace((snapshots.MAIN, g, f), 10, live=2),
        Trace((snapshots.MAIN,), 10, live=4),
        Trace((g, f), 10, live=8),
        Trace((), 10, live=16),
    ])
    functions = rows(report(snapshot, "--by", "function", "--cumulative"), "function")
    assert functions == {
        ("<module>",): (70, 7), ("f",): (110, 11), ("g",): (110, 11), ("",): (160, 16),
    }
    files = rows(report(snapshot, "--by", "file", "--cumulative"), "file")
    assert files == {("/app/main.py",): (70, 7), ("/app/r.py",): (110, 11), ("(no frame)",): (160, 16)}


def test_cumulative_against_the_definition(report):
    """A thousand random tracebacks: each key gets every trace that has it in any frame."""
    source = random.Random(4)
    frames = [(f"/app/{file}.py", f"f{line // 3}", line) for file in "abc" for line in range(1, 9)]
    traces = [
        Trace(tuple(source.choice(frames) for _ in range(source.randrange(12))), source.randrange(1, 500),
              live=source.randrange(1, 9))
        for _ in range(1000)
    ]
    for by, names, keys in [
        ("line", ("file", "line"), lambda f: (f[0], f[2])),
        ("function", ("file", "function"), lambda f: (f[0], f[1])),
        ("file", ("file",), lambda f: (f[0],)),
    ]:
        wanted = {}
        for trace in traces:
            for key in {keys(frame) for frame in trace.frames}:
                size, blocks = wanted.get(key, (0, 0))
                wanted[key] = (size + trace.live * trace.size, blocks + trace.live)
        found = rows(report(Snapshot(traces), "--by", by, "--cumulative"), *names)
        assert {k: v for k, v in found.items() if k[0] != "(no frame)"} == wanted


def test_filters(report):
    def files(*options):
        return {row["file"] for row in report(typical(), "--by", "file", *options)["rows"]}

    decoder = "/usr/lib/python3.11/json/decoder.py"
    assert files("--filter", "parse.py") == {"/app/parse.py", decoder}
    assert files("--filter", "*/parse.py") == {"/app/parse.py", decoder}
    assert files("--filter", "parse") == {"/app/parse.py", decoder}
    assert files("--filter", "*.parse") == set()
    assert files("--filter", "JSONDecoder.*") == {decoder}
    assert files("--filter", "/app/*", "--exclude", "*json*") == {"/app/main.py", "/app/parse.py"}
    assert files("--exclude", "/app/main.py") == {"(no frame)"}
    assert files("--filter", "decoder.py", "--filter", "no frame") == {decoder, "(no frame)"}
    document = report(typical(), "--filter", "decoder.py")
    assert document["filtered"]["bytes"] == 200_000 and document["traced"]["bytes"] > 3_000_000


def test_top(ouro, report, tmp_path):
    many = Snapshot([Trace((("/app/x.py", "f", n),), 100, live=n) for n in range(1, 501)])
    assert len(report(many)["rows"]) == 500
    assert [row["line"] for row in report(many, "--top", "3")["rows"]] == [500, 499, 498]
    text = ouro("report", many.write(tmp_path / "b.ouro")).stdout
    assert "20 of 500 lines" in text and text.count("/app/x.py:") == 20


@pytest.mark.parametrize(
    "table, lines, wanted",
    [
        (0, b"", {2: 2, 9: 9}),
        (1, b"\x02\x03\x04\x05", {0: 7, 2: 10, 6: 15}),  # 3.9: steps of bytes and lines
        (2, b"\x02\x00\x04\x05", {0: 7, 2: 12}),  # 3.10: how long a line lasts, and its step
        (3, b"\xe8\x00\xe9\x02", {0: 7, 2: 8, 4: 8}),  # 3.11: no columns, a step of the line
    ],
)
def test_tables_of_lines_are_used(report, table, lines, wanted):
    """Where nodes have offsets, lines come from the code's own table."""
    for offset, line in wanted.items():
        snapshot = Snapshot()
        code = snapshot.code("/app/x.py", "f", first_line=7, table=table, lines=lines)
        snapshot.trace_bytes += snapshot.pack_trace(8, snapshot.node(0, code, offset), OBJECT, 1, 8, 0, 0, 0, 0)
        assert [row["line"] for row in report(snapshot)["rows"]] == [line]


def test_packages(report, tmp_path, layout):
    """By the records of installed distributions; by folders where there are none."""
    site = tmp_path / "venv/lib/python3.11/site-packages"
    (site / "attrs-23.2.0.dist-info").mkdir(parents=True)
    (site / "attrs-23.2.0.dist-info/RECORD").write_text(
        "attr/__init__.py,sha256=x,1\nattrs/__init__.py,sha256=y,2\n../../../bin/tool,,\n\"odd,name.py\",,\nbroken\n"
    )
    (site / "my_pkg-1.0.dist-info").mkdir()
    files = {
        f"{site}/attr/__init__.py": "attrs 23.2.0",
        f"{site}/attrs/__init__.py": "attrs 23.2.0",
        f"{site}/other/deep/x.py": "other",
        f"{site}/six.py": "six",
        "/usr/lib/python3/dist-packages/yaml/x.py": "yaml",
        "/usr/lib/python3.12/json/x.py": "python3.12 (standard library)",
        "/opt/python/lib/python3.9/ast.py": "python3.9 (standard library)",
        "<frozen importlib._bootstrap>": "python3.12 (standard library)",
        "/app/main.py": "(the program)",
        "<string>": "(the program)",
    }
    record = records.pack(layout, dict(records.typical(python_version="3.12.4"), pid=1))
    snapshot = Snapshot([Trace(((file, "f", 1),), 1, live=1 << i) for i, file in enumerate(files)], record=record)
    document = report(snapshot, "--by", "package")
    wanted = {}
    for i, package in enumerate(files.values()):
        wanted[(package,)] = (wanted.get((package,), (0,))[0] + (1 << i),) * 2
    assert rows(document, "package") == wanted


# Estimates


def test_estimates(report):
    """Horvitz and Thompson's: n samples stand for n / p blocks."""
    mean = 512 * KIB
    sizes = {16: 40, 1000: 30, 512 * KIB: 20, 100 << 20: 3}
    document = report(
        Snapshot([Trace((("/x.py", "f", i),), size, live=n) for i, (size, n) in enumerate(sizes.items())],
                 mode=snapshots.SAMPLED, sample=mean)
    )
    by_line = {row["line"]: row for row in document["rows"]}
    variance = 0
    for i, (size, n) in enumerate(sizes.items()):
        p = 1 - math.exp(-size / mean)
        assert by_line[i]["blocks"] == pytest.approx(n / p, abs=1)
        assert by_line[i]["bytes"] == pytest.approx(n * size / p, rel=1e-9, abs=1)
        assert by_line[i]["bytes_error"] == pytest.approx(math.sqrt(n * (1 - p)) * size / p, rel=1e-6, abs=1)
        variance += n * (1 - p) * (size / p) ** 2
    assert document["traced"]["bytes_error"] == pytest.approx(math.sqrt(variance), rel=1e-6)
    assert document["snapshot"]["tracing"] == "sampled"


def test_estimates_are_within_their_error(report):
    """Over 100 seeds: the mean is unbiased, and the error is what was said."""
    mean, size, n = 10_000, 600, 20_000
    p = 1 - math.exp(-size / mean)
    deviations = []
    for seed in range(100):
        source = random.Random(seed)
        met = sum(source.random() < p for _ in range(n))
        row = report(Snapshot([Trace((("/x.py", "f", 1),), size, live=met)], mode=2, sample=mean))["rows"][0]
        deviations.append((row["bytes"] - n * size) / row["bytes_error"])
    assert abs(sum(deviations)) / 10 < 4  # ten standard errors are one of the mean of a hundred
    assert 0.7 < math.sqrt(sum(d * d for d in deviations) / 100) < 1.3


# For people


def test_text(ouro, tmp_path, layout):
    record = records.pack(layout, dict(records.typical(), pid=4242, began_ns=1_700_000_000 * 10**9))
    path = typical(record=record, name="after load", n_untraced=3, frames=1, peak_bytes=7).write(tmp_path / "a.ouro")
    text = ouro("report", path, env={"TZ": "UTC"}).stdout
    first, *others = text.splitlines()
    assert first.startswith("── ouro report: python3 app.py --big ──") and first.endswith(" live when taken")
    words = " ".join(text.split())
    assert "after load: pid 4242, Python 3.11.2, 2023-11-14 22:13:22, 2.40 s after it began (exit)" in words
    assert "3.7 MiB in 14.1 k blocks, every allocation, 1 frame deep" in words
    assert "117.2 KiB in 1200 blocks; 3 allocations could not be traced" in words
    assert "4 of 4 lines, with 100.0 % of the bytes" in words
    assert any(line.startswith("   2.9 MiB  78.4%     3000  /app/main.py:12") for line in others)


@pytest.mark.parametrize("columns", [60, 80, 100, 120])
@pytest.mark.parametrize("options", [(), ("--by", "function"), ("--by", "traceback"), ("--tree",)])
def test_width(ouro, tmp_path, columns, options):
    deep = "/a-folder/with-a-rather-long-name" * 6 + "/module.py"
    long = "Class." * 40 + "method"
    snapshot = Snapshot([
        Trace(tuple((deep, long, line) for line in range(30)), 1000, live=5),
        Trace((("/ünï/çödé/日本語/モジュール.py" * 4, "f", 1),), 1000, live=5),
    ], mode=2, sample=1000)
    text = ouro("report", *options, snapshot.write(tmp_path / "a.ouro"), env={"COLUMNS": str(columns)}).stdout
    import unicodedata
    widths = [sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line) for line in text.splitlines()]
    assert max(widths) <= columns
    assert "module.py" in text or "Class.Class." in text


def test_source(ouro, tmp_path, layout):
    """The line's text, as long as the file is as it was."""
    source = tmp_path / "code.py"
    source.write_text("import x\n    rows = [1] * 1000  # many\nprint(\x1b[31m)\n")
    snapshot = Snapshot([Trace(((str(source), "f", 2),), 10, live=9), Trace(((str(source), "f", 3),), 10, live=8),
                         Trace(((str(source), "f", 99),), 10, live=7), Trace((("/dev/zero", "f", 5),), 10, live=6)])
    path = snapshot.write(tmp_path / "a.ouro")
    text = ouro("report", path, env={"COLUMNS": "120"}).stdout
    assert "rows = [1] * 1000" in text and "print(\\x1b[31m)" in text and "\x1b" not in text
    began = time.time_ns() - 10**12
    os.utime(source, ns=(began - 10**12,) * 2)
    snapshot.record = records.pack(layout, dict(records.typical(), pid=1, began_ns=began))
    path = snapshot.write(tmp_path / "a.ouro")
    assert "rows = [1]" in ouro("report", path, env={"COLUMNS": "120"}).stdout
    os.utime(source)
    assert "rows = [1]" not in ouro("report", path, env={"COLUMNS": "120"}).stdout


def test_tree(ouro, tmp_path):
    text = ouro("report", "--tree", typical().write(tmp_path / "a.ouro")).stdout
    lines = [line for line in text.splitlines() if "%" in line]
    assert [line[10:18].strip() for line in lines] == ["99.9 %", "99.9 %", "21.4 %", "5.1 %", "0.1 %"]
    assert lines[0].endswith("%  <module> (/app/main.py:40)") and lines[1].endswith("%    load (/app/main.py:12)")


def test_tree_of_many(ouro, tmp_path):
    main = snapshots.MAIN
    snapshot = Snapshot([Trace((main, ("/m.py", "f", n)), 10, live=1) for n in range(1, 1000)]
                        + [Trace((main, ("/m.py", "g", 1)), 10, live=9000)])
    text = ouro("report", "--tree", snapshot.write(tmp_path / "a.ouro")).stdout
    assert "… 999 others" in text and text.count("/m.py") == 1


def test_deep_recursion(ouro, report, tmp_path):
    """Ten thousand frames, and a million: nothing recurses, and the tree stays readable."""
    for depth in (10_000, 1_000_000):
        snapshot = Snapshot()
        code = snapshot.code("/app/deep.py", "fall")
        nodes = [struct.pack("<III", 0, 0, 0)] + [struct.pack("<III", n, code, 5) for n in range(depth)]
        snapshot.node_bytes = b"".join(nodes)
        snapshot.trace_bytes += snapshot.pack_trace(100, depth, OBJECT, 7, 700, 7, 700, 7, 700)
        path = tmp_path / "deep.ouro"
        path.write_bytes(b"".join([
            snapshots.header(),
            *(chunk_fast(kind, contents) for kind, contents in snapshot.chunks()),
            snapshots.chunk(b"END ", b""),
        ]))
        done = ouro("report", "--tree", path)
        assert done.returncode == 0 and len(done.stdout.splitlines()) < 40
        assert f"({depth - 11} frames between)" in done.stdout
        done = ouro("report", "--by", "traceback", path)
        assert f"(and {depth - 30} outer frames)" in done.stdout
        done = ouro("report", "--json", "--cumulative", "--by", "function", path)
        assert [row["bytes"] for row in json.loads(done.stdout)["rows"]] == [700]


def chunk_fast(kind, contents, most=1344 * 3072):
    """Chunks as a host cuts them; zstd's --check is not ours, so the checksum is worked out by us."""
    pieces = [contents[at : at + most] for at in range(0, len(contents), most)] or [b""]
    return b"".join(snapshots.chunk(kind, piece) for piece in pieces)


@pytest.mark.parametrize("by", ["line", "file", "function", "traceback", "package", "domain", "thread", "task", "type"])
def test_csv_has_the_names_of_json(ouro, tmp_path, by):
    path = Snapshot([Trace((snapshots.MAIN,), 8, live=2, thread=1, types=(("dict", 2),))]).write(tmp_path / "a.ouro")
    (row,) = json.loads(ouro("report", "--json", "--by", by, path).stdout)["rows"]
    (found,) = csv.DictReader(io.StringIO(ouro("report", "--csv", "--by", by, path).stdout))
    assert list(found)[:-3] == [name for name in row if name not in ("bytes", "blocks", "bytes_error")]
    assert by == "traceback" or {name: str(row[name]) for name in row} == found


def test_csv(ouro, tmp_path):
    odd = 'a "quoted", name\nof two lines'
    snapshot = Snapshot([Trace((("/x.py", odd, 3),), 5, live=2), Trace((("/y.py", "g", 1),), 5, live=1, domain=RAW)])
    path = snapshot.write(tmp_path / "a.ouro")
    text = ouro("report", "--csv", "--by", "function", path).stdout
    assert list(csv.DictReader(io.StringIO(text))) == [
        {"file": "/x.py", "function": odd, "bytes": "10", "blocks": "2", "bytes_error": "0"},
        {"file": "/y.py", "function": "g", "bytes": "5", "blocks": "1", "bytes_error": "0"},
    ]
    text = ouro("report", "--csv", path).stdout
    assert text.splitlines()[:2] == ["file,line,bytes,blocks,bytes_error", "/x.py,3,10,2,0"]


def test_nothing_at_all(ouro, tmp_path):
    path = Snapshot().write(tmp_path / "a.ouro")
    for options in ((), ("--tree",), ("--json",), ("--csv",), ("--cumulative",), ("--by", "domain")):
        done = ouro("report", *options, path)
        assert (done.returncode, done.stderr) == (0, "")


# Files that are not as they should be


def test_hostile_names(ouro, tmp_path):
    """Names of any bytes stay on their lines, and in JSON are UTF-8."""
    names = [b"\x1b[31mred\n", b"\xff\xfe", b"a\0b", b"\xed\xa0\x80", "\u202eback".encode(), b"x" * 70_000]
    snapshot = Snapshot([Trace(((name, name, 1),), 10, live=1) for name in names])
    path = snapshot.write(tmp_path / "a.ouro")
    for options in ((), ("--by", "function"), ("--by", "package"), ("--tree",), ("--by", "traceback")):
        text = ouro("report", *options, path).stdout
        assert "\x1b" not in text and "\u202e" not in text and "\0" not in text
        assert all(len(line) <= 200 for line in text.splitlines())
    document = json.loads(ouro("report", "--json", "--by", "file", path).stdout)
    assert {"\x1b[31mred\n", "\ufffd\ufffd", "a", "\ufffd\ufffd\ufffd", "\u202eback", "x" * 70_000} == {
        row["file"] for row in document["rows"]
    }


@pytest.mark.parametrize("options", [("--csv",), ("--json",), ()])
def test_hostile_names_on_a_terminal(ouro, tmp_path, options):
    """Nothing that a terminal would obey gets there, whatever the names are: neither in bytes nor in UTF-8."""
    names = [b"\x1b]0;title\x07", b"\xc2\x9b31m", b"\x9b31m", "\u202eback".encode(), b"two\rparts", "\u00fcn\u00ef".encode()]
    path = Snapshot([Trace(((name, name, 1),), 10, live=1) for name in names]).write(tmp_path / "a.ouro")
    master, slave = pty.openpty()
    done = ouro("report", "--by", "function", *options, path, stdout=slave)
    os.close(slave)
    shown = b""
    while not shown or select.select([master], [], [], 0)[0]:
        try:
            shown += os.read(master, 65536)
        except OSError:
            break
    os.close(master)
    assert done.returncode == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode().replace("\r\n", "\n"))
    assert "\u00fcn\u00ef" in plain and all(line.isprintable() for line in plain.splitlines())
    assert not options or "31m" in plain


@pytest.mark.parametrize("packed", [False, True])
def test_cut_off(ouro, tmp_path, packed):
    """At places of every kind, one in nine bytes: what was whole is shown, and what is missing is said."""
    whole = typical().bytes(packed)
    path = tmp_path / "cut.ouro"
    for n in range(0, len(whole), 9):
        path.write_bytes(whole[:n])
        done = ouro("report", "--json", path)
        assert done.stderr.count("\n") == 1
        if n < 16:
            assert done.returncode == 125 and done.stdout == ""
            assert "is not a snapshot" in done.stderr or f"cut off at byte {n}, in its header" in done.stderr
        else:
            assert done.returncode == 0 and f"is cut off at byte {n}, " in done.stderr
            assert json.loads(done.stdout)["traced"]["bytes"] in (0, 3_916_800)
            assert json.loads(done.stdout)["snapshot"]["trouble"].startswith("is cut off")


@pytest.mark.parametrize("packed", [False, True])
def test_spoiled(ouro, tmp_path, packed):
    whole = typical().bytes(packed)
    source = random.Random(7)
    path = tmp_path / "spoiled.ouro"
    for _ in range(150):
        data = bytearray(whole)
        at = source.choice([*range(12), *range(16, len(data))])
        data[at] ^= 1 << source.randrange(8)
        path.write_bytes(data)
        done = ouro("report", path)
        assert done.returncode == (125 if at < 16 else 0) and done.stderr.count("\n") == 1
        assert "spoiled" in done.stderr or at < 16


def test_a_bomb_is_not_unpacked(ouro, tmp_path):
    """A chunk that says that it is much larger than it is stored."""
    path = tmp_path / "bomb.ouro"
    zeros = snapshots.chunk(b"TEXT", bytes(32 << 20)[:0], size=0)
    bomb = snapshots.header() + zeros
    import subprocess
    stored = subprocess.run(["zstd", "-q", "-c", "-19"], input=bytes(64 << 20), capture_output=True, check=True).stdout
    head = struct.pack("<4sIQQI", b"TEXT", 1, len(stored), 64 << 20, snapshots.crc32c(stored))
    bomb += (head + struct.pack("<I", snapshots.crc32c(head)) + stored) * 100
    path.write_bytes(bomb)
    done = ouro("report", path)
    assert done.returncode == 0 and "larger than any can be" in done.stderr


def test_figures_at_their_ends(ouro, tmp_path):
    """Sums that no 64 bits hold."""
    snapshot = Snapshot(mode=2, sample=2**64 - 1)
    node = snapshot.node(0, snapshot.code("/x.py", "f"), 1)
    for size in (0, 1, 2**64 - 1):
        snapshot.trace_bytes += snapshot.pack_trace(size, node, MEM, *[2**64 - 1] * 6)
    path = snapshot.write(tmp_path / "a.ouro")
    for options in ((), ("--tree",), ("--json",), ("--csv",), ("--by", "domain"), ("--cumulative",)):
        done = ouro("report", *options, path)
        assert (done.returncode, done.stderr) == (0, "")
        assert "nan" not in done.stdout.lower() and "inf" not in done.stdout.lower()


def test_foreign_and_missing_files(ouro, tmp_path):
    for path, word in [
        (tmp_path / "none.ouro", "No such file"), (tmp_path, "Is a directory"), ("/dev/null", "is not a snapshot"),
        (__file__, "is not a snapshot"),
    ]:
        done = ouro("report", path)
        assert (done.returncode, done.stdout) == (125, "")
        assert word in done.stderr and done.stderr.count("\n") == 1
    later = tmp_path / "later.ouro"
    later.write_bytes(snapshots.header(version=2) + snapshots.chunk(b"END ", b""))
    assert "version 2: this ouro reads up to 1" in ouro("report", later).stderr


def test_foreign_record(ouro, tmp_path):
    """A process that is none, or of another version: the rest is shown."""
    for record in (b"", b"x", b"OUROREC1" + bytes(2000), bytes(65536)):
        done = ouro("report", "--json", typical(record=record).write(tmp_path / "a.ouro"))
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["snapshot"]["pid"] is None


def test_without_memory(ouro, tmp_path):
    """Whatever is refused, it is a message and an exit code."""
    snapshot = Snapshot([Trace(((f"/x{n}.py", "f", n),), 8, live=1) for n in range(3000)])
    path = snapshot.write(tmp_path / "a.ouro")
    limit, n_refused, n_shown = 2 << 20, 0, 0
    while n_shown < 8:
        limit += 256 << 10
        assert limit < 256 << 20
        done = ouro("report", path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        if done.returncode == 0:
            assert "3000 lines" in done.stdout and done.stderr == ""
            n_shown += 1
        elif done.returncode == 125:
            assert done.stderr.startswith("ouro: ") and "memory" in done.stderr
            n_refused += 1
        else:
            assert done.returncode in (127, -11, -6) and done.stdout == ""  # the loader's own: no room for libraries
    assert n_refused > 0


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["report"], "name a snapshot"),
        (["report", "a", "b"], "one snapshot at a time"),
        (["report", "--by", "colour", "a"], "colour"),
        (["report", "--top", "0", "a"], "--top"),
        (["report", "--top", "x", "a"], "--top"),
        (["report", "--nonsense", "a"], "--nonsense"),
        (["report", "a", "-x"], "-x"),
        (["report", "--by"], "--by"),
        (["report", "--json", "--csv", "a"], "not both"),
        (["report", "--tree", "--json", "a"], "--tree"),
        (["report", "--cumulative", "--by", "domain", "a"], "--cumulative"),
        (["report", "--fail-above", "1M", "a"], "--fail-above"),
    ],
)
def test_wrong_use(ouro, arguments, word):
    done = ouro(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr and "ouro report --help" in done.stderr and done.stderr.count("\n") == 1


def test_help(ouro):
    done = ouro("report", "--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: ouro report ")
    assert max(map(len, done.stdout.splitlines())) <= 90


def test_a_full_disk(ouro, tmp_path):
    path = typical().write(tmp_path / "a.ouro")
    with open("/dev/full", "w") as full:
        done = ouro("report", path, stdout=full)
    assert done.returncode == 125 and "No space left" in done.stderr
