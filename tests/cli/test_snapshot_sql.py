"""`ouro sql` and `ouro export --to sqlite`: the tables hold what the snapshot holds, by SQLite itself, and are only read."""

import csv
import io
import json
import os
import pty
import re
import resource
import signal
import sqlite3
import subprocess
import time

import pytest
import snapshots
from snapshots import MAIN, MEM, OBJECT, RAW, Snapshot, Trace, typical

DOMAINS = {RAW: "raw", MEM: "mem", OBJECT: "object"}


@pytest.fixture
def ask(ouro, tmp_path):
    """Ask a snapshot; the rows of the only statement, from JSON."""

    def ask(snapshot, statement):
        done = ouro("sql", "--json", snapshot.write(tmp_path / "a.ouro"), statement)
        assert (done.returncode, done.stderr) == (0, "")
        document = json.loads(done.stdout)
        assert document["schema"] == "ouro-sql/1" and len(document["results"]) == 1
        return document["results"][0]["rows"]

    return ask


@pytest.fixture
def database(ouro, tmp_path):
    """Export a snapshot and open what was written with Python's sqlite3."""
    opened = []

    def database(snapshot, *options):
        path = tmp_path / f"{len(opened)}.db"
        done = ouro("export", "--to", "sqlite", "-o", path, *options, snapshot.write(tmp_path / "a.ouro"))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        opened.append(sqlite3.connect(path))
        assert opened[-1].execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return opened[-1]

    yield database
    for connection in opened:
        connection.close()


STACKS = """
WITH RECURSIVE stack(traceback, at, depth, frame) AS (
  SELECT id, parent, depth, frame FROM tracebacks WHERE id IN (SELECT traceback FROM traces) AND id > 0
  UNION ALL SELECT traceback, parent, tracebacks.depth, tracebacks.frame
  FROM stack JOIN tracebacks ON tracebacks.id = at WHERE at > 0
) SELECT traceback, file, function, line FROM stack JOIN frames ON frames.id = frame ORDER BY traceback, depth
"""


def traces_of(connection):
    """All that the tables tell of traces: {(frames, domain, size): the three numbers of blocks}."""
    stacks = {0: ()}
    for traceback, *frame in connection.execute(STACKS):
        stacks[traceback] = (*stacks.get(traceback, ()), tuple(frame))
    found = {}
    for traceback, domain, size, *figures in connection.execute(
        "SELECT traceback, domain, size, live_blocks, live_bytes, live_error, peak_blocks, peak_bytes, peak_error,"
        " all_blocks, all_bytes, all_error FROM traces"
    ):
        blocks, sizes, errors = figures[0::3], figures[1::3], figures[2::3]
        assert sizes == [n * size for n in blocks] and errors == [0, 0, 0]
        assert (stacks[traceback], domain, size) not in found
        found[stacks[traceback], domain, size] = tuple(blocks)
    return found


def wanted_of(traces):
    return {(t.frames, DOMAINS[t.domain], t.size): (t.live, t.peak, t.all) for t in traces}


TYPICAL = [
    Trace((MAIN, ("/app/main.py", "load", 12)), 1024, 3000, 4000, 9000, MEM),
    Trace((MAIN, ("/app/main.py", "load", 12), ("/app/parse.py", "parse", 7)), 64, 10, 20, 90),
    Trace((("/usr/lib/python3.11/json/x.py", "d", 3),), 200, 1, 1, 5),
    Trace((), 48, 100, 100, 100, RAW),
]


def test_tables_hold_the_snapshot(database):
    assert traces_of(database(Snapshot(TYPICAL))) == wanted_of(TYPICAL)


