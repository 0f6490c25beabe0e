"""`ouro lines`: the source with memory by line, of snapshots made up and of real programs.

Follows issue 4, section 3: whole modules or marked functions, generators and async functions right.
"""

import csv
import io
import json
import os
import random
import resource
import time
import unicodedata

import pytest
import records
import snapshots
from conftest import OURO, PYTHON
from snapshots import KIB, MEM, OBJECT, Snapshot, Trace

SOURCE = '''\
"""What a program looks like."""
import json


@decorated
@again
def load(
    path,
) -> list:
    """Text with
no indentation
    """
    # a comment
    rows = [
  json.loads(line)  # less than the function's
        for line in open(path)
    ]
    return rows

# not the function's


class Store:
    def add(self, item):
        def keep():
            self.items.append(item)
        keep()

    async def fetch(self):
        return await thing()


def one(): return bytes(1)


rows = load("x")
''' + "x = 1\n" * 20 + "last = 1\n"
# What lines load, Store, Store.add, keep, Store.fetch and one begin and end on.
EXTENTS = {
    "load": (5, 18), "Store": (23, 30), "Store.add": (24, 27), "Store.add.<locals>.keep": (25, 26),
    "Store.fetch": (29, 30), "one": (33, 33),
}


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "app" / "app.py"
    path.parent.mkdir()
    path.write_text(SOURCE)
    return path


def code_trace(snapshot, frames, size, live=0, peak=0, all=0):
    """Add a trace with frames (file, function, first line, line)."""
    node = 0
    for file, name, first_line, line in frames:
        node = snapshot.node(node, snapshot.code(str(file), name, first_line=first_line), line)
    figures = [figure for n in (live, peak, all) for figure in (n, n * size)]
    snapshot.trace_bytes += snapshot.pack_trace(size, node, OBJECT, *figures)


def program(source, **tracing):
    """Blocks in all functions of SOURCE."""
    snapshot = Snapshot(**tracing)
    main = (source, "<module>", 1, 36)
    code_trace(snapshot, [main, (source, "load", 5, 14)], 100, live=1, peak=10, all=20)
    code_trace(snapshot, [main, (source, "load", 5, 14), (source, "load.<locals>.<listcomp>", 14, 15)], 10, 1, 1, 1)
    code_trace(
        snapshot,
        [main, (source, "load", 5, 14), ("/usr/lib/python3.11/json/decoder.py", "decode", 300, 337)],
        1000, live=2, peak=30, all=90,
    )
    add = (source, "Store.add", 24, 27)
    code_trace(snapshot, [main, add, (source, "Store.add.<locals>.keep", 25, 26)], 7, 1, 1, 1)
    code_trace(snapshot, [main, (source, "Store", 23, 29)], 3, 1, 1, 1)
    code_trace(snapshot, [main, (source, "Store.fetch", 29, 30)], 5, 1, 1, 1)
    code_trace(snapshot, [main, (source, "one", 33, 33)], 11, 1, 1, 1)
    code_trace(snapshot, [("/usr/lib/python3.11/site.py", "main", 1, 9)], 64, 1, 1, 1)
    return snapshot


@pytest.fixture
def lines(ouro, tmp_path):
    """Run `ouro lines --json` on a snapshot; its JSON."""

    def lines(snapshot, *options):
        done = ouro("lines", "--json", snapshot.write(tmp_path / "a.ouro"), *options)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return lines


def by_line(file, measure="peak"):
    return {line["line"]: line[f"{measure}_bytes"] for line in file["lines"]}


def test_figures(lines, source):
    """What a library allocates belongs to the line that called it; each block counts once."""
    document = lines(program(source))
    (file,) = document["files"]
    assert file["file"] == str(source) and file["trouble"] is None and not file["changed"]
    assert by_line(file) == {14: 1000 + 30_000, 15: 10, 26: 7, 29: 3, 30: 5, 33: 11}
    assert by_line(file, "live")[14] == 100 + 2000
    assert by_line(file, "churn")[14] == 2000 + 90_000
    assert [line["churn_blocks"] for line in file["lines"]] == [110, 1, 1, 1, 1, 1]
    assert file["lines"][2]["source"] == "            self.items.append(item)"
    assert file["peak_bytes"] == sum(by_line(file).values())
    assert document["elsewhere"]["peak_bytes"] == 64
    assert document["traced"]["peak_bytes"] == file["peak_bytes"] + 64


