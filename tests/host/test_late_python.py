"""A CPython that comes to a program by dlopen(), as to web servers, databases and packed applications: served as any other.

ctest: timeout=600
"""

import json
import subprocess
import sys
from pathlib import Path

import native
import pytest

sys.path.insert(0, str(native.ROOT / "tests" / "cpython"))
import suites

# 100,000 dictionaries are live at the end, 200,000 more in cycles are garbage by then.
CODE = """
keep = [{"n": [n]} for n in range(100000)]
for n in range(100000):
    a, b = {}, {}
    a["b"], b["a"] = b, a
print(len(keep), flush=True)
"""
WHERE = "import sys, sysconfig as s; print(sys.base_prefix, *map(s.get_config_var, ('LIBDIR', 'MULTIARCH', 'INSTSONAME')))"
LOAD = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"


def find_libraries():
    """[(library, home)] of each CPython that has one."""
    found = {}
    for python in suites.discover():
        if python.free_threaded:
            continue
        said = subprocess.run([python.path, "-c", WHERE], capture_output=True, text=True, check=True)
        home, folder, triplet, name = said.stdout.split()
        for path in (Path(folder, triplet, name), Path(folder, name)):
            # One of a newer Debian needs a newer libc than ours.
            if ".so" in name and subprocess.run([sys.executable, "-c", LOAD, path], capture_output=True).returncode == 0:
                found[path.resolve()] = home
    return sorted(found.items())


LIBRARIES = find_libraries()


def test_there_is_a_library():
    assert LIBRARIES, "no libpython3.X.so here (Debian: apt-get install python3-dev)"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return native.compile_program(tmp_path_factory.mktemp("late"), "late.c")


@pytest.fixture(params=LIBRARIES, ids=lambda found: found[0].name)
def ouro(request, program):
    """ouro(how, *options): the program, under `ouro run`."""
    library, home = request.param

    def run(how, *options):
        command = [native.OURO, "run", "--quiet", *options, program, library, how, CODE]
        done = native.run(command, native.clean_environment(PYTHONHOME=home))
        assert (done.returncode, done.stdout, done.stderr) == (0, "100000\n", "")

    return run


@pytest.mark.parametrize("how", ["-", "ctg"])
def test_it_is_served_and_paced(ouro, tmp_path, how):
    report = tmp_path / "report.json"
    ouro(how, "--json", report)
    (process,) = json.loads(report.read_text())["processes"]
    assert process["python"]["served"] == {"raw": True, "mem": True, "object": True}
    assert process["peak"]["live_bytes_by_domain"]["object"] > 100000 * 200
    assert process["collector"]["mode"] == "paced" and process["collector"]["time_ns"] > 0
    assert sum(each["collected_objects"] for each in process["collector"]["generations"]) > 0


@pytest.mark.parametrize("options", [[], ["--native"]], ids=["python", "native"])
@pytest.mark.parametrize("how", ["-", "ctg"])
def test_its_lines_are_told(ouro, tmp_path, how, options):
    """And with native frames they lie between those of the program."""
    file = tmp_path / "run.ouro"
    ouro(how, "--trace=exact", *options, "-o", file)
    shown = native.run([native.OURO, "export", file, "--to", "json", "-o", "-"], native.clean_environment())
    data = json.loads(shown.stdout)

    def functions(path):
        while path != 0:
            path, frame = data["paths"][path]
            yield data["frames"][frame]["function"], data["frames"][frame]["line"]

    blocks = {}
    for path, _, _, _, _, _, at_peak, *_ in data["traces"]:
        stack = list(functions(path))
        if ("<module>", 2) in stack:
            callers = tuple(name for name, _ in stack[stack.index(("<module>", 2)) + 1 :])
            blocks[callers] = blocks.get(callers, 0) + at_peak
    callers = max(blocks, key=blocks.get)
    assert blocks[callers] > 300000
    assert callers[:2] == (("run_python", "main") if options else ())
