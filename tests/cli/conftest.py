"""What the tests of the tool share."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import records

OURO = Path(os.environ.get("OURO", Path(__file__).resolve().parents[2] / "build" / "bin" / "ouro")).resolve()

# A python that is a plain binary: what stands first on the PATH may be a script that finds one.
PYTHON = os.path.realpath(sys.executable)


class Tool:
    """`ouro`, run as a person would."""

    def __init__(self, path, temporary):
        self.path = str(path)
        self.temporary = temporary

    def environment(self, **changes):
        environment = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith("OURO_") and k not in ("LD_PRELOAD", "COLUMNS", "NO_COLOR", "LINES")
        }
        environment.update(LC_ALL="C.UTF-8", TERM="xterm", TMPDIR=str(self.temporary))
        environment.update({k: v for k, v in changes.items() if v is not None})
        return {k: v for k, v in environment.items() if k not in changes or changes[k] is not None}

    def __call__(self, *arguments, env=None, **options):
        options.setdefault("timeout", 60)
        options.setdefault("stdin", subprocess.DEVNULL)
        if "stdout" not in options:
            options["stdout"] = subprocess.PIPE
        if "stderr" not in options:
            options["stderr"] = subprocess.PIPE
        return subprocess.run(
            [self.path, *map(str, arguments)],
            env=self.environment(**(env or {})),
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
            **options,
        )

    def run(self, *arguments, **options):
        return self("run", *arguments, **options)

    def run_json(self, *arguments, **options):
        """What `--json` has to say of a run without a report."""
        path = self.temporary / "run.json"
        path.unlink(missing_ok=True)
        self.run("--quiet", "--json", path, *arguments, **options)
        return json.loads(path.read_text())


@pytest.fixture(autouse=True)
def nothing_left_behind(tmp_path):
    """Each test's TMPDIR is its own; no session folder may be left there."""
    yield
    assert not list((tmp_path / "tmp").glob("ouro-run.*"))


@pytest.fixture
def temporary(tmp_path):
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


@pytest.fixture
def ouro(temporary):
    return Tool(OURO, temporary)


@pytest.fixture(scope="session")
def lone_tree(tmp_path_factory):
    """The tool beside a host library that does nothing, so that all records are made up."""
    tree = tmp_path_factory.mktemp("lone")
    (tree / "bin").mkdir()
    (tree / "lib").mkdir()
    shutil.copy2(OURO, tree / "bin" / "ouro")
    source = tree / "nothing.c"
    source.write_text("int ouro_nothing;\n")
    compiler = os.environ.get("CC", "cc").split()
    library = tree / "lib" / "libouro-host.so"
    subprocess.run([*compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    return tree


@pytest.fixture
def lone(lone_tree, temporary):
    return Tool(lone_tree / "bin" / "ouro", temporary)


@pytest.fixture(scope="session")
def layout(tmp_path_factory):
    return records.layout(tmp_path_factory.mktemp("layout"))


@pytest.fixture
def play(lone, layout, tmp_path):
    """Run a program that leaves these records; returns what subprocess.run does."""

    def play(*made_up, options=(), exit=0, code="", report=None, **more):
        plan = tmp_path / "plan.json"
        plan.write_text(
            json.dumps({"layout": layout, "records": made_up, "exit": exit, "code": code}),
            encoding="utf-8",
            errors="surrogateescape",
        )
        return lone.run(*options, PYTHON, "-S", "-E", records.__file__, plan, **more)

    return play
