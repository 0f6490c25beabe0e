"""The Python module `ouro`: where it is found, what it does under `ouro run`, and that it does nothing elsewhere.

ctest: timeout=900
"""

import ast
import configparser
import json
import re
import subprocess
import sys

import pytest
import world
from world import MODULE, ROOT, run

PROGRAMS = ROOT / "tests" / "python" / "programs"


@pytest.fixture(params=world.PYTHONS, ids=world.label)
def python(request):
    return request.param


# ---- what it does ----


@pytest.mark.parametrize("mode", ["off", "sampled", "exact"])
def test_trace(python, mode):
    assert run(python, PROGRAMS / "trace.py", mode, options=[f"--trace={mode}"]) == "ok\n"


@pytest.mark.parametrize("python", [pytest.param(p, id=p.label) for p in world.ALL if p.free_threaded])
def test_free_threaded(python):
    """There the raw domain alone is traced: nothing to count on but that all goes well."""
    code = (
        "import ouro, threading\n"
        "assert ouro.active\n"
        "def work():\n"
        "    for i in range(100):\n"
        "        with ouro.trace() as memory: x = bytes(100000)\n"
        "threads = [threading.Thread(target=work) for _ in range(4)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "print(ouro.tracing().mode)\n"
    )
    assert run(python, "-c", code, options=["--trace=off"]) == "off\n"


NOTHING = """
import sys
import ouro
assert "ctypes" not in sys.modules and "asyncio" not in sys.modules
assert ouro.active is False
assert ouro.snapshot() is False and ouro.snapshot("name") is False and ouro.mark("text") is False
assert ouro.traced_memory() == (0, 0) and ouro.tracing().mode == "off"
ouro.reset_peak()
with ouro.trace(frames=5, name="n") as memory:
    kept = bytes(100000)
    assert (memory.live_bytes, memory.peak_bytes, memory.blocks) == (0, 0, 0)
@ouro.trace
@ouro.line_profile
def function(a, b=2):
    yield a
    return b
assert list(function(1)) == [1] and function.traced.peak_bytes == 0
assert function.__wrapped__ is not function and function.__name__ == "function"
print("ok")
"""


def test_nothing_without_ouro(python, tmp_path):
    assert run(python, "-c", NOTHING, PYTHONPATH=str(MODULE)) == "ok\n"


@pytest.mark.parametrize("options", [None, []], ids=["plain", "ouro"])
def test_wrong_use_is_said(python, options):
    """Alike under Ouro and elsewhere: who writes a program sees it at once."""
    code = """
import ouro
for call in (
    lambda: ouro.trace("exactly"), lambda: ouro.trace(frames=0), lambda: ouro.trace(frames=20000), lambda: ouro.trace(frames="3"),
    lambda: ouro.trace(name="x" * 96), lambda: ouro.trace(name="\\0"), lambda: ouro.trace(int), lambda: ouro.trace()(5),
    lambda: ouro.snapshot("\\u00e9" * 48), lambda: ouro.snapshot(5), lambda: ouro.mark("a\\0b"), lambda: ouro.mark(None), lambda: ouro.mark(),
    lambda: ouro.nothing,
):
    try:
        call()
    except (ValueError, TypeError, AttributeError) as error:
        print(type(error).__name__)
ouro.trace(frames=16384, name="\\u00e9" * 47)
"""
    names = run(python, "-c", code, options=options, PYTHONPATH=str(MODULE)).split()
    assert names == ["ValueError"] * 6 + ["TypeError"] * 2 + ["ValueError", "TypeError"] * 2 + ["TypeError", "AttributeError"]


def test_a_fork_goes_on(python):
    code = """
import os, ouro
with ouro.trace() as memory:
    kept = bytes(100000)
    pid = os.fork()
    more = bytes(200000)
    if pid == 0:
        ok = memory.live_bytes >= 300000 and ouro.tracing().mode == "exact"
        os._exit(0 if ok else 1)
    assert os.waitpid(pid, 0)[1] == 0
print(ouro.tracing().mode)
"""
    assert run(python, "-W", "ignore", "-c", code, options=["--trace=off"]) == "off\n"


