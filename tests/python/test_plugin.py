"""The plug-in for pytest: limits that hold and that break, what it says then, that its figures are the same each time, and
that it is silent where there is no Ouro.

ctest: timeout=1200
"""

import re

import pytest
import world
from world import run

VERSIONS = [(3, 9), (3, 11), (3, 13), (3, 14), (3, 15)]
PYTHONS = [python for python in world.PYTHONS if python.version[:2] in VERSIONS]

# Tells the figures of each test, from whichever process has the report.
CONFTEST = """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report):
    if hasattr(report, "ouro_memory"):
        with open("figures", "a") as file:
            file.write(f"{report.nodeid} {report.ouro_memory}\\n")
"""

TESTS = '''
import gc, io, json, unittest
import pytest

KIB = 1024
kept = []


json.loads(json.dumps([1.5, {"a": 1}]))  # whoever is the first to call it in a process has some bytes more


def make(n):
    return [bytes(1000) for _ in range(n)]


# ---- what holds ----

@pytest.mark.limit_memory("64 KB")
def test_small():
    make(50)

@pytest.mark.limit_memory(64 * KIB)
def test_not_at_once():
    for _ in range(100):
        make(50)

@pytest.fixture
def large():
    return make(5000)

@pytest.mark.limit_memory("64K")
def test_fixtures_are_left_aside(large):
    assert len(large) == 5000

@pytest.mark.limit_growth
def test_no_growth():
    json.loads(json.dumps([1.5, {"a": [1, 2, 3]}] * 100))
    cycle = []
    cycle.append(cycle)

@pytest.mark.limit_growth
def test_a_cache_does_not_count(cache={}):
    cache.setdefault("x", make(100))

@pytest.mark.limit_growth
def test_what_takes_anothers_place():
    kept[:] = make(10)

@pytest.mark.limit_growth("1 KiB", warmup=1)
def test_growth_allowed():
    kept.append(bytes(800))

@pytest.mark.limit_growth
def test_files(tmp_path, capsys):
    (tmp_path / "x").write_text("abc")
    assert (tmp_path / "x").read_text() == "abc"
    print("x" * 1000)
    capsys.readouterr()

# ---- what breaks ----

@pytest.mark.limit_memory("64 KB")
def test_broken_at_once():
    a = make(100)  # large
    b = json.dumps(list(range(200)))  # called
    del a, b

@pytest.mark.limit_growth
def test_broken_growth():
    kept.append(make(3))  # grows

@pytest.mark.limit_growth("100 KB")
@pytest.mark.limit_memory("10 KB")
def test_broken_twice():
    kept.append(make(200))

class TestUnit(unittest.TestCase):
    @pytest.mark.limit_memory("64 KB")
    def test_broken_in_a_class(self):
        make(100)

    @pytest.mark.limit_growth
    def test_holds_in_a_class(self):
        self.assertEqual(len(make(100)), 100)

@pytest.mark.xfail(strict=True)
@pytest.mark.limit_memory("1 KB")
def test_expected_to_break():
    make(100)

@pytest.mark.limit_memory("1 KB")
def test_fails_anyway():
    kept.append(make(100))
    assert False, "for another reason"

@pytest.mark.limit_growth
def test_skips():
    pytest.skip("not now")

# ---- wrong use ----

@pytest.mark.limit_memory
def test_wrong_without_a_size():
    pass

@pytest.mark.limit_memory("many")
def test_wrong_size():
    pass

@pytest.mark.limit_growth(warmup=0)
def test_wrong_warmup():
    pass

@pytest.mark.limit_growth(nothing=1)
def test_wrong_name():
    pass

def test_collector_is_as_it_was():
    assert gc.isenabled()
'''
PASSED = {
    "test_small", "test_not_at_once", "test_fixtures_are_left_aside", "test_no_growth", "test_a_cache_does_not_count",
    "test_what_takes_anothers_place", "test_growth_allowed", "test_files", "test_holds_in_a_class", "test_collector_is_as_it_was",
}  # fmt: skip
FAILED = {
    "test_broken_at_once", "test_broken_growth", "test_broken_twice", "test_broken_in_a_class", "test_fails_anyway",
}  # fmt: skip
WRONG = {"test_wrong_without_a_size", "test_wrong_size", "test_wrong_warmup", "test_wrong_name"}


