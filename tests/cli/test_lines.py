"""Lines from code objects' tables, against co_lines(), dis and PyCode_Addr2Line(): every instruction of the standard
library, as it is and with its lines shuffled, in each version 3.9 to 3.15 of CPython that this machine has.

Follows CPython's Lib/test/test_code.py (CodeLocationTest), test_dis.py (findlinestarts) and test_sys_settrace.py.

ctest: timeout=900
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "cpython"))
import suites

PYTHONS = {python.version[:2]: python for python in suites.discover()}  # the newest of each


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("lines") / "liblines.so"
    compiler = os.environ.get("CC", "cc").split()
    flags = "-std=c17 -Wall -Wextra -Werror -O1 -g -shared -fPIC".split()
    folders = [f"-I{ROOT / folder}" for folder in ("cli", "src", "include")]
    sources = [HERE / "lines.c", ROOT / "src" / "snapshot" / "lines.c"]
    subprocess.run([*compiler, *flags, *folders, "-o", path, *sources], check=True)
    return path


@pytest.mark.parametrize("python", PYTHONS.values(), ids=lambda python: python.label)
def test_lines_are_the_interpreters_own(python, library):
    command = [python.path, HERE / "programs" / "lines.py", library]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
    assert (result.returncode, result.stderr) == (0, "")
    assert int(result.stdout) > 500_000