# ---- where it is found ----

WHERE = "import sys, os; print(repr((sys.path, os.environ.get('PYTHONPATH'))))"


def where(python, *arguments, **options):
    return ast.literal_eval(run(python, *arguments, "-c", WHERE, **options))


def test_behind_the_persons_own_path(python, tmp_path):
    own = f"{tmp_path}/a:{tmp_path}/b"
    for before, after in ((None, str(MODULE)), ("", str(MODULE)), (own, f"{own}:{MODULE}"), (own + ":", f"{own}::{MODULE}")):
        plain, _ = where(python, PYTHONPATH=before)
        path, variable = where(python, options=[], PYTHONPATH=before)
        assert variable == after
        assert [entry for entry in path if entry != str(MODULE)] == plain
        assert path.count(str(MODULE)) == 1
        # What is behind it are the interpreter's own folders.
        assert {f"{tmp_path}/a", f"{tmp_path}/b"}.isdisjoint(path[path.index(str(MODULE)) :])


@pytest.mark.parametrize("flag", ["-I", "-E"])
def test_flags_are_obeyed(python, flag):
    """Python that looks at no variables has no module, and a path like ever."""
    assert where(python, flag, options=[])[0] == where(python, flag)[0]


def test_no_follow_changes_nothing(python):
    assert where(python, options=["--no-follow"], PYTHONPATH="/x") == where(python, PYTHONPATH="/x")


def test_children_have_it(python):
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import ouro; print(ouro.active)'], check=True)"
    assert run(python, "-c", code, options=[]) == "True\n"


def make_module(folder, text, package=False):
    folder.mkdir(parents=True, exist_ok=True)
    if package:
        (folder / "ouro").mkdir()
        (folder / "ouro" / "__init__.py").write_text(text)
        (folder / "ouro" / "host.py").write_text("whose = 'theirs'\n")
    else:
        (folder / "ouro.py").write_text(text)


OTHER = "whose = 'theirs'\n"
ASK = "import ouro; print(ouro.whose, ouro.__spec__.name)\n"


