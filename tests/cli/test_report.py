"""The report, from records that are made up, so that every figure is known."""

import re
import unicodedata

import pytest
import records
from records import MIB, moment, record, typical

UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
SIZE = r"(-?[\d.]+ (?:B|[KMGT]iB))"


def size(text):
    amount, unit = text.split()
    return float(amount) * UNITS[unit]


def waterfall(report):
    """{step: (at the peak, at the end)}, bytes."""
    steps = {}
    for line in report.splitlines():
        found = re.match(rf"(live, as asked for|\+ [^0-9]+?|= resident) +{SIZE}[ #█▏▎▍▌▋▊▉]+{SIZE}", line)
        if found:
            steps[found[1].strip()] = (size(found[2]), size(found[3]))
    return steps


def test_a_typical_report(play):
    report = play(typical()).stderr
    assert "Python 3.11.2, exit 0" in report
    assert "memory       214.0 MiB resident at most, 34.0 MiB at the end" in report
    assert "180.0 MiB at most: object 120.0 MiB, mem 40.0 MiB, raw 20.0 MiB" in report
    assert "2.0 MiB at the end: object 512.0 KiB, mem 512.0 KiB, raw 1.0 MiB" in report
    assert "41.2 M, 17.2 M a second: object 38.0 M, mem 2.2 M, raw 1.0 M" in report
    flat = " ".join(report.split())
    assert "paced: 120 young, 4 middle and 1 full runs took 110 ms, 4.7 % of CPU; the longest 41 ms" in flat
    assert "freed 1234 objects, 390.6 KiB" in flat
    assert "raised the threshold 7 times, lowered it 1, put off 3 full runs, brought forward 0" in flat
    assert "advice" not in report


def test_the_waterfall_adds_up(play):
    steps = waterfall(play(typical()).stderr)
    assert steps["live, as asked for"] == (169 * MIB, pytest.approx(2 * MIB - 100_000, rel=0.03))
    assert steps["+ rounding to size classes"][0] == 9 * MIB
    assert steps["+ free in part-full pools"] == (4 * MIB, 8 * MIB)
    assert steps["+ empty pools, kept"] == (3 * MIB, 2 * MIB)
    assert steps["+ Ouro's own records"] == (MIB, MIB)
    assert steps["+ files, shared memory"] == (12 * MIB, 12 * MIB)
    assert steps["+ stacks, data, foreign"] == (9 * MIB, 9 * MIB)
    for column in (0, 1):
        total = steps["= resident"][column]
        assert sum(s[column] for n, s in steps.items() if n != "= resident") == pytest.approx(total, abs=MIB / 5)
    assert "+ not agreed upon" not in steps


def test_a_waterfall_that_does_not_add_up_says_so(play):
    peak = moment(live=[10 * MIB, 0, 0], files=2 * MIB, resident=9 * MIB)
    steps = waterfall(play(typical(peak=peak)).stderr)
    assert steps["+ not agreed upon"][0] == -3 * MIB
    assert steps["= resident"][0] == 9 * MIB


@pytest.mark.parametrize("columns", [60, 80, 100, 120])
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_it_fits_the_screen(play, columns, locale):
    made_up = typical(
        limit=500 * MIB,
        limit_refusals=3,
        limit_last_size=1288490189,
        note="objects stay with Python's own allocator: it is free-threaded",
    )
    report = play(made_up, env={"COLUMNS": str(columns), "LC_ALL": locale}).stderr
    assert max(map(len, report.splitlines())) <= columns
    assert all(line == line.rstrip() for line in report.splitlines())
    if columns >= 80:
        assert len(report.splitlines()) <= 24
    if locale == "C":
        assert report.isascii()


def test_bars_are_in_proportion(play):
    env = {"COLUMNS": "120", "LC_ALL": "C"}
    report = play(typical(), env=env).stderr
    line = next(line for line in report.splitlines() if line.startswith("live, as asked"))
    bar = (120 - 27 - 24) // 2
    assert line.count("#") == pytest.approx(bar * 169 / 207, abs=2)


def test_limits(play):
    report = play(typical(limit=500 * MIB, limit_refusals=2, limit_last_size=1288490189)).stderr
    assert "asked for 1.2 GiB at limit 500.0 MiB; refused 2 times" in report
    assert "500.0 MiB, never reached" in play(typical(limit=500 * MIB)).stderr
    assert "\nlimit" not in play(typical()).stderr


def test_programs_that_are_not_python(play):
    plain = typical(python_version="", gc_mode=records.GC_NONE)
    report = play(plain).stderr
    assert "collector" not in report and "Python" not in report.splitlines()[0]
    assert "allocations" in report


def test_collector_modes(play):
    assert "stock: 120 young" in play(typical(gc_mode=records.GC_STOCK)).stderr
    assert "pacing" not in play(typical(gc_mode=records.GC_STOCK)).stderr
    assert "as the program set it: 120 young" in play(typical(gc_mode=records.GC_OBEYED)).stderr
    assert "paced: no runs" in play(typical(gc=[{}, {}, {}])).stderr


