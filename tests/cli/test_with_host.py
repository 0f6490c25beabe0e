"""The tool and the real host library together: what real processes leave is read, ordered and told."""

import json
import signal
import sys

import pytest
import schema
from conftest import OURO, PYTHON

pytestmark = pytest.mark.skipif(
    not (OURO.parent.parent / "lib" / "libouro-host.so").exists(), reason="no host library beside the tool"
)


def told(ouro, *arguments, **options):
    document = ouro.run_json(*arguments, **options)
    schema.check(document)
    for process in document["processes"]:
        for moment in ("peak", "last"):
            fall = dict(process[moment]["waterfall"])
            assert sum(v for k, v in fall.items() if k != "resident_bytes") == fall["resident_bytes"]
    return document


def main(document):
    return document["processes"][document["program"]["process"]]


def test_a_program_in_c(ouro):
    document = told(ouro, "/bin/sh", "-c", "exit 3")
    process = main(document)
    assert process["state"] == "ended" and process["exit_code"] == 3
    assert process["command"] == ["/bin/sh", "-c", "exit 3"]
    assert process["pid"] == document["program"]["pid"]
    assert process["allocations_by_domain"]["raw"] > 0
    assert process["collector"] is None and process["python"] is None
    assert process["last"]["waterfall"]["resident_bytes"] > 500_000
    assert process["peak_resident_bytes"] <= document["kernel"]["largest_resident_bytes"] + 2**20


def test_a_python_program(ouro):
    script = "kept = [bytes(1000) for _ in range(100_000)]"
    process = main(told(ouro, PYTHON, "-c", script))
    assert process["python"]["version"] == sys.version.split()[0].rstrip("+")
    assert process["collector"]["mode"] == "paced"
    assert process["peak"]["live_bytes"] > 100_000_000
    assert process["last"]["live_bytes"] < process["peak"]["live_bytes"] / 2
    report = ouro.run(PYTHON, "-c", script).stderr
    assert f"Python {process['python']['version']}, exit 0" in report
    assert "collector    paced: " in report
    assert len(report.splitlines()) <= 24 and max(map(len, report.splitlines())) <= 80


def test_a_limit(ouro):
    result = ouro.run("--limit", "200M", PYTHON, "-c", "bytearray(1 << 30)")
    assert result.returncode == 1
    assert "MemoryError" in result.stderr
    assert "asked for 1.0 GiB at limit 200.0 MiB; refused" in result.stderr


@pytest.mark.parametrize("end, state", [("os._exit(4)", "ended"), ("os.kill(os.getpid(), 9)", "cut-short")])
def test_sudden_ends(ouro, end, state):
    document = told(ouro, PYTHON, "-c", f"import os; kept = bytearray(b'x') * 50_000_000; {end}")
    assert main(document)["state"] == state
    assert document["program"]["peak_resident_bytes"] > 50_000_000
    if state == "cut-short":
        assert document["ending"]["signal"] == signal.SIGKILL
    else:
        assert main(document)["exit_code"] == 4


def test_a_chain_of_programs_in_one_process(ouro):
    document = told(ouro, "/bin/sh", "-c", "exec env A=b /bin/sh -c 'exec sleep 0'")
    own = [p for p in document["processes"] if p["pid"] == document["program"]["pid"]]
    assert [p["command"][0] for p in own] == ["/bin/sh", "env", "/bin/sh", "sleep"]
    assert [p["state"] for p in own] == ["replaced"] * 3 + ["ended"]
    assert main(document) == own[-1]


def test_children(ouro):
    script = """
import os, subprocess
subprocess.run(["sleep", "0"])
if os.fork() == 0:
    kept = bytearray(b"x") * 30_000_000
    os._exit(7)
os.wait()
"""
    document = told(ouro, PYTHON, "-c", script)
    others = [p for p in document["processes"] if p["pid"] != document["program"]["pid"]]
    by_code = {p["exit_code"]: p for p in others if p["state"] == "ended"}
    assert by_code[7]["peak_resident_bytes"] > 30_000_000 and by_code[7]["forked"]
    assert ["sleep", "0"] in [p["command"] for p in others]
    assert main(document)["peak_resident_bytes"] < by_code[7]["peak_resident_bytes"]
    report = ouro.run(PYTHON, "-c", script).stderr
    assert "other processes" in report and "sleep 0" in report


