#!/usr/bin/env python3
"""layers.py - which room may open which door.

usage: tools/layers.py [ROOT]

Reads every #include under ROOT/include, ROOT/src and ROOT/cli and fails on a door that is not in DOORS.
Beside the doors it keeps a few words where they belong (WORDS): an operating system's own names in
src/os, CPython's versions in src/host/cpython_*.
"""

import re
import sys
from pathlib import Path

# A room, and the rooms whose headers it may include besides its own.
DOORS = {
    "base": set(),
    "os": {"base"},
    "heap": {"base", "os"},
    "object": {"base", "os", "heap"},
    "gc": {"base", "os", "heap", "object"},
    "types": {"base", "os", "heap", "object", "gc"},
    "trace": {"base", "os", "heap"},
    "snapshot": {"base", "os", "heap", "trace"},
    "monitor": {"base", "os", "heap", "trace", "snapshot"},
    "host": {"base", "os", "heap", "trace", "snapshot", "monitor"},
    "cli": {"trace", "snapshot", "monitor", "public"},
}

# Public headers of other rooms than "types" that don't have their room's name; <ouro/ouro.h> is all of them.
HEADERS = {"status": "base", "thread": "object", "weakref": "object", "protocol": "object", "ouro": "ouro"}

# A public header belongs to the room that keeps its promise, except <ouro/ouro.h>, which is all of them.
# To the command line they are one, "public".

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# A word, the files that may say it, and why others may not.
WORDS = [
    (
        re.compile(r"\b_GNU_SOURCE\b"),
        re.compile(r"src/(os|host)/|cli/"),
        "GNU's extensions are for src/os, src/host and cli",
    ),
    (
        re.compile(r"^\s*#.*\b(__linux__|__APPLE__|__FreeBSD__|_WIN32|__GLIBC__)\b"),
        re.compile(r"src/os/"),
        "what differs by system is asked in src/os alone",
    ),
    (
        re.compile(r"\bPY_VERSION_HEX\b"),
        re.compile(r"src/host/cpython_"),
        "CPython's versions are known in src/host/cpython_* alone",
    ),
]


def room_of_header(stem):
    """The room of a public header by its name."""
    return HEADERS.get(stem, stem if stem in DOORS else "types")


def room_of_file(path):
    """The room of a source file, or None when it is nobody's: public headers are checked by name."""
    parts = path.parts
    if parts[0] == "src":
        return parts[1]
    if parts[0] == "include":
        return room_of_header(path.stem)
    return parts[0]


def room_of_include(bracket, name, path, root):
    """The room that an #include opens, or None for a header of the system."""
    if name.startswith("ouro/"):
        stem = Path(name).stem
        return "public" if path.parts[0] == "cli" else room_of_header(stem)
    if bracket == "<":
        return None
    if path.parts[0] == "cli" and (root / "cli" / name).exists():
        return "cli"  # which has folders
    if "/" in name:
        return name.split("/")[0]
    # A bare name is a neighbour.
    return room_of_file(path) if (root / path.parent / name).exists() else name


def faults_of_line(line, path, root):
    """What is wrong with one line, as sentences."""
    room = room_of_file(path)
    found = INCLUDE.match(line)
    if found:
        bracket, name = found.groups()
        opened = room_of_include(bracket, name, path, root)
        if name.endswith(".c"):
            yield f"{name} is a source file: compile it, do not include it"
        elif path.as_posix() == "include/ouro/ouro.h":
            if opened is None:
                yield "the header of all public headers includes nothing else"
        elif opened is not None and opened != room and opened not in DOORS.get(room, set()):
            yield f"{room} has no door to {opened} ({name})"
    for word, places, reason in WORDS:
        if word.search(line) and not places.match(path.as_posix()):
            yield reason


def faults(root):
    """Every fault in the tree, as "file:line: sentence"."""
    folders = [root / "include", root / "src", root / "cli"]
    files = sorted(file for folder in folders for file in folder.rglob("*.[ch]"))
    if not files:
        yield f"{root}: no sources here"
    for file in files:
        path = file.relative_to(root)
        if room_of_file(path) not in DOORS and path.as_posix() != "include/ouro/ouro.h":
            yield f"{path}: no such room as {room_of_file(path)}; add it to DOORS in tools/layers.py"
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            for sentence in faults_of_line(line, path, root):
                yield f"{path}:{number}: {sentence}"


def main():
    if len(sys.argv) > 2 or sys.argv[1:2] in (["-h"], ["--help"]):
        print(__doc__.strip())
        return 2
    root = Path(sys.argv[1] if len(sys.argv) == 2 else Path(__file__).parent.parent)
    found = list(faults(root))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