def test_functions(lines, source):
    """Where they end, and what they hold with those in them."""
    (file,) = lines(program(source))["files"]
    functions = {f["function"]: f for f in file["functions"]}
    assert {name: (f["first_line"], f["last_line"]) for name, f in functions.items()} == EXTENTS
    assert {name: f["peak_bytes"] for name, f in functions.items()} == {
        "load": 31_010, "Store": 15, "Store.add": 7, "Store.add.<locals>.keep": 7, "Store.fetch": 8, "one": 11,
    }


@pytest.mark.parametrize(
    "name, found",
    [
        ("load", {14, 15}), ("Store", {26, 29, 30}), ("Store.add", {26}), ("keep", {26}), ("fetch", {29, 30}), ("one", {33}),
    ],
)
def test_one_function(lines, ouro, source, tmp_path, name, found):
    document = lines(program(source), "--function", name)
    (file,) = document["files"]
    assert set(by_line(file)) == found
    assert file["functions"][0]["function"].split(".")[-1] == name.split(".")[-1]
    text = ouro("lines", "--function", name, tmp_path / "a.ouro").stdout
    shown = {int(line[43:49]) for line in text.splitlines() if line[43:49].strip().isdigit()}
    first, last = EXTENTS[file["functions"][0]["function"]]
    assert found <= shown and min(shown) == first and max(shown) <= last


def test_files(lines, ouro, source, tmp_path):
    """The program's own by default; named ones by path, by an end of it, from the working directory."""
    other = tmp_path / "other.py"
    other.write_text("x = 1\n")
    library = "/usr/lib/python3.11/json/decoder.py"
    installed = "/usr/lib/python3.11/site-packages/requests/api.py"
    snapshot = program(source)
    code_trace(snapshot, [(source, "<module>", 1, 36), (other, "<module>", 1, 1)], 100_000, 1, 1, 1)
    code_trace(snapshot, [(other, "<module>", 1, 1), (installed, "get", 1, 9)], 9, 1, 1, 1)
    code_trace(snapshot, [(other, "<module>", 1, 1), ("<string>", "__init__", 1, 2)], 1, 1, 1, 1)
    files = lines(snapshot)["files"]
    assert [f["file"] for f in files] == [str(other), str(source)]  # what holds most comes first
    assert by_line(files[0]) == {1: 100_010}
    for name in ("app.py", "app/app.py", source, os.path.relpath(source), f"{tmp_path}/other/../app/app.py"):
        if ".." in str(name) and "other/" in str(name):
            (tmp_path / "other").mkdir()
        (file,) = lines(snapshot, name)["files"]
        assert file["file"] == str(source)
    (file,) = lines(snapshot, "decoder.py")["files"]
    assert file["file"] == library and by_line(file) == {337: 30_000}
    assert by_line(lines(snapshot, "app.py")["files"][0])[14] == 31_000  # whatever else is shown
    assert 14 in by_line(lines(snapshot, "decoder.py", "app.py")["files"][1])
    assert by_line(lines(snapshot, "<string>")["files"][0]) == {2: 1}
    for name in ("pp.py", "nothing.py", ""):
        done = ouro("lines", tmp_path / "a.ouro", "app.py", name)
        assert (done.returncode, done.stdout) == (2, "") and "comes from" in done.stderr


def mark(text, *functions, decorator="@ouro.line_profile"):
    """Put a decorator above some functions in place of the line before; lines stay where they are."""
    lines = text.split("\n")
    for first in functions:
        indent = " " * (len(lines[first - 1]) - len(lines[first - 1].lstrip()))
        lines[first - 2] = indent + decorator
    return "\n".join(lines)


