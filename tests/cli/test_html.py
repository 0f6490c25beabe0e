"""The page of `ouro report --html`, in a real browser.

ctest: timeout=600
"""

import json
import math
import random
import re
import resource
import shutil
import struct
import subprocess
from pathlib import Path

import browser
import pytest
import records
import snapshots
from conftest import OURO, PYTHON
from snapshots import GET, LOAD, MAIN, MEM, OBJECT, RAW, SAMPLED, Snapshot, Trace, typical

MEASURES = ("live", "peak", "churn")
BYS = ("line", "function", "file", "package")


def can_make_pages():
    if not OURO.exists():
        return True
    done = subprocess.run([OURO, "report", "--html", "-", "/dev/null"], capture_output=True, text=True)
    return "built without the page" not in done.stderr


pytestmark = pytest.mark.skipif(not can_make_pages(), reason="this ouro was built without the page: npm was missing")


@pytest.fixture(scope="module")
def chromium():
    with browser.chromium() as it:
        yield it


@pytest.fixture
def show(ouro, chromium, tmp_path):
    """Makes the page of a snapshot and opens it; it must have been quiet when the test ends."""
    pages = []

    def show(snapshot, *options, env=None, **more):
        path = snapshot if isinstance(snapshot, Path) else snapshot.write(tmp_path / "page.ouro")
        out = tmp_path / f"page{len(pages)}.html"
        done = ouro("report", "--html", out, *options, path, env=env)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        pages.append(browser.Page(chromium, out, **more))
        return pages[-1]

    yield show
    for page in pages:
        page.close()


def report_rows(ouro, path, measure, by):
    """What `ouro report --json` says, by the words that the page has for it."""
    document = json.loads(ouro("report", "--json", f"--{measure}", "--by", by, path).stdout)
    names = {
        "line": lambda row: f"{row['file']}:{row['line']}" if row["line"] else row["file"],
        "file": lambda row: row["file"],
        "function": lambda row: f"{row['file']}: {row['function']}" if row["function"] else row["file"],
        "package": lambda row: row["package"],
    }
    return document, {names[by](row): [row["bytes"], row["blocks"]] for row in document["rows"]}


def check_sums(ouro, page, path):
    """All figures of the page are those of the report, for each measure and key."""
    for measure in MEASURES:
        page.choose("measure", measure)
        for by in BYS:
            page.choose("by", by)
            while page.page.locator("#more").is_visible():
                page.page.locator("#more").click()
            document, expected = report_rows(ouro, path, measure, by)
            shown = {label: [size, blocks] for label, size, blocks in page.rows() if blocks}
            assert shown == expected
            total = page.page.locator(f'input[value="{measure}"] ~ .figure').get_attribute("data-bytes")
            assert int(total) == document["traced"]["bytes"]


def test_what_it_says(show, layout):
    record = records.pack(layout, dict(records.typical(), pid=4711, began_ns=1_700_000_000 * 10**9))
    page = show(typical(record=record, name="after loading"))
    assert "Python" in page.text("#facts") and "pid 4711" in page.text("#facts")
    assert "2.40 s after it began (exit)" in page.text("#facts") and "every allocation" in page.text("#facts")
    assert "after loading" in page.text("#facts")
    assert page.text("#measures").split("\n") == [
        "Which memory", "Live when taken", "3.7 MiB", "14.1 k blocks", "Live at the peak", "5.8 MiB", "25.2 k blocks",
        "Ever allocated", "24.3 MiB", "149.2 k blocks"]
    assert "117.2 KiB in 1200 blocks have no trace" in page.text("#notes")
    assert page.page.title().endswith("– ouro")


def test_sums(ouro, show, tmp_path):
    page = show(typical())
    check_sums(ouro, page, tmp_path / "page.ouro")


def test_sums_of_samples(ouro, show, tmp_path):
    traces = [Trace((MAIN, LOAD, ("/app/more.py", f"f{n}", n)), 16 * n, live=n % 7, peak=n % 11, all=n, domain=n % 3)
              for n in range(1, 400)]
    page = show(Snapshot(traces, mode=SAMPLED, sample=1000))
    check_sums(ouro, page, tmp_path / "page.ouro")
    assert "estimates ± their standard error" in page.text("#facts")
    assert page.text("#measures").count("± ") == 3
    assert "±" in page.page.locator("#table tbody td").first.inner_text()


def test_sums_of_a_program(ouro, show, tmp_path):
    """A real one, with thousands of lines."""
    path = tmp_path / "real.ouro"
    code = "import json, email.message, decimal\nrows = [json.loads('[1, 2, [3]]') for _ in range(2000)]\n"
    assert ouro.run("--quiet", "--trace=exact", "-o", path, PYTHON, "-c", code).returncode == 0
    page = show(path)
    check_sums(ouro, page, path)
    page.choose("by", "function")
    page.page.locator("#search").fill("raw_decode")
    page.page.wait_for_timeout(300)
    assert "frames fit" in page.text("#found") or "frame fits" in page.text("#found")


