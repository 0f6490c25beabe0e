"""Which lines hold the memory, told within the process itself: what the host writes, read and summed up.

The format is that of docs/snapshot.md, but for packed chunks, which the host doesn't write.  Lines come from the
interpreter that made their tables: this one.
"""

import dis
import os
import struct

from . import host as host_module

HEADER = 16
CHUNK = struct.Struct("<4sIQQII")
CODE = struct.Struct("<QQQQQQII")
NODE = struct.Struct("<III")
TRACE = struct.Struct("<QIIQQQQQQ")
LIVE, PEAK = 3, 5  # where a trace has its blocks; its bytes follow
NO_OFFSET = 0xFFFFFFFF
NO_TABLE, LNOTAB, LINETABLE, LOCATIONS = range(4)  # kinds of tables; others are not Python's


def read(which, is_own):
    """What is live (LIVE), or was at the peak (PEAK), by file, line and function: its bytes and blocks.

    A block counts for the innermost frame whose file is_own(file) says is; without one, for the innermost of all."""
    host = host_module.find()
    file = os.memfd_create("ouro")
    try:
        if host is None or host.write(file) != 0:
            return {}
        with open(file, "rb", closefd=False) as reader:
            reader.seek(0)
            chunks = _split(reader.read())
    finally:
        os.close(file)
    places = _find_places(chunks, is_own)
    sums = {}
    for trace in TRACE.iter_unpack(chunks.get(b"TRAC", b"")):
        blocks, size = trace[which], trace[which + 1]
        if blocks and trace[1]:
            place = places[trace[1]]
            more = sums.get(place, (0, 0))
            sums[place] = (more[0] + size, more[1] + blocks)
    return sums


def _split(data):
    """The contents of all chunks of each kind."""
    chunks = {}
    at = HEADER
    while at + CHUNK.size <= len(data):
        kind, _, stored, *_ = CHUNK.unpack_from(data, at)
        at += CHUNK.size
        chunks.setdefault(kind, bytearray()).extend(data[at : at + stored])
        at += stored
    return chunks


def _find_places(chunks, is_own):
    """Of each node the place that its blocks count for: a file, a line and a function.  Callers have lower numbers."""
    codes = [_Code(chunks, *fields) for fields in CODE.iter_unpack(chunks.get(b"CODE", b""))]
    own = [is_own(code.file) for code in codes]
    places = [None]
    counts = [False]  # whether the place is that of a file of the program's own
    for parent, code, offset in NODE.iter_unpack(chunks.get(b"NODE", b"")[NODE.size :]):
        if counts[parent] and not own[code]:
            places.append(places[parent])
        else:
            places.append((codes[code].file, codes[code].line(offset), codes[code].name))
        counts.append(counts[parent] or own[code])
    return places


class _Code:
    def __init__(self, chunks, file, n_file, name, n_name, lines, n_lines, first_line, kind):
        texts = chunks.get(b"TEXT", b"")
        self.file = texts[file : file + n_file].decode("utf-8", "replace")
        self.name = texts[name : name + n_name].decode("utf-8", "replace")
        self.table = bytes(chunks.get(b"LINE", b"")[lines : lines + n_lines])
        self.first_line = first_line
        self.kind = kind
        self.ranges = None

    def line(self, offset):
        if self.kind not in (LNOTAB, LINETABLE, LOCATIONS):
            return offset if self.kind == NO_TABLE else 0
        if offset == NO_OFFSET:
            return self.first_line
        if self.ranges is None:
            self.ranges = self._read_table()
        found = 0
        for start, line in self.ranges:
            if start > offset:
                break
            found = line
        return found or 0

    def _read_table(self):
        """Where the lines begin, as the interpreter says it of a code object that has this table."""
        pattern = _read_pattern.__code__
        if self.kind == LNOTAB:
            # It reads no further than the code is long.
            code = pattern.replace(co_firstlineno=self.first_line, co_lnotab=self.table, co_code=bytes(1 << 20))
            return list(dis.findlinestarts(code))
        code = pattern.replace(co_firstlineno=self.first_line, co_linetable=self.table)
        return [(start, line) for start, _, line in code.co_lines()]


def _read_pattern():
    """A code object to put a table into; it never runs."""
