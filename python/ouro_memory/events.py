"""What a program tells of its course: snapshots that it wants, and marks."""

import errno
import time

from . import host as host_module

MOST_BYTES = 95  # of a name
PATIENCE = 60.0  # seconds that a snapshot waits for the one before it
PAUSE = 0.002


def check_name(name):
    """A name as the host takes it."""
    if not isinstance(name, str):
        raise TypeError(f"a name is a str, not {type(name).__name__}")
    encoded = name.encode("utf-8", "replace")
    if len(encoded) > MOST_BYTES or b"\0" in encoded:
        raise ValueError(f"a name has up to {MOST_BYTES} bytes in UTF-8 and no NUL: {name!r}")
    return encoded


def snapshot(name=None):
    """Take a snapshot of what is traced now, named `name`; whether one was taken.

    A forked process writes it, so the program stops for a moment only; a second one waits until the first is written."""
    encoded = None if name is None else check_name(name)
    host = host_module.find()
    if host is None:
        return False
    end = time.monotonic() + PATIENCE
    while True:
        code = host.snapshot(encoded)
        if code != errno.EAGAIN or time.monotonic() > end:
            return code == 0
        time.sleep(PAUSE)


def mark(text):
    """Put a mark on the line of time, which `ouro plot` shows; whether that was done."""
    encoded = check_name(text)
    host = host_module.find()
    return host is not None and host.mark(encoded) == 0