def test_the_graph(show):
    page = show(typical())
    wide = {label: width for label, width, _ in page.boxes()}
    assert {"all", "<module> main.py:40", "load main.py:12", "parse parse.py:7", "(no frame)"} <= set(wide)
    assert "get api.py:73" not in wide
    assert wide["all"] > wide["load main.py:12"] >= wide["parse parse.py:7"] > wide["JSONDecoder.decode decoder.py:337"]
    bottom = page.page.locator("#graph g.frame").first.bounding_box()["y"]
    page.choose("shape", "icicle")
    assert page.page.locator("#graph g.frame").first.bounding_box()["y"] < bottom
    page.choose("measure", "peak")
    assert "get api.py:73" in page.labels()
    page.choose("by", "package")
    assert page.labels() == {"all", "(the program)", "requests", "python3.11 (standard library)"}


def test_inverted(show):
    page = show(typical())
    page.page.get_by_label("inverted").check()
    levels = page.page.evaluate("""[...document.querySelectorAll("#graph g.frame")].filter((box) =>
        box.getAttribute("aria-level") === "2").map((box) => box.__data__.data.node.name.label)""")
    assert set(levels) == {"load main.py:12", "parse parse.py:7", "JSONDecoder.decode decoder.py:337", "(no frame)"}
    page.page.get_by_label("inverted").uncheck()
    assert [label for label, _, size in page.boxes() if size == 3_916_800] == ["all"]


def test_zoom(show):
    page = show(typical())
    page.page.locator('#graph g.frame[aria-label^="parse"]').click()
    assert {label: width for label, width, _ in page.boxes()}["parse parse.py:7"] > 1000
    assert [item.split("\n")[0] for item in page.page.locator("#trail li").all_inner_texts()] == [
        "all", "<module> main.py:40", "load main.py:12", "parse parse.py:7"]
    assert page.text("#frame").startswith("parse parse.py:7: 820.3 KiB, 21.4 % of live, 11.0 k blocks, 625.0 KiB asked")
    page.page.locator("#trail button").first.click()
    assert page.page.locator("#trail").is_hidden()
    assert {label: width for label, width, _ in page.boxes()}["parse parse.py:7"] < 300


def test_keyboard(show):
    """All of the graph without a mouse, and each box says what it is."""
    page = show(typical())
    press = page.page.keyboard.press
    page.page.locator('#graph [tabindex="0"]').focus()
    press("ArrowUp")
    press("ArrowUp")
    focused = page.page.locator(":focus")
    assert focused.get_attribute("aria-label").startswith("load main.py:12: 3.7 MiB, 99.9 % of live")
    assert (focused.get_attribute("role"), focused.get_attribute("aria-level")) == ("treeitem", "3")
    press("ArrowUp")
    press("Enter")
    assert page.text("#trail").endswith("parse parse.py:7")
    press("ArrowDown")
    assert focused.get_attribute("aria-label").startswith("load")
    press("Escape")
    assert page.page.locator("#trail").is_hidden()
    press("ArrowUp")
    press("ArrowRight")
    assert focused.get_attribute("aria-label").startswith("(no frame)")
    press("/")
    assert focused.get_attribute("id") == "search"
    assert page.page.evaluate("""[...document.querySelectorAll("button, input, [role=tree]")].every((at) =>
        at.textContent || at.ariaLabel || at.labels?.length)""")


def test_search(show):
    page = show(typical())
    page.type("#search", "decod")
    assert page.text("#found") == "1 frame fits: 195.3 KiB, 5.1 %"
    marked = page.page.evaluate("""[...document.querySelectorAll("#graph g.frame")].filter((box) =>
        box.querySelector("rect").getAttribute("fill") === "var(--hit)").map((box) => box.__data__.data.node.name.label)""")
    assert marked == ["JSONDecoder.decode decoder.py:337"]
    assert [row[0] for row in page.rows()] == ["/usr/lib/python3.11/json/decoder.py:337"]
    page.type("#search", "MAIN.py")
    assert page.text("#found") == "2 frames fit: 3.7 MiB, 99.9 %"
    page.type("#search", "nowhere")
    assert page.text("#found") == "no frame fits" and page.rows() == []
    page.type("#search", "")
    assert page.text("#found") == "" and len(page.rows()) == 5


def test_a_row_is_found_in_the_graph(show):
    page = show(typical())
    page.page.get_by_role("button", name="/app/parse.py:7").click()
    assert page.text("#found") == "1 frame fits: 820.3 KiB, 21.4 %"


@pytest.mark.parametrize("words, left", [
    ("parse.py", 840_000), ("-parse.py", 3_076_800), ("*/json/*", 200_000), ("decode", 200_000), ("nothing", 0), ("[", 0),
    ("load -json", 3_712_000), ("JSONDecoder.decode (no", 204_800),
])  # fmt: skip
def test_filter(show, words, left):
    page = show(typical())
    page.type("#filter", words)
    assert sum(row[1] for row in page.rows()) == left
    assert {label: size for label, _, size in page.boxes()}.get("all", 0) == left
    assert page.text("#kept").endswith(f"blocks are left, {100 * left / 3_916_800:.1f} %")
    page.type("#filter", "")
    assert page.text("#kept") == "" and sum(row[1] for row in page.rows()) == 3_916_800