def test_threads_types_and_time(database):
    frame = ("/app/a.py", "f", 1)
    snapshot = Snapshot([
        Trace((frame,), 100, live=10, thread=1, types=(("dict", 7), ("app.Thing", 2))), Trace((frame,), 50, live=1),
        Trace((("/lib/x.py", "g", 2),), 8, live=5, types=(("list", 5),)),
    ])
    snapshot.threads = ["main thread"]
    snapshot.samples = [snapshots.Sample(i, i * 100, (i, i + 1, i + 2), gc_runs=(i, 0, 1)) for i in range(50)]
    snapshot.marks = [(1, b"one"), (2, b"\xff")]
    connection = database(snapshot)
    assert connection.execute("SELECT id, thread FROM traces ORDER BY id").fetchall() == [
        (1, "main thread (thread 1)"), (2, None), (3, None),
    ]
    assert connection.execute("SELECT * FROM types").fetchall() == [
        (1, "dict", 7, 700), (1, "app.Thing", 2, 200), (3, "list", 5, 40),
    ]
    asked = "SELECT at_ns, resident, live_raw, live_mem, live_object, gc_young, gc_full FROM samples ORDER BY at_ns"
    assert connection.execute(asked).fetchall() == [(i * 10**9, i * 100, i, i + 1, i + 2, i, 1) for i in range(50)]
    assert connection.execute("SELECT * FROM marks").fetchall() == [(10**9, "one"), (2 * 10**9, "\ufffd")]
    kept = database(snapshot, "--filter", "/lib/")
    assert kept.execute("SELECT type FROM types").fetchall() == [("list",)]


