"""CPython's frames as the host reads them, frame by frame against the interpreter's own, on every CPython 3.9 to 3.15
that this machine has.

Follows CPython's Lib/test/test_frame.py, test_tracemalloc.py (get_object_traceback) and test_sys.py (_getframe); the
programs run in the interpreter under test, see programs/frames.py.

ctest: timeout=900
"""

import sys

import native
import pytest

sys.path.insert(0, str(native.ROOT / "tests" / "cpython"))
import suites

PROGRAM = native.HERE / "programs" / "frames.py"
PYTHONS = suites.discover()
ORDINARY = [python for python in PYTHONS if not python.free_threaded]


def label(python):
    return python.label


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    host = native.ROOT / "src" / "host"
    parts = sorted(host.glob("cpython_frames*.c"))
    others = [host / "cpython_api.c", host / "symbols.c"]
    others += [native.ROOT / "src" / room for room in ("os/linux.c", "os/modules.c")]
    others += [native.ROOT / "src" / "trace" / f"{part}.c" for part in ("native", "unwind", "cfi")]
    flags = ["-shared", "-fPIC", f"-I{native.ROOT / 'include'}"]
    folder = tmp_path_factory.mktemp("frames")
    return native.compile_program(folder, "frames.c", *flags, *parts, *others, name="libframes.so")


def run(python, *arguments):
    options = ["-W", "ignore::DeprecationWarning"]  # of a fork beside threads
    result = native.run([python.path, *options, *arguments], native.clean_environment(), timeout=300)
    assert (result.returncode, result.stderr) == (0, ""), (result.returncode, result.stdout, result.stderr)
    return result.stdout.split()


@pytest.mark.parametrize("python", ORDINARY, ids=label)
def test_frames_are_the_interpreters_own(python, library):
    done = run(python, PROGRAM, library)
    assert {"deep_recursion", "generators", "names", "wrong_offsets", "allocations"} <= set(done)


@pytest.mark.parametrize("python", ORDINARY, ids=label)
def test_walks_go_on_until_the_end(python, library):
    """With threads that never come back for the lock, over and over."""
    for _ in range(10):
        assert run(python, PROGRAM, library, "until_the_end") == ["until_the_end"]


@pytest.mark.parametrize("python", [pytest.param(p, id=p.label) for p in PYTHONS if p.free_threaded])
def test_free_threaded_builds_are_refused(python, library):
    code = f"import ctypes; print(ctypes.PyDLL({str(library)!r}).frames_begin())"
    assert run(python, "-c", code) == ["0"]