def test_a_process_that_was_killed(play):
    result = play(typical(state=records.RUNNING), exit=-9)
    assert result.returncode == -9
    assert "killed by SIGKILL" in result.stderr
    assert "figures as of the last update" in result.stderr
    assert "34.0 MiB at the last update" in result.stderr and "at the end" not in result.stderr


def test_a_record_that_was_torn(play):
    assert "figures as of the last update" in play(typical(sequence=3)).stderr
    assert "figures as of the last update" not in play(typical(sequence=4)).stderr


def test_a_process_that_became_others_by_exec(play):
    result = play(
        record(command=["/bin/sh", "-c", "exec env python3 app.py"], number=5, state=records.REPLACED),
        record(command=["env", "python3", "app.py"], number=6, state=records.REPLACED),
        typical(number=7),
    )
    assert "began as     sh -c 'exec env python3 app.py' (the first of 3 programs)" in result.stderr
    assert "180.0 MiB at most" in result.stderr
    assert "other processes" not in result.stderr


def others(count):
    return [
        record(
            command=["gcc", "-c", f"file{i}.c"],
            pid=4_100_000 + i,
            number=0,
            lasted_ns=(i + 1) * 10**9,
            peak=moment(live=[i * MIB, 0, 0]),
            peak_resident=(i + 3) * MIB,
        )
        for i in range(count)
    ]


def rows(report):
    return re.findall(r"^ *(\d+)  (\S.*?) {2,}(\S.*?)([ +!=]) +", report, re.M)


def test_other_processes_are_listed_by_size(play):
    report = play(typical(), *others(3)).stderr
    assert [row[:2] for row in rows(report)] == [
        ("4100002", "gcc -c file2.c"),
        ("4100001", "gcc -c file1.c"),
        ("4100000", "gcc -c file0.c"),
    ]
    line = next(line for line in report.splitlines() if "file2.c" in line)
    assert line.split() == "4100002 gcc -c file2.c 3.00 s 2.0 MiB 5.0 MiB -".split()


def test_only_the_largest_are_listed(play):
    report = play(typical(), *others(25)).stderr
    assert len(rows(report)) == 10
    assert rows(report)[0][1] == "gcc -c file24.c" and rows(report)[-1][1] == "gcc -c file15.c"
    assert "15 more in --json" in report
    assert "more in --json" not in play(typical(), *others(10)).stderr


def test_programs_of_one_process_are_one_line(play):
    report = play(
        typical(),
        record(command=["sh"], pid=4_100_000, number=0, state=records.REPLACED, lasted_ns=10**9,
               peak=moment(live=[9 * MIB, 0, 0]), peak_resident=5 * MIB),
        record(command=["cat"], pid=4_100_000, number=1, lasted_ns=2 * 10**9,
               peak=moment(live=[4 * MIB, 0, 0]), peak_resident=11 * MIB),
        record(command=["reborn"], pid=4_100_000, number=2, peak_resident=MIB),
    ).stderr
    assert [row[1] for row in rows(report)] == ["cat", "reborn"]
    line = next(line for line in report.splitlines() if "  cat" in line)
    assert line.split() == "4100000 cat 3.00 s 9.0 MiB 11.0 MiB -".split()


def test_processes_that_were_killed_are_marked(play):
    report = play(typical(), record(command=["gone"], pid=4_100_000, state=records.RUNNING)).stderr
    assert rows(report) == [("4100000", "gone", "1.00 s", "!")]
    assert "! did not end by itself: figures as of the last update (1)" in report


def test_processes_that_forbade_themselves_system_calls_are_marked(play):
    confined = record(command=["hidden"], pid=4_100_000, state=records.CONFINED)
    report = play(typical(), confined, record(command=["gone"], pid=4_100_001, state=records.RUNNING)).stderr
    assert sorted(rows(report)) == [("4100000", "hidden", "1.00 s", "="), ("4100001", "gone", "1.00 s", "!")]
    assert "! did not end by itself: figures as of the last update (1)" in report
    assert "= forbade itself system calls: figures as of then (1)" in " ".join(report.split())


def test_processes_that_still_run_are_told(play):
    """The program leaves a process behind, which has a record like any other."""
    code = """
import subprocess, time
helper = subprocess.Popen(["sleep", "5"], stdin=-3, stdout=-3, stderr=-3)
entry = dict(plan["records"][0], pid=helper.pid, state=0, command=["helper"], began_ns=time.time_ns())
with open(f"{session}/{helper.pid}.0.rec", "xb") as file:
    file.write(pack(plan["layout"], entry))
"""
    report = play(typical(), code=code).stderr
    assert [row[1:] for row in rows(report)] == [("helper", "2.40 s", "+")]
    assert "+ still running (1)" in report


    # Had the record begun before that process was started, it would be another's of the same pid.
    older = code.replace("time.time_ns()", "time.time_ns() - 20 * 10**9")
    report = play(typical(), code=older).stderr
    assert [row[1:] for row in rows(report)] == [("helper", "2.40 s", "!")]


