"""`ouro plot` on recordings made up: the chart, pictures, JSON and CSV; and on files that have none, or lie."""

import csv
import io
import json
import re
import struct
import zlib
from xml.etree import ElementTree

import pytest
import snapshots
from snapshots import MIB, Sample, Snapshot


def recorded(n=100, seconds=10.0, marks=()):
    """A program that grows for half of the time, then gives half of it back; the collector runs on the way."""
    snapshot = snapshots.typical()
    for i in range(n):
        at = seconds * i / (n - 1)
        live = 64 * MIB * min(i, n // 2) // (n // 2) if i <= n // 2 else 32 * MIB
        snapshot.samples.append(Sample(
            at, live + 16 * MIB, (live // 4, live // 4, live // 2), files=4 * MIB, allocs=i * 1000, frees=i * 10,
            gc_runs=(i, i // 10, i // 50), gc_ns=i * 1000,
        ))
    snapshot.marks = list(marks)
    return snapshot


@pytest.fixture
def plot(ouro, tmp_path):
    # Fontconfig, which cairo asks for fonts, keeps what it has read until the process ends.
    known = tmp_path / "leaks"
    known.write_text("leak:libfontconfig\n")

    def plot(snapshot, *options, **env):
        path = snapshot.write(tmp_path / "a.ouro", packed=True)
        env["LSAN_OPTIONS"] = f"suppressions={known}:print_suppressions=0"
        done = ouro("plot", *options, path, env=env)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return plot


def test_json(plot):
    document = json.loads(plot(recorded(marks=[(1.5, b"warm"), (7, "gr\u00f6\u00dfer".encode())]), "--json"))
    assert document["schema"] == "ouro-plot/1"
    assert document["snapshot"]["reason"] == "exit"
    assert len(document["samples"]) == 100
    assert document["samples"][50] == {
        "at_ns": round(10e9 * 50 / 99), "counted_at_ns": round(10e9 * 50 / 99), "resident_bytes": 80 * MIB,
        "files_bytes": 4 * MIB, "untouched_bytes": 0, "free_bytes": 0, "cached_bytes": 0, "records_bytes": 0,
        "live_bytes": {"raw": 16 * MIB, "mem": 16 * MIB, "object": 32 * MIB},
        "live_blocks": {"raw": 0, "mem": 0, "object": 0}, "allocations": 50_000, "frees": 500,
        "gc_runs": [50, 5, 1], "gc_ns": 50_000,
    }
    assert document["marks"] == [
        {"at_ns": 1_500_000_000, "name": "warm"}, {"at_ns": 7_000_000_000, "name": "gr\u00f6\u00dfer"},
    ]


def test_csv(plot):
    rows = list(csv.DictReader(io.StringIO(plot(recorded(marks=[(1.5, b"a,b"), (1.52, b"c"), (99, b"late")]), "--csv"))))
    assert len(rows) == 100
    assert rows[50]["live_object_bytes"] == str(32 * MIB) and rows[50]["resident_bytes"] == str(80 * MIB)
    assert rows[50]["gc_runs_0"] == "50"
    assert {row["at_ns"]: row["marks"] for row in rows if row["marks"]} == {
        rows[15]["at_ns"]: "a,b", rows[16]["at_ns"]: "c", rows[99]["at_ns"]: "late",
    }


def dots(line):
    """How many dots each column of a row of the chart has."""
    return [bin(ord(c) - 0x2800).count("1") if 0x2800 <= ord(c) < 0x2900 else 0 for c in line]


def chart(text):
    """The rows of the chart, without their axis."""
    return [line[11:] for line in text.splitlines() if len(line) > 10 and line[10] in "\u2502\u2524|+" and line[9] != "0"]


@pytest.mark.parametrize("columns", [40, 60, 80, 97, 120, 300])
def test_the_chart_fits_and_tells_the_truth(plot, columns):
    text = plot(recorded(), COLUMNS=str(columns))
    width = min(max(columns, 60), 120)
    assert max(map(len, text.splitlines())) <= width
    rows = [line.ljust(width - 11) for line in chart(text)]
    assert len(rows) == 14
    sums = [sum(dots(row)[i] for row in rows) for i in range(width - 11)]
    # Live memory is half of the plot's height at its highest, and goes back by half; dots fill what is live.
    middle, late = sums[len(sums) // 2 - 1], sums[len(sums) * 3 // 4]
    height = 14 * 8
    assert middle >= height * 64 / 82 - 4
    assert height * 32 / 82 <= late <= height * 32 / 82 + 8
    assert sums[1] < sums[len(sums) // 4] < middle
    assert "64 MiB" in text and "32 MiB" in text
    assert re.search(r"^ *0 s +.*10 s|^ *0 s ", text, re.M)


def test_the_chart_without_utf8(plot):
    text = plot(recorded(marks=[(5, b"half")]), LC_ALL="C")
    assert text.isascii()
    rows = chart(text)
    assert sum(row.count("#") for row in rows) > sum(row.count("=") for row in rows) > 60
    assert sum(row.count("-") for row in rows) > 60


def test_figures_beside_the_chart(plot):
    text = re.sub(r"\s+", " ", plot(recorded()))
    assert "highest 64.0 MiB live (object 32.0 MiB, mem 16.0 MiB, raw 16.0 MiB), 80.0 MiB resident, after 5.05 s" in text
    assert "last 32.0 MiB live (object 16.0 MiB, mem 8.0 MiB, raw 8.0 MiB), 48.0 MiB resident, after 10.00 s" in text
    assert "99 young, 9 middle and 1 full runs took 99 us" in text


def test_marks_and_runs(plot):
    lines = plot(recorded(marks=[(0, b"begin"), (5, b"half"), (10, b"end")])).splitlines()
    collector = next(line for line in lines if line.startswith(" collector"))
    letters = next(line for line in lines if line.startswith("     marks"))
    assert collector.count("\u2588") == 1 and collector.count("\u2584") == 8
    assert [letters[11:].index(c) for c in "abc"] == [0, 34, 68]
    named = [line.split() for line in lines if re.match(r"(marks)? +[abc]  \d", line)]
    assert [words[-1] for words in named] == ["begin", "half", "end"]


def test_many_marks(plot):
    text = plot(recorded(marks=[(i / 100, b"m%d" % i) for i in range(1000)]))
    assert "974 more in --json" in text
    assert len(json.loads(plot(recorded(marks=[(i / 100, b"m") for i in range(1000)]), "--json"))["marks"]) == 1000


def test_what_was_counted_long_ago_fits_into_what_is_resident(plot):
    """A program that has freed everything and sleeps since: its own count is of before."""
    snapshot = Snapshot()
    snapshot.samples = [
        Sample(0, 100 * MIB, (0, 0, 90 * MIB)), Sample(1, 10 * MIB, (0, 0, 90 * MIB), files=4 * MIB, counted_at=0),
    ]
    text = re.sub(r"\s+", " ", plot(snapshot))
    assert "last 6.0 MiB live (object 6.0 MiB, mem 0 B, raw 0 B), 10.0 MiB resident" in text
    assert json.loads(plot(snapshot, "--json"))["samples"][1]["live_bytes"]["object"] == 90 * MIB


@pytest.mark.parametrize("seconds, label", [
    (1e-6, "ms"), (0.004, "ms"), (0.9, "0.4 s"), (50, "20 s"), (250, "1 min"), (4000, "min"), (260_000, "24 h"), (1e9, "h"),
])
def test_times_of_all_lengths(plot, seconds, label):
    axis = next(line for line in plot(recorded(seconds=seconds)).splitlines() if re.match(r" {11}0(\.0+)? ", line))
    assert label in axis


def pixels(png):
    """Rows of (red, green, blue): the few filters that cairo's library uses, undone."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, data = 8, b""
    while at < len(png):
        size, kind = struct.unpack_from(">I4s", png, at)
        body = png[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", png, at + 8 + size)[0] == zlib.crc32(kind + body)
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack_from(">IIBB", body)
            assert (depth, colour) == (8, 2)
        elif kind == b"IDAT":
            data += body
        at += 12 + size
    raw, stride = zlib.decompress(data), 3 * width
    before, rows = bytearray(stride), []
    for y in range(height):
        method, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for i in range(stride):
            left, up, corner = (row[i - 3] if i >= 3 else 0), before[i], (before[i - 3] if i >= 3 else 0)
            guess = left + up - corner
            nearest = min((abs(guess - v), k, v) for k, v in enumerate((left, up, corner)))[2]
            row[i] = (row[i] + (0, left, up, (left + up) // 2, nearest)[method]) & 255
        rows.append([tuple(row[i : i + 3]) for i in range(0, stride, 3)])
        before = row
    return rows


def test_a_png_shows_what_was_recorded(plot, tmp_path):
    picture = tmp_path / "out.png"
    assert plot(recorded(marks=[(5, b"half")]), "-o", picture) == ""
    rows = pixels(picture.read_bytes())
    assert (len(rows[0]), len(rows)) == (1200, 600)
    blue, light, purple = (68, 119, 170), (102, 204, 238), (170, 51, 119)
    heights = {}
    for x in (300, 600, 1000):
        column = [row[x] for row in rows[96:536]]
        heights[x] = [column.count(colour) for colour in (blue, light, purple)]
    # The plot is 440 pixels high, for 84 MiB.
    assert heights[1000] == pytest.approx([440 * mib / 84 for mib in (16, 8, 8)], abs=4)
    assert heights[600] == pytest.approx([440 * mib * (51 / 55) / 84 for mib in (32, 16, 16)], abs=14)
    assert heights[300] == pytest.approx([h * 0.41 for h in heights[600]], abs=12)


def test_an_svg_is_whole(plot, tmp_path):
    picture = tmp_path / "out.SVG"
    plot(recorded(marks=[(i, b"mark %d" % i) for i in range(10)]), "-o", picture)
    root = ElementTree.fromstring(picture.read_bytes())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("viewBox") == "0 0 1200 600"
    assert sum(1 for _ in root.iter("{http://www.w3.org/2000/svg}path")) > 20


HOSTILE = [b"\xff\xfe\x80", b"a\nb\x1b[31m\x07", b"\xe2\x80\xae backwards", b"x" * 96, b"", b"<script>&\"'"]


def test_hostile_names(plot, tmp_path):
    snapshot = recorded(marks=[(i, name) for i, name in enumerate(HOSTILE)])
    text = plot(snapshot)
    assert "\x1b" not in text and "\x07" not in text and "a\\nb" in text
    assert [mark["name"] for mark in json.loads(plot(snapshot, "--json"))["marks"]][3] == "x" * 95
    assert len(plot(snapshot, "--csv").splitlines()) >= 101
    for name in ("a.svg", "a.png"):
        assert plot(snapshot, "-o", tmp_path / name) == ""
        assert (tmp_path / name).stat().st_size > 5000


def test_figures_that_cannot_be(plot, tmp_path):
    """Of a hostile process: everything is shown, nothing crashes or hangs."""
    most = (1 << 64) - 1
    snapshot = Snapshot()
    snapshot.samples = [
        Sample(0, most, (most, most, most), files=most, gc_runs=(most, 0, 0)),
        Sample(1, 0, (1, 0, 0), counted_at=0, gc_runs=(0, most, most)),
        Sample((most >> 11 << 11) / 1e9 / 2, 5, (0, 0, most), files=9),
    ]
    for options in ([], ["--json"], ["--csv"], ["-o", tmp_path / "a.svg"], ["-o", tmp_path / "a.png"]):
        plot(snapshot, *options)
        plot(snapshot, *options, LC_ALL="C")
    one = Snapshot()
    one.samples = [Sample(0, 0)]
    assert "1 samples" in plot(one)


def test_a_file_without_a_recording(ouro, tmp_path):
    path = snapshots.typical().write(tmp_path / "a.ouro")
    done = ouro("plot", path)
    assert (done.returncode, done.stdout) == (125, "")
    assert "has no memory over time" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments, word", [
    ([], "name a snapshot"), (["a", "b"], "one snapshot"), (["--json", "--csv", "a"], "not both"),
    (["-o", "a.jpg", "a"], ".svg or .png"), (["-o", "", "a"], "needs the name"), (["-o", "x.svg", "--json", "a"], "picture"),
    (["--peak", "a"], "not an option of plot"), (["-o", "svg", "a"], ".svg or .png"),
])
def test_wrong_use(ouro, arguments, word):
    done = ouro("plot", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr and done.stderr.count("\n") == 1
    assert "ouro plot --help" in done.stderr


def test_a_picture_that_cannot_be_written(ouro, tmp_path):
    path = recorded().write(tmp_path / "a.ouro")
    done = ouro("plot", "-o", tmp_path / "missing" / "a.svg", path)
    assert done.returncode == 125 and done.stderr.count("\n") == 1


def test_a_spoiled_recording_is_read_up_to_there(ouro, tmp_path):
    snapshot = recorded()
    contents = b"".join(sample.bytes() for sample in snapshot.samples)
    whole = snapshots.header() + snapshots.chunk(b"TIME", contents[:1600]) + snapshots.chunk(b"TIME", contents[1600:])
    path = tmp_path / "a.ouro"
    path.write_bytes(whole[:-1])
    done = ouro("plot", "--json", path)
    assert done.returncode == 0 and "cut off" in done.stderr
    assert len(json.loads(done.stdout)["samples"]) == 10
