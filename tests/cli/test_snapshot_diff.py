"""`ouro diff` on snapshots made up: what grew, is new, is gone; and a limit on growth for CI."""

import csv
import io
import json
import random

import pytest
import snapshots
from snapshots import MIB, Snapshot, Trace, typical


@pytest.fixture
def diff(ouro, tmp_path):
    """Run `ouro diff` on two snapshots."""

    def diff(before, after, *options, **more):
        paths = [s.write(tmp_path / name) for s, name in ((before, "before.ouro"), (after, "after.ouro"))]
        return ouro("diff", *options, *paths, **more)

    return diff


def line(number, live, size=100, **more):
    return Trace((("/x.py", "f", number),), size, live=live, **more)


BEFORE = [line(1, 10), line(2, 10), line(3, 10), line(5, 7)]
AFTER = [line(2, 30), line(3, 5), line(4, 1), line(5, 7)]


def test_states(diff):
    document = json.loads(diff(Snapshot(BEFORE), Snapshot(AFTER), "--json").stdout)
    found = {row["line"]: (row["state"], row["before_bytes"], row["after_bytes"]) for row in document["rows"]}
    assert found == {
        1: ("gone", 1000, 0), 2: ("grew", 1000, 3000), 3: ("shrank", 1000, 500), 4: ("new", 0, 100),
    }
    assert [row["line"] for row in document["rows"]] == [2, 1, 3, 4]
    assert (document["before_bytes"], document["after_bytes"]) == (3700, 4300)


def test_against_the_definition(diff):
    """Random snapshots of the same program: each key's figures are those of either file, by every key."""
    for seed in range(5):
        source = random.Random(seed)

        def some():
            return [
                Trace(tuple((f"/{source.choice('ab')}.py", source.choice("fgh"), source.randrange(6))
                            for _ in range(source.randrange(4))), source.randrange(1, 99),
                      live=source.randrange(3))
                for _ in range(200)
            ]

        sides = [some(), some()]
        for by, key in [
            ("line", lambda t: (t.frames[-1][0], t.frames[-1][2]) if t.frames else ("(no frame)", 0)),
            ("function", lambda t: t.frames[-1][:2] if t.frames else ("(no frame)", "")),
            ("traceback", lambda t: tuple(reversed(t.frames))),
        ]:
            wanted = {}
            for side, traces in enumerate(sides):
                for trace in traces:
                    wanted.setdefault(key(trace), [0, 0, 0, 0])[side] += trace.live * trace.size
                    wanted[key(trace)][2 + side] += trace.live
            wanted = {k: v[:2] for k, v in wanted.items() if v[0] != v[1] or v[2] != v[3]}
            document = json.loads(diff(*map(Snapshot, sides), "--json", "--by", by).stdout)
            found = {}
            for row in document["rows"]:
                if by == "line":
                    name = (row["file"], row["line"])
                elif by == "function":
                    name = (row["file"], row["function"])
                else:
                    name = tuple((f["file"], f["function"], f["line"]) for f in row["traceback"])
                found[name] = [row["before_bytes"], row["after_bytes"]]
            assert found == wanted


def test_the_same_twice(diff):
    done = diff(typical(), typical(), "--json")
    assert json.loads(done.stdout)["rows"] == []
    assert "0 of 0 that changed" in diff(typical(), typical()).stdout


def test_copies_of_code_are_the_same(diff):
    """Two runs number their codes and nodes as they come: that is no difference."""
    assert json.loads(diff(Snapshot(BEFORE), Snapshot(BEFORE[::-1]), "--json", "--by", "traceback").stdout)["rows"] == []


def test_text(diff):
    text = diff(Snapshot(BEFORE, name="one"), Snapshot(AFTER, name="two")).stdout
    assert text.splitlines()[0].startswith("── ouro diff: after.ouro ──")
    assert "one: 2.40 s" in text and "two: 2.40 s" in text
    assert "+600 B: from 3.6 KiB in 37 blocks to 4.2 KiB in 43 blocks" in " ".join(text.split())
    rows = [row.split() for row in text.splitlines() if "/x.py" in row]
    assert [(row[0] + row[1], row[5], row[6]) for row in rows] == [
        ("+2.0KiB", "grew", "/x.py:2"), ("-1000B", "gone", "/x.py:1"), ("-500B", "shrank", "/x.py:3"),
        ("+100B", "new", "/x.py:4"),
    ]


def test_csv(diff):
    table = csv.DictReader(io.StringIO(diff(Snapshot(BEFORE), Snapshot(AFTER), "--csv", "--by", "file").stdout))
    assert list(table) == [{
        "file": "/x.py", "state": "grew", "before_bytes": "3700", "before_blocks": "37", "before_bytes_error": "0",
        "after_bytes": "4300", "after_blocks": "43", "after_bytes_error": "0",
    }]


def test_other_measures_and_filters(diff):
    before, after = typical(), typical()
    after.add(Trace((("/new.py", "g", 1),), 1000, peak=50, all=70))
    assert json.loads(diff(before, after, "--json").stdout)["rows"] == []
    peak = json.loads(diff(before, after, "--json", "--peak").stdout)["rows"]
    assert [(row["state"], row["after_bytes"]) for row in peak] == [("new", 50_000)]
    churn = json.loads(diff(before, after, "--json", "--churn", "--cumulative").stdout)["rows"]
    assert [row["after_bytes"] for row in churn] == [70_000]
    assert json.loads(diff(before, after, "--json", "--peak", "--exclude", "new.py").stdout)["rows"] == []