def test_commands_are_shown_safely(play):
    hostile = ["evil\x1b[2J", "a\nb", "\r", "\u202egnp", "\u200b", "\udcff", "sp ace", "", "q'q", "ü"]
    report = play(typical(), record(command=hostile, pid=4_100_000), env={"COLUMNS": "120"}).stderr
    assert "\x1b" not in report and "\r" not in report and "\u202e" not in report
    assert r"evil\x1b[2J" in report and r"a\nb" in report
    assert len(rows(report)) == 1
    assert "\udcff" not in report


def test_the_own_command_is_shown_safely(lone):
    report = lone.run("true", "\x1b]0;title\x07", "\n\n", "\u202e", "\udcfe\udcff", env={"COLUMNS": "120"}).stderr
    first = report.split("\n")[0]
    assert r"'\x1b]0;title\a' '\n\n'" in first and r"\xe2\x80\xae" in first and r"\xfe\xff" in first
    assert len(report.splitlines()) == len(lone.run("true", env={"COLUMNS": "120"}).stderr.splitlines())


@pytest.mark.parametrize("columns", [60, 80])
def test_long_and_wide_commands_are_cut(play, lone, columns):
    wide = "漢字" * 200
    for report in (
        lone.run("true", wide, env={"COLUMNS": str(columns)}).stderr,
        play(typical(), record(command=[wide], pid=4_100_000), env={"COLUMNS": str(columns)}).stderr,
    ):
        for line in report.splitlines():
            columns_used = sum(2 if unicodedata.east_asian_width(c) == "W" else 1 for c in line)
            assert columns_used <= columns
    assert "…" in report


def advice(result):
    """The advice on one line, or None."""
    found = re.search(r"^advice +(.*?)(?=\n\S|\n\n|\Z)", result.stderr, re.M | re.S)
    return found and " ".join(found[1].split())


def busy(*shares):
    return [{"runs": 10, "ns": int(share * 2_350_000_000)} for share in shares]


def test_advice_on_the_collector(play):
    stock = {"gc_mode": records.GC_STOCK}
    assert advice(play(typical(gc=busy(0.02, 0.01, 0.01), **stock))) is None
    assert "took 41 % of the CPU time; --gc=paced" in advice(play(typical(gc=busy(0.2, 0.1, 0.11), **stock)))
    assert advice(play(typical(gc=busy(0.05, 0.05, 0.04)))) is None
    clean = advice(play(typical(gc=busy(0.2, 0.1, 0.1))))
    assert "even when paced and freed little" in clean and "cyclic garbage" not in clean
    found = busy(0.2, 0.1, 0.1)
    found[0]["collected"] = 600_000
    assert "paced: the program makes much cyclic garbage" in advice(play(typical(gc=found)))
    bulky = advice(play(typical(gc=busy(0.2, 0.1, 0.1), gc_freed_bytes=300 * MIB)))
    assert "paced: the program makes much cyclic garbage" in bulky
    obeyed = play(typical(gc=busy(0.2, 0.1, 0.1), gc_mode=records.GC_OBEYED))
    assert "gc.set_threshold()" in advice(obeyed)
    # Forty percent of next to nothing is nothing.
    short = play(typical(gc=busy(0.0002, 0, 0), user_ns=1_000_000, system_ns=0, **stock))
    assert advice(short) is None


def test_advice_on_the_waterfall(play):
    def of(when, **steps):
        return advice(play(typical(**{when: moment(live=[0, 0, 100 * MIB], **steps)})))

    assert of("last", free=20 * MIB) is None
    assert "60.0 MiB lie free in part-full pools" in of("last", free=60 * MIB)
    assert "60.0 MiB were kept in empty pools" in of("last", cached=60 * MIB)
    assert "75 % of the resident memory lies outside the heap" in of("peak", other=300 * MIB)
    assert "75 % of the resident memory is files" in of("peak", files=300 * MIB)
    assert of("peak", rounding=10 * MIB) is None
    assert "20 % of the live bytes are rounding" in of("peak", rounding=20 * MIB)


def test_advice_on_the_rest(play):
    assert "debug heap was on" in advice(play(typical(debug=1)))
    assert "above 1.7 GiB" in advice(play(typical(limit=500 * MIB, limit_refusals=1, limit_last_size=1288490189)))
    gc = [{"runs": 1}, {}, {"runs": 2, "uncollectable": 12}]
    assert "12 objects that it cannot free" in advice(play(typical(gc=gc)))
    child = record(command=["worker"], pid=4_100_000, peak_resident=900 * MIB)
    assert "see pid 4100000 (900.0 MiB)" in advice(play(typical(), child))


def test_quiet_is_quiet(play):
    assert play(typical(), *others(2), options=["--quiet"]).stderr == ""


def test_without_a_record_the_kernel_is_asked(lone):
    report = lone.run("sh", "-c", "exit 3").stderr
    assert "left no record: only what the kernel knows" in report
    assert re.search(r"^memory +[\d.]+ MiB resident at most$", report, re.M)
    assert "live to resident" not in report


def test_children_of_a_program_that_left_no_record(play):
    report = play(*others(2)).stderr
    assert "left no record" in report and len(rows(report)) == 2
