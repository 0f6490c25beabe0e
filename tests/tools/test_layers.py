"""tools/layers.py finds each kind of fault, and passes this repository."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def run_layers(root):
    done = subprocess.run(
        [sys.executable, REPOSITORY / "tools" / "layers.py", root], capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def put(root, path, *lines):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")


@pytest.fixture
def tree(tmp_path):
    """A small tree in which every door that stands open is used."""
    put(tmp_path, "include/ouro/base.h", "#include <stddef.h>")
    put(tmp_path, "include/ouro/heap.h", "#include <ouro/base.h>")
    put(tmp_path, "include/ouro/ouro.h", "#include <ouro/base.h>", "#include <ouro/heap.h>")
    put(tmp_path, "src/base/bits.h", "#include <stdint.h>")
    put(tmp_path, "src/os/linux.c", "#define _GNU_SOURCE", '#include "base/bits.h"', "#ifdef __linux__")
    put(tmp_path, "src/heap/pool.h", "#include <ouro/heap.h>", '#include "os/os.h"')
    put(tmp_path, "src/heap/pool.c", '#include "pool.h"', '#include "heap/pool.h"')
    put(tmp_path, "src/monitor/record.h", "#include <ouro/heap.h>")
    put(tmp_path, "src/host/malloc.c", '#include "heap/pool.h"', '#include "monitor/record.h"')
    put(tmp_path, "src/host/cpython_gc.c", "#if PY_VERSION_HEX >= 0x030c0000")
    put(tmp_path, "cli/main.c", "#include <jansson.h>", "#include <ouro/ouro.h>", '#include "monitor/record.h"')
    return tmp_path


def test_passes_this_repository():
    assert run_layers(REPOSITORY) == (0, [])


def test_passes_open_doors(tree):
    assert run_layers(tree) == (0, [])


@pytest.mark.parametrize(
    "path, line, said",
    [
        ("src/base/bits.c", '#include "heap/pool.h"', "base has no door to heap"),
        ("src/base/bits.c", "#include <ouro/heap.h>", "base has no door to heap"),
        ("src/os/linux.c", '#  include "heap/pool.h"', "os has no door to heap"),
        ("src/heap/pool.c", '#include "monitor/record.h"', "heap has no door to monitor"),
        ("src/heap/pool.c", '#include "host/malloc.h"', "heap has no door to host"),
        ("src/heap/pool.c", "#include <ouro/ouro.h>", "heap has no door to ouro"),
        ("src/heap/pool.c", '#include "missing.h"', "heap has no door to missing.h"),
        ("src/monitor/record.c", '#include "host/malloc.h"', "monitor has no door to host"),
        ("cli/main.c", '#include "heap/pool.h"', "cli has no door to heap"),
        ("cli/main.c", '#include "base/bits.h"', "cli has no door to base"),
        ("include/ouro/base.h", "#include <ouro/heap.h>", "base has no door to heap"),
        ("src/heap/pool.c", '#include "heap/large.c"', "is a source file"),
        ("src/heap/pool.c", "#define _GNU_SOURCE", "GNU's extensions"),
        ("src/heap/pool.c", "#if defined(__linux__)", "asked in src/os alone"),
        ("src/host/python.c", "#if PY_VERSION_HEX > 0", "known in src/host/cpython_*"),
    ],
)
def test_finds_fault(tree, path, line, said):
    put(tree, path, "/* first */", line)
    code, lines = run_layers(tree)
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith(f"{path}:2: ")
    assert said in lines[0]


def test_finds_room_that_is_not_listed(tree):
    put(tree, "src/attic/old.c", "int x;")
    assert run_layers(tree) == (
        1,
        ["src/attic/old.c: no such room as attic; add it to DOORS in tools/layers.py"],
    )


def test_empty_folder_is_a_fault(tmp_path):
    assert run_layers(tmp_path)[0] == 1
