"""`ouro run -o`: what a host has left is packed into a file that appears whole or not at all."""

import json
import os
import random
import resource
import stat
import subprocess

import pytest
import snapshots
from records import typical as record
from snapshots import Snapshot, Trace, typical


def noise(n):
    """A snapshot that cannot be packed well."""
    source = random.Random(n)
    return Snapshot([Trace((("/x.py", "f", 1),), 1, live=1)], name="noise"), source.randbytes(n)


@pytest.fixture
def keep(play, tmp_path):
    """A run whose host leaves these bytes as its snapshot."""

    def keep(raw, *options, code="", **more):
        left = tmp_path / "left"
        left.write_bytes(raw)
        link = f"os.symlink({str(left)!r}, f'{{session}}/{{os.getpid()}}.7.ouro')\n"
        return play(record(), options=["--quiet", *options], code=link + code, **more)

    return keep


def figures(ouro, path):
    done = ouro("report", "--json", "--by", "traceback", path)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)["rows"]


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder / "kept.ouro"


def test_packed(keep, ouro, out, tmp_path):
    many = Snapshot([Trace(((f"/app/{n % 20}.py", f"f{n % 50}", n),), 100, live=n) for n in range(2000)])
    assert keep(many.bytes(), "-o", out).returncode == 0
    raw = many.write(tmp_path / "raw.ouro")
    assert figures(ouro, out) == figures(ouro, raw)
    assert out.stat().st_size < raw.stat().st_size / 3
    assert os.listdir(out.parent) == ["kept.ouro"]


def test_what_cannot_be_packed_stays(keep, ouro, out):
    """Random bytes as they are; zeros, which would shrink to next to nothing, no further than a reader believes."""
    snapshot, bytes_ = noise(300_000)
    snapshot.texts += bytes_
    snapshot.lines = bytes(4_000_000)
    assert keep(snapshot.bytes(), "-o", out).stderr == ""
    assert figures(ouro, out)[0]["bytes"] == 1
    assert 300_000 < out.stat().st_size


def test_permissions_are_the_usual(keep, out):
    before = os.umask(0o027)
    try:
        keep(typical().bytes(), "-o", out)
    finally:
        os.umask(before)
    assert stat.S_IMODE(out.stat().st_mode) == 0o640


def test_a_file_that_is_there(keep, ouro, out):
    """It stays as it is, also when it appears while the program runs; -f replaces it."""
    out.write_text("precious")
    done = keep(typical().bytes(), "-o", out)
    assert done.returncode == 125 and "is there already" in done.stderr and out.read_text() == "precious"
    out.unlink()
    done = keep(typical().bytes(), "-o", out, code=f"open({str(out)!r}, 'w').write('precious')")
    assert "is there already" in done.stderr and out.read_text() == "precious"
    assert os.listdir(out.parent) == ["kept.ouro"]
    assert keep(typical().bytes(), "-f", "-o", out).returncode == 0
    assert len(figures(ouro, out)) == 4


def test_cut_off(keep, ouro, out):
    """A host that was killed while it wrote: what it wrote is kept, and said to be cut off, then and later."""
    whole = typical().bytes()
    for end in (len(whole) - 1, len(whole) - 33, len(whole) // 2, 17):
        done = keep(whole[:end], "-f", "-o", out)
        assert f"is not complete: what was taken is cut off at byte {end}" in done.stderr
        done = ouro("report", out)
        assert done.returncode == 0 and "is cut off" in done.stderr


@pytest.mark.parametrize("raw", [b"", b"OUROSNA", b"#!/bin/sh\n" * 100])
def test_what_is_none_is_not_kept(keep, out, raw):
    done = keep(raw, "-o", out)
    assert "cannot write" in done.stderr and "what was taken is" in done.stderr
    assert os.listdir(out.parent) == []


def test_a_full_disk(keep, out):
    """Where no file may grow beyond a limit: a message, and nothing half-written."""
    snapshot, bytes_ = noise(400_000)
    snapshot.texts += bytes_

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    # Python has SIGXFSZ ignored, and so has who is started without restore_signals.
    done = keep(snapshot.bytes(), "-o", out, preexec_fn=limit, restore_signals=False)
    assert done.returncode == 0 and "File too large" in done.stderr
    assert os.listdir(out.parent) == []


def test_a_folder_that_goes(keep, out):
    done = keep(typical().bytes(), "-o", out, code=f"os.rmdir({str(out.parent)!r})")
    assert done.returncode == 0 and "cannot write" in done.stderr and "No such file" in done.stderr


def test_a_folder_that_nobody_may_write(keep):
    """/proc refuses even root, who may write anywhere else."""
    done = keep(typical().bytes(), "-o", "/proc/kept.ouro")
    assert "cannot write /proc/kept.ouro" in done.stderr


def test_special_files(keep):
    assert keep(typical().bytes(), "-f", "-o", "/dev/null").returncode == 0
    done = keep(typical().bytes(), "-f", "-o", "/dev/full")
    assert done.returncode == 0 and "No space left" in done.stderr


def test_zstd_itself_unpacks_it(keep, out):
    """Each packed chunk is one frame of zstd's, and its checksum is that of the stored bytes."""
    import struct

    snapshot = typical()
    assert keep(snapshot.bytes(), "-o", out, "--record", "0").returncode == 0
    data, at, found = out.read_bytes(), 16, []
    while at < len(data):
        kind, flags, stored, size, crc, _ = struct.unpack_from("<4sIQQII", data, at)
        contents = data[at + 32 : at + 32 + stored]
        assert crc == snapshots.crc32c(contents)
        if flags:
            contents = subprocess.run(["zstd", "-dqc"], input=contents, capture_output=True, check=True).stdout
        assert len(contents) == size
        found.append((kind, contents))
        at += 32 + stored
    assert found == [*snapshot.chunks(), (b"END ", b"")]
