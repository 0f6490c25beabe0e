"""Tracing that the program itself begins, changes and ends while it runs: <ouro/host.h>.

ctest: timeout=600
"""

import json
import subprocess
import sys

import native
import pytest

sys.path.insert(0, str(native.ROOT / "tests" / "cpython"))
import suites

PROGRAM = native.HERE / "programs" / "control.py"
PYTHONS = [python for python in suites.discover() if not python.free_threaded]
SIZE = 100000
BYTES_HEAD = 33


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("program")
    return native.compile_program(folder, "control.c", f"-I{native.ROOT / 'include'}")


@pytest.fixture(params=PYTHONS, ids=lambda python: python.label)
def python(request):
    return request.param


@pytest.mark.parametrize("what", ["errors", "counts", "storm"])
def test_in_c(program, what):
    assert native.run_on_host([program, what]).stdout == "ok\n"


def test_in_c_on_the_debug_heap(program):
    assert native.run_on_host([program, "storm"], changes={"OURO_DEBUG": "1"}).stdout == "ok\n"


def test_each_block_from_the_start_on_counts(python):
    """In the domains that the interpreter's lock guards, too: the first block behind each start is traced."""
    seen = json.loads(native.run_on_host([python.path, PROGRAM, "counts"]).stdout)
    block = SIZE + BYTES_HEAD
    assert seen == [[block, 0, -block, True, 1, block, True, 0, 0]] * 50


def test_beside_other_threads(python, tmp_path):
    """The snapshot at the end has the last tracing, whole; under the tool the program has begun sampled."""
    file = tmp_path / "run.ouro"
    command = [native.OURO, "run", "--quiet", "-o", file, python.path, PROGRAM, "threads"]
    run = subprocess.run(
        list(map(str, command)),
        env=native.clean_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0 and run.stderr == "", run.stderr
    shown = subprocess.run(
        [str(native.OURO), "export", str(file), "--to", "json", "-o", "-"], capture_output=True, text=True, check=True
    )
    data = json.loads(shown.stdout)
    with open(PROGRAM) as text:
        (line,) = [n for n, row in enumerate(text, 1) if row.rstrip().endswith("# kept")]
    blocks = {}
    for path, size, _, _, live, *_ in data["traces"]:
        frame = data["frames"][data["paths"][path][1]]
        if (frame["file"], frame["line"]) == (str(PROGRAM), line):
            blocks[size] = blocks.get(size, 0) + live
    size = json.loads(run.stdout)
    assert size == 5000 + BYTES_HEAD
    # And the list with what it grew through, of which the last is live; the interpreter may have something of its own there.
    assert blocks.pop(size) == 2000
    assert 1 <= sum(blocks.values()) <= 4