def test_filters_of_the_command_line(show):
    page = show(typical(), "--filter", "parse.py", "--peak", "--by", "function")
    assert "Filtered when the page was made: only parse.py. That left 24.3 % of the bytes." in page.text("#notes")
    assert page.page.locator('input[value="peak"]').is_checked() and page.page.locator('input[value="function"]').is_checked()
    assert {row[0]: row[1] for row in page.rows() if row[1]} == {
        "/app/parse.py: parse": 1_280_000, "/usr/lib/python3.11/json/decoder.py: JSONDecoder.decode": 200_000}


def test_sorting(show):
    page = show(typical())
    column = page.page.locator("#table thead button")
    for index, key in ((0, lambda row: row[1]), (2, lambda row: row[2]), (4, lambda row: row[0])):
        column.nth(index).click()
        first = [key(row) for row in page.rows()]
        head = page.page.locator("#table thead th").nth(index)
        order = head.get_attribute("aria-sort")
        column.nth(index).click()
        assert head.get_attribute("aria-sort") != order
        assert [key(row) for row in page.rows()] == sorted(first, reverse=order == "ascending")
        assert first == sorted(first, reverse=order == "descending")


def test_sizes(show):
    page = show(typical())
    page.page.locator("summary").first.click()
    table = page.page.locator("#sizes-table tbody tr").all_inner_texts()
    assert [row.split("\t") for row in table] == [
        ["48 B", "4.7 KiB", "0.1 %", "100"], ["64 B", "625.0 KiB", "16.3 %", "10.0 k"],
        ["224 B", "195.3 KiB", "5.1 %", "1000"], ["1.0 KiB", "2.9 MiB", "78.4 %", "3000"]]
    tallest = """[...document.querySelectorAll("#sizes g")].sort((a, b) =>
        b.querySelector("rect").getBoundingClientRect().height - a.querySelector("rect").getBoundingClientRect().height)[0]
        .querySelector("title").textContent"""
    assert page.page.evaluate(tallest).startswith("blocks up to 1.0 KiB: 2.9 MiB in 3000 blocks (mem 2.9 MiB)")
    page.choose("unit", "blocks")
    assert page.page.evaluate(tallest).startswith("blocks up to 64 B")


FREE, DIRTY, KEPT, POOL, LARGE = range(1, 6)


def others(page, by):
    """{name: (bytes, blocks)} of a table of what is no part of the tree."""
    rows = page.page.locator(f"#{by}s-table tbody tr")
    return {
        row.locator("th").text_content(): tuple(int(row.get_attribute(f"data-{key}")) for key in ("bytes", "blocks"))
        for row in rows.all()
    }


def told(ouro, path, measure, by, *options):
    rows = json.loads(ouro("report", "--json", f"--{measure}", "--by", by, *options, path).stdout)["rows"]
    return {row[by]: (row["bytes"], row["blocks"]) for row in rows}


def of_threads(n_types=3, **tracing):
    run, loop = ("/usr/lib/python3.11/asyncio/runners.py", "Runner.run", 118), ("/usr/lib/python3.11/asyncio/events.py", "Handle._run", 80)
    snapshot = Snapshot(
        [
            Trace((MAIN, LOAD), 1000, live=20, peak=30, all=40, thread=1, types=tuple((f"mod.T{n}", n + 1) for n in range(n_types))),
            Trace((MAIN, GET), 64, live=500, peak=500, all=900, thread=2, types=(("dict", 400), ("mod.T1", 50))),
            Trace((MAIN, run, loop, ("/app/main.py", "fetch", 60)), 9, live=7, peak=70, all=700, thread=2),
            Trace((), 48, live=100, peak=100, all=100, domain=RAW, thread=1),
        ],
        **tracing,
    )
    snapshot.threads = ["main thread", "worker"]
    return snapshot


@pytest.mark.parametrize("tracing", [{}, {"mode": SAMPLED, "sample": 500}], ids=["exact", "sampled"])
def test_threads_tasks_and_types(ouro, show, tmp_path, tracing):
    """Tables of their own, with the figures of `ouro report`, of each sum."""
    page, path = show(of_threads(**tracing)), tmp_path / "page.ouro"
    assert page.page.locator("#others-part").is_visible()
    assert not page.page.locator("#threads-table").is_visible()
    for measure in MEASURES:
        page.choose("measure", measure)
        assert others(page, "thread") == told(ouro, path, measure, "thread") and len(others(page, "thread")) == 2
        assert others(page, "task") == told(ouro, path, measure, "task") and len(others(page, "task")) == 2
        assert others(page, "type") == told(ouro, path, "live", "type") and len(others(page, "type")) == 6
    page.page.locator("#threads-part summary").click()
    assert "worker" in page.text("#threads-table") and ("±" in page.text("#threads-table")) == bool(tracing)
    filtered = show(path, "--filter", "load")
    assert others(filtered, "thread") == told(ouro, path, "live", "thread", "--filter", "load")
    assert list(others(filtered, "thread")) == ["main thread (thread 1)"]


