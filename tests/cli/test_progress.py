"""The line that a terminal shows while work takes long: a snapshot that comes through a pipe takes as long as the test wants."""

import os
import pty
import subprocess
import time

from snapshots import Snapshot, Trace

WAIT = 1.5  # seconds: three times what is short enough to say nothing of
GONE = b"\r\x1b[K"


def some():
    return Snapshot(traces=[Trace((("app.py", "f", 3),), 100, live=2)])


def begin(ouro, tmp_path, terminal, term="xterm"):
    """A report on what comes through a pipe, of which the beginning was written; and the rest of it."""
    whole = some().write(tmp_path / "whole.ouro").read_bytes()
    pipe = tmp_path / "slow.ouro"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [ouro.path, "report", pipe], env=ouro.environment(TERM=term),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=terminal)  # fmt: skip
    file = open(pipe, "wb", buffering=0)
    file.write(whole[:40])
    return process, file, whole[40:]


def end(process, file, rest):
    file.write(rest)
    file.close()
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0 and b"app.py:3" in output
    return errors


def test_a_terminal_sees_what_goes_on(ouro, tmp_path):
    master, slave = pty.openpty()
    process, file, rest = begin(ouro, tmp_path, slave)
    os.close(slave)
    seen = b""
    while seen.count(b"slow.ouro") < 2:  # it comes again and again
        seen += os.read(master, 4096)
    end(process, file, rest)
    try:
        while more := os.read(master, 4096):
            seen += more
    except OSError:
        pass  # nobody has the terminal any more
    os.close(master)
    assert seen.startswith(GONE + b"ouro: reading slow.ouro" + GONE)
    assert seen.endswith(GONE) and b"\n" not in seen


def test_nobody_else_sees_it(ouro, tmp_path):
    process, file, rest = begin(ouro, tmp_path, subprocess.PIPE)
    time.sleep(WAIT)
    assert end(process, file, rest) == b""


def test_nor_does_a_terminal_that_can_clear_nothing(ouro, tmp_path):
    master, slave = pty.openpty()
    process, file, rest = begin(ouro, tmp_path, slave, term="dumb")
    time.sleep(WAIT)
    end(process, file, rest)
    os.set_blocking(master, False)
    os.close(slave)
    try:
        assert os.read(master, 4096) == b""
    except OSError:
        pass  # nothing was written
    os.close(master)


def test_short_work_says_nothing_and_mistakes_stand_alone(ouro, tmp_path):
    cut = tmp_path / "cut.ouro"
    cut.write_bytes(b"OUROSNA")
    master, slave = pty.openpty()
    done = subprocess.run([ouro.path, "report", cut], env=ouro.environment(TERM="xterm"),
                          stdout=subprocess.PIPE, stderr=slave, timeout=120)  # fmt: skip
    os.close(slave)
    assert done.returncode == 125
    assert os.read(master, 4096).endswith(b"is cut off at byte 7, in its header\r\n")
    os.close(master)
