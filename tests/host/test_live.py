"""Snapshots that are taken while programs run: by their own call, as time goes by, as they grow, on a signal; and that they
hear nothing of it.

ctest: timeout=900
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import native
import pytest

sys.path[:0] = [str(native.ROOT / "tests" / "cpython"), str(native.ROOT / "tests" / "cli")]
import schema
import suites

PYTHONS = [python for python in suites.discover() if not python.free_threaded]
LIVE = native.HERE / "programs" / "live.py"

# Prints what each call returns; `take` waits for its turn.
PREAMBLE = """
import ctypes, errno, os, signal, sys, time
host = ctypes.PyDLL(None)
host.ouro_host_snapshot.argtypes = [ctypes.c_char_p]
def take(name):
    while (error := host.ouro_host_snapshot(name)) == errno.EAGAIN:
        time.sleep(0.001)
    return error
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return native.compile_program(tmp_path_factory.mktemp("program"), "live.c")


@pytest.fixture(params=PYTHONS, ids=lambda python: python.label)
def python(request):
    return request.param


def ouro(*arguments, folder, **options):
    command = [str(native.OURO), *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env=native.clean_environment(), capture_output=True, text=True, timeout=300, check=False, **options
    )


def report(file):
    """What a snapshot says, which has to be whole."""
    shown = ouro("report", file, "--json", "--top", "1000000", folder=file.parent)
    assert shown.returncode == 0 and shown.stderr == "", shown.stderr
    told = json.loads(shown.stdout)
    assert told["snapshot"]["trouble"] is None
    return told


def run_code(folder, python, code, *options, preamble=PREAMBLE):
    """Run a program; it, and its snapshots by name, the last one left out."""
    program = folder / "program.py"
    program.write_text(preamble + code)
    run = ouro("run", "--quiet", "-o", "app.ouro", *options, python.path, program, folder=folder)
    assert run.returncode == 0 and run.stderr == "", run.stderr
    return run, files_of(folder), str(program)


def files_of(folder):
    return {path.name: path for path in sorted(folder.glob("app.*.ouro"))}


def line_blocks(file, program, mark):
    with open(program) as text:
        (line,) = [n for n, row in enumerate(text, 1) if row.rstrip().endswith("# " + mark)]
    return sum(row["blocks"] for row in report(file)["rows"] if row["file"] == program and row["line"] == line)


# ---- programs in C ----


@pytest.mark.parametrize(
    "what, n_files", [("children", None), ("handler", None), ("threads", 30), ("nproc", 0), ("fsize", 0), ("forks", 2), ("vforks", None)]
)
def test_in_c(program, tmp_path, what, n_files):
    tmp_path.chmod(0o777)
    run = native.run_on_host(
        [program, what], session=tmp_path, changes={"OURO_TRACE": "0:0", "OURO_SNAPSHOTS": "0:0:0"}
    )
    ok, n_begun = run.stdout.split()
    assert ok == "ok"
    first = min((path for path in tmp_path.glob("*.0.rec")), key=lambda path: path.stat().st_mtime_ns, default=None)
    assert first is not None
    assert list(tmp_path.glob("*.part")) == []
    files = list(tmp_path.glob("*.*.*.ouro"))
    if what == "forks":
        by_process = {}
        for file in files:
            by_process.setdefault(file.name.split(".")[0], set()).add(file.name.split(".")[2])
        assert sorted(map(sorted, by_process.values())) == [["1"]] * 5 + [["1", "2"]]
    else:
        assert len(files) == (int(n_begun) if n_files is None else n_files)
    for file in files[:10]:
        assert report(file)["snapshot"]["reason"] == "call"


@pytest.mark.parametrize("how", ["exact", "sampled"])
@pytest.mark.parametrize("what", ["exit", "quit", "handler", "snapshot", "growth", "signal"])
def test_on_stacks_that_hold_little(tmp_path, what, how):
    """Nothing that is large lies on the program's stack: neither at its end nor in a copy of it."""
    narrow = native.compile_program(tmp_path, "narrow.c")
    run = ouro(
        "run", "--quiet", f"--trace={how}", "--growth", "20", "--on-signal", "USR1", "-o", "app.ouro", narrow, what, folder=tmp_path
    )
    assert (run.returncode, run.stdout, run.stderr) == (3, "", "")
    assert report(tmp_path / "app.ouro")["snapshot"]["reason"] == "exit"
    wanted = {"snapshot": "call", "growth": "growth", "signal": "signal"}.get(what)
    reasons = [report(file)["snapshot"]["reason"] for _, file in sorted(files_of(tmp_path).items())]
    assert wanted is None or wanted in reasons