@pytest.mark.parametrize(
    "limit, code",
    [("0", 1), ("599", 1), ("600", 0), ("1K", 0), ("1G", 0)],
)
def test_fail_above(diff, limit, code):
    done = diff(Snapshot(BEFORE), Snapshot(AFTER), "--fail-above", limit)
    assert done.returncode == code
    assert "/x.py:2" in done.stdout
    assert ("+600 B is more than" in done.stderr) == (code == 1)
    assert diff(Snapshot(AFTER), Snapshot(BEFORE), "--fail-above", limit).returncode == 0


def test_fail_above_counts_what_the_filters_leave(diff):
    assert diff(Snapshot(BEFORE), Snapshot(AFTER), "--fail-above", "0", "--exclude", "x.py").returncode == 0


def test_fail_above_with_a_file_cut_off(ouro, tmp_path):
    """What is not whole proves nothing."""
    whole = Snapshot(AFTER).write(tmp_path / "a.ouro")
    cut = tmp_path / "cut.ouro"
    cut.write_bytes(whole.read_bytes()[:-40])
    assert ouro("diff", whole, cut).returncode == 0
    done = ouro("diff", whole, cut, "--fail-above", "1G")
    assert done.returncode == 125 and "is not whole" in done.stderr


def test_estimates(diff):
    before = Snapshot([line(1, 100, MIB)], mode=2, sample=MIB)
    after = Snapshot([line(1, 200, MIB)], mode=2, sample=MIB)
    document = json.loads(diff(before, after, "--json").stdout)
    row = document["rows"][0]
    assert abs(row["after_bytes"] - 2 * row["before_bytes"]) <= 1 and row["after_bytes"] > 200 * MIB
    assert row["before_bytes_error"] > 0
    assert "± " in diff(before, after).stdout


def test_wrong_use(ouro, tmp_path):
    path = typical().write(tmp_path / "a.ouro")
    for arguments, word in [
        ([], "two snapshots"), ([path], "two snapshots"), ([path] * 3, "two snapshots"),
        (["--fail-above", "lots", path, path], "lots"), (["--tree", path, path], "--tree"),
    ]:
        done = ouro("diff", *arguments)
        assert (done.returncode, done.stdout) == (2, "") and word in done.stderr
    done = ouro("diff", path, tmp_path / "none")
    assert (done.returncode, done.stdout) == (125, "") and done.stderr.count("\n") == 1


def test_help(ouro):
    assert ouro("diff", "--help").stdout.startswith("usage: ouro diff ")


LNOTAB, TWO_A_LINE = 1, b"\x02\x01" * 40  # lines 1, 2, 3 ... of two instructions each


def by_instructions(traces):
    """Frames are (file, function, offset); () is a frame without any name, which is none."""
    made = Snapshot()
    for frames, size, live in traces:
        node = 0
        for frame in frames:
            file, name, offset = frame or ("", "", 0)
            code = made.code(file, name, TWO_A_LINE, 1, LNOTAB) if frame else made.code("", "")
            node = made.node(node, code, offset)
        made.trace_bytes += made.pack_trace(size, node, snapshots.OBJECT, live, live * size, 0, 0, 0, 0)
        made.lives.append((0,) * 7)
        made.n_traces += 1
    return made


def sums_by_traceback(traces):
    sums = {}
    for frames, size, live in traces:
        while frames and not frames[0]:
            frames = frames[1:]  # the root is no frame
        key = tuple((file, name, 1 + offset // 2) for file, name, offset in reversed(frames))
        sums[key] = sums.get(key, 0) + size * live
    return {key: n_bytes for key, n_bytes in sums.items() if n_bytes}


def rows_by_traceback(document, *figures):
    rows = [
        (tuple((frame["file"], frame["function"], frame["line"]) for frame in row["traceback"]), *(row[f] for f in figures))
        for row in document["rows"]
    ]
    assert len({row[0] for row in rows}) == len(rows)
    return {key if key != (("(no frame)", "", 0),) else (): rest for key, *rest in rows}


@pytest.mark.parametrize("step", [1, 2, 3], ids=["two on a line", "one on a line", "some alone"])
@pytest.mark.parametrize("has_nothing", [False, True], ids=["", "with a frame that is none"])
def test_tracebacks_by_instructions(diff, ouro, tmp_path, step, has_nothing):
    """Instructions of one line are one, in a snapshot and from one to the next: many more than a table's first room."""
    for seed in range(3):
        source = random.Random(seed)
        choices = [(f"/{file}.py", name, offset) for file in "ab" for name in "fg" for offset in range(0, 12, step)]

        def stack():
            first = [()] if has_nothing and source.random() < 0.5 else []
            return (*first, *source.choices(choices, k=source.randrange(1, 7)))

        common = [stack() for _ in range(300)]
        sides = [
            [(source.choice(common) if source.random() < 0.5 else stack(), source.randrange(1, 99), source.randrange(3))
             for _ in range(700)]
            for _ in range(2)
        ]
        before, after = map(sums_by_traceback, sides)
        made = [by_instructions(side) for side in sides]
        shown = ouro("report", "--json", "--by", "traceback", made[0].write(tmp_path / "one.ouro"))
        assert rows_by_traceback(json.loads(shown.stdout), "bytes") == {key: [n] for key, n in before.items()}
        document = json.loads(diff(*made, "--json", "--by", "traceback").stdout)
        found = rows_by_traceback(document, "before_bytes", "after_bytes")
        wanted = {key: [before.get(key, 0), after.get(key, 0)] for key in {*before, *after}}
        assert {key: row for key, row in found.items() if row[0] != row[1]} == {
            key: row for key, row in wanted.items() if row[0] != row[1]
        }