MARKS = ["@ouro.line_profile", "@line_profile", "@profile", "@a.b.profile  # why", "@profile(stream=x)", "@ line_profile"]
NO_MARKS = ["@profiled", "@ouro.line_profile.not_it", "@cache(profile)", "# @profile", "@line_profile_", "@", '"@profile"']


@pytest.mark.parametrize("decorator", MARKS + NO_MARKS)
def test_marked_functions(lines, ouro, source, tmp_path, decorator):
    """Only these, when there are any and nothing else is asked for."""
    snapshot = Snapshot()
    main = (source, "<module>", 1, 36)
    for name, first, line in [("load", 5, 14), ("Store.fetch", 28, 30), ("one", 32, 33), ("Store.add", 24, 27)]:
        code_trace(snapshot, [main, (source, name, first, line)], line, 1, 1, 1)
    source.write_text(mark(SOURCE, 29, 33, decorator=decorator))
    everything = {14, 27, 30, 33}
    expected = {30, 33} if decorator in MARKS else everything
    document = lines(snapshot)
    (file,) = document["files"]
    assert set(by_line(file)) == expected
    assert file["peak_bytes"] == sum(everything) and document["elsewhere"]["peak_bytes"] == 0
    assert set(by_line(lines(snapshot, "--all")["files"][0])) == everything
    assert set(by_line(lines(snapshot, str(source))["files"][0])) == everything
    assert set(by_line(lines(snapshot, "--function", "load")["files"][0])) == {14}
    path = tmp_path / "a.ouro"
    text = ouro("lines", path).stdout
    assert ("functions that are marked in the source" in text) == (decorator in MARKS)
    assert ("rows = [" in text) == (decorator not in MARKS)
    assert "marked" not in ouro("lines", path, "--all").stdout + ouro("lines", path, "--function", "load").stdout
    rows = list(csv.DictReader(io.StringIO(ouro("lines", "--csv", path).stdout)))
    assert {int(row["line"]) for row in rows} == expected


def test_marks_of_one_file_hide_the_others(lines, source, tmp_path):
    other = tmp_path / "other.py"
    other.write_text("@profile\ndef f():\n    x = 1\n")
    snapshot = program(source)
    code_trace(snapshot, [(other, "f", 1, 3)], 9, 1, 1, 1)
    (file,) = lines(snapshot)["files"]
    assert file["file"] == str(other) and by_line(file) == {3: 9}
    source.unlink()  # what can't be read marks nothing
    assert [file["file"] for file in lines(snapshot)["files"]] == [str(other)]


def test_a_mark_below_other_decorators(lines, source):
    """Over several lines, as far as decorators go; a mark in the function is none of its own."""
    snapshot = Snapshot()
    for name, first in [("f", 1), ("g", 9), ("h", 13)]:
        code_trace(snapshot, [(source, name, first, first + 1)], 8, 1, 1, 1)
    source.write_text(
        "@many(\n    1,\n    2,\n)\n@again\n@profile\ndef f():\n    pass\n"
        "@again\ndef g():\n    @profile\n    def inner(): pass\n"
        "class h:\n    @profile\n    def method(self): pass\n"
    )
    assert [f["function"] for f in lines(snapshot)["files"][0]["functions"]] == ["f"]


def test_text(ouro, source, tmp_path):
    text = ouro("lines", program(source).write(tmp_path / "a.ouro")).stdout
    rows = text[text.index("at peak") :].splitlines()
    assert rows[1].split() == "30.3 KiB 2.1 KiB 89.9 KiB 115 (the whole file)".split()
    at = next(i for i, row in enumerate(rows) if row.endswith(" load"))
    assert rows[at].split() == "30.3 KiB 2.1 KiB 89.9 KiB 111 load".split()
    assert rows[at + 1] == " " * 46 + "5  @decorated"
    line = next(row for row in rows if "rows = [" in row)
    assert line == "  30.3 KiB    2.1 KiB   89.8 KiB     110     14      rows = ["
    assert "Text with" not in text and "# a comment" in text
    assert rows[-1].strip() == "..." and sum(row.strip() == "..." for row in rows) == 4  # 1-4, 6-11, 18-22, 35-
    assert "last = 1" not in text and "elsewhere    64 B in 1 blocks" in text