@pytest.mark.parametrize("how", ["off", "sampled", "exact"])
@pytest.mark.parametrize("what", ["prctl", "seccomp", "probe"])
def test_confined_programs(tmp_path, what, how):
    """Nothing is asked of the system that a filter may not know; and what was known before is kept."""
    confined = native.compile_program(tmp_path, "confined.c")
    every = ["--growth", "10"] if how != "off" else []
    run = ouro("run", f"--trace={how}", *every, "--json", "told.json", "-o", "app.ouro", confined, what, folder=tmp_path)
    assert (run.returncode, run.stdout) == (0, "ok\n"), run.stderr
    (process,) = json.loads((tmp_path / "told.json").read_text())["processes"]
    assert process["peak"]["live_bytes"] >= 100 * 100000
    told = report(tmp_path / "app.ouro") if how != "off" else None
    if what == "probe":
        assert "seccomp" not in run.stderr
        assert told is None or told["snapshot"]["reason"] == "exit"
    else:
        said = " ".join(run.stderr.split())
        assert "forbade itself system calls (seccomp): figures as of then, " in said and "did not end" not in said
        assert process["state"] == "confined"
        assert told is None or told["snapshot"]["reason"] == "confined"
    if told is not None and how == "exact":
        assert sum(row["bytes"] for row in told["rows"]) >= 100 * 100000


# ---- by the program's own call ----


def test_has_what_was_live_then(python, tmp_path):
    run, files, program = run_code(
        tmp_path,
        python,
        """
print(take(b"none"))
first = [bytes(2000) for _ in range(1000)]  # first
print(take(b"one"))
second = [bytes(3000) for _ in range(500)]  # second
print(take("zw\\u00f6lf / 12".encode()))
del first
print(take(None))
print(take(b"x" * 96) == errno.ENAMETOOLONG)
""",
        "--trace=exact",
    )
    assert run.stdout == "0\n0\n0\n0\nTrue\n"
    assert sorted(files) == ["app.001-none.ouro", "app.002-one.ouro", "app.003-zwölf___12.ouro", "app.004-call.ouro"]
    counts = [
        (line_blocks(file, program, "first"), line_blocks(file, program, "second")) for _, file in sorted(files.items())
    ]
    assert [(a >= 1000, b >= 500) for a, b in counts] == [(0, 0), (1, 0), (1, 1), (0, 1)]
    # The blocks, the list, and what it grew through; CPython keeps the list itself for the next one.
    assert counts[1][0] in (1001, 1002) and counts[2][1] in (501, 502) and counts[3][0] <= 1
    told = [report(file)["snapshot"] for _, file in sorted(files.items())]
    assert [one["reason"] for one in told] == ["call"] * 4
    assert [one["name"] for one in told] == ["none", "one", "zwölf / 12", ""]


