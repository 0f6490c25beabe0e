"""What the pages for people say is there: names, programs and what they print, links."""

import os
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
BUILD = Path(os.environ.get("OURO_BUILD", REPOSITORY / "build"))
HEADERS = "".join(path.read_text() for path in sorted((REPOSITORY / "include" / "ouro").glob("*.h")))
SOURCES = HEADERS + "".join(path.read_text() for path in sorted((REPOSITORY / "src").rglob("*.[ch]")))
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md"), *(REPOSITORY / "examples").rglob("*.md")])
MANUALS = sorted((REPOSITORY / "man").glob("*.[1-9]"))

# Public names, and those of macros and internals; one that ends with _ stands for all that begin so.
NAME = re.compile(r"\b(?:ouro|OURO)_\w+")
PROGRAM = re.compile(r"^```c\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
PRINTS = re.compile(r"^```c\n([^`]*\bint\s+main\([^`]*)^```\n+(?:It|which) prints:?\n+```\n(.*?)^```\n", re.DOTALL | re.MULTILINE)

# A program of a page may be a few lines as they would stand in a function.
FRAME = """#include <stdio.h>
#include <ouro/ouro.h>
int example(void);
int example(void)
{{
{}
return 0;
}}
"""


# What CONTRIBUTING.md invents.
INVENTED = {"ouro_noun_verb", "ouro__noun_verb", "tests/unit/test_x.c"}


def name_of(path):
    return str(path.relative_to(REPOSITORY))


def find_strangers(text):
    """Names that no source has; public functions must be in a public header."""
    strangers = set()
    for name in set(NAME.findall(text)):
        where = SOURCES if name.startswith(("ouro__", "OURO_")) else HEADERS
        end = "" if name.endswith("_") else r"\b"
        if not re.search(rf"\b{name}{end}", where):
            strangers.add(name)
    return strangers


@pytest.mark.parametrize("path", PAGES + MANUALS, ids=name_of)
def test_names_exist(path):
    # Settings of the build, and of the tool's environment, are no C names.
    settings = set(re.findall(r"OURO_\w+", (REPOSITORY / "CMakeLists.txt").read_text()))
    settings |= set(re.findall(r"\"(OURO_\w+)\"", SOURCES + "".join(
        path.read_text() for path in (REPOSITORY / "cli").glob("*.c"))))  # fmt: skip
    settings |= {path.name for path in (REPOSITORY / "python").iterdir()}  # packages of Python's
    text = re.sub(r"^\.Xr .*$", "", path.read_text(), flags=re.MULTILINE)
    assert find_strangers(text) - settings - INVENTED == set()


def test_strangers_are_found():
    text = "`ouro_list_append()`, `ouro_list_…`, `ouro_lisp_append`, OURO_NO_MEMRY, ouro__gc_try, ouro_gc_try, ouro_lisp_…"
    assert find_strangers(text) == {"ouro_lisp_append", "OURO_NO_MEMRY", "ouro_gc_try", "ouro_lisp_"}


def programs():
    for path in PAGES:
        for number, program in enumerate(PROGRAM.findall(path.read_text())):
            yield pytest.param(program, id=f"{name_of(path)}-{number}")


def compile_program(program, *options):
    source = program if "#include" in program else FRAME.format(program)
    words = ["cc", "-std=c17", "-Wall", "-Wextra", "-Werror", "-Wno-unused", f"-I{REPOSITORY}/include"]
    return subprocess.run([*words, "-x", "c", "-", *options], input=source, capture_output=True, text=True)


@pytest.mark.parametrize("program", list(programs()))
@pytest.mark.parametrize("ownership", [0, 1])
def test_program_compiles(program, ownership):
    done = compile_program(program, "-fsyntax-only", f"-DOURO_OWNERSHIP={ownership}")
    assert done.returncode == 0, done.stderr


def test_mix_up_does_not_compile():
    program = "ouro_loan list = ouro_list_new(0); ouro_list_clear(list);"
    assert compile_program(program, "-fsyntax-only", "-DOURO_OWNERSHIP=0").returncode == 0
    assert compile_program(program, "-fsyntax-only", "-DOURO_OWNERSHIP=1").returncode != 0


def printed():
    for path in PAGES:
        for number, (program, said) in enumerate(PRINTS.findall(path.read_text())):
            yield pytest.param(program, said, id=f"{name_of(path)}-{number}")


@pytest.mark.parametrize("program, said", list(printed()))
def test_program_prints_what_is_shown(program, said, tmp_path):
    executable, library = tmp_path / "program", BUILD / "lib"
    done = compile_program(program, "-o", executable, f"-L{library}", "-louro", f"-Wl,-rpath,{library}", "-pthread")
    assert done.returncode == 0, done.stderr
    done = subprocess.run([executable], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", said)


def test_readme_shows_a_program():
    assert len(PRINTS.findall((REPOSITORY / "README.md").read_text())) == 1


def anchors(path):
    """The anchors that a page's headings have, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path):
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith(("http:", "https:")):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_files_that_are_named_exist(path):
    """Paths in backticks that begin in one of the repository's folders."""
    folders = "bench|cli|cmake|docs|examples|include|man|src|tests|tools"
    named = re.findall(rf"`((?:{folders})/[\w./-]+)`", path.read_text())
    missing = [name for name in named if name not in INVENTED and not (REPOSITORY / name).exists()]
    assert missing == []