LISTS_SNAPSHOTS = """
import os, subprocess, sys
kept = [bytearray(10000) for i in range(1000)]
for i in range(5):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    subprocess.run([sys.executable, "-c", "pass"])
print(sum(name.endswith(".ouro") for name in os.listdir(os.environ["OURO_SESSION"])))
"""


def test_nobody_writes_snapshots_that_nobody_reads(ouro, tmp_path):
    """The folder lies in memory: a program with thousands of children must not fill that."""
    for trace in ("--trace=sampled", "--trace=exact"):
        done = ouro.run(trace, PYTHON, "-c", LISTS_SNAPSHOTS)
        assert done.stdout == "0\n"
        assert "at the peak" in done.stderr and "<string>:3" in done.stderr
        done = ouro.run("--quiet", trace, "-f", "-o", tmp_path / "a.ouro", PYTHON, "-c", LISTS_SNAPSHOTS)
        assert done.stdout == "10\n"


def test_children_left_alone(ouro):
    document = told(ouro, "--no-follow", "/bin/sh", "-c", "sleep 0; /bin/sh -c 'sleep 0'; exit 5")
    assert {p["pid"] for p in document["processes"]} == {document["program"]["pid"]}
    assert document["ending"]["exit_code"] == 5


def test_a_process_that_outlives_the_program(ouro):
    document = told(ouro, "/bin/sh", "-c", "sleep 2 </dev/null >/dev/null 2>&1 & sleep 0.5; exit 0")
    states = {(*p["command"], p["state"]) for p in document["processes"]}
    assert ("sleep", "2", "running") in states


def test_a_child_that_was_killed(ouro):
    document = told(ouro, "/bin/sh", "-c", "sleep 60 & sleep 0.5; kill -9 $!; wait; exit 0")
    states = {(*p["command"], p["state"]) for p in document["processes"]}
    assert ("sleep", "60", "cut-short") in states and ("sleep", "0.5", "ended") in states


def test_a_statically_linked_parent_has_children_that_are_followed(ouro, tmp_path):
    from test_program import compile_c

    text = '#include <stdlib.h>\nint main(void){return system("sleep 0");}\n'
    document = told(ouro, compile_c(tmp_path, "fixed", text, "-static"))
    assert document["program"]["left_alone"] == "static" and document["program"]["process"] is None
    assert ["sleep", "0"] in [p["command"] for p in document["processes"]]


def test_the_debug_heap(ouro):
    result = ouro.run("--debug", "/bin/sh", "-c", "exit 3", timeout=20)
    assert result.returncode == 3
    assert "the debug heap was on" in result.stderr
    assert main(told(ouro, "--debug", "/bin/sh", "-c", "exit 3", timeout=20))["debug"] is True


def test_a_run_inside_a_run(ouro):
    result = ouro.run(ouro.path, "run", "/bin/sh", "-c", "exit 6")
    assert result.returncode == 6
    inner, outer = result.stderr.split("── ouro: ")[1:]
    assert inner.startswith("sh -c 'exit 6'") and outer.startswith("ouro run /bin/sh -c 'exit 6'")
    assert "sh -c 'exit 6'" not in outer.split("time ")[1]


def recording(ouro, path):
    done = ouro("plot", "--json", path)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


GROWS = """
import os, signal, time
kept = []
for _ in range(8):
    kept.append(bytearray(4 << 20))
    time.sleep(0.05)
"""