def test_nobody_keeps_them(python, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PREAMBLE + "print(take(b'x') == errno.ENOTSUP)")
    run = ouro("run", "--quiet", python.path, program, folder=tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (0, "True\n", "")
    assert [path.name for path in tmp_path.iterdir()] == ["program.py"]


def test_tracing_that_is_off_has_none(tmp_path):
    run, files, _ = run_code(
        tmp_path,
        PYTHONS[0],
        """
print(take(b"sampled"), host.ouro_host_trace_stop(), take(b"off") == errno.ENOTSUP)
host.ouro_host_trace_start.argtypes = ctypes.c_uint64, ctypes.c_uint32
print(host.ouro_host_trace_start(0, 1), take(b"exact"))
""",
    )
    assert run.stdout == "0 0 True\n0 0\n"
    assert sorted(files) == ["app.001-sampled.ouro", "app.002-exact.ouro"]
    assert report(files["app.002-exact.ouro"])["snapshot"]["tracing"] == "exact"


# ---- nobody notices ----


def test_output_is_untouched(python, tmp_path):
    plain = native.run([python.path, LIVE], native.clean_environment())
    assert plain.returncode == 0, plain.stderr
    run = ouro("run", "--quiet", "--every", "0.02", "--growth", "10", "-o", "app.ouro", python.path, LIVE, folder=tmp_path)
    assert (run.stdout, run.stderr, run.returncode) == (plain.stdout, plain.stderr, 0)
    files = files_of(tmp_path)
    reasons = {name.rpartition("-")[2] for name in files if "-" in name}
    assert reasons == {"time.ouro", "growth.ouro"}
    for file in list(files.values())[:20]:
        report(file)


def test_no_file_is_held_open(python, tmp_path):
    """A pipe ends when the program closes it, however long the copy of it lives."""
    run, _, _ = run_code(
        tmp_path,
        python,
        """
import select
kept = [eval(f"lambda: {i}") for i in range(3000)]
def held():
    for _ in range(200):
        reader, writer = os.pipe()
        take(None)
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            children = file.read().split()
        if not children:
            continue
        copy = int(children[-1])
        try:
            while len(os.listdir(f"/proc/{copy}/fd")) > 1:
                pass
            os.kill(copy, signal.SIGSTOP)
            with open(f"/proc/{copy}/stat") as file:
                is_there = file.read().rpartition(")")[2].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            continue
        os.close(writer)
        ended = select.select([reader], [], [], 10)[0] == [reader] and os.read(reader, 1) == b""
        os.kill(copy, signal.SIGCONT)
        if is_there:
            return ended
        os.close(reader)
print(held())
""",
        "--trace=exact",
    )
    assert run.stdout == "True\n"


# ---- things go wrong ----


def test_the_writer_is_killed(tmp_path):
    """The file is whole or there is none; the program goes on, and the report says so."""
    program = tmp_path / "program.py"
    program.write_text(
        PREAMBLE
        + """
kept = [eval(f"lambda: {i}") for i in range(20000)]
for i in range(30):
    take(b"victim")
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        for child in map(int, file.read().split()):
            os.kill(child, signal.SIGKILL)
    time.sleep(0.01)
print(take(b"last"))
"""
    )
    run = ouro("run", "--trace=exact", "-o", "app.ouro", PYTHONS[0].path, program, folder=tmp_path)
    assert run.returncode == 0 and run.stdout == "0\n", run.stderr
    files = files_of(tmp_path)
    assert "app.031-last.ouro" in files
    n_failed = int(re.search(r"; (\d+) could not be written", " ".join(run.stderr.split())).group(1))
    assert n_failed >= 1 and n_failed + len(files) == 31
    for file in files.values():
        report(file)


def test_the_program_is_killed(tmp_path):
    """What was taken is kept."""
    program = tmp_path / "program.py"
    program.write_text(
        PREAMBLE
        + """
kept = [eval(f"lambda: {i}") for i in range(20000)]
take(b"before")
take(b"at the end")
os.kill(os.getpid(), signal.SIGKILL)
"""
    )
    run = ouro("run", "--quiet", "--trace=exact", "-o", "app.ouro", PYTHONS[0].path, program, folder=tmp_path)
    assert run.returncode == -signal.SIGKILL
    files = files_of(tmp_path)
    assert "app.001-before.ouro" in files
    for file in files.values():
        report(file)


# ---- when ----

GROWS = """
import time
kept = []
for i in range(100):
    kept.append(bytearray(500000))
    time.sleep(0.002)
"""


def test_growth(python, tmp_path):
    _, files, _ = run_code(tmp_path, python, GROWS, "--growth", "50", "--trace=exact", preamble="")
    assert all(name.endswith("-growth.ouro") for name in files)
    # By a megabyte at first, then to half as much again, up to 50 MB: 1.5 ** 8 is 25.
    assert 4 <= len(files) <= 14, sorted(files)
    lives = [report(file)["traced"]["bytes"] for _, file in sorted(files.items())]
    assert lives[-1] >= 10e6 and lives == sorted(lives)


def test_time(python, tmp_path):
    _, files, _ = run_code(
        tmp_path, python, "import time\nfor i in range(60):\n    bytearray(3000000)\n    time.sleep(0.01)", "--every", "0.1", preamble=""
    )
    assert len(files) >= 3 and all(name.endswith("-time.ouro") for name in files)
    at = [report(file)["snapshot"]["taken_at_ns"] for _, file in sorted(files.items())]
    assert at == sorted(at)


def test_keep(tmp_path):
    code = f"assert take(b'first') == 0\n{GROWS}assert take(b'mine') == 0\n"
    _, files, _ = run_code(tmp_path, PYTHONS[0], code, "--growth", "10", "--keep", "2")
    names = sorted(files)
    assert len(names) == 4
    assert [name.rpartition("-")[2] for name in names] == ["first.ouro", "growth.ouro", "growth.ouro", "mine.ouro"]
    numbers = [int(name.split(".")[1].split("-")[0]) for name in names]
    assert numbers[1:] == list(range(numbers[1], numbers[1] + 3)) and numbers[1] > numbers[0] + 5


def test_named_ones_have_a_bound(tmp_path):
    code = "for i in range(1003):\n    assert take(b'turn-%d' % i) == 0\n"
    _, files, _ = run_code(tmp_path, PYTHONS[0], code, "--frames", "1")
    names = [name.partition("-")[2] for name in sorted(files)]
    assert sorted(names) == sorted(f"turn-{i}.ouro" for i in range(3, 1003))


def start(folder, *command):
    return subprocess.Popen(
        [str(native.OURO), "run", "--quiet", "-o", "app.ouro", *map(str, command)],
        cwd=folder, env=native.clean_environment(), stdout=subprocess.PIPE, text=True)  # fmt: skip


def test_signal(python, tmp_path):
    """In the midst of a sleep, from which it doesn't wake the program for long."""
    program = tmp_path / "program.py"
    program.write_text(
        "import os, time\nprint(os.getpid(), flush=True)\nkept = bytearray(10 ** 7)\nbegan = time.monotonic()\n"
        "time.sleep(1.5)\nprint(time.monotonic() - began >= 1.5)\n"
    )
    run = start(tmp_path, "--on-signal", "SIGUSR1", python.path, program)
    pid = int(run.stdout.readline())
    for _ in range(2):
        time.sleep(0.3)
        os.kill(pid, signal.SIGUSR1)
    assert run.stdout.read() == "True\n"
    assert run.wait() == 0
    files = files_of(tmp_path)
    assert sorted(files) == ["app.001-signal.ouro", "app.002-signal.ouro"]
    for file in files.values():
        assert report(file)["snapshot"]["taken_at_ns"] < 1.5e9


def test_signal_that_the_program_handles(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os, signal, time\nsignal.signal(signal.SIGUSR1, lambda *what: print('mine'))\n"
        "for _ in range(3):\n    os.kill(os.getpid(), signal.SIGUSR1)\n    bytearray(10 ** 7)\n"
    )
    run = start(tmp_path, "--on-signal", "10", PYTHONS[0].path, program)
    assert run.stdout.read() == "mine\n" * 3
    assert run.wait() == 0
    assert files_of(tmp_path) == {}


def test_signal_that_the_program_ignores(tmp_path):
    """As it was when it began, for whoever started it wants it so."""
    run = start(
        tmp_path, "--on-signal", "USR2", "sh", "-c",
        f"trap '' USR2; exec {PYTHONS[0].path} -c 'import os; os.kill(os.getpid(), 12); print(bytes(3))'")  # fmt: skip
    assert run.stdout.read() == "b'\\x00\\x00\\x00'\n"
    assert run.wait() == 0
    assert files_of(tmp_path) == {}


# ---- ouro snapshot PID ----

BUSY = """
import os, time
print(os.getpid(), flush=True)
kept = [bytes(1000) for _ in range(3000)]  # kept
print("ready", flush=True)
while not os.path.exists("stop"):
    kept.append(bytearray(600000))
    del kept[-1]
    time.sleep(0.005)
print("done")
"""


class Running:
    """A program under `ouro run` without -o, which leaves no files of its own."""

    def __init__(self, folder, python, code, *options):
        self.folder = folder
        self.program = folder / "program.py"
        self.program.write_text(code)
        self.run = subprocess.Popen(
            [str(native.OURO), "run", "--quiet", *map(str, options), str(python.path), str(self.program)],
            cwd=folder, env=native.clean_environment(), stdout=subprocess.PIPE, text=True)  # fmt: skip
        self.pid = int(self.run.stdout.readline())
        assert self.run.stdout.readline() == "ready\n"

    def ask(self, *arguments):
        return ouro("snapshot", *arguments, self.pid, folder=self.folder)

    def end(self):
        (self.folder / "stop").touch()
        said = self.run.stdout.read()
        return self.run.wait(), said


def test_ask_a_process(python, tmp_path):
    running = Running(tmp_path, python, BUSY, "--trace=exact")
    asked = running.ask("-o", "now.ouro", "--name", "in between")
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "", "ouro: next: ouro report now.ouro\n")
    told = report(tmp_path / "now.ouro")["snapshot"]
    assert (told["name"], told["reason"], told["pid"]) == ("in between", "asked", running.pid)
    assert line_blocks(tmp_path / "now.ouro", str(running.program), "kept") in (3001, 3002)
    asked = running.ask("-o", "now.ouro")
    assert asked.returncode == 125 and "-f replaces it" in asked.stderr
    assert running.ask("-f", "-o", "now.ouro").returncode == 0
    assert report(tmp_path / "now.ouro")["snapshot"]["name"] == ""
    assert running.end() == (0, "done\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["now.ouro", "program.py", "stop"]


ASLEEP = BUSY.replace("    kept.append(bytearray(600000))\n    del kept[-1]\n    time.sleep(0.005)\n", "    time.sleep(3)\n")


def test_ask_a_process_that_sleeps(tmp_path):
    running = Running(tmp_path, PYTHONS[0], ASLEEP, "--trace=exact")
    asked = running.ask("-o", "now.ouro", "--wait", "0.3")
    assert asked.returncode == 125 and "has not answered within 0.3 s: it allocated nothing" in asked.stderr
    assert running.end() == (0, "done\n")
    assert not (tmp_path / "now.ouro").exists()


def test_ask_a_process_that_sleeps_by_a_signal(tmp_path):
    (tmp_path / "out").mkdir()
    running = Running(tmp_path, PYTHONS[0], ASLEEP, "--trace=exact", "-o", "out/app.ouro", "--on-signal", "USR2")
    assert running.ask("-o", "now.ouro").returncode == 0
    assert report(tmp_path / "now.ouro")["snapshot"]["reason"] == "asked"
    assert line_blocks(tmp_path / "now.ouro", str(running.program), "kept") in (3001, 3002)
    assert running.end() == (0, "done\n")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["app.ouro"]  # the other one was for who asked


def test_ask_nobody(tmp_path):
    stranger = subprocess.Popen(["sleep", "60"], env=native.clean_environment())
    try:
        asked = ouro("snapshot", "-o", "now.ouro", stranger.pid, folder=tmp_path)
        assert asked.returncode == 125 and "is not on Ouro's heap: start it with 'ouro run'" in asked.stderr
    finally:
        stranger.kill()
        stranger.wait()
    asked = ouro("snapshot", "-o", "now.ouro", stranger.pid, folder=tmp_path)
    assert asked.returncode == 125 and "there is none of that number" in asked.stderr


def test_ask_who_has_outlived_the_run(tmp_path):
    code = (
        "import os, time\nreader, writer = os.pipe()\nchild = os.fork()\nif child == 0:\n    os.setsid()\n"
        "    os.write(writer, b'x')\n    os.dup2(os.open('/dev/null', os.O_RDWR), 1)\n    os.dup2(1, 2)\n    time.sleep(60)\n"
        "os.read(reader, 1)\nprint(child)"
    )
    run = ouro("run", "--quiet", PYTHONS[0].path, "-c", code, folder=tmp_path)
    pid = int(run.stdout)
    try:
        asked = ouro("snapshot", "-o", "now.ouro", pid, folder=tmp_path)
        assert asked.returncode == 125 and "has outlived the 'ouro run' that it was started by" in asked.stderr
    finally:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "arguments, said",
    [
        ((), "snapshot of what?"),
        (("-o", "x.ouro"), "snapshot of what?"),
        (("-o", "x.ouro", "1", "2"), "snapshot of what?"),
        (("1",), "-o FILE says where to"),
        (("-o", "", "1"), "-o FILE says where to"),
        (("-o", "x.ouro", "abc"), "'abc' is not the number of a process"),
        (("-o", "x.ouro", "0"), "'0' is not the number of a process"),
        (("-o", "x.ouro", "1.5"), "'1.5' is not the number of a process"),
        (("-o", "x.ouro", "99999999999"), "'99999999999' is not the number"),
        (("-o", "x.ouro", "--wait", "-1", "1"), "--wait '-1'"),
        (("-o", "x.ouro", "--name", "x" * 96, "1"), "--name: up to 95 bytes"),
        (("--foo", "1"), "unknown option '--foo'"),
        (("-o",), "-o needs a value"),
    ],
)
def test_ask_wrongly(tmp_path, arguments, said):
    asked = ouro("snapshot", *arguments, folder=tmp_path)
    assert asked.returncode == 2 and asked.stdout == "" and said in asked.stderr and "ouro snapshot --help" in asked.stderr