@pytest.fixture(params=PYTHONS, ids=world.label)
def python(request):
    return request.param


@pytest.fixture
def project(python, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_memory.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers -p no:cacheprovider\n")
    return folder


def pytest_run(python, project, *arguments, options=(), **more):
    path = str(world.fetch_pytest(python))
    if options is None:
        path += f":{world.MODULE}"
    return run(python, "-m", "pytest", *arguments, options=options, cwd=project, PYTHONPATH=path, **more)


def outcomes(text):
    """Names of tests by outcome, of what -v prints."""
    found = {}
    for name, outcome in re.findall(r"^\S*::(\w+) (PASSED|FAILED|SKIPPED|XFAIL|ERROR)", text, re.MULTILINE):
        found.setdefault(outcome, set()).add(name)
    return found


def figures(project):
    file = project / "figures"
    lines = file.read_text().splitlines()
    file.unlink()
    return dict(line.split(" ") for line in lines)


def line_of(mark):
    (number,) = (n for n, line in enumerate(TESTS.splitlines(), 1) if line.endswith("# " + mark))
    return number


def message_of(text, name):
    return re.search(rf"^_+ (?:\w+\.)?{name} _+\n(.*?)(?=^[_=]+ )", text, re.MULTILINE | re.DOTALL)[1]


WHERE = r"(make|make\S*<listcomp>|<listcomp>)"  # 3.9 knows no qualified names


def test_limits(python, project):
    text = pytest_run(python, project, "-v", code=1)
    assert outcomes(text) == {
        "PASSED": PASSED, "FAILED": FAILED | WRONG, "XFAIL": {"test_expected_to_break"}, "SKIPPED": {"test_skips"},
    }  # fmt: skip
    assert "ouro:" not in text and "memory of tests" not in text

    large, grows = line_of("large"), line_of("grows")
    make = 1 + next(n for n, line in enumerate(TESTS.splitlines(), 1) if line.startswith("def make"))
    at_once = message_of(text, "test_broken_at_once").splitlines()
    assert re.fullmatch(r"limit_memory: 1\d\d\.\d KiB at most, where 64\.0 KiB are allowed", at_once[0])
    assert re.fullmatch(rf" +(100\.\d|101\.\d) KiB +10\d blocks  test_memory\.py:{make} {WHERE}", at_once[1])
    called = [line for line in at_once if f":{line_of('called')} " in line]
    assert len(called) == 1 and "test_broken_at_once" in called[0]  # what the library holds is its caller's
    assert all(f":{large} " not in line for line in at_once[:2]) and len(at_once) < 6

    growth = message_of(text, "test_broken_growth").splitlines()
    assert re.fullmatch(r"limit_growth: run 3 left 3\.\d KiB, where 0 B are allowed", growth[0])
    assert re.fullmatch(rf" +3\.\d KiB +5 blocks  test_memory\.py:{make} {WHERE}", growth[1])
    assert len(growth) == 2 or f":{grows} " in growth[2]

    twice = message_of(text, "test_broken_twice")
    assert "limit_memory: " in twice and "limit_growth: run 3 left 20" in twice
    assert "for another reason" in message_of(text, "test_fails_anyway")
    assert "limit_memory: 10" in message_of(text, "test_broken_in_a_class")

    for name, words in {
        "test_wrong_without_a_size": "the marker limit_memory: .*'most'",
        "test_wrong_size": "the marker limit_memory: a size is .* '24 MB', not 'many'",
        "test_wrong_warmup": "the marker limit_growth: warmup is a number from 1 on, not 0",
        "test_wrong_name": "the marker limit_growth: .*unexpected keyword argument 'nothing'",
    }.items():
        message = message_of(text, name).splitlines()
        assert len(message) == 1 and re.fullmatch(words, message[0].replace("limit_growth() got an ", "")), message


STEADY = "small or not_at_once or no_growth or anothers_place or broken_at_once or broken_in_a_class"
MODES = [[], ["--trace=off"], ["--trace=exact"], ["--gc=stock"]]
# How the run is traced, and what else ran in a process, decide which functions have been called before: some bytes, and
# up to 3.10 a frame that is kept with each (some 300 bytes).
APART = 512


def test_figures_are_the_same_each_time(python, project):
    """To the byte in runs that are alike, with whatever order the sets have; in others, and in workers, but for some."""
    seen, apart = {}, {}
    for i in range(15):
        in_workers = i >= 12
        more = ["-n", "2"] if in_workers else []
        hashes = str(i) if i < 6 else "random"
        pytest_run(python, project, "-q", "-k", STEADY, *more, code=1, options=MODES[i % 4], PYTHONHASHSEED=hashes)
        for name, peak in figures(project).items():
            apart.setdefault(name, set()).add(int(peak))
            if not in_workers:
                seen.setdefault((name, i % 4), []).append(int(peak))
    name = "test_memory.py::test_small"
    pytest_run(python, project, "-q", name)
    apart[name].add(int(figures(project)[name]))
    assert len(seen) == 6 * 4 and all(len(peaks) == 3 for peaks in seen.values()), seen
    assert {key: peaks for key, peaks in seen.items() if len(set(peaks)) > 1} == {}
    assert {name: peaks for name, peaks in apart.items() if max(peaks) - min(peaks) > APART} == {}
    assert 50_000 < min(apart[name]) < 60_000


def test_summary(python, project):
    text = pytest_run(python, project, "-q", "--ouro", "--ouro-top", "3", code=1)
    rows = text[text.index("= memory of tests, at most =") :].splitlines()[1:4]
    assert re.fullmatch(r" +20\d\.\d KiB  test_memory.py::test_broken_twice", rows[0])
    assert len(figures(project)) == 16 and len([row for row in text.splitlines() if "KiB  test_memory.py::" in row]) == 3
    parallel = pytest_run(python, project, "-q", "--ouro", "-n", "2", code=1)
    assert rows[0] in parallel.splitlines()
    assert parallel.count("::test_collector_is_as_it_was") <= 1  # each test is told of once
    wrong = pytest_run(python, project, "--ouro-top", "0", code=4, stderr="ERROR: --ouro-top is a number from 1 on\n\n")
    assert wrong == ""


def test_not_under_ouro(python, project):
    """Limits are not checked, and a line says so; all else is as without the plug-in."""
    text = pytest_run(python, project, "-v", "-k", "not wrong", options=None, code=1)
    assert "ouro: not under `ouro run`, so limits of memory are not checked" in text
    assert outcomes(text)["FAILED"] == {"test_fails_anyway", "test_expected_to_break"}
    assert not (project / "figures").exists()


def test_not_in_the_way(python, project):
    """Where no limit is asked for, all tests are as they are; nothing is traced, and ctypes isn't loaded."""
    (project / "conftest.py").unlink()
    (project / "test_memory.py").write_text(
        "import sys\n"
        "def test_one():\n"
        "    assert 'ouro' not in sys.modules\n"
        "    assert 'ouro_memory.holders' not in sys.modules\n"
    )
    assert "1 passed" in pytest_run(python, project, "-q")
    assert "1 passed" in pytest_run(python, project, "-q", "-p", "ouro_memory.pytest_plugin")
    assert "1 passed" in pytest_run(python, project, "-q", "-p", "no:ouro_memory.pytest_plugin")


def test_anothers_marker_is_left_to_it(python, project):
    """pytest-memray has a marker of the same name: where that is loaded ours steps back, unless it is asked for."""
    (project / "conftest.py").write_text(
        "class Memray: pass\n"
        "def pytest_configure(config):\n"
        "    config.pluginmanager.register(Memray(), 'memray')\n"
    )
    (project / "test_memory.py").write_text(
        "import pytest\n"
        "@pytest.mark.limit_memory('1 KB')\n"
        "def test_one():\n"
        "    [bytes(1000) for _ in range(9)]\n"
    )
    assert "1 passed" in pytest_run(python, project, "-q")
    assert "limit_memory: " in pytest_run(python, project, "-q", "--ouro", code=1)