@pytest.mark.parametrize("trace", ["sampled", "exact", "off"])
def test_memory_over_time(ouro, tmp_path, trace):
    out = tmp_path / "a.ouro"
    done = ouro.run("-o", out, f"--trace={trace}", PYTHON, "-c", GROWS)
    assert done.returncode == 0
    assert f"next: ouro {'plot' if trace == 'off' else 'report'} {out}" in done.stderr
    document = recording(ouro, out)
    samples = document["samples"]
    assert len(samples) >= 10
    times = [sample["at_ns"] for sample in samples]
    assert times == sorted(times)
    assert all(sample["counted_at_ns"] <= sample["at_ns"] for sample in samples)
    assert all(0 < sample["files_bytes"] < sample["resident_bytes"] for sample in samples)
    live = [sum(sample["live_bytes"].values()) for sample in samples]
    # On the way it is seen to grow: not all is seen at once.
    assert max(live) >= 32 << 20 and len({size >> 22 for size in live}) >= 6
    assert samples[-1]["allocations"] >= samples[len(samples) // 2]["allocations"] > 0
    assert samples[-1]["gc_runs"][2] >= 1
    report = ouro("report", out)
    assert report.returncode == 0
    assert ("no traces" in report.stdout) == (trace == "off")


# As a program that is killed when it has opened the file for its last snapshot, and written nothing.
OPENED = """
import glob
(found,) = glob.glob(f"{os.environ['OURO_SESSION']}/{os.getpid()}.0*")
open(f"{os.environ['OURO_SESSION']}/{os.getpid()}.0.part", "w").close()
"""


@pytest.mark.parametrize("opened", ["", OPENED])
def test_memory_over_time_of_what_was_killed(ouro, tmp_path, opened):
    out = tmp_path / "a.ouro"
    done = ouro.run("-o", out, PYTHON, "-c", GROWS + opened + "os.kill(os.getpid(), signal.SIGKILL)")
    assert done.returncode == -9
    assert "memory over time alone" in done.stderr and f"next: ouro plot {out}" in done.stderr
    document = recording(ouro, out)
    assert document["snapshot"]["reason"] == "killed"
    assert document["samples"][-1]["resident_bytes"] > 32 << 20
    assert document["snapshot"]["taken_at_ns"] >= document["samples"][-1]["at_ns"] > 300_000_000
    assert "(killed)" in ouro("plot", out).stdout
    assert "no traces" in ouro("report", out).stdout


def test_no_recording(ouro, tmp_path):
    out = tmp_path / "a.ouro"
    assert ouro.run("--quiet", "-o", out, "--record", "0", PYTHON, "-c", "pass").returncode == 0
    assert ouro("plot", out).returncode == 125
    assert ouro("report", out).returncode == 0


def test_a_chosen_interval(ouro, tmp_path):
    out = tmp_path / "a.ouro"
    assert ouro.run("--quiet", "-o", out, "--record", "100", PYTHON, "-c", GROWS).returncode == 0
    # The first look, the highest moment and the last one.
    assert 1 <= len(recording(ouro, out)["samples"]) <= 3


def test_memory_over_time_of_children(ouro, tmp_path):
    out = tmp_path / "a.ouro"
    code = "import os\nif os.fork() == 0:" + GROWS.replace("\n", "\n    ") + "\n    os._exit(0)\nos.wait()"
    assert ouro.run("--quiet", "-o", out, PYTHON, "-c", code).returncode == 0
    child = next(path for path in tmp_path.glob("a.*.ouro"))
    samples = recording(ouro, child)["samples"]
    assert len(samples) >= 10
    assert max(sum(sample["live_bytes"].values()) for sample in samples) >= 32 << 20
    assert max(sum(sample["live_bytes"].values()) for sample in recording(ouro, out)["samples"]) < 32 << 20


@pytest.mark.parametrize("options, word", [
    (["--record", "often", "-o", "a"], "often"), (["--record", "1"], "goes with -o"), (["--record", "-1", "-o", "a"], "-1"),
    (["--record", "0", "--trace=off", "-o", "a"], "nothing to write"), (["--record", "1e9", "-o", "a"], "1e9"),
    (["--record", "nan", "-o", "a"], "nan"),
])
def test_wrong_intervals(ouro, options, word):
    done = ouro.run(*options, PYTHON, "-c", "pass")
    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr and done.stderr.count("\n") == 1