# ---- files ----


def test_files_that_are_there(tmp_path):
    (tmp_path / "app.002-two.ouro").write_text("precious")
    program = tmp_path / "program.py"
    program.write_text(PREAMBLE + "take(b'one'); take(b'two')")
    run = ouro("run", "--quiet", "-o", "app.ouro", PYTHONS[0].path, program, folder=tmp_path)
    assert run.returncode == 0
    assert run.stderr == "ouro: app.002-two.ouro is there already (-f replaces it)\n" or "app.002-two.ouro" in run.stderr
    assert (tmp_path / "app.002-two.ouro").read_text() == "precious"
    report(tmp_path / "app.001-one.ouro")
    run = ouro("run", "--quiet", "-f", "-o", "app.ouro", PYTHONS[0].path, program, folder=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert report(tmp_path / "app.002-two.ouro")["snapshot"]["name"] == "two"


def test_children_have_names_of_their_own(tmp_path):
    run, files, _ = run_code(
        tmp_path,
        PYTHONS[0],
        """
take(b"parent")
child = os.fork()
if child == 0:
    kept = bytearray(5000000)
    take(b"child")
    os._exit(0)
os.waitpid(child, 0)
print(child)
""",
    )
    child = run.stdout.strip()
    assert sorted(files) == sorted(["app.001-parent.ouro", f"app.{child}.001-child.ouro", f"app.{child}.ouro"])


def test_report_names_them(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PREAMBLE + "for i in range(8):\n    take(f'n{i}'.encode())")
    run = ouro("run", "-o", "app.ouro", PYTHONS[0].path, program, folder=tmp_path)
    assert "snapshots    8 while it ran, which stood still for" in run.stderr
    assert re.search(r"^ {13}[\d.]+ m?s: app.001-n0.ouro$", run.stderr, re.MULTILINE)
    assert re.search(r"^ {13}and 2 more$", run.stderr, re.MULTILINE)


def test_json_has_the_lines_and_the_snapshots(tmp_path):
    """What the report says in words: the lines with what they held, to the byte, and which files were written."""
    program = tmp_path / "program.py"
    program.write_text(
        PREAMBLE
        + """
import time
held = bytearray(3_000_000)
gone = bytearray(8_000_000)
take(b"both")
del gone
take(b"one")
""",
    )
    run = ouro("run", "--quiet", "--json", "run.json", "--trace=exact", "-o", "app.ouro", PYTHONS[0].path, program, folder=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    told = json.loads((tmp_path / "run.json").read_text())
    schema.check(told)
    lines = {Path(line["file"]).name + ":" + str(line["line"]): line for line in told["traced"]["lines"]}
    source = program.read_text().splitlines()
    gone = lines[f"program.py:{source.index('gone = bytearray(8_000_000)') + 1}"]
    held = lines[f"program.py:{source.index('held = bytearray(3_000_000)') + 1}"]
    assert told["traced"]["tracing"] == "exact" and told["traced"]["sample_bytes"] is None
    assert told["traced"]["own_bytes"] > 0
    assert 8_000_000 <= gone["peak_bytes"] < 8_001_000 and gone["peak_bytes_error"] == 0
    assert (gone["live_bytes"], gone["live_blocks"]) == (0, 0)
    assert 3_000_000 <= held["peak_bytes"] == held["live_bytes"] < 3_001_000 and held["live_blocks"] == 2
    assert [line["peak_bytes"] for line in told["traced"]["lines"]][0] == gone["peak_bytes"]
    written = told["snapshots"]
    assert written["file"] == "app.ouro" and written["failed"] == 0 and written["longest_stop_ns"] > 0
    assert [(one["file"], one["reason"], one["name"]) for one in written["taken"]] == [
        ("app.001-both.ouro", "call", "both"),
        ("app.002-one.ouro", "call", "one"),
    ]
    assert {one["pid"] for one in written["taken"]} == {told["program"]["pid"]}
    first, second = (one["at_ns"] for one in written["taken"])
    assert 0 < first < second < told["processes"][told["program"]["process"]]["lasted_ns"]
    assert report(tmp_path / "app.001-both.ouro")["snapshot"]["taken_at_ns"] == first


def test_json_of_samples_and_of_nothing(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("held = [bytes(5000) for _ in range(10_000)]\n")
    for trace, sample in ("sampled", 100_000), ("off", None):
        options = "--trace=" + trace, *(("--sample", str(sample)) if sample else ())
        run = ouro("run", "--quiet", "--json", "run.json", *options, PYTHONS[0].path, program, folder=tmp_path)
        assert (run.returncode, run.stderr) == (0, "")
        told = json.loads((tmp_path / "run.json").read_text())
        schema.check(told)
        assert told["snapshots"]["file"] is None and told["snapshots"]["taken"] == []
        if sample is None:
            assert told["traced"] is None
            continue
        assert (told["traced"]["tracing"], told["traced"]["sample_bytes"]) == ("sampled", sample)
        most = told["traced"]["lines"][0]
        assert Path(most["file"]).name == "program.py" and most["line"] == 1
        assert 0 < most["peak_bytes_error"] < 5_000_000
        assert abs(most["peak_bytes"] - 50_330_000) < 6 * most["peak_bytes_error"]


def test_report_to_a_file_has_the_lines_without_a_word(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("held = bytearray(30_000_000)\n")
    run = ouro("run", "--quiet", "--report", "report.txt", PYTHONS[0].path, program, folder=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert "program.py:1" in (tmp_path / "report.txt").read_text()


@pytest.mark.parametrize(
    "options, said",
    [
        (("--every", "1"), "--every goes with -o"),
        (("--growth", "1"), "--growth goes with -o"),
        (("--on-signal", "USR1"), "--on-signal goes with -o"),
        (("--keep", "3", "-o", "x.ouro"), "--keep goes with"),
        (("--every", "0", "-o", "x.ouro"), "--every '0'"),
        (("--every", "1s", "-o", "x.ouro"), "--every '1s'"),
        (("--every", "nan", "-o", "x.ouro"), "--every 'nan'"),
        (("--growth", "-5", "-o", "x.ouro"), "--growth '-5'"),
        (("--growth", "10%", "-o", "x.ouro"), "--growth '10%'"),
        (("--keep", "0", "--every", "1", "-o", "x.ouro"), "--keep '0'"),
        (("--on-signal", "FOO", "-o", "x.ouro"), "--on-signal 'FOO'"),
        (("--on-signal", "0", "-o", "x.ouro"), "--on-signal '0'"),
        (("--on-signal", "99", "-o", "x.ouro"), "--on-signal '99'"),
        (("--on-signal", "KILL", "-o", "x.ouro"), "--on-signal 9: nobody can handle"),
        (("--on-signal", "9", "-o", "x.ouro"), "nobody can handle"),
        (("--every", "1", "--trace=off", "-o", "x.ouro"), "--every has nothing to write with --trace=off"),
    ],
)
def test_wrong_use(tmp_path, options, said):
    run = ouro("run", *options, "true", folder=tmp_path)
    assert run.returncode == 2 and run.stdout == ""
    assert said.replace("signal 9:", "signal KILL:") in run.stderr and "ouro run --help" in run.stderr
    assert list(tmp_path.iterdir()) == []
