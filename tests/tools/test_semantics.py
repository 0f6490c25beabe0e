"""docs/semantics.md names tests that are there, and are run."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "semantics.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| behaviour")]
NAMES = sorted({name for row in ROWS for name in re.findall(r"`([a-z_/.]+)`", row.split(" | ")[1])})


def fault_of(name):
    """What is wrong with a test's name, or None."""
    if "/" in name:
        folder, stem = name.split("/")
        found = [REPOSITORY / "tests" / folder / f"{stem}.c", REPOSITORY / "tests" / folder / f"test_{stem}.c"]
        return None if any(file.exists() for file in found) else "no such file"
    stem, _, function = name.partition(".")
    file = REPOSITORY / "tests" / "unit" / f"test_{stem}.c"
    if not file.exists():
        return "no such file"
    text = file.read_text()
    if not function:
        return None
    if not re.search(rf"^test_{function}\(", text, re.MULTILINE):
        return "no such test"
    return None if re.search(rf"\(test_{function}\b", text) else "it is not run"


def test_each_row_names_a_test():
    assert len(ROWS) > 40
    assert [row for row in ROWS if not re.search(r"\| `[a-z]", row)] == []


@pytest.mark.parametrize("name", NAMES)
def test_is_there(name):
    assert fault_of(name) is None


def test_faults_are_found():
    assert fault_of("gc.no_such_thing") == "no such test"
    assert fault_of("no_such_file.test") == "no such file"
    assert fault_of("model/nothing") == "no such file"
