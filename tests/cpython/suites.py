"""CPython's own test suites, plain and under `ouro run`, compared test case by test case.

The rule: a test that does not go well under Ouro, and does without it, is a *difference*, unless
expected.py lists it with a reason.  Some of CPython's tests fail now and then on their own, on a
busy machine more often.  So a module with differences runs again, both ways, and what remains:

    differs   went wrong under Ouro every time, and never without
    unsteady  went wrong under Ouro sometimes, and never without; told, but no failure
    (gone)    went wrong without Ouro too

A process that dies of a signal, ends with the wrong code or hangs has the pseudo tests `(crash)`,
`(exit)` and `(timeout)`.  A crash or a hang that plain does not have is never called unsteady.
"""

from __future__ import annotations

import ast
import collections
import dataclasses
import fnmatch
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import expected

# Whoever is started in a shell's background ignores it, and so would the suites, which interrupt themselves.
signal.signal(signal.SIGINT, signal.default_int_handler)

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ROUNDS = 3

# The worst outcome of a test counts, when it has several (a test that fails, and its clean-up too).
RANK = {"pass": 0, "xfail": 0, "skip": 1, "xpass": 2, "lost": 3, "fail": 4, "error": 5, "running": 6}
BAD = {"fail", "error", "xpass", "running"}
FATAL = ("(crash)", "(timeout)")


# ------------------------------------------------------------------------------ the interpreters

PROBE = """
import sys, sysconfig, os
try:
    import test.test_gc
    folder = os.path.dirname(test.test_gc.__file__)
    modules = sorted({n[:-3] if n.endswith('.py') else n for n in os.listdir(folder)
                      if n.startswith('test_')})
except ImportError:
    modules = []
print(repr((tuple(sys.version_info[:3]), sys.version_info.releaselevel, sys.executable,
            bool(sysconfig.get_config_var('Py_GIL_DISABLED')),
            'libpython' in open('/proc/self/maps').read(), sysconfig.is_python_build(), modules)))
"""


@dataclasses.dataclass
class Python:
    path: str
    version: tuple
    free_threaded: bool
    shared: bool    # the interpreter is in libpython3.X.so, not in the executable
    built: bool     # it runs from its build tree
    modules: frozenset

    @property
    def label(self):
        return (".".join(map(str, self.version)) + "t" * self.free_threaded
                + "-shared" * self.shared + "-tree" * self.built)


def probe(path):
    """What is this interpreter?  None if it does not run or is none of 3.9 to 3.15."""
    try:
        run = subprocess.run([path, "-c", PROBE], capture_output=True, text=True, timeout=60,
                             stdin=subprocess.DEVNULL, cwd=tempfile.gettempdir())
        version, level, real, *kind, modules = ast.literal_eval(run.stdout.strip())
    except (OSError, ValueError, SyntaxError, subprocess.TimeoutExpired):
        return None
    if level != "final" or not (3, 9) <= version[:2] <= (3, 15):
        return None
    return Python(real, version, *kind, frozenset(modules))


def find_candidates():
    names = ["python3"] + [f"python3.{minor}" for minor in range(9, 16)]
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for name in names:
            yield pathlib.Path(folder or ".", name)
    yield from sorted(pathlib.Path.home().glob(".pyenv/versions/*/bin/python3"))
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    yield from sorted(cache.glob("ouro/pythons/*/python"))


def discover():
    """Every CPython 3.9 to 3.15 on this machine, oldest first, each once."""
    found = {}
    for path in find_candidates():
        if not os.access(path, os.X_OK):
            continue
        python = probe(str(path.parent.resolve() / path.name))
        if python is not None:
            found.setdefault(os.path.realpath(python.path), python)
    return sorted(found.values(), key=lambda p: (p.version, p.label, p.path))


def pick_module(python, names):
    """The first of `names` (one module under its names in different versions) that exists."""
    return next((name for name in names.split("|") if name in python.modules), None)


# ------------------------------------------------------------------------------ one run of a module

@dataclasses.dataclass
class Result:
    """How one run of a module ended: outcomes by test, with a text for those that went wrong."""
    outcomes: dict
    texts: dict
    exit: int | None
    seconds: float
    hosted: bool

    def counts(self):
        return collections.Counter(self.outcomes.values())

    def as_dict(self):
        return dataclasses.asdict(self)

    def bad(self):
        return {test for test, outcome in self.outcomes.items() if outcome in BAD}