def test_the_code_of_a_changed_source(ouro, lines, source, layout):
    """Shown, with a note; the rule is that of the report."""
    began = time.time_ns() - 10**12
    record = records.pack(layout, dict(records.typical(), pid=1, began_ns=began))
    os.utime(source, ns=(began - 10**12,) * 2)
    assert not lines(program(source, record=record))["files"][0]["changed"]
    source.write_text("y = 2\n" * 15)
    document = lines(program(source, record=record))
    assert document["files"][0]["changed"]
    assert by_line(document["files"][0])[33] == 11 and document["files"][0]["lines"][0]["source"] == "y = 2"
    text = ouro("lines", document["snapshot"]["file"]).stdout
    assert "was changed after the snapshot" in text and "y = 2" in text
    assert text.splitlines()[-1].split()[-1] == "33"  # behind the end: without a text


def test_no_source(ouro, lines, source):
    source.unlink()
    (file,) = lines(program(source))["files"]
    assert "No such file" in file["trouble"] and by_line(file)[14] == 31_000
    functions = {f["function"]: (f["first_line"], f["last_line"]) for f in file["functions"]}
    assert functions["load"] == (5, 14) and functions["Store.add"] == (24, 27)  # as far as they were seen


@pytest.mark.parametrize("kind", ["folder", "fifo", "huge", "device"])
def test_what_is_no_source(lines, source, kind):
    source.unlink()
    if kind == "folder":
        source.mkdir()
    elif kind == "fifo":
        os.mkfifo(source)
    elif kind == "huge":
        source.touch()
        os.truncate(source, 1 << 40)
    else:
        source.symlink_to("/dev/zero")
    (file,) = lines(program(source))["files"]
    assert file["trouble"] and len(file["lines"]) == 6


def width(row):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in row)


@pytest.mark.parametrize("columns", [60, 75, 76, 80, 120])
def test_hostile_sources(ouro, source, tmp_path, columns):
    """Any bytes: nothing that moves the cursor, and no row wider than the terminal."""
    made = random.Random(columns)
    texts = [
        b"\x1b[31mred\n" * 40,
        b"\0" * 10_000,
        b"x" * 3_000_000 + b"\n" + b"\t" * 100_000,
        "\u202e\u65e5\u672c\u8a9e\n".encode() * 100,
        b"(" * 50_000 + b'"""' * 10_001 + b"\\",
        b"\r\n" * 100 + b"\r" * 100,
        b"",
        b"\n",
        b" \\\n" * 100,
        made.randbytes(100_000),
        bytes(made.choice(b"([{}])'\"\\\n\n\n #@:xd\t") for _ in range(100_000)),
    ]
    snapshot = program(source)
    code_trace(snapshot, [(source, "\x1b[31mf\n", 2, 3)], 1, 1, 1, 1)
    code_trace(snapshot, [(source, "f" * 5000, 3, 4)], 1, 1, 1, 1)
    path = snapshot.write(tmp_path / "a.ouro")
    for text in texts:
        source.write_bytes(text)
        done = ouro("lines", path, env={"COLUMNS": str(columns)})
        assert (done.returncode, done.stderr) == (0, "")
        assert "\x1b" not in done.stdout and "\u202e" not in done.stdout and "\0" not in done.stdout
        assert max(map(width, done.stdout.splitlines())) <= columns
        assert len(done.stdout.splitlines()) < 70
        assert len(json.loads(ouro("lines", "--json", path).stdout)["files"][0]["lines"]) == 8