@pytest.mark.parametrize("by", ["thread", "task", "type"])
def test_by_what_is_no_part_of_the_tree(show, by):
    page = show(of_threads(), "--by", by)
    assert page.page.locator(f"#{by}s-table").is_visible()
    assert page.page.locator("#others-part details[open]").count() == 1
    assert page.page.locator('input[name="by"]:checked').get_attribute("value") == "line"


def test_many_types(ouro, show, tmp_path):
    page = show(of_threads(n_types=20), "--by", "type")
    assert len(others(page, "type")) == len(told(ouro, tmp_path / "page.ouro", "live", "type"))
    many = Snapshot([Trace((MAIN,), n, live=1, all=1, types=((f"T<{n}>", 1),)) for n in range(1, 501)])
    rows = others(show(many, "--by", "type"), "type")
    assert len(rows) == 201 and rows["T<500>"] == (500, 1)
    assert rows["(300 more)"] == (sum(range(1, 301)), 300)


def test_no_threads_and_no_types(show):
    assert not show(typical(), "--by", "type").page.locator("#others-part").is_visible()


PARSE = ("/app/parse.py", "parse", 7)


def with_lives(**tracing):
    return Snapshot(
        [
            Trace((MAIN, PARSE), 100, live=10, all=1000, ended=(500, 100, 50, 0, 0, 0, 300)),
            Trace((MAIN, PARSE), 20, live=0, all=40, ended=(0, 0, 40)),
            Trace((MAIN, LOAD), 5000, live=90, peak=95, all=100, ended=(0, 2, 0, 0, 0, 0, 0)),
            Trace((MAIN, GET), 64, live=5, all=5),
        ],
        **tracing,
    )


def freed(page):
    rows = page.page.locator("#lives-table tbody tr")
    return {
        row.locator("th").get_attribute("title"): (*(int(row.get_attribute(f"data-{key}")) for key in ("bytes", "blocks")),
                                                   row.locator("td").last.text_content())
        for row in rows.all()
    }


@pytest.mark.parametrize("options", [(), ("--filter", "parse")], ids=["all", "filtered"])
@pytest.mark.parametrize("tracing", [{}, {"mode": SAMPLED, "sample": 500}], ids=["exact", "sampled"])
def test_what_is_freed_at_once(ouro, show, tmp_path, tracing, options):
    """The rows of `ouro report --temporary`, for each number of allocations; ten is what is shown first."""
    page, path = show(with_lives(**tracing), *options), tmp_path / "page.ouro"
    assert page.page.locator("#lives-table").is_visible()
    assert page.page.locator('input[name="within"]:checked').get_attribute("value") == "10"
    for within in 10, 1, 100, 1000, 1_000_000:
        page.choose("within", within)
        rows = json.loads(ouro("report", "--json", f"--temporary={within}", *options, path).stdout)["rows"]
        told = {f"{row['file']}:{row['line']}": (row["bytes"], row["blocks"], f"{100 * row['freed']:.1f} %") for row in rows}
        assert freed(page) == told and len(told) == (1 if within == 1 or options else 2)
    assert ("±" in page.text("#lives-table")) == bool(tracing)


def test_without_lifetimes(show):
    page = show(typical())
    assert not page.page.locator("#lives-part").is_visible()
    assert page.page.evaluate("JSON.parse(document.getElementById('data').textContent).lives") == []


def test_since_a_mark(ouro, show, tmp_path):
    snapshot = Snapshot([Trace((MAIN,), 10, live=3, all=3), Trace((MAIN, LOAD), 20, live=4, all=5, since=1)])
    snapshot.sinces = ["warm"]
    page = show(snapshot, "--since", "warm")
    assert "the mark warm: what was allocated before it is left out" in page.text("#facts")
    assert {label: size for label, size, _ in page.rows() if size} == {"/app/main.py:12": 80}
    assert "the mark" not in show(snapshot).text("#facts")


def write_with(path, snapshot, **chunks):
    """A file with further chunks."""
    more = b"".join(snapshots.chunk(kind.encode(), contents) for kind, contents in chunks.items())
    end = snapshots.chunk(b"END ", b"")
    path.write_bytes(snapshot.bytes()[: -len(end)] + more + end)
    return path


def pack_runs(*runs):
    """(slot, slots, kind, domain, bytes of a block, blocks, used, bytes used) each."""
    return b"".join(struct.pack("<IIBBHIIIQ", *run[:4], 0, *run[4:]) for run in runs)