@dataclasses.dataclass
class Mode:
    """A way to run a program: as it is, or under `ouro run` with some options."""
    name: str
    prefix: tuple = ()

    @property
    def ouro(self):
        return bool(self.prefix)


def make_modes(ouro):
    run = (str(ouro), "run", "--quiet")
    return {
        "plain": Mode("plain"),
        "paced": Mode("paced", run),
        "stock": Mode("stock", run + ("--gc=stock",)),
        "debug": Mode("debug", run + ("--debug",)),
    }


ADDRESS = re.compile(r"0x[0-9a-f]+", re.I)


def read_log(path):
    """Outcomes and texts from what outcomes.py wrote, and whether the host library was there."""
    outcomes, texts, hosted = {}, {}, False
    try:
        lines = pathlib.Path(path).read_text("ascii").splitlines()
    except FileNotFoundError:
        return outcomes, texts, hosted
    for line in lines:
        try:
            kind, first, *rest = ast.literal_eval(line)
        except (SyntaxError, ValueError):
            continue  # the process died while it wrote the last line
        if kind == "maps":
            hosted = first
            continue
        test = ADDRESS.sub("0x", first)
        if kind == "begin":
            outcomes[test] = "running"
        elif kind == "end":
            if outcomes.get(test) == "running":
                outcomes[test] = "lost"  # it ended and nobody said how
        else:
            known = outcomes.get(test, "running")
            if known in ("running", "lost") or RANK[kind] > RANK[known]:
                outcomes[test] = kind
                texts[test] = rest[0] if rest else ""
    return outcomes, texts, hosted


def run_module(python, module, mode, timeout, log_path):
    """Run one module once.  What it prints goes to log_path."""
    work = tempfile.mkdtemp(prefix="ouro-suite-")
    record = os.path.join(work, "outcomes")
    report = os.path.join(work, "report.json")
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("OURO_", "PYTHON")) and k != "LD_PRELOAD"}
    env.update(TMPDIR=work, PYTHONDONTWRITEBYTECODE="1")
    # -v names the test that runs; --timeout has CPython print its stacks before it gives up.
    prefix = [*mode.prefix, "--json", report] if mode.ouro else []
    command = [*prefix, python.path, str(HERE / "outcomes.py"), record, module, "-v",
               f"--timeout={timeout}"]
    os.makedirs(os.path.dirname(log_path), exist_ok=True)
    started = time.monotonic()
    with open(log_path, "wb") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 cwd=work, env=env, start_new_session=True)
        try:
            code = child.wait(timeout + 60)
        except subprocess.TimeoutExpired:
            code = None
        # Children that the tests left behind live in the session of the child.
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
    seconds = time.monotonic() - started
    outcomes, texts, hosted = read_log(record)
    hosted = hosted and is_served(report, python, mode)
    shutil.rmtree(work, ignore_errors=True)
    add_end(outcomes, texts, code, log_path)
    return Result(outcomes, texts, code, round(seconds, 2), hosted)


def is_served(report, python, mode):
    """Did Python live on Ouro's heap, its collector paced?  A library that idles proves nothing."""
    try:
        with open(report, encoding="utf-8") as file:
            told = json.load(file)
    except (OSError, ValueError):
        return False
    images = [p for p in told["processes"] if p["pid"] == told["program"]["pid"] and p["python"]]
    if python.free_threaded:
        return any(image["python"]["served"]["raw"] for image in images)
    incremental = (3, 14, 0) <= python.version <= (3, 14, 4)  # paced or not is not for us to say
    return any(image["allocations_by_domain"]["object"] > 0 and
               (mode.name != "paced" or incremental or
                image["collector"]["mode"] in ("paced", "obeyed")) for image in images)


def add_end(outcomes, texts, code, log_path):
    """The pseudo tests: how the process as a whole ended."""
    with open(log_path, "rb") as log:
        log.seek(max(0, os.path.getsize(log_path) - 3000))
        tail = log.read().decode("utf-8", "replace")
    # A module that cannot be used here ends without running any test, with a code of its own.
    bad = any(outcome in BAD for outcome in outcomes.values())
    if code is None or (code == 1 and "Timeout (" in tail and "running" in outcomes.values()):
        end = "(timeout)"
    elif code < 0 or code > 128:
        end = "(crash)"
    elif code != 0 and not bad:
        end = "(exit)"
    else:
        return
    outcomes[end] = "error"
    texts[end] = f"exit code {code}\n{tail}"


# ------------------------------------------------------------------------------ comparing