def test_a_source_of_hostile_size(ouro, source, tmp_path):
    """A million lines, nested, below decorators, with a hundred thousand functions: each is looked at once, or the
    tool is killed for the time that it takes."""
    for text in ("@d\n" * 1_000_000, "\n" * 16_000_000, "".join(f"{' ' * (i % 1000)}x\n" for i in range(30_000))):
        source.write_text(text)
        snapshot = Snapshot()
        code = [snapshot.code(str(source), f"f{i}", first_line=i + 1) for i in range(3000)]
        for i in range(3000):
            snapshot.node_bytes += snapshots.struct.pack("<III", i, code[i], 1 + i * 7)
        snapshot.trace_bytes += snapshot.pack_trace(8, 3000, OBJECT, *[1, 8] * 3)
        done = ouro("lines", "--csv", snapshot.write(tmp_path / "a.ouro"))
        assert (done.returncode, done.stderr) == (0, "") and len(done.stdout.splitlines()) == 2


def test_lines_at_their_ends(ouro, lines, source, tmp_path):
    """Line 0, the largest, and sums that no 64 bits hold."""
    snapshot = Snapshot(mode=2, sample=2**64 - 1)
    for first, line in [(0, 0), (2**32 - 1, 2**32 - 1), (1, 2**32 - 2), (7, 3)]:
        node = snapshot.node(0, snapshot.code(str(source), "f", first_line=first), line)
        snapshot.trace_bytes += snapshot.pack_trace(2**64 - 1, node, MEM, *[2**64 - 1] * 6)
    (file,) = lines(snapshot)["files"]
    assert list(by_line(file)) == [0, 3, 2**32 - 2, 2**32 - 1]
    for options in ((), ("--csv",), ("--json",), ("--function", "f")):
        done = ouro("lines", tmp_path / "a.ouro", *options)
        assert (done.returncode, done.stderr) == (0, "")
        assert "nan" not in done.stdout.lower() and "inf" not in done.stdout.lower()


def test_estimates(lines, source):
    mean = 512 * KIB
    snapshot = Snapshot([Trace(((str(source), "f", 3),), 1 << 20, live=4, peak=4, all=4)], mode=2, sample=mean)
    (line,) = lines(snapshot)["files"][0]["lines"]
    assert line["peak_bytes"] == pytest.approx((4 << 20) / 0.8646647, rel=1e-5) and line["peak_bytes_error"] > 0


def test_csv(ouro, source, tmp_path):
    source.write_text(SOURCE.replace("    rows = [", '    rows = ["a", "b",'))
    text = ouro("lines", "--csv", program(source).write(tmp_path / "a.ouro"), "--function", "load").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["file"], row["line"], row["peak_bytes"], row["churn_blocks"]) for row in rows] == [
        (str(source), "14", "31000", "110"), (str(source), "15", "10", "1"),
    ]
    assert rows[0]["source"] == '    rows = ["a", "b",'


def test_nothing_at_all(ouro, tmp_path):
    path = Snapshot([Trace((("/usr/lib/python3.11/x.py", "f", 1),), 1, live=1)]).write(tmp_path / "a.ouro")
    done = ouro("lines", path)
    assert (done.returncode, done.stdout) == (0, "") and "files of the program's own" in done.stderr
    assert ouro("lines", "--csv", path).stdout.count("\n") == 1
    assert json.loads(ouro("lines", "--json", path).stdout)["files"] == []


def test_cut_off(ouro, source, tmp_path):
    whole = program(source).bytes()
    path = tmp_path / "cut.ouro"
    for n in range(16, len(whole), 23):
        path.write_bytes(whole[:n])
        done = ouro("lines", path, "--json")
        assert done.returncode == 0 and f"is cut off at byte {n}, " in done.stderr
        assert json.loads(done.stdout)["snapshot"]["trouble"]


def test_a_snapshot_by_any_name(ouro, source, tmp_path):
    """By its contents, or by its name, even when it is not there."""
    done = ouro("lines", program(source).write(tmp_path / "odd"), "--json", "--function", "load")
    assert json.loads(done.stdout)["files"][0]["peak_bytes"] == 31_036
    done = ouro("lines", tmp_path / "none.ouro")
    assert done.returncode == 125 and "No such file" in done.stderr


