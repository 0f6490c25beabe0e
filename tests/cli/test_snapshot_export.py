"""`ouro export`: what other programs read is what the snapshot holds, by those programs or by their formats' definitions."""

# ctest: timeout=600
# Newer versions of Go build their pprof when it is first called.

import contextlib
import csv
import gzip
import io
import json
import os
import pty
import re
import shutil
import sqlite3
import subprocess

import browser
import pytest
import snapshots
import speedscope
from snapshots import OBJECT, RAW, Snapshot, Trace, typical


@pytest.fixture
def export(ouro, tmp_path):
    """Run `ouro export` on a snapshot; what it wrote."""

    def export(snapshot, to, *options):
        path = snapshot.write(tmp_path / "a.ouro")
        out = tmp_path / "out"
        done = ouro("export", "--to", to, "-o", out, *options, path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return out.read_bytes()

    return export


# Collapsed stacks


def test_collapsed(export):
    lines = export(typical(), "collapsed").decode().splitlines()
    main, load, parse = "<module> (/app/main.py:40)", "load (/app/main.py:12)", "parse (/app/parse.py:7)"
    decode = "JSONDecoder.decode (/usr/lib/python3.11/json/decoder.py:337)"
    assert sorted(lines) == sorted([
        f"{main};{load} {3000 * 1024}", f"{main};{load};{parse} 640000", f"{main};{load};{parse};{decode} 200000",
        "(no frame) 4800",
    ])
    peak = export(typical(), "collapsed", "--peak", "--filter", "requests").decode()
    assert peak == f"{main};get (/usr/lib/python3.11/site-packages/requests/api.py:73) 500000\n"


def test_collapsed_hostile_names(export):
    names = ["a;b", "new\nline", "\x1b[1m", b"\xff".decode("utf-8", "surrogateescape"), "ünï"]
    text = export(Snapshot([Trace((("/x;y.py", n, 1),), 10, live=1) for n in names]), "collapsed").decode()
    assert text.splitlines() == [
        "a,b (/x,y.py:1) 10", "new line (/x,y.py:1) 10", " [1m (/x,y.py:1) 10", "\ufffd (/x,y.py:1) 10",
        "ünï (/x,y.py:1) 10",
    ]


def test_documents_larger_than_what_is_written_together(export):
    """Pieces of a document are written as they are made: all of them are there, in their order."""
    wanted = [(f"/app/{'x' * 200}.py", f"f{n}", n + 1) for n in range(9000)]
    snapshot = Snapshot([Trace((frame,), 8, live=n + 1) for n, frame in enumerate(wanted)])
    lines = export(snapshot, "collapsed").decode().splitlines()
    assert lines == [f"{name} ({file}:{line}) {8 * line}" for file, name, line in wanted]
    rows = list(csv.DictReader(io.StringIO(export(snapshot, "memray-csv").decode(), newline="")))
    assert [row["stack_trace"] for row in rows] == [f"{name};{file};{line}" for file, name, line in wanted]
    document = json.loads(export(snapshot, "json"))
    assert [trace[5] for trace in document["traces"]] == [0] * 9000 and len(document["paths"]) == 9001
    profile = json.loads(export(snapshot, "speedscope"))["profiles"][0]
    assert profile["weights"] == [8 * line for _, _, line in wanted] and len(profile["samples"]) == 9000


def test_memray_quotes_what_has_quotes(export):
    names = ['say "x"', "a,b", "plain"]
    snapshot = Snapshot([Trace((("/x.py", "f", 1), ("/x.py", name, 2)), 8, live=1) for name in names])
    rows = list(csv.DictReader(io.StringIO(export(snapshot, "memray-csv").decode(), newline="")))
    assert [row["stack_trace"] for row in rows] == [f"{name};/x.py;2|f;/x.py;1" for name in names]


# Threads, types and time


A, B = ("/app/a.py", "f", 1), ("/app/b.py", "g", 2)


def asides(**tracing):
    """Blocks of two threads and of some types; memory over time, and marks."""
    snapshot = Snapshot([
        Trace((A,), 100, live=10, peak=20, all=30, thread=1, types=(("dict", 7), ("app.Thing", 2))),
        Trace((B,), 50, live=8, thread=2, types=(("dict", 8),)),
        Trace((A,), 40, live=6, all=9, thread=2, types=(("app.Thing", 6),)),
        Trace((A,), 7, live=3, domain=RAW),
        Trace((B, A), 9, peak=2, all=4, thread=1),
    ], **tracing)
    snapshot.threads = ["main thread", "a, worker"]
    snapshot.samples = [snapshots.Sample(1, resident=5 << 20), snapshots.Sample(2, resident=6 << 20)]
    snapshot.marks = [(1.5, b"loaded")]
    return snapshot


def test_json_has_threads_types_and_time(export, ouro, tmp_path):
    document = json.loads(export(asides(), "json"))
    assert document["threads"] == ["(thread not noted)", "main thread (thread 1)", "a, worker (thread 2)"]
    traces, types = document["traces"], document["types"]
    assert [trace[-1] for trace in traces] == [1, 2, 2, 0, 1]
    found = [(trace, types[kind], size, blocks) for trace, kind, size, blocks in document["typed"]]
    assert sorted(found) == sorted([
        (0, "dict", 700, 7), (0, "app.Thing", 200, 2), (0, "(buffer, object)", 100, 1), (1, "dict", 400, 8),
        (2, "app.Thing", 240, 6), (3, "(buffer, raw)", 21, 3),
    ])
    plot = json.loads(ouro("plot", "--json", asides().write(tmp_path / "b.ouro")).stdout)
    assert len(document["samples"]) == 2
    assert (document["samples"], document["marks"]) == (plot["samples"], plot["marks"])
    # Numbers are those of the traces that are listed.
    some = json.loads(export(asides(), "json", "--filter", "b.py"))
    assert [(trace, some["types"][kind]) for trace, kind, *_ in some["typed"]] == [(0, "dict")]
    assert [trace[-1] for trace in some["traces"]] == [2, 1]


def test_memray_has_threads(export):
    rows = list(csv.DictReader(io.StringIO(export(asides(), "memray-csv").decode(), newline="")))
    assert [(row["tid"], row["thread_name"], row["num_allocations"], row["size"]) for row in rows] == [
        ("1", "main thread", "10", "1000"), ("2", "a, worker", "8", "400"), ("2", "a, worker", "6", "240"),
        ("0", "", "3", "21"),
    ]


# speedscope


def test_speedscope(export):
    """As its file-format-spec.ts wants it: a frame has a name, samples name frames, a weight for each sample."""
    for option, active in (("--live", 0), ("--peak", 1), ("--churn", 2)):
        document = json.loads(export(typical(), "speedscope", option))
        assert document["$schema"] == "https://www.speedscope.app/file-format-schema.json"
        assert document["activeProfileIndex"] == active and re.match(r"ouro \d", document["exporter"])
    frames = document["shared"]["frames"]
    assert frames.pop() == {"name": "(frames left out)"}
    assert all(set(frame) == {"name", "file", "line"} for frame in frames)
    assert [p["name"] for p in document["profiles"]] == ["live when taken", "live at the peak", "ever allocated"]
    for profile in document["profiles"]:
        assert set(profile) == {"type", "name", "unit", "startValue", "endValue", "samples", "weights"}
        assert (profile["type"], profile["unit"], profile["startValue"]) == ("sampled", "bytes", 0)
        assert len(profile["samples"]) == len(profile["weights"])
        assert profile["endValue"] == sum(profile["weights"])
        assert all(0 <= frame < len(frames) for sample in profile["samples"] for frame in sample)
    live = {
        tuple((frames[i]["file"], frames[i]["name"], frames[i]["line"]) for i in sample): weight
        for sample, weight in zip(document["profiles"][0]["samples"], document["profiles"][0]["weights"])
    }
    assert live == {
        (snapshots.MAIN, snapshots.LOAD): 3000 * 1024,
        (snapshots.MAIN, snapshots.LOAD, snapshots.PARSE): 640_000,
        (snapshots.MAIN, snapshots.LOAD, snapshots.PARSE, snapshots.DECODE): 200_000,
        (("(no frame)", "(no frame)", 0),): 4800,
    }


def test_speedscope_by_speedscope(export, tmp_path):
    """speedscope itself, in a browser: all profiles, and what it makes of their figures."""
    with browser.chromium() as chromium:
        opened = speedscope.Opened(chromium, tmp_path, export(typical(), "speedscope"))
        assert not opened.failed
        shown = opened.sandwich()
        assert opened.profile() == "live when taken (1/3)"
        assert shown["load"] == ("3.73 MB (>99%)", "2.93 MB (78%)")
        assert shown["parse"] == ("820.31 KB (21%)", "625.00 KB (16%)")
        assert shown["(no frame)"] == ("4.69 KB (0.12%)",) * 2
        for name in ("live at the peak (2/3)", "ever allocated (3/3)"):
            opened.next()
            assert opened.profile() == name
        assert opened.sandwich()["get"] == ("488.28 KB (2.0%)",) * 2

        peak = speedscope.Opened(chromium, tmp_path, export(typical(), "speedscope", "--peak"))
        assert peak.profile() == "live at the peak (2/3)"
        names = ["a;b", "new\nline", "\x1b[1m", b"\xff".decode("utf-8", "surrogateescape"), "ünï", "</script>"]
        hostile = Snapshot([Trace((("/x;y.py", n, 1),), 10, live=1) for n in names])
        assert not speedscope.Opened(chromium, tmp_path, export(hostile, "speedscope")).failed
        deep = Snapshot([Trace((("/d.py", "down", 1),) * 20_000 + (A,), 10, live=1)])
        opened = speedscope.Opened(chromium, tmp_path, export(deep, "speedscope"))
        assert not opened.failed and opened.sandwich()["f"] == ("10 B (100%)",) * 2
        # It does reject what isn't right.
        spoiled = json.loads(export(typical(), "speedscope"))
        spoiled["shared"]["frames"] = spoiled["shared"]["frames"][:2]
        assert speedscope.Opened(chromium, tmp_path, json.dumps(spoiled).encode()).failed


# JSON


def test_json(export):
    document = json.loads(export(typical(), "json"))
    assert document["schema"] == "ouro-snapshot/1" and document["snapshot"]["tracing"] == "exact"
    frames, paths = document["frames"], document["paths"]
    assert all(caller < i or i == 0 for i, (caller, _) in enumerate(paths))

    def traceback(path):
        found = []
        while path != 0:
            frame = frames[paths[path][1]]
            found.insert(0, (frame["file"], frame["function"], frame["line"]))
            path = paths[path][0]
        return tuple(found)

    found = [(traceback(path), *rest) for path, *rest in document["traces"]]
    assert found == [
        ((snapshots.MAIN, snapshots.LOAD), 1024, "mem", 3_072_000, 3000, 4_096_000, 4000, 9_216_000, 9000, 0),
        ((snapshots.MAIN, snapshots.LOAD, snapshots.PARSE), 64, "object", 640_000, 10_000, 1_280_000, 20_000,
         5_760_000, 90_000, 0),
        ((snapshots.MAIN, snapshots.LOAD, snapshots.PARSE, snapshots.DECODE), 200, "object", 200_000, 1000,
         200_000, 1000, 10_000_000, 50_000, 0),
        ((snapshots.MAIN, snapshots.GET), 5000, "raw", 0, 0, 500_000, 100, 500_000, 100, 0),
        ((), 48, "raw", 4800, 100, 4800, 100, 4800, 100, 0),
    ]
    assert document["typed"] == document["samples"] == document["marks"] == []
    some = json.loads(export(typical(), "json", "--exclude", "parse"))
    assert [trace[1] for trace in some["traces"]] == [1024, 5000, 48]


# pprof


def fields(data):
    """The fields of a protobuf message: (number, value), a value is a number or bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    found = []
    while at < len(data):
        key = varint()
        if key & 7 == 0:
            found.append((key >> 3, varint()))
        else:
            assert key & 7 == 2
            size = varint()
            found.append((key >> 3, data[at : at + size]))
            at += size
            assert at <= len(data)
    return found


def numbers(data):
    """A packed field: as fields without keys."""
    found, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            found.append(value)
            value = shift = 0
    return found


def decode(packed):
    """{stack of (file, name, line), the innermost first: {type: value}} by profile.proto."""
    samples, default, _ = decode_all(packed)
    assert len({stack for stack, _ in samples}) == len(samples)
    return {stack: values for (stack, _), values in samples.items()}, default


def decode_all(packed):
    """The same by stacks and labels."""
    profile = fields(gzip.decompress(packed))
    strings = [value.decode("utf-8") for number, value in profile if number == 6]
    assert strings[0] == ""
    types = [strings[dict(fields(value))[1]] for number, value in profile if number == 1]
    functions, locations = {}, {}
    for number, value in profile:
        if number == 5:
            function = dict(fields(value))
            functions[function[1]] = (strings[function.get(4, 0)], strings[function[2]])
    for number, value in profile:
        if number == 4:
            location = dict(fields(value))
            line = dict(fields(location[4]))
            locations[location[1]] = (*functions[line[1]], line.get(2, 0))
    samples = {}
    for number, value in profile:
        if number == 2:
            sample = dict(fields(value))
            stack = tuple(locations[i] for i in numbers(sample[1]))
            labels = [dict(fields(label)) for field, label in fields(value) if field == 3]
            key = stack, tuple((strings[label[1]], strings[label[2]]) for label in labels)
            assert key not in samples
            samples[key] = dict(zip(types, numbers(sample[2])))
    return samples, strings[dict(profile)[14]], strings


def test_pprof_by_its_definition(export):
    samples, default = decode(export(typical(), "pprof"))
    assert default == "inuse_space"
    assert samples[snapshots.PARSE, snapshots.LOAD, snapshots.MAIN] == {
        "inuse_space": 640_000, "inuse_objects": 10_000, "peak_space": 1_280_000, "peak_objects": 20_000,
        "alloc_space": 5_760_000, "alloc_objects": 90_000,
    }
    assert samples[(("", "(no frame)", 0),)]["inuse_space"] == 4800
    assert len(samples) == 5
    assert decode(export(typical(), "pprof", "--churn"))[1] == "alloc_space"
    assert len(decode(export(typical(), "pprof", "--filter", "requests"))[0]) == 1


def test_pprof_labels(export):
    """Thread, type and domain; what was live alone is told by type."""
    samples, _, _ = decode_all(export(asides(), "pprof"))
    main, worker = ("thread", "main thread (thread 1)"), ("thread", "a, worker (thread 2)")
    domain = ("domain", "object")
    short = {
        (stack[0][0], len(stack), labels): [values[kind] for kind in ("inuse_space", "peak_space", "alloc_objects")]
        for (stack, labels), values in samples.items()
    }
    assert short == {
        ("/app/a.py", 1, (main, ("type", "dict"), domain)): [700, 0, 0],
        ("/app/a.py", 1, (main, ("type", "app.Thing"), domain)): [200, 0, 0],
        ("/app/a.py", 1, (main, ("type", "(buffer, object)"), domain)): [100, 0, 0],
        ("/app/a.py", 1, (main, domain)): [0, 2000, 30],
        ("/app/a.py", 1, (worker, ("type", "app.Thing"), domain)): [240, 0, 0],
        ("/app/a.py", 1, (worker, domain)): [0, 0, 9],
        ("/app/a.py", 1, (("type", "(buffer, raw)"), ("domain", "raw"))): [21, 0, 0],
        ("/app/b.py", 1, (worker, ("type", "dict"), domain)): [400, 0, 0],
        ("/app/a.py", 2, (main, domain)): [0, 18, 4],
    }


def marked():
    """Blocks from before the first mark, after it and after the second one, of the same places, threads and types."""
    snapshot = Snapshot([
        Trace((A,), 100, live=10, peak=20, all=30, thread=1, types=(("dict", 7), ("app.Thing", 2))),
        Trace((A,), 100, live=5, peak=6, all=9, thread=1, types=(("dict", 4),), since=1),
        Trace((B,), 50, live=8, peak=8, all=8, thread=2, types=(("dict", 8),)),
        Trace((B,), 40, live=6, all=9, thread=2, types=(("app.Thing", 6),), since=2),
        Trace((A,), 7, live=3, domain=RAW, since=2),
    ])
    snapshot.threads, snapshot.sinces = ["main thread", "worker"], ["warm", "served"]
    return snapshot


def test_pprof_since_a_mark(export):
    """Labels are of what came after the mark; what was there before has no sample."""
    main, worker = ("thread", "main thread (thread 1)"), ("thread", "worker (thread 2)")
    domain = ("domain", "object")

    def short(mark):
        samples, _, _ = decode_all(export(marked(), "pprof", "--since", mark))
        return {
            (stack[0][0], labels): [values[kind] for kind in ("inuse_space", "peak_space", "alloc_objects")]
            for (stack, labels), values in samples.items()
        }

    served = {
        ("/app/b.py", (worker, ("type", "app.Thing"), domain)): [240, 0, 0], ("/app/b.py", (worker, domain)): [0, 0, 9],
        ("/app/a.py", (("type", "(buffer, raw)"), ("domain", "raw"))): [21, 0, 0],
    }
    assert short("served") == served
    assert short("warm") == served | {
        ("/app/a.py", (main, ("type", "dict"), domain)): [400, 0, 0],
        ("/app/a.py", (main, ("type", "(buffer, object)"), domain)): [100, 0, 0],
        ("/app/a.py", (main, domain)): [0, 600, 9],
    }


def test_types_since_a_mark(export, ouro, tmp_path):
    """Each export, the report and the comparison of the same: types of what came after the mark."""
    wanted = {"dict": (400, 4), "app.Thing": (240, 6)}
    document = json.loads(export(marked(), "json", "--since", "warm"))
    typed = {document["types"][kind]: (size, blocks) for _, kind, size, blocks in document["typed"]}
    assert typed == wanted | {"(buffer, object)": (100, 1), "(buffer, raw)": (21, 3)}
    (tmp_path / "since.db").write_bytes(export(marked(), "sqlite", "--since", "warm"))
    with contextlib.closing(sqlite3.connect(tmp_path / "since.db")) as database:
        rows = database.execute("SELECT type, bytes, blocks FROM types").fetchall()
        assert {kind: tuple(figures) for kind, *figures in rows} == wanted and len(rows) == 2
    path, before = tmp_path / "a.ouro", Snapshot([]).write(tmp_path / "before.ouro")
    shown = json.loads(ouro("report", "--json", "--by", "type", "--since", "warm", path).stdout)
    assert {row["type"]: (row["bytes"], row["blocks"]) for row in shown["rows"]} == typed
    compared = json.loads(ouro("diff", "--json", "--by", "type", "--since", "warm", before, path).stdout)
    assert {row["type"]: (row["after_bytes"], row["after_blocks"]) for row in compared["rows"]} == typed


def test_pprof_knows_labels(export, tmp_path):
    """`go tool pprof` itself: what a thread holds, and of which types."""
    go = shutil.which("go")
    (tmp_path / "p.pb.gz").write_bytes(export(asides(), "pprof"))

    def ask(*options):
        done = subprocess.run([go, "tool", "pprof", "-unit=B", *options, str(tmp_path / "p.pb.gz")],
                              capture_output=True, text=True, check=True)
        return done.stdout

    # Go 1.19 writes 640.0B, and shares of what has the label.
    tags = re.sub(r"\s+", " ", ask("-tags")).replace(".0B", "B").replace("640B (39.02%)", "640B (38.53%)")
    for words in ("type: Total 1661B ", "1100B (66.23%): dict", "640B (38.53%): a, worker (thread 2)"):
        assert words in tags, tags
    assert "Showing nodes accounting for 640B, 38.53% of 1661B total" in ask("-top", "-tagfocus=thread=worker")


def test_pprof_by_pprof(export, tmp_path):
    """`go tool pprof` itself: the whole, and by line."""
    go = shutil.which("go")
    (tmp_path / "p.pb.gz").write_bytes(export(typical(), "pprof"))

    def top(*options):
        done = subprocess.run([go, "tool", "pprof", "-top", "-unit=B", *options, str(tmp_path / "p.pb.gz")],
                              capture_output=True, text=True, check=True)
        return done.stdout

    text = top("-nodefraction=0", "-lines")
    assert "Type: inuse_space" in text and "of 3916800B total" in text
    found = {tuple(row[5:]): (row[0], row[3]) for row in (line.split() for line in text.splitlines()) if len(row) > 6}
    assert found["load", "/app/main.py:12"] == ("3072000B", "3912000B")
    assert found["parse", "/app/parse.py:7"] == ("640000B", "840000B")
    assert "Type: alloc_objects" in top("-sample_index=alloc_objects")


def test_pprof_hostile_names(export):
    names = [b"\xff\xfe".decode("utf-8", "surrogateescape"), "x" * 70_000, "\n", "ünï"]
    samples, _ = decode(export(Snapshot([Trace((("/x.py", n, 1),), 10, live=1) for n in names]), "pprof"))
    assert {stack[0][1] for stack in samples} == {"\ufffd\ufffd", "x" * 70_000, "\n", "ünï"}


def test_large_figures(export):
    """Sums beyond 63 bits stay at the top, as other programs count with a sign."""
    snapshot = Snapshot()
    node = snapshot.node(0, snapshot.code("/x.py", "f"), 1)
    snapshot.trace_bytes += 2 * snapshot.pack_trace(1, node, OBJECT, *[2**64 - 1] * 6)
    samples, _ = decode(export(snapshot, "pprof"))
    assert set(next(iter(samples.values())).values()) == {2**63 - 1}
    assert json.loads(export(snapshot, "speedscope"))["profiles"][0]["weights"] == [2**63 - 1]


# All of them


@pytest.mark.parametrize("to", ["pprof", "speedscope", "collapsed", "json"])
def test_many(export, to):
    """Twenty thousand tracebacks; also of a deep recursion."""
    snapshot = Snapshot(
        [Trace((("/m.py", f"f{n % 100}", n % 100), ("/x.py", "g", n)), 10, live=n % 5, domain=RAW)
         for n in range(20_000)]
        + [Trace((("/d.py", "down", 1),) * 5000, 10, live=1)]
    )
    data = export(snapshot, to)
    if to == "pprof":
        samples, _ = decode(data)
        total, deepest = sum(s["inuse_space"] for s in samples.values()), max(map(len, samples))
    elif to == "speedscope":
        document = json.loads(data)
        total = document["profiles"][0]["endValue"]
        deepest = max(map(len, document["profiles"][0]["samples"]))
        # speedscope itself fails on deep stacks, so that they get their two ends.
        assert deepest == 500 + 1 + 500
        deepest = 5000
    elif to == "collapsed":
        lines = data.decode().splitlines()
        total, deepest = sum(int(line.rsplit(" ", 1)[1]) for line in lines), max(l.count(";") + 1 for l in lines)
    else:
        document = json.loads(data)
        total, deepest = sum(t[3] for t in document["traces"]), 5000
    assert total == sum(n % 5 * 10 for n in range(20_000)) + 10
    assert deepest == 5000


@pytest.mark.parametrize("to", ["pprof", "speedscope", "collapsed", "json"])
def test_estimates(export, to):
    """Of a sampled snapshot the estimates are exported."""
    data = export(Snapshot([Trace((("/x.py", "f", 1),), 512, live=10)], mode=2, sample=512), to)
    if to == "pprof":
        value = next(iter(decode(data)[0].values()))["inuse_space"]
    elif to == "speedscope":
        value = json.loads(data)["profiles"][0]["endValue"]
    elif to == "collapsed":
        value = int(data.split()[-1])
    else:
        value = json.loads(data)["traces"][0][3]
    assert value == 8100  # 10 * 512 / (1 - 1 / e)


@pytest.mark.parametrize("to", ["pprof", "speedscope", "collapsed", "json"])
def test_nothing_and_standard_output(ouro, tmp_path, to):
    path = Snapshot().write(tmp_path / "a.ouro")
    done = subprocess.run([ouro.path, "export", "--to", to, path], capture_output=True, check=True,
                          env=ouro.environment())
    assert done.stderr == b""
    if to == "pprof":
        assert decode(done.stdout)[0] == {}
    elif to == "collapsed":
        assert done.stdout == b""
    else:
        json.loads(done.stdout)


def test_a_terminal_gets_no_bytes(ouro, tmp_path):
    path = typical().write(tmp_path / "a.ouro")
    master, slave = pty.openpty()
    done = ouro("export", "--to", "pprof", path, stdout=slave)
    os.close(slave)
    os.close(master)
    assert done.returncode == 2 and "-o FILE" in done.stderr


def test_wrong_use_and_failures(ouro, tmp_path):
    path = typical().write(tmp_path / "a.ouro")
    for arguments, word in [
        ([path], "--to"), (["--to", "xml", path], "xml"), (["--to", "json"], "name a snapshot"),
        (["--to", "json", "-o", "", path], "-o"), (["--to", "json", "--by", "line", path], "--by"),
    ]:
        done = ouro("export", *arguments)
        assert (done.returncode, done.stdout) == (2, "") and word in done.stderr
    for arguments, word in [
        (["-o", tmp_path / "no" / "x", path], "No such file"), (["-o", tmp_path, path], "Is a directory"),
        (["-o", "/dev/full", path], "No space left"), ([tmp_path / "none.ouro"], "No such file"),
    ]:
        done = ouro("export", "--to", "json", *arguments)
        assert (done.returncode, done.stdout) == (125, "") and word in done.stderr
    out = tmp_path / "kept"
    out.write_text("as it was")
    cut = tmp_path / "cut.ouro"
    cut.write_bytes(b"OUROSNA")
    assert ouro("export", "--to", "json", "-o", out, cut).returncode == 125
    assert out.read_text() == "as it was"
    assert ouro("export", "--help").stdout.startswith("usage: ouro export ")
