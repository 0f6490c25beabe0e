"""What the libraries ask of a process, and what they show to it."""

import os
import re
import subprocess
from pathlib import Path

import pytest

LIBRARIES = Path(os.environ["OURO_BUILD"]) / "lib"
ENGINE = LIBRARIES / "libouro.so"
HOST = LIBRARIES / "libouro-host.so"

HEADERS = Path(__file__).parents[2] / "include" / "ouro"
MAP = Path(__file__).parents[2] / "cmake" / "libouro-host.map"

MALLOC_FAMILY = {
    "malloc", "calloc", "realloc", "reallocarray", "free", "cfree", "posix_memalign", "aligned_alloc",
    "memalign", "valloc", "pvalloc", "malloc_usable_size",
}  # fmt: skip


def mapped():
    """The names that the map of the host lets out."""
    text = re.sub(r"/\*.*?\*/", "", MAP.read_text(), flags=re.DOTALL)
    return set(re.findall(r"\w+(?=;)", text.partition("local:")[0]))


def exported(library):
    output = subprocess.run(
        ["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True
    ).stdout
    return {line.split()[-1] for line in output.splitlines()}


def dynamic(library):
    return subprocess.run(
        ["readelf", "-W", "-d", library], capture_output=True, text=True, check=True
    ).stdout


def needed(library):
    """The libraries that it wants loaded, without their versions and the loader."""
    names = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic(library))
    return {name.partition(".")[0] for name in names if not name.startswith("ld-")}


def test_host_needs_libc_alone():
    assert needed(HOST) == {"libc"}


def test_engine_needs_what_numbers_need():
    assert needed(ENGINE) == {"libc", "libm", "libgmp"}


@pytest.mark.parametrize("library", [ENGINE, HOST], ids=lambda path: path.name)
def test_binds_at_once_and_stays(library):
    flags = dynamic(library)
    assert "BIND_NOW" in flags
    assert "NODELETE" in flags


def test_engine_exports_its_interface_alone():
    names = exported(ENGINE)
    assert {"ouro_version", "ouro_heap_create", "ouro_heap_alloc", "ouro_list_new"} <= names
    assert [name for name in names if not re.fullmatch(r"ouro_(_[a-z]|[a-z])[a-z0-9_]*", name)] == []
    # Internals are there for the headers' inline functions alone.
    headers = "".join(path.read_text() for path in HEADERS.glob("*.h"))
    assert [name for name in names if "__" in name and not re.search(rf"\b{name}\b", headers)] == []


def test_host_exports_what_its_map_says():
    assert exported(HOST) == mapped()
    assert MALLOC_FAMILY <= mapped()
    # Of ours, what <ouro/host.h> declares: libouro's names would be taken from a program that is linked with it.
    header = (HEADERS / "host.h").read_text()
    assert {name for name in mapped() if "ouro" in name} == set(re.findall(r"\b(ouro_host_\w+)\(", header))