def test_without_memory(ouro, source, tmp_path):
    """Whatever is refused, it is a message and an exit code."""
    source.write_text("x = 1\n" * 20_000)
    snapshot = Snapshot([Trace(((str(source), f"f{n}", n * 6 + 1),), 8, live=1, peak=1, all=1) for n in range(3000)])
    path = snapshot.write(tmp_path / "a.ouro")
    for options in ((), ("--csv",), ("--json",)):
        limit, n_refused, n_shown, whole = 4 << 20, 0, 0, ouro("lines", path, *options).stdout
        while n_shown < 4:
            limit += 384 << 10
            assert limit < 256 << 20
            done = ouro(
                "lines", path, *options,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
            )
            if done.returncode == 0:
                assert done.stdout == whole and done.stderr == ""
                n_shown += 1
            elif done.returncode == 125:
                assert done.stderr.startswith("ouro: ") and "memory" in done.stderr
                n_refused += 1
            else:
                assert done.returncode in (127, -11, -6) and done.stdout == ""  # the loader's own
        assert n_refused > 0


@pytest.mark.parametrize(
    "arguments, word",
    [
        ([], "Name a snapshot or a program"),
        (["--function"], "--function needs a value"),
        (["--function", "", "a.ouro"], "--function needs a name"),
        (["--json", "--csv", "a.ouro"], "not both"),
        (["a.ouro", "--gc=stock"], "--gc=stock"),
        (["--gc=stock", "a.ouro"], "for a snapshot"),
        (["--quiet", "app.py"], "--quiet"),
        (["--nonsense", "app.py"], "--nonsense"),
        (["--trace=off", "app.py"], "nothing to show"),
    ],
)
def test_wrong_use(ouro, arguments, word):
    done = ouro("lines", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr and "ouro lines --help" in done.stderr and done.stderr.count("\n") == 1


def test_values_of_runs_options_are_checked_as_by_run(ouro):
    done = ouro("lines", "--limit", "much", "app.py")
    assert done.returncode == 2 and "--limit 'much'" in done.stderr


def test_help(ouro):
    done = ouro("lines", "--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: ouro lines ")
    assert max(map(len, done.stdout.splitlines())) <= 90


def test_a_full_disk(ouro, source, tmp_path):
    path = program(source).write(tmp_path / "a.ouro")
    with open("/dev/full", "w") as full:
        done = ouro("lines", path, stdout=full)
    assert done.returncode == 125 and "No space left" in done.stderr


# Real programs

with_host = pytest.mark.skipif(
    not (OURO.parent.parent / "lib" / "libouro-host.so").exists(), reason="no host library beside the tool"
)

PROGRAM = '''\
import asyncio
import json
import sys


def load(n):
    text = json.dumps([str(i) * 10 for i in range(n)])
    return json.loads(text)


def numbers(n):
    for i in range(n):
        block = bytearray(50_000)
        yield block


def through(n):
    yield from numbers(n)


async def fetch(n):
    await asyncio.sleep(0)
    data = [bytes(10_000) for _ in range(n)]
    await asyncio.sleep(0)
    return data


async def stream(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield bytes(20_000)


async def main():
    kept = [block async for block in stream(30)]
    return kept, await asyncio.gather(*(fetch(20) for _ in range(5)))


loaded = load(50_000)
blocks = list(through(20))
got = asyncio.run(main())
temporary = bytes(30_000_000)
del temporary
print("ended", *sys.argv[1:])
sys.exit(7)
'''


def line_of(text):
    return next(i for i, line in enumerate(PROGRAM.splitlines(), 1) if text in line)


@with_host
def test_a_run(ouro, tmp_path):
    """Figures that are known: generators and coroutines hold on their own lines what they allocated."""
    script = tmp_path / "app.py"
    script.write_text(PROGRAM)
    done = ouro("lines", "--json", PYTHON, script, "--json", "x")
    assert (done.returncode, done.stderr) == (7, "")
    said, document = done.stdout.split("\n", 1)
    assert said == "ended --json x"
    document = json.loads(document)
    assert document["snapshot"]["tracing"] == "exact"
    file = next(f for f in document["files"] if f["file"] == str(script))
    lines = {line["line"]: line for line in file["lines"]}

    def near(text, measure, bytes_):
        figure = lines[line_of(text)][f"{measure}_bytes"]
        assert bytes_ <= figure < bytes_ * 1.05 + 20_000, text

    near("bytearray(50_000)", "live", 20 * 50_000)
    near("data = [bytes(10_000)", "live", 100 * 10_000)
    near("yield bytes(20_000)", "live", 30 * 20_000)
    near("temporary = bytes", "peak", 30_000_000)
    near("temporary = bytes", "churn", 30_000_000)
    assert lines[line_of("temporary = bytes")]["live_bytes"] < 1000
    assert lines[line_of("return json.loads")]["live_bytes"] > 50_000 * 60  # the library's, called here
    functions = {f["function"]: f for f in file["functions"]}
    assert functions["fetch"]["live_bytes"] > 1_000_000 and functions["stream"]["live_bytes"] > 600_000
    assert functions["numbers"]["last_line"] == line_of("yield block")
    assert document["traced"]["peak_bytes"] == (
        sum(f["peak_bytes"] for f in document["files"]) + document["elsewhere"]["peak_bytes"]
    )


@with_host
def test_a_run_for_people(ouro, tmp_path):
    script = tmp_path / "app.py"
    script.write_text(PROGRAM)
    done = ouro("lines", "--function", "fetch", PYTHON, script)
    assert (done.returncode, done.stderr) == (7, "")
    rows = done.stdout.splitlines()
    assert rows[0] == "ended" and rows[1].startswith("── ouro lines: ")
    assert any("data = [bytes" in row and "KiB" in row for row in rows)
    assert "async def fetch(n):" in done.stdout and "def load" not in done.stdout
    assert max(map(len, rows)) <= 80


@with_host
def test_a_run_with_its_options(ouro, tmp_path):
    script = tmp_path / "app.py"
    script.write_text("kept = [bytes(1000) for _ in range(1000)]\n")
    kept, report = tmp_path / "kept.ouro", tmp_path / "report.txt"
    done = ouro("lines", "--csv", "-o", kept, "--report", report, "--frames", "50", "--gc=stock", PYTHON, script)
    assert (done.returncode, done.stderr) == (0, "")
    assert ouro("lines", "--csv", kept).stdout == done.stdout
    assert "ouro run" in report.read_text() or "exit 0" in report.read_text()
    done = ouro("lines", "--trace=sampled", "--sample", "1K", "--json", PYTHON, script)
    assert json.loads(done.stdout)["snapshot"]["tracing"] == "sampled"


@with_host
def test_runs_that_have_no_lines(ouro, tmp_path):
    """The program's exit code stays, and a line says why nothing is shown."""
    done = ouro("lines", "/bin/sh", "-c", "exit 3")
    assert done.returncode == 3 and done.stdout == "" and done.stderr.count("\n") == 1
    done = ouro("lines", tmp_path / "none")
    assert done.returncode == 127 and "no such program" in done.stderr
    done = ouro("lines", "--function", "nothing", PYTHON, "-c", "x = 1")
    assert done.returncode == 0 and "ouro: no function nothing" in done.stderr
    done = ouro("lines", PYTHON, "-c", "import os; os.kill(os.getpid(), 9)")
    assert done.returncode == -9


@with_host
def test_a_run_to_a_full_disk(ouro, tmp_path):
    script = tmp_path / "app.py"
    script.write_text("kept = bytes(100)\n")
    with open("/dev/full", "w") as full:
        done = ouro("lines", PYTHON, script, stdout=full)
    assert done.returncode == 0 and "No space left" in done.stderr