def test_the_heap_map(show, tmp_path):
    runs = pack_runs((1, 1, POOL, OBJECT, 64, 1000, 250, 16000), (2, 1, POOL, OBJECT, 64, 1000, 750, 48000),
                     (3, 2, FREE, 0, 0, 0, 0, 0), (7, 1, POOL, RAW, 1024, 60, 60, 61440), (8, 3, LARGE, MEM, 0, 1, 1, 150_000),
                     (11, 1, KEPT, 0, 0, 0, 0, 0), (12, 1, DIRTY, 0, 0, 0, 0, 0))
    page = show(write_with(tmp_path / "heap.ouro", typical(), HEAP=runs))
    assert page.page.locator("#heap-sums li").all_inner_texts() == [
        "given back: 128.0 KiB", "free, resident: 64.0 KiB", "empty pools, kept: 64.0 KiB", "raw pools: 64.0 KiB, 93.8 % used",
        "object pools: 128.0 KiB, 48.8 % used", "mem large blocks: 192.0 KiB, 76.3 % used",
        "all: 640.0 KiB, 42.0 % used; a cell is 64.0 KiB"]
    page.page.locator("#heap-part summary").click()
    assert [row.split("\t") for row in page.page.locator("#heap-classes tbody tr").all_inner_texts()] == [
        ["64 B", "object", "2", "128.0 KiB", "62.5 KiB", "65.5 KiB", "50.0 %"],
        ["1.0 KiB", "raw", "1", "64.0 KiB", "60.0 KiB", "4.0 KiB", "100.0 %"]]
    heap = page.page.locator("#heap")
    heap.hover(position={"x": 20, "y": 5})
    assert page.text("#heap-tells") == "64.0 KiB from the beginning: object pools, blocks of 64 B, 73 % used"
    heap.focus()
    for _ in range(5):
        page.page.keyboard.press("ArrowRight")
    assert page.text("#heap-tells") == "320.0 KiB from the beginning: mem large blocks, 76 % used"
    colour = "document.querySelector('#heap').toDataURL()"
    light = page.page.evaluate(colour)
    page.page.locator("#theme").click()
    page.page.locator("#theme").click()
    assert page.page.evaluate(colour) != light


def test_a_large_heap(show, tmp_path):
    """Of gigabytes: cells have several slots, and nothing is lost from the sums."""
    runs = [(1 + 4 * i, 4, POOL if i % 3 else FREE, OBJECT, *((48, 5000, 2500, 120_000) if i % 3 else (0, 0, 0, 0))) for i in range(30_000)]
    page = show(write_with(tmp_path / "heap.ouro", typical(), HEAP=pack_runs(*runs)))
    assert page.text("#heap-sums").endswith("all: 7.3 GiB, 30.5 % used; a cell is 512.0 KiB")


def test_the_heap_of_a_program(show, ouro, tmp_path):
    path = tmp_path / "real.ouro"
    assert ouro.run("--quiet", "-o", path, PYTHON, "-c", "x = [bytearray(n) for n in range(0, 300000, 100)]").returncode == 0
    page = show(path)
    assert "object pools: " in page.text("#heap-sums") and "raw pools: " in page.text("#heap-sums")
    large = re.search(r"object large blocks: ([\d.]+) MiB, ([\d.]+) % used", page.text("#heap-sums"))
    assert float(large[1]) * float(large[2]) / 100 > sum(n for n in range(70_000, 300_000, 100)) / (1 << 20) - 1
    assert page.page.locator("#heap-classes tbody tr").count() > 30


def pack_samples(samples):
    """(at ns, resident, raw, mem, object) each."""
    return b"".join(struct.pack("<20Q", at, resident, 0, at, *live, *[0] * 13) for at, resident, *live in samples)


def test_memory_over_time(show, tmp_path):
    samples = [(n * 10**8, (50 + n) << 20, 1 << 20, 2 << 20, (10 + n) << 20) for n in range(100)]
    marks = b"".join(struct.pack("<Q96s", at, name) for at, name in ((10**9, b"warm"), (5 * 10**9, b"</script>\xff")))
    page = show(write_with(tmp_path / "time.ouro", typical(), TIME=pack_samples(samples), MARK=marks))
    assert page.page.locator("#marks li").all_inner_texts() == ["1.00 s warm", "5.00 s </script>\ufffd"]
    page.page.locator("#times-part summary").click()
    rows = [row.split("\t") for row in page.page.locator("#times-table tbody tr").all_inner_texts()]
    assert len(rows) == 20 and rows[0] == ["0 ms", "50.0 MiB", "13.0 MiB"] and rows[-1] == ["9.50 s", "145.0 MiB", "108.0 MiB"]
    page.page.locator("#times .u-over").hover(position={"x": 300, "y": 100})
    assert re.search(r"resident:?\s*\d+\.\d MiB", page.page.locator("#times .u-legend").inner_text())
    assert page.page.evaluate("""(() => {
        const canvas = document.querySelector("#times canvas");
        const dots = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        return new Set(new Uint32Array(dots.buffer)).size;
    })()""") > 20


def test_many_samples(show, tmp_path):
    """A curve has some thousands; the highest stay."""
    samples = [(n * 10**6, (900 if n == 31_234 else 50) << 20, 0, 0, 1 << 20) for n in range(40_000)]
    page = show(write_with(tmp_path / "time.ouro", typical(), TIME=pack_samples(samples)))
    data = json.loads(page.page.locator("#data").text_content())["times"]["samples"]
    assert len(data) < 6 * 3001 and max(data[1::6]) == 900 << 20


def test_parts_that_a_snapshot_has_not(show):
    page = show(typical())
    assert page.page.locator("#heap-part").is_hidden() and page.page.locator("#times-part").is_hidden()


def test_light_and_dark(show):
    colour = "getComputedStyle(document.body).backgroundColor"
    light, dark = show(typical(), color_scheme="light"), show(typical(), color_scheme="dark")
    colours = [page.page.evaluate(colour) for page in (light, dark)]
    assert colours[0] != colours[1]
    button = light.page.locator("#theme")
    assert button.inner_text() == "auto colours"
    button.click()
    assert light.page.evaluate(colour) == colours[0]
    button.click()
    assert button.inner_text() == "dark colours" and light.page.evaluate(colour) == colours[1]


