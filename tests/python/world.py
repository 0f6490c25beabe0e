"""What the tests of the Python module share."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("OURO_BUILD", ROOT / "build")).resolve()
OURO = Path(os.environ.get("OURO", BUILD / "bin" / "ouro")).resolve()
MODULE = BUILD / "share" / "ouro" / "python"

sys.path.insert(0, str(ROOT / "tests" / "cpython"))
import suites

# The newest of each version, which differ in how they keep frames and tables of lines.
ALL = suites.discover()
PYTHONS = [p for p in {p.version[:2]: p for p in ALL if not p.free_threaded}.values()]


def label(python):
    return python.label


def run(python, *arguments, options=None, code=0, stderr="", cwd=None, **changes):
    """Run Python, under `ouro run` unless `options` is None; its standard output."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OURO_", "LD_", "PYTHON", "PYTEST"))
    }
    environment.update(LC_ALL="C.UTF-8", PYTHONDONTWRITEBYTECODE="1", **changes)
    environment = {name: value for name, value in environment.items() if value is not None}
    command = [python.path, *arguments] if options is None else [OURO, "run", "--quiet", *options, python.path, *arguments]
    done = subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True, check=False, timeout=300, cwd=cwd
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    if stderr is not None:
        assert done.stderr == stderr
    return done.stdout


def fetch_pytest(python):
    """A folder with pytest and xdist for this version, kept with the build; skips where pip can't reach an index."""
    minor = ".".join(map(str, python.version[:2]))
    folder = BUILD / "tests" / f"pytest-{minor}"
    if not (folder / "xdist").exists():
        packages = ["pytest", "pytest-xdist"] + ["exceptiongroup", "tomli"] * (python.version < (3, 11))
        pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary=:all:"]
        got = subprocess.run(
            [*pip, "--python-version", minor, "--upgrade", "--target", str(folder), *packages],
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        if got.returncode != 0:
            last = (got.stderr.strip().splitlines() or ["pip failed"])[-1]
            pytest.skip(f"pip can't install {' '.join(packages)} here: {last}")
    return folder
