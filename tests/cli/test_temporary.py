"""`ouro report --temporary`: what was freed within so many allocations."""

import csv
import io
import json

import pytest
from snapshots import EXACT, SAMPLED, Snapshot, Trace

MAIN, PARSE, LOAD = ("/app/main.py", "main", 40), ("/app/parse.py", "parse", 7), ("/app/main.py", "load", 12)


def lives(**tracing):
    return Snapshot(
        [
            Trace((MAIN, PARSE), 100, live=10, all=1000, ended=(500, 100, 50, 0, 0, 0, 300)),
            Trace((MAIN, PARSE), 20, live=0, all=40, ended=(0, 0, 40)),
            Trace((MAIN, LOAD), 5000, live=90, peak=95, all=100, ended=(0, 2, 0, 0, 0, 0, 0)),
            Trace((), 1, live=7, all=7),
        ],
        **tracing,
    )


@pytest.fixture
def shown(ouro, tmp_path):
    def shown(*options, snapshot=None):
        done = ouro("report", *options, (snapshot or lives()).write(tmp_path / "lives.ouro"))
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout) if "--json" in options else done.stdout

    return shown


def rows(told):
    return {(row["file"], row["line"]): (row["bytes"], row["blocks"], row["freed"]) for row in told["rows"]}


@pytest.mark.parametrize(
    "within, parse, load",
    [
        (1, (50_000, 500, 500 / 1040), None),
        (10, (60_000, 600, 600 / 1040), (10_000, 2, 0.02)),
        (100, (65_800, 690, 690 / 1040), (10_000, 2, 0.02)),
        (100_000, (65_800, 690, 690 / 1040), (10_000, 2, 0.02)),
        (1_000_000, (95_800, 990, 990 / 1040), (10_000, 2, 0.02)),
    ],
)
def test_rows(shown, within, parse, load):
    told = shown(f"--temporary={within}", "--json")
    wanted = {("/app/parse.py", 7): parse, ("/app/main.py", 12): load}
    assert rows(told) == {place: pytest.approx(row) for place, row in wanted.items() if row is not None}
    assert told["lifetimes"]["within"] == within and told["lifetimes"]["allocated_blocks"] == 1147
    assert [one["blocks"] for one in told["lifetimes"]["freed"]] == [500, 602, 692, 692, 692, 692, 992]


def test_ten_without_a_number(shown):
    assert shown("--temporary", "--json") == shown("--temporary=10", "--json")
    assert shown("--churn", "--json")["lifetimes"] is None


def test_other_rows_and_filters(shown):
    told = shown("--temporary", "--by", "function", "--cumulative", "--json")
    whole = {row["function"]: (row["blocks"], row["freed"]) for row in told["rows"]}
    assert whole == {"main": (602, 602 / 1140), "parse": (600, 600 / 1040), "load": (2, 0.02)}
    told = shown("--temporary=1000000", "--exclude", "parse", "--json")
    assert list(rows(told)) == [("/app/main.py", 12)] and told["lifetimes"]["allocated_blocks"] == 107
    assert [one["blocks"] for one in told["lifetimes"]["freed"]] == [0, 2, 2, 2, 2, 2, 2]


def test_text_and_csv(shown):
    text = shown("--temporary")
    assert "freed within 10 allocations" in text
    assert "lifetimes    of 1147 blocks, freed within 1: 43.6 %, 10: 52.5 %, 100: 60.3 %," in text
    assert "  58.6 KiB  85.7%      600   57.7%  /app/parse.py:7" in text
    assert "freed within 1 allocation\n" in shown("--temporary=1")
    assert "/app/parse.py" in shown("--temporary", "--tree")
    row = next(csv.DictReader(io.StringIO(shown("--temporary", "--csv"))))
    assert (row["file"], row["blocks"], row["freed"]) == ("/app/parse.py", "600", "0.5769")


def test_estimates(shown):
    """Each block that was met stands for as many of all as of those that were freed soon."""
    told = shown("--temporary", "--json", snapshot=lives(mode=SAMPLED, sample=1000))
    figures = rows(told)[("/app/parse.py", 7)]
    assert figures[1] == round(600 / 0.09516258) and told["rows"][0]["bytes_error"] > 0
    assert rows(shown("--temporary", "--json", snapshot=lives(mode=EXACT)))[("/app/parse.py", 7)][1] == 600


def test_where_none_were_noted(ouro, tmp_path):
    path = Snapshot([Trace((MAIN,), 100, live=1, all=1)]).write(tmp_path / "plain.ouro")
    done = ouro("report", "--temporary", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"ouro: {path} has no lifetimes: ouro run --lifetimes notes them\n"


def test_more_lives_than_blocks(ouro, tmp_path):
    snapshot = lives()
    snapshot.lives[1] = (0, 0, 0, 1001, 0, 0, 0)
    done = ouro("report", "--temporary", "--json", snapshot.write(tmp_path / "odd.ouro"))
    assert done.returncode == 0 and "is at odds with itself: no such ends of life 1" in done.stderr
    assert list(rows(json.loads(done.stdout))) == [("/app/main.py", 12)]


def test_in_sql(ouro, tmp_path):
    path = lives().write(tmp_path / "lives.ouro")
    asked = (
        "SELECT function, line, within, sum(blocks), sum(bytes) FROM lifetimes"
        " JOIN traces ON traces.id = trace JOIN frames ON frames.id = frame GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    done = ouro("sql", "--json", path, asked)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["results"][0]["rows"] == [
        ["load", 12, 10, 2, 10_000],
        ["parse", 7, 1, 500, 50_000],
        ["parse", 7, 10, 100, 10_000],
        ["parse", 7, 100, 90, 5_800],
        ["parse", 7, 1_000_000, 300, 30_000],
    ]
    sampled = lives(mode=SAMPLED, sample=1000).write(tmp_path / "sampled.ouro")
    (found,) = json.loads(ouro("sql", "--json", sampled, "SELECT sum(blocks) FROM lifetimes WHERE within <= 10").stdout)[
        "results"
    ][0]["rows"]
    (wanted,) = [
        one["blocks"]
        for one in json.loads(ouro("report", "--temporary=10", "--json", sampled).stdout)["lifetimes"]["freed"]
        if one["within"] == 10
    ]
    assert round(found[0]) == wanted


def test_none_in_sql_where_none_were_noted(ouro, tmp_path):
    path = Snapshot([Trace((MAIN,), 8, live=1)]).write(tmp_path / "plain.ouro")
    done = ouro("sql", "--json", path, "SELECT * FROM lifetimes")
    assert json.loads(done.stdout)["results"][0]["rows"] == []
