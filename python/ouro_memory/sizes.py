"""Sizes as people write and read them, as the tool `ouro` does: powers of 1024."""

import re

UNITS = "BKMGT"
PATTERN = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([kmgt]?)(?:i?b)?\s*", re.IGNORECASE | re.ASCII)


def parse(size):
    """Bytes: of a number, or of a text such as "24 MB", "1.5 GiB", "512K"."""
    if isinstance(size, (int, float)) and not isinstance(size, bool) and 0 <= size < 2**63:
        return int(size)
    found = PATTERN.fullmatch(size) if isinstance(size, str) else None
    if found is None:
        raise ValueError(f"a size is a number of bytes, or a text such as '24 MB', not {size!r}")
    return int(float(found[1]) * 1024 ** UNITS.index(found[2].upper() or "B"))


def show(size):
    """A text of some letters."""
    if abs(size) < 1000:
        return f"{size} B"
    for unit in "KMGT":
        size /= 1024
        if abs(size) < 1000 or unit == "T":
            return f"{size:.1f} {unit}iB"
