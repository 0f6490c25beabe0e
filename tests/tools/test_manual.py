"""tools/manual.py finds what a header leaves out, says what its types say, and makes pages of it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

HEADER = """/* ouro/pot.h - what things are kept in.
 *
 * A pot has a lid. */
#ifndef OURO_POT_H
#define OURO_POT_H

#include <ouro/object.h>

/** How many fit. */
#define OURO_POT_ROOM 8

/** A pot's shape. */
typedef struct ouro_pot_shape {
    int round; /**< so much */
} ouro_pot_shape;

/* ---- use ---- */

/* All of these may break it. */

/** A new pot of `n` litres, or NULL without memory. */
OURO_API OURO_NODISCARD ouro_ref ouro_pot_new(size_t n);

/** Put a thing in; OURO_OK, or OURO_TOO_MANY.  @threads any */
OURO_API OURO_NODISCARD ouro_status ouro_pot_put(ouro_loan pot, ouro_ref thing);

/**
 * Look at each.
 *
 * @param visit    called
 * @param context  handed on
 * @return the first result
 */
static inline int
ouro_pot_visit(ouro_loan pot, ouro_visitor visit, void *context)
{
    return visit(pot, context);
}

/** Hit it. */
OURO_API void ouro_pot_hit(ouro_loan pot);

#endif
"""


def run_manual(*words):
    done = subprocess.run(
        [sys.executable, "-B", REPOSITORY / "tools" / "manual.py", *words], capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.fixture
def header(tmp_path):
    path = tmp_path / "pot.h"
    path.write_text(HEADER)
    return path


def test_passes_the_public_headers():
    code, said = run_manual("check")
    assert code == 0, said
    n_headers = len(list((REPOSITORY / "include" / "ouro").glob("*.h")))
    assert said == f"manual: {n_headers} headers, all is said\n"


def test_every_public_function_has_its_page(tmp_path):
    """As many as the compiler sees declared or inline in the public headers."""
    seen = subprocess.run(
        ["cc", "-E", "-P", f"-I{REPOSITORY}/include", "-x", "c", "-"], input="#include <ouro/ouro.h>\n",
        capture_output=True, text=True, check=True).stdout  # fmt: skip
    seen = re.sub(r"__attribute__ ?\(\((?:[^()]|\([^()]*\))*\)\)", "", seen)
    declared = set(re.findall(r"^\s*[a-z][^;{}=]*?\b(ouro_(?!_)\w+)\([^()]*\)\s*[;{]", seen, re.MULTILINE))
    assert len(declared) >= 200
    run_manual("pages", str(tmp_path))
    pages = "".join(path.read_text() for path in tmp_path.glob("*.3"))
    told = set(re.findall(r"^\.It Fn (\w+)", pages, re.MULTILINE))
    assert declared - told == {"ouro_version"}  # libouro(3) has it


def test_passes_a_full_header(header):
    assert run_manual("check", str(header)) == (0, "manual: 1 headers, all is said\n")


@pytest.mark.parametrize(
    "before, after, said",
    [
        ("/** Hit it. */\n", "", "ouro_pot_hit() has no comment"),
        ("/** Hit it. */\n", "/** Hit it. */\n\n", "ouro_pot_hit() has no comment"),
        ("pot of `n` litres", "pot", "ouro_pot_new(): what is `n`?"),
        ("A new pot of", "Make a pot of", "ouro_pot_new(): what does it return?"),
        ("; OURO_OK, or OURO_TOO_MANY", "", "ouro_pot_put(): what does it return?"),
        (" * @param context  handed on\n", "", "ouro_pot_visit(): what is `context`?"),
        ("@param context ", "@param contents", "ouro_pot_visit() has no parameter `contents`"),
        (" * @return the first result\n", "", "ouro_pot_visit(): what does it return?"),
        ("Hit it.", "Hit it.  @return nothing", "ouro_pot_hit() returns nothing"),
        ("/** How many fit. */\n", "", "OURO_POT_ROOM has no comment"),
        ("/** A pot's shape. */\n", "", "ouro_pot_shape has no comment"),
        ("Hit it.", "Hit it, after ouro_pot_lift().", "there is no ouro_pot_lift()"),
        (" - what things are kept in.", "", "what does the header hold?"),
    ],
)
def test_finds_what_is_missing(header, tmp_path, before, after, said):
    assert before in HEADER
    header.write_text(HEADER.replace(before, after))
    code, lines = run_manual("check", str(header))
    assert code == 1
    assert said in lines
    # A build, which makes the pages, does not break of it.
    assert run_manual("pages", str(tmp_path / "man"), str(header)) == (0, "")
    assert ".Fn ouro_pot_visit" in (tmp_path / "man" / "ouro_pot.3").read_text()


def test_completes_comments_in_place(header):
    """What types and sentences tell becomes tags, and no line moves."""
    code, text = run_manual("filter", str(header))
    assert code == 0
    assert text.count("\n") == HEADER.count("\n")
    put = next(line for line in text.splitlines() if "Put a thing in" in line)
    for tag in ["@param pot borrowed", "@param thing stolen", "@return OURO_OK, or OURO_TOO_MANY", "@threads any"]:
        assert tag in put
    assert "@return a new pot of `n` litres, or NULL without memory" in text


def test_pages_have_it_all(tmp_path):
    code, _ = run_manual("pages", str(tmp_path))
    assert code == 0
    pages = {path.stem: path.read_text() for path in tmp_path.glob("*.3")}
    headers = {path.stem for path in (REPOSITORY / "include" / "ouro").glob("*.h")} - {"ouro", "base"}
    assert set(pages) == {f"ouro_{name}" for name in headers}
    for name in ["ouro_list_append_steal", "ouro_list_pop", "ouro_list_clear"]:
        assert f".Nm {name}" in pages["ouro_list"]
        assert f".Fn {name}" in pages["ouro_list"]
        assert f".It Fn {name}" in pages["ouro_list"]
    overview = (REPOSITORY / "man" / "libouro.3").read_text()
    assert set(re.findall(r"^\.Xr (ouro_\w+) 3(?: ,)?$", overview.partition(".Sh SEE ALSO")[2], re.MULTILINE)) == set(pages)
    # An example is the program as it stands, which tests/programs/test_examples.py runs.
    tree = (REPOSITORY / "examples" / "objects" / "tree.c").read_text().partition("\n/* prints:")[0]
    assert tree.strip().replace("\\", "\\e") in pages["ouro_object"]
