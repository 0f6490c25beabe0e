"""Records that are truncated, foreign, hostile or of another time: none may crash the tool or fool it."""

import json
import os
import random

import pytest
import records
import schema
from records import record, typical

PID = 4_100_000


def unreadable(report):
    return "could not be read" in report


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 100, 1000])
def test_truncated_records(play, layout, cut):
    report = play(typical(), record(pid=PID, cut=cut)).stderr
    assert "1 record could not be read" in report
    assert "other processes" not in report
    report = play(typical(cut=layout["record"][1] - 1)).stderr
    assert unreadable(report) and "left no record" in report


def test_a_longer_file_is_read_as_far_as_it_is_known(play, layout):
    """The host maps whole pages: what is behind the record is room."""
    code = 'open(f"{session}/{os.getpid()}.7.rec", "ab").write(bytes(5000))'
    assert not unreadable(play(typical(), code=code).stderr)


@pytest.mark.parametrize("change", [{"magic": "OUROREC0"}, {"magic": "\0" * 8}, {"version": 99}, {"size": 10}])
def test_records_of_another_time(play, change):
    assert "1 record could not be read" in play(typical(), record(pid=PID, **change)).stderr


def test_a_record_that_is_always_being_written(play):
    report = play(typical(), record(command=["odd"], pid=PID, sequence=2**32 - 1)).stderr
    assert " odd " in report and "! did not end by itself" in report


def test_enums_out_of_range(play, tmp_path):
    made_up = typical(state=77, gc_mode=99, gc_longest_generation=2**32 - 1, command_bytes=2**32 - 1)
    result = play(made_up, options=["--json", tmp_path / "json"])
    assert result.returncode == 0
    assert "figures as of the last update" in result.stderr
    schema.check(json.loads((tmp_path / "json").read_text()))


def test_strings_without_an_end(play, layout):
    full = {name: "x" * layout[name][1] for name in ("executable", "python_version", "note")}
    result = play(typical(command=["y" * 1000], **full), env={"COLUMNS": "120"})
    assert result.returncode == 0
    assert "Python xxxxxxxxxxx…" in result.stderr


def test_names_that_are_no_records_are_not_counted(play):
    code = """
for name in ("notes.txt", "1.rec", "x.0.rec", "1.x.rec", "1.0.rec.tmp", ".1.0.rec", "1..rec", "-1.0.rec",
             "1.99999999999999999999.rec", "1.4294967296.rec"):
    open(f"{session}/{name}", "x").close()
"""
    assert not unreadable(play(typical(), code=code).stderr)


def test_other_kinds_of_files(play):
    code = """
os.mkfifo(f"{session}/1.0.rec")
os.mkdir(f"{session}/2.0.rec")
os.symlink(f"{session}/{os.getpid()}.7.rec", f"{session}/3.0.rec")
os.symlink("/dev/zero", f"{session}/4.0.rec")
"""
    report = play(typical(), code=code).stderr
    assert "4 records could not be read" in report
    assert "other processes" not in report


def test_a_session_folder_that_is_gone(play):
    code = 'import shutil; shutil.rmtree(session)'
    result = play(typical(), code=code, exit=6)
    assert result.returncode == 6
    assert "ouro: cannot read" in result.stderr and "left no record" in result.stderr


def test_many_records(play):
    result = play(typical(), *[record(pid=PID, number=i) for i in range(3000)], timeout=60)
    assert result.returncode == 0
    assert "2990 more in --json" in result.stderr


@pytest.mark.parametrize("seed", range(6))
def test_random_bytes(play, layout, tmp_path, seed):
    """Everything but what makes it a record is noise, of every value's extremes too."""
    rng = random.Random(seed)
    size = layout["record"][1]
    made_up = []
    for i in range(40):
        head = records.pack(layout, record(pid=PID + i, state=0))
        noise = bytearray(rng.randbytes(size) if i % 4 else bytes([rng.choice((0, 127, 128, 255))]) * size)
        for name in ("magic", "version", "size", "sequence") + (("pid",) if i % 2 else ()):
            offset, length = layout[name]
            noise[offset : offset + length] = head[offset : offset + length]
        made_up.append(record(pid=PID + i, raw=noise.hex()))
    own = bytearray(rng.randbytes(size))
    for name in ("magic", "version", "size", "sequence"):
        offset, length = layout[name]
        own[offset : offset + length] = records.pack(layout, record(pid=1))[offset : offset + length]
    patch = f"""
own = bytearray(bytes.fromhex({own.hex()!r}))
offset = plan["layout"]["pid"][0]
own[offset : offset + 4] = os.getpid().to_bytes(4, sys.byteorder)
open(f"{{session}}/{{os.getpid()}}.0.rec", "xb").write(own)
"""
    result = play(*made_up, code=patch, options=["--json", tmp_path / "json"], exit=6)
    assert result.returncode == 6
    assert "\x1b" not in result.stderr and "could not be read" not in result.stderr
    assert all(line.isprintable() for line in result.stderr.splitlines())
    schema.check(json.loads((tmp_path / "json").read_text()))
    assert os.path.getsize(tmp_path / "json") > 1000
