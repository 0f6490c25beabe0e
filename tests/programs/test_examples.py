"""The examples for C: each is compiled as a person would, and prints what it says at its end."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
BUILD = pathlib.Path(os.environ["OURO_BUILD"])
EXAMPLES = sorted((ROOT / "examples/objects").glob("*.c"))


def compile_example(source, compiler, folder):
    program = folder / source.stem
    subprocess.run(
        [compiler, "-std=c17", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include", source, "-o", program,
         f"-L{BUILD}/lib", "-louro", f"-Wl,-rpath,{BUILD}/lib", "-pthread"], check=True)  # fmt: skip
    return program


@pytest.mark.parametrize("source", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_example(source, compiler, tmp_path):
    said = re.search(r"/\* prints:\n(.*?)\*/", source.read_text(), re.DOTALL).group(1)
    program = compile_example(source, compiler, tmp_path)
    done = subprocess.run([program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", said)


def test_there_are_examples():
    assert len(EXAMPLES) >= 4


def test_a_file_of_1_gb_takes_constant_memory(tmp_path):
    program = compile_example(ROOT / "examples/objects/lines.c", "gcc", tmp_path)
    large, pipe = tmp_path / "large", tmp_path / "pipe"
    lines = b"".join(b"%0*d\n" % (i % 120, i) for i in range(100000))
    n_times = (1 << 30) // len(lines) + 1
    with open(large, "wb") as file:
        for _ in range(n_times):
            file.write(lines)
    os.mkfifo(pipe)
    with subprocess.Popen([program, large, pipe], stdout=subprocess.PIPE, text=True) as running:
        with open(pipe, "wb") as file:  # the program opens it when it is done with the large one
            status = pathlib.Path(f"/proc/{running.pid}/status").read_text()
            file.write(b"that was all\n")
        said = running.communicate(timeout=60)[0]
    assert running.returncode == 0
    assert said == (
        f"{large}: {100000 * n_times} lines, the longest of 120 bytes\n"
        f"{pipe}: 1 lines, the longest of 13 bytes\n"
    )
    peak = int(re.search(r"VmHWM:\s*(\d+) kB", status).group(1))
    assert peak < 16 << 10, f"{peak} kB"
    large.unlink()
