"""--json: the schema, and that what the record says is what the document says."""

import json

import pytest
import records
import schema
from records import MIB, moment, record, typical


@pytest.fixture
def played(play, tmp_path):
    def played(*made_up, options=(), **more):
        path = tmp_path / "run.json"
        play(*made_up, options=["--quiet", "--json", path, *options], **more)
        told = json.loads(path.read_bytes())
        schema.check(told)
        return told

    return played


def test_all_of_a_record(played):
    told = played(typical(limit=500 * MIB, limit_refusals=2, limit_last_size=12345, note="a note", debug=1))
    process = told["processes"][told["program"]["process"]]
    assert process["pid"] == told["program"]["pid"]
    assert process["state"] == "ended" and process["exit_code"] == 0
    assert process["command"] == ["python3", "app.py", "--big"]
    assert process["executable"] == "/usr/bin/python3.11"
    assert (process["lasted_ns"], process["user_ns"], process["system_ns"]) == (24 * 10**8, 22 * 10**8, 15 * 10**7)
    assert process["peak_resident_bytes"] == told["program"]["peak_resident_bytes"] == 214 * MIB
    assert process["allocations_by_domain"] == {"raw": 1_000_000, "mem": 2_200_000, "object": 38_000_000}
    assert process["frees_by_domain"] == {"raw": 999_000, "mem": 2_198_000, "object": 37_997_000}
    assert process["limit"] == {"limit_bytes": 500 * MIB, "refusals": 2, "last_refused_bytes": 12345}
    assert process["note"] == "a note" and process["debug"] is True
    assert process["purged_bytes"] == 150 * MIB and process["samples"] == 200
    assert process["python"] == {
        "version": "3.11.2",
        "version_hex": 0x030B02F0,
        "served": {"raw": True, "mem": True, "object": True},
        "free_threaded": False,
        "interpreters_own_gil": False,
    }


def test_the_collector(played):
    collector = played(typical())["processes"][0]["collector"]
    assert collector["mode"] == "paced"
    assert collector["generations"][2] == {
        "runs": 1,
        "time_ns": 41_000_000,
        "collected_objects": 4,
        "uncollectable_objects": 0,
    }
    assert collector["time_ns"] == 110_000_000
    assert collector["cpu_share"] == pytest.approx(0.11 / 2.35)
    assert collector["stock_thresholds"] == [700, 10, 10] and collector["thresholds"] == [90_000, 10, 10]
    assert (collector["raised"], collector["lowered"]) == (7, 1)
    assert (collector["forced"], collector["put_off"], collector["emptied"]) == (0, 3, 5)
    told = played(typical(gc_mode=records.GC_NONE, python_version=""))
    assert told["processes"][0]["collector"] is None and told["processes"][0]["python"] is None


def test_the_waterfall(played):
    process = played(typical())["processes"][0]
    assert process["peak"]["live_bytes"] == 180 * MIB
    assert process["peak"]["live_bytes_by_domain"] == {"raw": 20 * MIB, "mem": 40 * MIB, "object": 120 * MIB}
    assert process["peak"]["waterfall"] == {
        "asked_bytes": 169 * MIB,
        "rounding_bytes": 9 * MIB,
        "free_bytes": 4 * MIB,
        "cached_bytes": 3 * MIB,
        "records_bytes": 1 * MIB,
        "files_bytes": 12 * MIB,
        "other_bytes": 9 * MIB,
        "apart_bytes": 0,
        "resident_bytes": 207 * MIB,
    }


@pytest.mark.parametrize(
    "steps",
    [
        {"live": [5, 5, 5], "rounding": 100, "resident": 3},
        {"live": [100, 0, 0], "rounding": 60, "untouched": 70},
        {"live": [100, 0, 0], "untouched": 300, "resident": 10},
        {"live": [2**64 - 1] * 3, "free": 2**64 - 1, "other": 2**63, "resident": 2**64 - 1},
        {"live": [2**64 - 1] * 3, "rounding": 2**64 - 1, "untouched": 2**64 - 1, "resident": 0},
    ],
)
def test_the_waterfall_always_adds_up(played, steps):
    fall = played(typical(peak=moment(**steps)))["processes"][0]["peak"]["waterfall"]
    resident = fall.pop("resident_bytes")
    assert sum(fall.values()) == resident
    assert all(value >= 0 for key, value in fall.items() if key != "apart_bytes")