@dataclasses.dataclass
class Difference:
    test: str
    plain: str
    ouro: str
    text: str
    runs: int = 1       # how often the module ran under Ouro ...
    wrong: int = 1      # ... and how often this test went wrong
    reason: str = ""    # from expected.py


def compare(plain, ouro):
    """The tests that went wrong under Ouro alone, or did not run there alone."""
    found = {}
    for test in sorted(set(plain.outcomes) | set(ouro.outcomes)):
        before = plain.outcomes.get(test, "missing")
        after = ouro.outcomes.get(test, "missing")
        wrong = after in BAD and before not in BAD
        # After a crash the rest of the module is missing: the crash says it all.
        gone = before == "pass" and after in ("missing", "skip", "lost") and not (
            after == "missing" and any(end in ouro.outcomes for end in FATAL))
        if wrong or gone:
            found[test] = Difference(test, before, after, ouro.texts.get(test, ""))
    if not ouro.hosted:
        found["(host)"] = Difference("(host)", "", "missing", "Ouro did not serve Python's domains, or did not pace")
    return found


@dataclasses.dataclass
class Outcome:
    """The verdict on one module: what differs, what is unsteady, what was expected."""
    python: str
    module: str
    mode: str
    plain: Result
    ouro: Result
    differs: list
    unsteady: list
    expected: list


class Runner:
    def __init__(self, modes, out, baseline=None, timeout=900):
        self.modes, self.out = modes, pathlib.Path(out)
        self.baseline = pathlib.Path(baseline) if baseline else None
        self.timeout = timeout

    def run(self, python, module, mode, turn=0):
        log = self.out / "logs" / python.label / mode / f"{module}.{turn}.log"
        return run_module(python, module, self.modes[mode], self.timeout, str(log))

    def run_plain(self, python, module):
        """The plain result: from the baseline folder if it has one, else run now and kept there."""
        if self.baseline is None:
            return self.run(python, module, "plain")
        path = self.baseline / python.label / f"{module}.json"
        if path.exists():
            return Result(**json.loads(path.read_text()))
        result = self.run(python, module, "plain")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result.as_dict(), indent=1))
        return result

    def judge(self, python, module, mode):
        plain = self.run_plain(python, module)
        ouro = self.run(python, module, mode)
        found = compare(plain, ouro)
        known = []
        for test in list(found):
            found[test].reason = expected.find_reason(python.version, module, mode, test)
            if found[test].reason:
                known.append(found.pop(test))
        if found and "(host)" not in found:
            self.repeat(python, module, mode, found)
        differs = [d for d in found.values() if d.wrong == d.runs or d.test in FATAL]
        unsteady = [d for d in found.values() if d not in differs]
        return Outcome(python.label, module, mode, plain, ouro, differs, unsteady, known)

    def repeat(self, python, module, mode, found):
        """Run both ways again; drop what goes wrong without Ouro, count the rest."""
        for turn in range(1, ROUNDS):
            plain = self.run(python, module, "plain", turn)
            for test in plain.bad() & set(found):
                del found[test]
            if not found:
                return
            ouro = self.run(python, module, mode, turn)
            again = compare(plain, ouro)
            for test, difference in found.items():
                difference.runs += 1
                difference.wrong += test in again
            for test in FATAL:
                if test in again and test not in found:
                    found[test] = again[test]
                    found[test].runs = turn + 1


# ------------------------------------------------------------------------------ telling

def describe(outcome):
    """One line: the module, how many ran, how long, and what is not as it should be."""
    counts = outcome.ouro.counts()
    line = (f"{outcome.python:14} {outcome.mode:6} {outcome.module:28} "
            f"{counts['pass'] + counts['xfail']:5} passed {counts['skip']:4} skipped "
            f"{outcome.ouro.seconds:7.1f} s, plain {outcome.plain.seconds:.1f} s")
    for word, items in (("DIFFERS", outcome.differs), ("unsteady", outcome.unsteady),
                        ("expected", outcome.expected)):
        for item in items:
            line += (f"\n    {word}: {item.test}: plain {item.plain}, ouro {item.ouro}"
                     f" ({item.wrong} of {item.runs})")
            if item.reason:
                line += f"\n        {item.reason}"
            elif item.text:
                line += "".join(f"\n        | {t}" for t in item.text.strip().splitlines()[-12:])
    return line


def say(text):
    print(text, flush=True)


def die(text):
    print(text, file=sys.stderr)
    sys.exit(2)