def contrast(page, selector):
    """WCAG's ratio between a text and what is behind it."""
    return page.page.evaluate("""(selector) => {
        const numbers = (colour) => colour.match(/[\\d.]+/g).slice(0, 4).map(Number);
        const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const at = document.querySelector(selector);
        let behind = at;
        while (numbers(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
        const [a, b] = [light(numbers(getComputedStyle(at).color)), light(numbers(getComputedStyle(behind).backgroundColor))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }""", selector)  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readable(show, scheme):
    page = show(typical(), color_scheme=scheme)
    for selector in ("#command", "#facts dd", ".measure .detail", "#notes p", "#table td", "#table thead button", ".legend li"):
        assert contrast(page, selector) >= 4.5
    for name in ("own", "library", "quiet", "hit", "missed", *(f"hue-{n}" for n in range(8))):
        page.page.evaluate("""(name) => {
            const box = document.querySelector(".d3-flame-graph-label");
            box.style.backgroundColor = `var(--${name})`;
        }""", name)
        assert contrast(page, ".d3-flame-graph-label") >= 4.5, name


HOSTILE = [
    b"</script><script>alert(1)</script>", b"<!--<script>", b"-->", b"<img src=x onerror=alert(1)>", b"\xff\xfe\x80", b"a\0b",
    "\u202egnp.exe".encode(), "\u2028\u2029".encode(), b"\xed\xa0\x80", b"__proto__", b"constructor", b'"};alert(1);//',
    b"OURO-DATA", b"$&$1", b"x" * 70_000, b"\x1b[31mred\n", b"{{7*7}}", "\ufeffbom".encode(),
]  # fmt: skip


def test_hostile_names(show, ouro, tmp_path):
    """As file, as function, as the command, as the snapshot's name: a text, and nothing else."""
    snapshot = Snapshot([Trace(((name, name, 1), (b"/x.py", name, 2)), 10 + n, live=5, peak=5, all=5)
                         for n, name in enumerate(HOSTILE)], name="</script><b>")
    page = show(snapshot)
    assert page.page.locator("#facts b, #table b, #table img").count() == 0
    assert len(page.page.query_selector_all("script")) == 2
    shown = page.page.evaluate("document.body.innerText")
    assert "\u202e" not in shown and "\x1b" not in shown and "\u2028" not in shown and "\\u202egnp.exe" in shown
    assert "</script><script>alert(1)</script>" in shown and "</script><b>" in page.text("#facts")
    for by in BYS:
        page.choose("by", by)
        assert sum(row[1] for row in page.rows()) == sum(5 * (10 + n) for n in range(len(HOSTILE)))
    for name in ("<img", "__proto__", "$&$1", "\\", "(", "["):
        page.type("#search", name)
        page.type("#filter", name)
        page.page.locator("#graph").hover()
    data = (tmp_path / "page0.html").read_bytes()
    assert data.count(b"</script>") == 2 and data.count(b"OURO-DATA") == 1
    json.loads(re.search(rb'id="data">(.*?)</script>', data, re.DOTALL)[1])


def test_a_command_of_any_bytes(show, layout):
    command = ["/usr/bin/python3", "</title><script>alert(2)</script>", "a b", "\udcff\u202e"]
    page = show(typical(record=records.pack(layout, dict(records.typical(), pid=1, command=command))))
    assert page.text("h1") == "python3 '</title><script>alert(2)</script>' 'a b' '\ufffd\\u202e'"
    assert page.page.title() == page.text("h1") + " – ouro"


def test_many_traces(show, ouro, tmp_path):
    """More than a page can show one by one: small ones are put together, and every sum stays."""
    snapshot = Snapshot()
    mains = [snapshot.node(0, snapshot.code("/app/main.py", "<module>"), n) for n in range(1, 400)]
    code = snapshot.code("/app/work.py", "work")
    nodes, traces, n = [], [], len(mains)
    for i in range(200_000):
        n += 1
        nodes.append(struct.pack("<III", mains[i * i % 399 if i % 5 else 7], code, i + 1))
        traces.append(snapshot.pack_trace(16 + i % 512, n, i % 3, i % 3, i % 3 * (16 + i % 512), 1, 16 + i % 512, 9, 9 * (16 + i % 512)))
    snapshot.node_bytes += b"".join(nodes)
    snapshot.trace_bytes += b"".join(traces)
    page = show(snapshot)
    path = tmp_path / "page.ouro"
    assert "put together as (other); all sums include them." in page.text("#notes")
    assert (tmp_path / "page0.html").stat().st_size < 8 << 20
    for measure in MEASURES:
        page.choose("measure", measure)
        document, _ = report_rows(ouro, path, measure, "file")
        for by in BYS:
            page.choose("by", by)
            assert {label: size for label, _, size in page.boxes()}["all"] == document["traced"]["bytes"]
            summary = page.text("#table-summary")
            assert "100.0 % of what is shown" in summary
    page.type("#search", "main.py")
    page.type("#filter", "-work.py")
    assert page.page.evaluate("performance.now()") < 60_000