@pytest.mark.parametrize("package", [False, True])
def test_a_programs_own_ouro_wins(python, package, tmp_path):
    """Beside the program, on the person's path, and installed."""
    ask = ASK + "import ouro.host; print(ouro.host.whose, ouro.host.__file__)\n" * package
    make_module(tmp_path / "app", OTHER, package)
    (tmp_path / "app" / "app.py").write_text(ask)
    make_module(tmp_path / "path", OTHER, package)
    venv = tmp_path / "venv"
    subprocess.run([python.path, "-m", "venv", "--without-pip", str(venv)], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    make_module(site, OTHER, package)
    inside = type(python)(**{**vars(python), "path": str(venv / "bin" / "python")})
    for who, arguments, path in (
        (python, [tmp_path / "app" / "app.py"], None),
        (python, ["-c", ask], str(tmp_path / "path")),
        (inside, ["-c", ask], None),
    ):
        plain = run(who, *arguments, PYTHONPATH=path)
        assert plain.startswith("theirs ouro\n")
        assert run(who, *arguments, options=[], PYTHONPATH=path) == plain
    # The long name is there all the same.
    assert run(inside, "-c", "import ouro, ouro_memory; print(ouro.whose, ouro_memory.active)", options=[]) == "theirs True\n"


def test_an_error_in_anothers_ouro_is_its_own(python, tmp_path):
    venv = tmp_path / "venv"
    subprocess.run([python.path, "-m", "venv", "--without-pip", str(venv)], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    make_module(site, "raise RuntimeError('theirs')\n")
    inside = type(python)(**{**vars(python), "path": str(venv / "bin" / "python")})
    code = "import sys\ntry:\n    import ouro\nexcept RuntimeError as e:\n    print(e, 'ouro' in sys.modules)"
    assert run(inside, "-c", code, options=[]) == "theirs False\n"


def test_a_folder_without_init_is_joined(python, tmp_path):
    """A checkout of this project that is called ouro is no module; a program's own folder of modules is."""
    (tmp_path / "ouro").mkdir()
    (tmp_path / "ouro" / "theirs.py").write_text("whose = 'theirs'\n")
    code = "import ouro, ouro.theirs; print(ouro.theirs.whose, ouro.active)"
    assert run(python, "-c", code, options=[], cwd=tmp_path) == "theirs True\n"


def test_installed_by_pip(tmp_path):
    """`pip install ./python`: the same module, in an environment of its own; under `ouro run` it steps back for no one."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    source = tmp_path / "python"
    subprocess.run(["cp", "-r", str(ROOT / "python"), str(source)], check=True)  # setuptools leaves a build folder
    got = subprocess.run(
        [str(venv / "bin" / "pip"), "install", "-q", "--disable-pip-version-check", str(source)],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    if got.returncode != 0 and "setuptools" in got.stderr and "No matching distribution" in got.stderr:
        pytest.skip("pip can't fetch setuptools here")
    assert got.returncode == 0, got.stderr
    inside = next(p for p in world.ALL if not p.free_threaded)
    inside = type(inside)(**{**vars(inside), "path": str(venv / "bin" / "python")})
    assert run(inside, "-c", NOTHING) == "ok\n"
    code = (
        "import ouro, importlib.metadata as m\n"
        "print(ouro.active, m.version('ouro-memory'), 'site-packages' in ouro.__file__)\n"
        "print([e.value for d in m.distributions() for e in d.entry_points if e.group == 'pytest11'])"
    )
    version = re.search(r'STRING "(.*)"', (ROOT / "include" / "ouro" / "base.h").read_text())[1]
    plugin = ["ouro_memory.pytest_plugin"]
    assert run(inside, "-c", code) == f"False {version} True\n{plugin}\n"
    assert run(inside, "-c", code, options=[]) == f"True {version} True\n{plugin * 2}\n"
    assert run(inside, "-c", code, options=["--no-follow"]) == f"True {version} True\n{plugin}\n"


# ---- what has to be the same in two places ----


def test_versions_agree():
    version = re.search(r'STRING "(.*)"', (ROOT / "include" / "ouro" / "base.h").read_text())[1]
    assert f'__version__ = "{version}"\n' in (ROOT / "python" / "ouro_memory" / "__init__.py").read_text()
    (info,) = MODULE.glob("*.dist-info")
    assert f"\nVersion: {version}\n" in (info / "METADATA").read_text()


def test_entry_points_agree():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "python" / "dist-info" / "entry_points.txt")
    project = (ROOT / "python" / "pyproject.toml").read_text()
    for name, value in parser["pytest11"].items():
        assert f'[project.entry-points.pytest11]\n"{name}" = "{value}"\n' in project
    assert sorted(re.findall(r'"(\w+)"', re.search(r"packages = (.*)", project)[1])) == sorted(
        folder.name for folder in MODULE.iterdir() if not folder.name.endswith(".dist-info")
    )


def test_the_hosts_functions_are_all_there():
    """What ctypes calls is what the header declares, with structs of the same fields."""
    header = (ROOT / "include" / "ouro" / "host.h").read_text()
    source = (ROOT / "python" / "ouro_memory" / "host.py").read_text()
    for name in set(re.findall(r"ouro_host_\w+", source)):
        assert re.search(rf"OURO_API int {name}\(", header), name
    struct = re.search(r"struct ouro_host_trace_state \{(.*?)\n\};", header, re.DOTALL)[1]
    fields = re.findall(r"uint(32|64)_t (\w+);", struct)
    known = re.search(r'"mode frames (.*?)"', source)[1].split()
    assert fields == [("64", "size"), ("32", "mode"), ("32", "n_frames")] + [("64", name) for name in known]


# ---- which lines hold the memory ----

HOLDERS = """
import ctypes, errno, json, os, resource, sys
import ouro
from ouro_memory import holders, host

def hold():
    return [bytes(1000) for _ in range(300)]

class Kept:
    def method(self):
        self.all = [
            hold(),
            bytearray(200_000),
        ]
        return (yield self.all)

library = ctypes.PyDLL(None)
assert library.ouro_host_trace_write(1) == errno.ENODATA
with ouro.trace():
    kept = list(Kept().method())
    more = json.loads(json.dumps([[1.5] * 10 for _ in range(1000)]))
    gone = bytearray(3_000_000)
    del gone
    more += [0]
    with open(sys.argv[1], "wb") as file:
        assert host.find().write(file.fileno()) == 0
        size = file.seek(0, os.SEEK_CUR)
    assert size == os.path.getsize(sys.argv[1])
    own = {True: lambda file: file == __file__, False: lambda file: True}
    found = [[[*place, *sums] for place, sums in holders.read(which, own[own_only]).items()]
             for which in (holders.LIVE, holders.PEAK) for own_only in (False, True)]
    assert host.find().write(-1) == errno.EIO and host.find().write(99) == errno.EIO
    with open(sys.argv[1], "rb") as file:
        assert host.find().write(file.fileno()) == errno.EIO
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    assert host.find().write(1) == errno.EFBIG and holders.read(holders.LIVE, own[True]) == {}
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
print(json.dumps(found))
"""


def test_holders_are_those_of_the_tool(python, tmp_path):
    """Lines, bytes and blocks that the module finds by itself, and those that `ouro report` and `ouro lines` show."""
    program, file = tmp_path / "program.py", tmp_path / "traces.ouro"
    program.write_text(HOLDERS)
    live, own_live, peak, own_peak = json.loads(run(python, program, file, options=["--trace=off"]))

    def shown(*options):
        command = [world.OURO, "report", file, "--json", "--top", "1000000", *options]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
        return {(row["file"], row["line"]): row["bytes"] for row in json.loads(done.stdout)["rows"] if row["file"]}

    for measure, found in (("--live", live), ("--peak", peak)):
        ours = {}
        for name, line, _, size, _ in found:
            ours[name, line] = ours.get((name, line), 0) + size
        theirs = {place: size for place, size in shown(measure).items() if place[0] == str(program)}
        # What was allocated between writing the two is in one of them alone; but the program's lines are done.
        last = max(line for _, line in theirs)
        assert {place: ours[place] for place in theirs if place[1] < last - 3} == {
            place: size for place, size in theirs.items() if place[1] < last - 3
        }
        assert len(theirs) >= 5
    lines = HOLDERS.splitlines()
    by_line = {}
    for _, line, name, size, blocks in own_live:  # a comprehension is a function of its own before 3.12
        more = by_line.get(lines[line - 1].strip(), (0, 0))
        by_line[lines[line - 1].strip()] = (more[0] + size, more[1] + blocks, name)
    assert by_line["return [bytes(1000) for _ in range(300)]"][:2] >= (300_000, 300)
    assert by_line["bytearray(200_000),"][0] >= 200_000
    assert by_line["bytearray(200_000),"][2].split(".")[-1] == "method"
    assert by_line["more = json.loads(json.dumps([[1.5] * 10 for _ in range(1000)]))"][1] > 5000  # with what json made
    assert by_line.get("gone = bytearray(3_000_000)", (0,))[0] < 1000
    by_line = {lines[line - 1].strip(): size for _, line, _, size, _ in own_peak}
    assert by_line["gone = bytearray(3_000_000)"] >= 3_000_000
