"""What the tests of the host share: small C programs, compiled here, and run on the heap and off it."""

import json
import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = Path(os.environ.get("OURO_BUILD", ROOT / "build")).resolve()
HOST = BUILD / "lib" / "libouro-host.so"
OURO = Path(os.environ.get("OURO", BUILD / "bin" / "ouro")).resolve()

RUNNING, ENDED, REPLACED = 0, 1, 2

# -fno-builtin: a malloc that is freed at once must not be optimised away.
C_FLAGS = "-std=c17 -Wall -Wextra -Werror -O1 -g -fno-builtin -pthread".split()
CXX_FLAGS = "-std=c++17 -Wall -Wextra -Werror -O1 -g -fno-builtin -pthread".split()


def compile_program(folder, source, *flags, name=None):
    """Compile a source of this folder; returns the program's path."""
    path = HERE / source
    program = Path(folder) / (name or path.stem)
    if path.suffix == ".cpp":
        command = [*os.environ.get("CXX", "c++").split(), *CXX_FLAGS]
    else:
        command = [*os.environ.get("CC", "cc").split(), *C_FLAGS]
    subprocess.run([*command, f"-I{ROOT / 'src'}", "-o", str(program), str(path), *flags], check=True)
    return program


def clean_environment(**changes):
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OURO_", "LD_")) and name != "MALLOC_TRACE"
    }
    environment.update(LC_ALL="C.UTF-8")
    environment.update(changes)
    return environment


def host_environment(**changes):
    return clean_environment(**{"LD_PRELOAD": str(HOST), **changes})


def run(command, env, **options):
    options.setdefault("timeout", 120)
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run(
        [str(part) for part in command], env=env, capture_output=True, text=True, **options
    )


def run_on_host(command, *, session=None, check=True, **options):
    """Run on the heap; `session`: the folder for records.  With `check`, it has to end well and silently."""
    changes = options.pop("changes", {})
    if session is not None:
        changes = {"OURO_SESSION": str(session), **changes}
    result = run(command, host_environment(**changes), **options)
    if check:
        assert result.returncode == 0 and result.stderr == "", (result.returncode, result.stderr)
    return result


class Records:
    """Reads the records of a session folder, by a C program that knows their layout."""

    def __init__(self, folder):
        self.program = compile_program(folder, "print_record.c")

    def __call__(self, session):
        """All records, in the order in which they began."""
        files = sorted(str(path) for path in Path(session).iterdir())
        if not files:
            return []
        out = subprocess.run([self.program, *files], check=True, capture_output=True, text=True).stdout
        records = [json.loads(line) for line in out.splitlines()]
        return sorted(records, key=lambda record: record["began_ns"])

    def one(self, session):
        (record,) = self(session)
        return record


def check_sum(moment):
    """A moment's parts add up to what the kernel says is resident."""
    parts = ("free", "cached", "records", "files", "other")
    total = sum(moment["live"]) - moment["untouched"] + sum(moment[part] for part in parts)
    assert total == moment["resident"], moment
