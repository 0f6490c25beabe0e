"""What the libraries ask of a process, and what they show to it."""

import os
import re
import subprocess
from pathlib import Path

import pytest

LIBRARIES = Path(os.environ["OURO_BUILD"]) / "lib"
ENGINE = LIBRARIES / "libouro.so"
HOST = LIBRARIES / "libouro-host.so"

MALLOC_FAMILY = {
    "malloc", "calloc", "realloc", "reallocarray", "free", "cfree", "posix_memalign", "aligned_alloc",
    "memalign", "valloc", "pvalloc", "malloc_usable_size",
}  # fmt: skip

# operator new and delete: plain, array, nothrow, aligned, aligned nothrow; delete with a size too.
OPERATORS = {
    f"_Zn{kind}m{more}"
    for kind in "wa"
    for more in ["", "RKSt9nothrow_t", "St11align_val_t", "St11align_val_tRKSt9nothrow_t"]
} | {
    f"_Zd{kind}Pv{more}"
    for kind in "la"
    for more in ["", "m", "RKSt9nothrow_t", "St11align_val_t", "mSt11align_val_t",
                 "St11align_val_tRKSt9nothrow_t"]
}  # fmt: skip


def exported(library):
    output = subprocess.run(
        ["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True
    ).stdout
    return {line.split()[-1] for line in output.splitlines()}


def dynamic(library):
    return subprocess.run(
        ["readelf", "-W", "-d", library], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize("library", [ENGINE, HOST], ids=lambda path: path.name)
def test_needs_libc_alone(library):
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic(library))
    assert [name for name in needed if not name.startswith(("libc.", "ld-"))] == []


@pytest.mark.parametrize("library", [ENGINE, HOST], ids=lambda path: path.name)
def test_binds_at_once_and_stays(library):
    flags = dynamic(library)
    assert "BIND_NOW" in flags
    assert "NODELETE" in flags


def test_engine_exports_its_interface_alone():
    names = exported(ENGINE)
    assert {"ouro_version", "ouro_heap_create", "ouro_heap_alloc"} <= names
    assert [name for name in names if not re.fullmatch(r"ouro_[a-z][a-z0-9_]*", name) or "__" in name] == []


def test_host_exports_what_programs_must_find():
    assert (MALLOC_FAMILY | OPERATORS) - exported(HOST) == set()


def test_host_keeps_the_rest_to_itself():
    assert [name for name in exported(HOST) if "ouro" in name] == []
