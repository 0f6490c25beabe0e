"""The examples for C: each is compiled as a person would, and prints what it says at its end."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
BUILD = pathlib.Path(os.environ["OURO_BUILD"])
EXAMPLES = sorted((ROOT / "examples/objects").glob("*.c"))


@pytest.mark.parametrize("source", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_example(source, compiler, tmp_path):
    said = re.search(r"/\* prints:\n(.*?)\*/", source.read_text(), re.DOTALL).group(1)
    program = tmp_path / source.stem
    subprocess.run(
        [compiler, "-std=c17", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include", source, "-o", program,
         f"-L{BUILD}/lib", "-louro", f"-Wl,-rpath,{BUILD}/lib", "-pthread"], check=True)  # fmt: skip
    done = subprocess.run([program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", said)


def test_there_are_examples():
    assert len(EXAMPLES) >= 4