def test_a_statement_finds_the_tables_that_it_reads(ask, database):
    """Only those are filled: each table, by itself and where another statement or a view reads it."""
    snapshot = Snapshot([Trace((MAIN,), 100, live=10, all=13, types=(("dict", 7),), ended=(0, 3)), *TYPICAL[1:]])
    snapshot.samples, snapshot.marks = [snapshots.Sample(1, 5)], [(1, b"one")]
    whole = database(snapshot)
    tables = [name for name, in whole.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    assert len(tables) == 9
    for table in [*tables, "sums", "lines", "files", "functions"]:
        for statement in (f"SELECT count(*) FROM {table}", f"SELECT 1 WHERE EXISTS (SELECT * FROM {table})"):
            (wanted,), = whole.execute(statement)
            assert ask(snapshot, statement) == [[wanted]] and wanted > 0
    frames = "SELECT count(*) FROM traces JOIN tracebacks ON tracebacks.id = traceback WHERE traces.frame = tracebacks.frame"
    assert ask(snapshot, frames) == ask(snapshot, "SELECT count(*) FROM traces") == [[4]]


def test_rows_that_have_a_text_and_rows_that_have_none(database):
    snapshot = Snapshot([Trace((MAIN,), 8 + n, live=1, thread=thread) for n, thread in enumerate((0, 1, 1, 0, 2, 0, 1))])
    snapshot.threads = ["one", "two"]
    rows = database(snapshot).execute("SELECT thread FROM traces ORDER BY id").fetchall()
    one, two = "one (thread 1)", "two (thread 2)"
    assert [thread for thread, in rows] == [None, one, one, None, two, None, one]


def test_tables_hold_a_large_one(database):
    """A hundred thousand traces of thirty thousand tracebacks, one of them five thousand frames deep."""
    traces = [
        Trace((("/m.py", f"f{n % 100}", n % 100), ("/x.py", "g", n % 30_000)), 8 + n // 30_000, n % 5, n % 7, n % 11, n % 3)
        for n in range(100_000)
    ]
    traces = list({(t.frames, t.domain, t.size): t for t in traces}.values())
    traces.append(Trace((("/d.py", "down", 1),) * 5000, 10, live=1))
    connection = database(Snapshot(traces))
    deepest = connection.execute("SELECT max(depth), count(*) FROM tracebacks").fetchone()
    assert deepest[0] == 5000 and deepest[1] > 30_000
    assert traces_of(connection) == wanted_of(traces)
    sums = connection.execute("SELECT sum(live), sum(peak), sum(allocated) FROM lines").fetchone()
    assert sums == tuple(sum(n * t.size for t in traces for n in [getattr(t, k)]) for k in ("live", "peak", "all"))


@pytest.mark.parametrize("by", ["line", "file", "function"])
@pytest.mark.parametrize("tracing", [{}, {"mode": 2, "sample": 512}])
def test_views_say_what_the_report_says(ouro, database, tmp_path, by, tracing):
    connection = database(typical(**tracing))
    keys = {"line": "file, line", "file": "file", "function": "file, function"}[by]
    for measure, column, error in [
        ("live", "live", "live_error"), ("peak", "peak", "peak_error"), ("churn", "allocated", "0"),
    ]:
        done = ouro("report", "--json", f"--{measure}", "--by", by, tmp_path / "a.ouro")
        wanted = {
            tuple(row[k] for k in keys.split(", ")): (row["bytes"], 0 if error == "0" else row["bytes_error"])
            for row in json.loads(done.stdout)["rows"]
        }
        rows = connection.execute(f"SELECT {column}, {error}, {keys} FROM {by}s WHERE {column} > 0")
        assert {tuple(row[2:]): tuple(row[:2]) for row in rows} == wanted
        assert len(wanted) >= 3


def test_packages_say_what_the_report_says(ouro, ask, tmp_path):
    rows = ask(typical(), "SELECT package, sum(peak) FROM files JOIN packages USING (file) GROUP BY package")
    done = ouro("report", "--json", "--peak", "--by", "package", tmp_path / "a.ouro")
    assert {r[0]: r[1] for r in rows} == {r["package"]: r["bytes"] for r in json.loads(done.stdout)["rows"]}
    assert ["requests", 500_000] in rows


def test_estimates(ask):
    """Of a sampled snapshot the traces are estimates, not rounded: 1 / p blocks for each, see docs/snapshot.md."""
    row = ask(Snapshot([Trace((MAIN,), 512, live=10)], mode=2, sample=512),
              "SELECT size, live_blocks, live_bytes, live_error, peak_bytes FROM traces")[0]
    assert row[0] == 512 and row[1] == pytest.approx(15.81977) and row[2] == pytest.approx(8099.721)
    assert row[3] == pytest.approx(10**0.5 * 512 * 0.36788**0.5 / 0.63212, rel=1e-4) and row[4] == 0


def test_process(ask):
    row = ask(typical(mode=2, sample=1000, peak_bytes=7, peak_blocks=3, peak_at=5, frames=9, n_untraced=2, name="ünï"),
              "SELECT mode, sample_bytes, peak_bytes, peak_blocks, peak_at_ns, frames_most, untraced_allocations,"
              " snapshot, reason, taken_at_ns, own_bytes, pid, trouble, untraced_live_blocks, untraced_live_bytes"
              " FROM process")
    assert row == [["sampled", 1000, 7, 3, 5, 9, 2, "ünï", "exit", 2_400_000_000, 1000, None, None, 1200, 120_000]]


def test_process_of_a_cut_file(ouro, tmp_path):
    path = tmp_path / "cut.ouro"
    path.write_bytes(typical().bytes()[:-40])
    done = ouro("sql", "--csv", path, "SELECT trouble IS NOT NULL, (SELECT count(*) FROM traces) FROM process")
    assert done.returncode == 0 and "cut" in done.stderr + done.stdout
    assert done.stdout.splitlines()[1].startswith("1,")


def test_filters_leave_traces_out(database):
    kept = traces_of(database(Snapshot(TYPICAL), "--filter", "parse.py"))
    assert kept == wanted_of(TYPICAL[1:2])
    assert traces_of(database(Snapshot(TYPICAL), "--exclude", "main.py")) == wanted_of(TYPICAL[2:])


def test_large_figures(ask):
    """Sums beyond 63 bits stay at the top in views; none is an error."""
    snapshot = Snapshot()
    node = snapshot.node(0, snapshot.code("/x.py", "f"), 1)
    snapshot.trace_bytes += 2 * snapshot.pack_trace(2**64 - 1, node, OBJECT, *[2**64 - 1] * 6)
    assert ask(snapshot, "SELECT file, line, live, peak, allocated FROM lines") == [["/x.py", 1] + [2**63 - 1] * 3]
    assert ask(snapshot, "SELECT size, all_blocks FROM traces") == [[2**63 - 1] * 2] * 2


HOSTILE = [
    "'); DROP TABLE traces; --", 'a"b', "new\nline", "\x1b[2J\x07", b"\xff\xfe".decode("utf-8", "surrogateescape"),
    "ünï", "\u202egnp", "x" * 70_000, ",;|", " ", "%s%n",
]


def test_hostile_names(ouro, database, tmp_path):
    connection = database(Snapshot([Trace(((f"/{n}", n, 1),), 10, live=1) for n in HOSTILE]))
    wanted = {n.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for n in HOSTILE}
    assert {row[0] for row in connection.execute("SELECT function FROM functions")} == wanted
    assert {row[0] for row in connection.execute("SELECT file FROM packages")} == {"/" + n for n in wanted} | {"(no frame)"}
    path = tmp_path / "a.ouro"
    query = "SELECT file, function, function AS \"\x1b[31m\n\" FROM frames WHERE id > 0"
    done = ouro("sql", "--csv", path, query)
    rows = list(csv.reader(io.StringIO(done.stdout, newline="")))
    assert {tuple(row) for row in rows[1:]} == {("/" + n, n, n) for n in wanted} and rows[0][2] == "\x1b[31m\n"
    document = json.loads(ouro("sql", "--json", path, query).stdout)
    assert {row[1] for row in document["results"][0]["rows"]} == wanted
    for columns in ("60", "120"):
        shown = ouro("sql", path, query, env={"COLUMNS": columns}).stdout
        assert len(shown.splitlines()) == 1 + len(HOSTILE)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", shown)
        assert all(len(line) <= int(columns) for line in shown.splitlines())


# Tables for people


def test_table(ouro, tmp_path):
    path = typical().write(tmp_path / "a.ouro")
    done = ouro("sql", path, "SELECT file, line, live, live / 3.0 AS third, NULL AS none FROM lines ORDER BY live DESC")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["file", "line", "live", "third", "none"]
    assert lines[1].split() == ["/app/main.py", "12", "3072000", "1024000", "NULL"]
    assert lines[-1].split()[-4:] == ["73", "0", "0", "NULL"]
    assert len(lines) == 6 and {line.index(" ", 60) >= 60 for line in lines} == {True}
    ends = {re.match(r"\S+( frame\))? +\S+", line).end() for line in lines}
    assert len(ends) == 1  # numbers stand to the right


def test_a_long_path_loses_its_beginning(ouro, tmp_path):
    path = Snapshot([Trace((("/" + "folder/" * 30 + "end.py", "f", 1),), 8, live=1)]).write(tmp_path / "a.ouro")
    shown = ouro("sql", path, "SELECT file, line FROM lines", env={"COLUMNS": "70"}).stdout.splitlines()
    assert shown[1].startswith("…") and "folder/end.py" in shown[1] and len(shown[1]) <= 70


def test_too_many_columns_become_lines(ouro, tmp_path):
    done = ouro("sql", typical().write(tmp_path / "a.ouro"), "SELECT * FROM traces WHERE size > 100", env={"COLUMNS": "80"})
    blocks = done.stdout.split("\n\n")
    assert len(blocks) == 3
    assert dict(line.split() for line in blocks[0].splitlines())["live_bytes"] == "3072000"
    assert len(blocks[0].splitlines()) == 16


def test_many_rows(ouro, tmp_path):
    """Rows are written as they come; later ones fit into the widths of the first."""
    counted = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 50000)"
    path = typical().write(tmp_path / "a.ouro")
    done = ouro("sql", path, f"{counted} SELECT n, substr('abcdefghij', 1, n / 5000) AS t FROM c")
    lines = done.stdout.splitlines()
    assert len(lines) == 50_001 and lines[-1].split() == ["50000", "…"]
    assert [int(line.split()[0]) for line in lines[1:]] == list(range(1, 50_001))
    endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c"
    for options in ([], ["--csv"], ["--json"]):
        with subprocess.Popen([ouro.path, "sql", *options, path, endless], stdout=subprocess.PIPE, env=ouro.environment()) as p:
            assert len(p.stdout.read(200_000)) == 200_000
            p.stdout.close()
            assert p.wait(60) in (125, -signal.SIGPIPE)


def test_several_statements(ouro, tmp_path):
    path = typical().write(tmp_path / "a.ouro")
    statements = "SELECT 1 AS a; -- one\n VALUES (2), (3);; SELECT 4 AS d WHERE 0; /* end */"
    assert ouro("sql", path, statements).stdout == "a\n1\n\ncolumn1\n      2\n      3\n\nd\n"
    assert ouro("sql", "--csv", path, statements).stdout == "a\n1\n\ncolumn1\n2\n3\n\nd\n"
    results = json.loads(ouro("sql", "--json", path, statements).stdout)["results"]
    assert [r["rows"] for r in results] == [[[1]], [[2], [3]], []] and results[1]["columns"] == ["column1"]
    assert json.loads(ouro("sql", "--json", path, " ").stdout)["results"] == []
    assert ouro("sql", path, "").stdout == ""


def test_values_of_all_kinds(ask, ouro, tmp_path):
    row = ask(typical(), "SELECT NULL, -9223372036854775807 - 1, 0.5, 1e999, -1e999, x'00ff', 'q\"\\', 1e300")
    assert row == [[None, -(2**63), 0.5, None, None, "00ff", 'q"\\', 1e300]]
    done = ouro("sql", "--csv", tmp_path / "a.ouro", "SELECT NULL, 0.5, x'00ff', 'a,b', 'q\"', ''")
    assert done.stdout.splitlines()[1] == ',0.5,00ff,"a,b","q""",'


def test_schema(ouro, tmp_path):
    """Without a statement: SQL that makes the same tables, each with a word on what it is."""
    path = typical().write(tmp_path / "a.ouro")
    done = ouro("sql", path)
    assert (done.returncode, done.stderr) == (0, "")
    made = sqlite3.connect(":memory:")
    made.executescript(done.stdout)
    asked = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
    results = json.loads(ouro("sql", "--json", path, asked).stdout)["results"]
    assert [list(row) for row in made.execute(asked)] == results[0]["rows"]
    names = {row[0] for row in results[0]["rows"]}
    assert names == {
        "process", "frames", "tracebacks", "traces", "packages", "types", "lifetimes", "samples", "marks", "sums", "lines",
        "files", "functions",
    }
    for name in names - {"files", "functions", "lines"}:
        assert re.search(rf"^-- .*\n(-- .*\n)?CREATE (TABLE|VIEW) {name} \(", done.stdout, re.M)
    assert all(len(line) <= 100 for line in done.stdout.splitlines())
    made.close()


def test_on_a_terminal(ouro, tmp_path):
    path = typical().write(tmp_path / "a.ouro")
    master, slave = pty.openpty()
    assert ouro("sql", path, "SELECT 1 AS one", stdout=slave).returncode == 0
    os.close(slave)
    shown = os.read(master, 4096).decode()
    os.close(master)
    assert shown.replace("\r", "") == "\x1b[1mone\x1b[0m\n  1\n"


# What is wrong


@pytest.mark.parametrize("statement, message", [
    ("SELECT nope FROM lines", "no such column: nope (line 1, column 8)"),
    ("SELECT 1;\nSELECT 'ü', nope", "no such column: nope (line 2, column 13)"),
    ("SELEC 1", 'near "SELEC": syntax error (line 1, column 1)'),
    ("SELECT * FROM nowhere", "no such table: nowhere"),
    ("SELECT (", "incomplete input"),
    ("SELECT abs(-9223372036854775807 - 1)", "integer overflow"),
    ("SELECT 'a", "unrecognized token"),
    ("SELECT \"\x1b[2J\n\" || nope('x')", "no such function: nope"),
])
def test_wrong_statements(ouro, tmp_path, statement, message):
    path = typical().write(tmp_path / "a.ouro")
    for options in ([], ["--json"], ["--csv"]):
        done = ouro("sql", *options, path, statement)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("ouro: ") and message in done.stderr
        assert done.stderr.count("\n") == 1 and "\x1b" not in done.stderr


@pytest.mark.parametrize("statement", [
    "DELETE FROM traces", "UPDATE frames SET file = ''", "INSERT INTO packages VALUES ('a', 'b')", "DROP TABLE traces",
    "CREATE TABLE t (a)", "CREATE TEMP TABLE t (a)", "ATTACH '{}' AS x", "VACUUM INTO '{}'", "PRAGMA writable_schema = 1",
    "PRAGMA query_only", "BEGIN", "SELECT 1; DELETE FROM traces", "CREATE VIRTUAL TABLE v USING fts5(a)", "REINDEX",
])
def test_only_read(ouro, tmp_path, statement):
    path, out = typical().write(tmp_path / "a.ouro"), tmp_path / "out.db"
    done = ouro("sql", path, statement.format(out))
    assert (done.returncode, done.stdout) == (2, "") and "only read" in done.stderr
    assert not out.exists()


def test_extensions_are_not_loaded(ouro, tmp_path):
    done = ouro("sql", typical().write(tmp_path / "a.ouro"), "SELECT load_extension('/lib/x86_64-linux-gnu/libc.so.6')")
    assert done.returncode == 2 and "not authorized" in done.stderr


def test_wrong_use_and_failures(ouro, tmp_path):
    path = typical().write(tmp_path / "a.ouro")
    for arguments, word in [
        ([], "name a snapshot"), ([path, "a", "b"], "one argument"), (["--json", "--csv", path, "SELECT 1"], "not both"),
        (["--by", "line", path], "--by"), (["--filter", "x", path], "--filter"),
    ]:
        done = ouro("sql", *arguments)
        assert (done.returncode, done.stdout) == (2, "") and word in done.stderr and "ouro sql --help" in done.stderr
    for options in ([tmp_path / "none.ouro"], [tmp_path / "none.ouro", "SELECT 1"]):
        done = ouro("sql", *options)
        assert (done.returncode, done.stdout) == (125, "") and "No such file" in done.stderr
    with open("/dev/full", "w", encoding="utf-8") as full:
        for statement in ([], ["SELECT 1"], ["SELECT a.id FROM frames a, frames b, frames c, frames d, frames e, frames f"]):
            done = ouro("sql", path, *statement, stdout=full)
            assert done.returncode == 125 and "No space left" in done.stderr and done.stderr.count("\n") == 1
    assert ouro("sql", "--help").stdout.startswith("usage: ouro sql ")


def test_an_interrupted_query(ouro, tmp_path):
    """Ctrl-C in a query that would take for ever ends the tool as it ends others."""
    path = typical().write(tmp_path / "a.ouro")
    endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c"
    with subprocess.Popen([ouro.path, "sql", path, endless], env=ouro.environment(), stdout=subprocess.PIPE) as process:
        while True:  # until it computes
            with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
                if int(stat.read().rsplit(")", 1)[1].split()[11]) > 20:
                    break
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == -signal.SIGINT and process.stdout.read() == b""


@pytest.mark.parametrize("arguments", [
    ["sql", "{}", "SELECT * FROM lines"], ["sql", "--json", "{}", "SELECT * FROM lines"],
    ["export", "--to", "sqlite", "-o", "/dev/null", "{}"], ["export", "--to", "memray-csv", "-o", "/dev/null", "{}"],
])
def test_without_memory(ouro, tmp_path, arguments):
    """Whatever is refused, it is a message and an exit code."""
    snapshot = Snapshot([Trace(((f"/x{n}.py", "f", n),), 8, live=1) for n in range(3000)])
    path = snapshot.write(tmp_path / "a.ouro")
    limit, n_refused, n_shown = 6 << 20, 0, 0
    while n_shown < 3:
        limit += 384 << 10
        assert limit < 256 << 20
        done = ouro(*(a.format(path) for a in arguments),
                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        if done.returncode == 0:
            assert done.stderr == "" and (arguments[0] == "export" or done.stdout.count("/x") == 3000)
            n_shown += 1
        elif done.returncode == 125:
            assert done.stderr.startswith("ouro: ") and "memory" in done.stderr
            n_refused += 1
        else:
            assert done.returncode in (127, -11, -6) and done.stdout == ""  # the loader's own: no room for libraries
    assert n_refused > 0


# memray's CSV


def memray_rows(ouro, tmp_path, snapshot, *options):
    done = ouro("export", "--to", "memray-csv", *options, snapshot.write(tmp_path / "a.ouro"))
    assert (done.returncode, done.stderr) == (0, "")
    return list(csv.DictReader(io.StringIO(done.stdout, newline="")))


def test_memray_csv(ouro, tmp_path):
    """The columns that `memray transform csv` has, by its transform.py."""
    rows = memray_rows(ouro, tmp_path, Snapshot(TYPICAL))
    assert list(rows[0]) == ["allocator", "num_allocations", "size", "tid", "thread_name", "stack_trace"]
    assert {(r["allocator"], int(r["num_allocations"]), int(r["size"]), r["stack_trace"]) for r in rows} == {
        ("MALLOC" if t.domain == RAW else "PYMALLOC_MALLOC", t.live, t.live * t.size,
         "|".join(f"{name};{file};{line}" for file, name, line in reversed(t.frames)))
        for t in TYPICAL
    }
    peak = memray_rows(ouro, tmp_path, Snapshot(TYPICAL), "--peak", "--filter", "parse.py")
    assert [(r["num_allocations"], r["size"]) for r in peak] == [("20", "1280")]
    hostile = memray_rows(ouro, tmp_path, Snapshot([Trace(((f"/{n}"[:99], n, 1),), 10, live=1) for n in HOSTILE]))
    assert len(hostile) == len(HOSTILE) and all(r["stack_trace"].count(";") == 2 for r in hostile)


def test_a_terminal_gets_no_database(ouro, tmp_path):
    path = typical().write(tmp_path / "a.ouro")
    master, slave = pty.openpty()
    done = ouro("export", "--to", "sqlite", path, stdout=slave)
    os.close(slave)
    os.close(master)
    assert done.returncode == 2 and "-o FILE" in done.stderr
    piped = subprocess.run([ouro.path, "export", "--to", "sqlite", path], capture_output=True, check=True,
                           env=ouro.environment())
    assert piped.stdout.startswith(b"SQLite format 3\0")


def as_printed(rows):
    """Numbers with a fraction have 15 digits in JSON."""
    return [[float(f"{value:.15g}") if isinstance(value, float) else value for value in row] for row in rows]


@pytest.mark.parametrize("tracing", [{}, {"mode": snapshots.SAMPLED, "sample": 500}], ids=["exact", "sampled"])
@pytest.mark.parametrize(
    "asked",
    [
        "id = 7", "id = '7'", "id = 7.0", "id = 7.5", "id IS NULL", "id = 0", "id = -1", "id = 1000000", "id IN (9, 3, 'x')",
        "traceback = 3", "traceback = '3'", "traceback = 9223372036854775807", "traceback IN (SELECT id FROM tracebacks WHERE depth = 2)",
        "frame = 4", "frame = 4 AND traceback > 2", "frame = 4 AND id = 11", "live_bytes > 1000", "thread IS NULL", "domain = 'raw'",
    ],
)
def test_traces_as_they_lie_and_as_a_table(ask, database, asked, tracing):
    """What is read out of the snapshot is what a real table gives, by key and without."""
    traces = [Trace((MAIN, ("/app/more.py", f"f{n % 9}", n % 5)), 16 * n, live=n % 7, peak=n % 11, all=n, domain=n % 3) for n in range(1, 60)]
    question = f"SELECT *, typeof(live_bytes) FROM traces WHERE {asked} ORDER BY id"
    rows = database(Snapshot(traces, **tracing)).execute(question).fetchall()
    assert ask(Snapshot(traces, **tracing), question) == as_printed(rows)


@pytest.mark.parametrize("by", ["frame", "traceback", "frame DESC", "traceback, id", "traceback, id DESC", "frame, id", "size DESC, id"])
def test_orders_of_traces(ask, database, by):
    """Two orders are there before they are asked for; others are SQLite's."""
    traces = [Trace((MAIN, ("/app/more.py", f"f{n % 9}", n % 5)), 16 * (n % 13), live=n, all=n) for n in range(1, 60)]
    for question in (f"SELECT {by.split()[0].strip(',')} FROM traces ORDER BY {by}",
                     f"SELECT {by.replace(' DESC', '')}, sum(live_bytes) FROM traces GROUP BY {by.replace(' DESC', '')} ORDER BY {by}"):
        assert ask(Snapshot(traces), question) == [list(row) for row in database(Snapshot(traces)).execute(question)]


@pytest.mark.parametrize("tracing", [{}, {"mode": snapshots.SAMPLED, "sample": 500}], ids=["exact", "sampled"])
@pytest.mark.parametrize(
    "question",
    [
        "SELECT * FROM lines", "SELECT * FROM files", "SELECT * FROM functions", "SELECT count(*) FROM traces",
        "SELECT sum(live), count(*), max(depth) FROM lines, (SELECT max(depth) AS depth FROM tracebacks)",
        "SELECT files.live, frame, sum(live_bytes) FROM files, traces JOIN frames ON frame = frames.id "
        "WHERE frames.file = files.file GROUP BY frame",
    ],
)
def test_sums_made_beforehand(ask, database, question, tracing):
    """What is summed up by frame before it is asked for is what SQLite makes of a table of all traces."""
    traces = [Trace((MAIN, ("/app/more.py", f"f{n % 9}", n % 5)), 16 * n, live=n % 7, peak=n % 11, all=n) for n in range(1, 60)]
    traces += [Trace((), 8, live=3, all=5), Trace((MAIN,), 2**40, live=2**21, peak=2**22, all=2**22)]
    rows = database(Snapshot(traces, **tracing)).execute(question).fetchall()
    assert ask(Snapshot(traces, **tracing), question) == as_printed(rows)