def test_endings(played):
    assert played(typical(), exit=3)["ending"] == {
        "exit_code": 3,
        "signal": None,
        "signal_name": None,
        "core_dumped": False,
    }
    ending = played(typical(state=records.RUNNING), exit=-15)["ending"]
    assert (ending["exit_code"], ending["signal"], ending["signal_name"]) == (None, 15, "SIGTERM")


def test_options(played):
    assert played(typical())["options"] == {"gc": "paced", "limit_bytes": None, "debug": False, "follow": True}
    given = ["--gc=stock", "--limit=1M", "--debug", "--no-follow"]
    assert played(typical(), options=given)["options"] == {
        "gc": "stock",
        "limit_bytes": MIB,
        "debug": True,
        "follow": False,
    }


def test_every_process_is_there(played):
    others = [record(command=[f"p{i}"], pid=4_100_000 + i, began_ns=10**9 * (50 - i)) for i in range(40)]
    told = played(typical(), *others)
    assert len(told["processes"]) == 41
    began = [process["began_unix_ns"] for process in told["processes"]]
    assert began == sorted(began)
    assert told["program"]["process"] == 40


def test_states(played):
    told = played(
        typical(number=9),
        typical(number=8, state=records.REPLACED),
        record(pid=4_100_000, state=records.RUNNING),
        record(pid=4_100_001, sequence=5),
        record(pid=4_100_002, exit_status=258),
        record(pid=4_100_003, exit_status=-1),
    )
    states = {(p["pid"], p["number"]): (p["state"], p["exit_code"]) for p in told["processes"]}
    own = told["program"]["pid"]
    assert states == {
        (own, 9): ("ended", 0),
        (own, 8): ("replaced", None),
        (4_100_000, 7): ("cut-short", None),
        (4_100_001, 7): ("cut-short", None),
        (4_100_002, 7): ("ended", 2),
        (4_100_003, 7): ("ended", None),
    }
    assert told["processes"][told["program"]["process"]]["number"] == 9


def test_advice(played):
    assert played(typical())["advice"] is None
    advice = played(typical(debug=1))["advice"]
    assert advice["code"] == "debug-heap" and "debug heap" in advice["text"]


def test_commands_that_are_not_utf8(lone, played):
    hostile = ["a\nb\x1b", "ü漢", "\udcff\udcfe", "\udce2\udc82", "", '"\\', "\udced\udca0\udc80", "\udcf5x"]
    wanted = ["a\nb\x1b", "ü漢", "\ufffd\ufffd", "\ufffd\ufffd", "", '"\\', "\ufffd" * 3, "\ufffdx"]
    assert played(typical(command=hostile))["processes"][0]["command"] == wanted
    told = lone.run_json("true", *hostile)
    schema.check(told)
    assert told["program"]["command"][1:] == wanted


def test_a_command_that_was_cut(played):
    command = played(typical(command=["x" * 300, "y" * 300]))["processes"][0]["command"]
    assert command == ["x" * 300, "y" * (480 - 301 - 1)]


def test_without_a_record(lone):
    told = lone.run_json("sh", "-c", "exit 4")
    schema.check(told)
    assert told["processes"] == [] and told["program"]["process"] is None
    assert told["ending"]["exit_code"] == 4
    assert told["kernel"]["largest_resident_bytes"] == told["program"]["peak_resident_bytes"] > 100_000
    assert 0 < told["kernel"]["wall_ns"] < 60 * 10**9


def test_the_peak_of_a_process_that_was_killed_is_the_kernels(played):
    told = played(typical(state=records.RUNNING, peak_resident=5), exit=-9)
    assert told["program"]["peak_resident_bytes"] == told["kernel"]["largest_resident_bytes"] > MIB


def test_the_schema_names_every_key(lone, played):
    """Both ways: what is written is in the schema (checked above), and what is required is written."""
    told = played(typical(limit=1, limit_refusals=1))
    assert set(told) == set(schema.SCHEMA["properties"]) == set(schema.SCHEMA["required"])
    process = schema.SCHEMA["$defs"]["process"]
    assert set(told["processes"][0]) == set(process["properties"]) == set(process["required"])


def test_nothing_traced(played):
    told = played(typical())
    assert told["traced"] is None
    assert told["snapshots"] == {"file": None, "taken": [], "failed": 0, "longest_stop_ns": 0}


def test_snapshots_that_could_not_be_written(played):
    told = played(
        typical(n_snapshots_failed=3, snapshot_longest_ns=7000),
        record(pid=4_100_000, n_snapshots_failed=4, snapshot_longest_ns=9000),
    )
    assert (told["snapshots"]["failed"], told["snapshots"]["longest_stop_ns"]) == (7, 9000)