def cut(parents, own, most=60_000):
    """What a page has of a tree of nodes that each are a path, by the rules of cli/html/branches.c.

    The share that is kept, [caller, node or -1 or -2, merged paths, sums] of each branch, and how many paths are small."""
    nodes = range(len(parents))
    sums = [list(figures) for figures in own]
    depths, levels = [0 for _ in nodes], [0 for _ in nodes]
    for i in reversed(nodes[1:]):
        sums[parents[i]] = [a + b for a, b in zip(sums[parents[i]], sums[i], strict=True)]
    for i in nodes:
        depths[i] = depths[parents[i]] + 1 if i else 0
        while levels[i] < 21 and any(s >= a * math.ldexp(1e-6, levels[i] - 1) if levels[i] else s for s, a in zip(sums[i], sums[0], strict=True)):
            levels[i] += 1
    levels[0] = 22
    for level in range(1, 22):
        heights = [0 for _ in nodes]
        for i in reversed(nodes[1:]):
            if levels[i] >= level:
                heights[parents[i]] = max(heights[parents[i]], heights[i] + 1)
        middle = [levels[i] >= level and depths[i] > 150 and heights[i] > 50 for i in nodes]
        made = [i for i in nodes[1:] if levels[i] and levels[parents[i]] >= level and not (middle[i] and middle[parents[i]])]
        if 1 + len(made) <= most:
            break
    branches, of, others, n_small = [], [0 for _ in nodes], {}, 0
    for i in nodes:
        caller, kind = of[parents[i]], i
        is_small = 0 < levels[i] < level
        n_small += is_small
        if levels[i] == 0 or is_small and branches[caller][1] == -1 or middle[i] and branches[caller][1] == -2:
            of[i] = caller
        elif is_small and caller in others:
            of[i] = others[caller]
        else:
            of[i] = len(branches)
            kind = -1 if is_small else -2 if middle[i] else i
            branches.append([caller, kind, 0, [0, 0, 0]])
            if is_small:
                others[caller] = of[i]
        branches[of[i]][2] += is_small or middle[i]
        branches[of[i]][3] = [a + b for a, b in zip(branches[of[i]][3], own[i], strict=True)]
    return math.ldexp(1e-6, level - 2) if level > 1 else 0, branches, n_small


@pytest.mark.parametrize("spread, deep", [(40_000, 0), (200_000, 0), (300_000, 0), (100_000, 400), (3_000, 70_000)])
def test_what_is_put_together(ouro, tmp_path, spread, deep):
    """Each branch of the page, and what it holds: of bushes, and of recursions with bushes all the way down."""
    chance = random.Random(spread)
    parents, deepest = [0], 0
    for i in range(1, spread + deep + 1):
        is_deep = chance.randrange(spread + deep) < deep
        near = max(0, i - chance.choice((1, 1, 1, 50, i)))
        parents.append(deepest if is_deep else near if near and chance.randrange(90) else chance.randrange(i) if chance.randrange(2) else 0)
        deepest = i if is_deep else deepest
    own = [(0, 0, 0) for _ in parents]
    for i in range(1, len(parents)):
        if chance.randrange(3) == 0:
            size = int(4 ** chance.uniform(0, 12))
            own[i] = (size * chance.randrange(2), size, size * chance.randrange(1, 4))
    snapshot = Snapshot()
    code = snapshot.code("/app/bush.py", "grow")
    snapshot.node_bytes = b"".join(struct.pack("<III", parent, code, i) for i, parent in enumerate(parents))
    snapshot.trace_bytes += b"".join(snapshot.pack_trace(1, i, OBJECT, *(n for n in own[i] for _ in range(2))) for i in range(1, len(own)))
    done = ouro("report", "--html", "-", snapshot.write(tmp_path / "a.ouro"))
    data = json.loads(re.search(r'id="data">(.*?)</script>', done.stdout, re.DOTALL)[1])
    smallest, branches, n_small = cut(parents, own)
    lines = [line for _, _, line, _ in data["frames"]]
    held = [[0, 0, 0] for _ in branches]
    for at in range(0, len(data["held"]), 10):
        held[data["held"][at]] = data["held"][at + 1 : at + 10 : 3]
    shown = [[caller, kind if kind < 0 else lines[kind], n, sums]
             for (caller, kind, n), sums in zip(zip(*[iter(data["branches"])] * 3, strict=True), held, strict=True)]
    assert shown == branches
    assert (data["heading"]["smallest"], data["heading"]["n_small"]) == (smallest, n_small)


@pytest.mark.parametrize("depth", [300, 10_000, 300_000])
def test_deep_recursion(show, depth):
    """The middle is put together; the ends and the sums are there."""
    snapshot = Snapshot()
    code = snapshot.code("/app/deep.py", "fall")
    snapshot.node_bytes = b"".join(struct.pack("<III", max(n - 1, 0), code, n % 50 + 1) for n in range(depth + 1))
    for node in (1, depth // 2, depth):
        snapshot.trace_bytes += snapshot.pack_trace(100, node, OBJECT, 7, 700, 7, 700, 7, 700)
    page = show(snapshot)
    assert {label: size for label, _, size in page.boxes()}["all"] == 2100
    assert "(frames between)" in page.labels() and len(page.boxes()) <= 210
    assert sum(row[1] for row in page.rows()) == 2100
    page.page.get_by_label("inverted").check()
    assert {label: size for label, _, size in page.boxes()}["all"] == 2100


def test_nothing_at_all(show):
    page = show(Snapshot())
    assert page.text("#graph") == "Nothing is left to show." and page.rows() == []
    for measure in MEASURES:
        page.choose("measure", measure)
    page.page.get_by_label("inverted").check()
    page.type("#filter", "x")


def test_figures_at_their_ends(show):
    snapshot = Snapshot(mode=SAMPLED, sample=2**64 - 1)
    node = snapshot.node(0, snapshot.code("/x.py", "f"), 1)
    for size in (0, 1, 2**64 - 1):
        snapshot.trace_bytes += snapshot.pack_trace(size, node, MEM, *[2**64 - 1] * 6)
    page = show(snapshot)
    assert not re.search(r"NaN|Infinity|undefined", page.page.evaluate("document.body.innerText"))


def test_a_file_that_is_cut_off(ouro, chromium, tmp_path):
    whole = typical().bytes()
    (tmp_path / "cut.ouro").write_bytes(whole[:-20])
    out = tmp_path / "cut.html"
    assert ouro("report", "--html", out, tmp_path / "cut.ouro").returncode == 0
    page = browser.Page(chromium, out)
    assert "is cut off at byte" in page.text("#notes")
    page.close()


# Without a browser


def test_nothing_is_fetched(ouro, tmp_path):
    """No element of the page names anything outside it."""
    out = tmp_path / "a.html"
    assert ouro("report", "--html", out, typical().write(tmp_path / "a.ouro")).returncode == 0
    text = out.read_text()
    page, licences = text.split("</html>")
    assert re.findall(r"<[a-z]+[^>]*\b(?:src|href|action|data)=[\"']?([^\"'> ]*)", page) == ["data:,", "#graph-title"]
    assert not re.search(r"@import|url\((?![\"']?(?:data:|#))", page)
    assert "default-src 'none'" in page and page.count("sha256-") == 2
    for name in ("d3-flame-graph 5", "uplot 1", "Mike Bostock"):
        assert name.lower() in licences.lower()


def test_output(ouro, tmp_path):
    path = typical().write(tmp_path / "a.ouro")
    done = ouro("report", "--html", "-", path)
    assert done.stdout.startswith("<!DOCTYPE html>") and done.returncode == 0
    done = ouro("report", "--html", tmp_path / "none" / "a.html", path)
    assert done.returncode == 125 and "cannot write" in done.stderr and done.stderr.count("\n") == 1
    with open("/dev/full", "w") as full:
        done = ouro("report", "--html", "-", path, stdout=full)
    assert done.returncode == 125 and "No space left" in done.stderr


@pytest.mark.parametrize("arguments, word", [
    (["--html"], "--html needs a value"), (["--html", ""], "name of a file"), (["--html", "a", "--json"], "--html"),
    (["--html", "a", "--tree"], "--html"), (["--html", "a", "--cumulative"], "--html"), (["--html", "a", "--top", "3"], "--html"),
    (["--html", "a", "--by", "traceback"], "--html goes by"), (["--html", "a", "--by", "domain"], "--html goes by"),
])  # fmt: skip
def test_wrong_use(ouro, arguments, word):
    done = ouro("report", *(arguments if arguments[-1] == "--html" else [*arguments, "x.ouro"]))
    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr and "ouro report --help" in done.stderr and done.stderr.count("\n") == 1


def test_without_memory(ouro, tmp_path):
    snapshot = Snapshot([Trace(((f"/x{n}.py", "f", n),), 8, live=1) for n in range(3000)])
    path = snapshot.write(tmp_path / "a.ouro")
    limit, n_refused, n_made = 2 << 20, 0, 0
    while n_made < 4:
        limit += 256 << 10
        assert limit < 256 << 20
        done = ouro("report", "--html", "-", path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        if done.returncode == 0:
            assert done.stdout.rstrip().endswith("-->") and done.stderr == ""
            n_made += 1
        elif done.returncode == 125:
            assert done.stderr.startswith("ouro: ") and "memory" in done.stderr and done.stdout == ""
            n_refused += 1
        else:
            assert done.returncode in (127, -11, -6) and done.stdout == ""  # the loader's own: no room for libraries
    assert n_refused > 0


def test_without_npm(tmp_path):
    """The build goes on, and says what is missing."""
    repository = Path(__file__).parents[2]
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "touch", "cat"):
        (tools / name).symlink_to(shutil.which(name))
    out = tmp_path / "template.html"
    done = subprocess.run([repository / "tools" / "page.sh", repository / "web", tmp_path / "web", out],
                          env={"PATH": str(tools)}, capture_output=True, text=True)
    assert done.returncode == 0 and "there is no npm" in done.stderr and out.read_bytes() == b""
    assert out.stat().st_mtime == 0, "the next build tries again"
