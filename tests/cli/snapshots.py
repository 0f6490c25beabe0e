"""Snapshots made up for tests: files as src/snapshot/format.h has them.

A snapshot is made of traces, each with its traceback: frames (file, function, line), the outermost first.
Lines stand in the nodes themselves (OURO_LINES_NONE) unless codes with tables of their own are given.
"""

import dataclasses
import struct
import subprocess

RAW, MEM, OBJECT = 0, 1, 2
OFF, EXACT, SAMPLED = 0, 1, 2
ZSTD = 1


def _table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


TABLE = _table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def header(version=1):
    return struct.pack("<8sII", b"OUROSNAP", version, 0)


def chunk(kind, contents, packed=False, size=None, flags=0):
    """One chunk, its checksums right whatever else is not."""
    stored = contents
    if packed:
        done = subprocess.run(["zstd", "-q", "-c"], input=contents, capture_output=True, check=True)
        stored, flags = done.stdout, flags | ZSTD
    head = struct.pack(
        "<4sIQQI", kind, flags, len(stored), len(contents) if size is None else size, crc32c(stored)
    )
    return head + struct.pack("<I", crc32c(head)) + stored


@dataclasses.dataclass
class Trace:
    frames: tuple  # (file, function, line), the outermost first
    size: int
    live: int = 0  # blocks
    peak: int = 0
    all: int = 0
    domain: int = OBJECT
    thread: int = 0
    since: int = 0
    types: tuple = ()  # (name, blocks)
    ended: tuple = ()  # blocks that ended within 1, 10, 100 ... allocations


@dataclasses.dataclass
class Sample:
    at: float  # seconds
    resident: int
    live: tuple = (0, 0, 0)  # raw, mem, object
    files: int = 0
    counted_at: float = None
    blocks: tuple = (0, 0, 0)
    rest: tuple = (0, 0, 0, 0)  # untouched, free, cached, records
    allocs: int = 0
    frees: int = 0
    gc_runs: tuple = (0, 0, 0)
    gc_ns: int = 0

    def bytes(self):
        counted_at = self.at if self.counted_at is None else self.counted_at
        return struct.pack(
            "<20Q", round(self.at * 1e9), self.resident, self.files, round(counted_at * 1e9), *self.live, *self.blocks,
            *self.rest, self.allocs, self.frees, *self.gc_runs, self.gc_ns,
        )


class Snapshot:
    def __init__(self, traces=(), untraced=(0, 0), record=None, **tracing):
        self.tracing = dict(
            mode=EXACT, frames=0, sample=0, peak_bytes=0, peak_blocks=0, peak_at=0, taken_at=2_400_000_000,
            own=1000, n_untraced=0, reason="exit", name="",
        )
        self.tracing.update(tracing)
        self.record = record
        self.samples = []
        self.marks = []  # (seconds, name)
        self.threads = []  # names, from number 1 on
        self.sinces = []  # marks, from number 1 on
        self.types = {}
        self.typed = []  # (trace, type, blocks)
        self.lives = [(0,) * 7]
        self.n_traces = 1
        self.texts = b""
        self.known = {}
        self.lines = b""
        self.codes = {}
        self.code_bytes = b""
        self.nodes = {}
        self.node_bytes = bytearray(struct.pack("<III", 0, 0, 0))
        blocks, size = untraced
        self.trace_bytes = bytearray(self.pack_trace(0, 0, RAW, blocks, blocks * size, 0, 0, 0, 0))
        for trace in traces:
            self.add(trace)

    @staticmethod
    def pack_trace(size, node, domain, *figures):
        return struct.pack("<QII6Q", size, node, domain, *figures)

    def text(self, words):
        data = words if isinstance(words, bytes) else words.encode("utf-8", "surrogateescape")
        if data not in self.known:
            self.known[data] = (len(self.texts), len(data))
            self.texts += data
        return self.known[data]

    def code(self, file, name, lines=b"", first_line=1, table=0):
        key = (file, name, lines, first_line, table)
        if key not in self.codes:
            self.codes[key] = len(self.codes)
            at = len(self.lines)
            self.lines += lines
            self.code_bytes += struct.pack(
                "<6QII", *self.text(file), *self.text(name), at, len(lines), first_line, table
            )
        return self.codes[key]

    def node(self, parent, code, offset):
        key = (parent, code, offset)
        if key not in self.nodes:
            self.nodes[key] = len(self.nodes) + 1
            self.node_bytes += struct.pack("<III", *key)
        return self.nodes[key]

    def add(self, trace):
        node = 0
        for file, name, line in trace.frames:
            node = self.node(node, self.code(file, name), line)
        figures = []
        for blocks in (trace.live, trace.peak, trace.all):
            figures += [blocks, blocks * trace.size]
        self.trace_bytes += self.pack_trace(trace.size, node, trace.domain | trace.since << 8 | trace.thread << 16, *figures)
        for name, blocks in trace.types:
            self.typed.append((self.n_traces, self.types.setdefault(name, len(self.types) + 1), blocks))
        self.lives.append((*trace.ended, *(0,) * 7)[:7])
        self.n_traces += 1

    def tracing_bytes(self):
        t = self.tracing
        return struct.pack(
            "<II7Q32s96s", t["mode"], t["frames"], t["sample"], t["peak_bytes"], t["peak_blocks"], t["peak_at"],
            t["taken_at"], t["own"], t["n_untraced"], t["reason"].encode(), t["name"].encode(),
        )

    def chunks(self):
        """(kind, contents) in the order in which a host writes them."""
        if self.record is not None:
            yield b"PROC", self.record
        yield b"TRCG", self.tracing_bytes()
        types = [(0, 0), *(self.text(name) for name in self.types)]
        yield b"TEXT", self.texts
        yield b"LINE", self.lines
        yield b"CODE", self.code_bytes
        yield b"NODE", self.node_bytes
        yield b"TRAC", self.trace_bytes
        if self.threads:
            names = ["", *self.threads]
            yield b"THRD", b"".join(struct.pack("<II24s", i, 0, name.encode()) for i, name in enumerate(names))
        if self.sinces:
            yield b"SINC", b"".join(struct.pack("<96s", name.encode()) for name in ["", *self.sinces])
        if self.types:
            yield b"TYPE", b"".join(struct.pack("<QQ", *text) for text in types)
            yield b"TYTR", b"".join(struct.pack("<IIQ", *row) for row in self.typed)
        if any(map(any, self.lives)):
            yield b"LIFE", b"".join(struct.pack("<7Q", *row) for row in self.lives)
        if self.samples:
            yield b"TIME", b"".join(sample.bytes() for sample in self.samples)
        if self.marks:
            yield b"MARK", b"".join(struct.pack("<Q96s", round(at * 1e9), name) for at, name in self.marks)

    def bytes(self, packed=False):
        return header() + b"".join(chunk(k, c, packed) for k, c in self.chunks()) + chunk(b"END ", b"")

    def write(self, path, packed=False):
        path.write_bytes(self.bytes(packed))
        return path


MIB = 1 << 20
KIB = 1 << 10

MAIN = ("/app/main.py", "<module>", 40)
LOAD = ("/app/main.py", "load", 12)
PARSE = ("/app/parse.py", "parse", 7)
DECODE = ("/usr/lib/python3.11/json/decoder.py", "JSONDecoder.decode", 337)
GET = ("/usr/lib/python3.11/site-packages/requests/api.py", "get", 73)


def typical(**tracing):
    """A program that loads and parses."""
    return Snapshot(
        [
            Trace((MAIN, LOAD), 1024, live=3000, peak=4000, all=9000, domain=MEM),
            Trace((MAIN, LOAD, PARSE), 64, live=10000, peak=20000, all=90000),
            Trace((MAIN, LOAD, PARSE, DECODE), 200, live=1000, peak=1000, all=50000),
            Trace((MAIN, GET), 5000, live=0, peak=100, all=100, domain=RAW),
            Trace((), 48, live=100, peak=100, all=100, domain=RAW),
        ],
        untraced=(1200, 100),
        **tracing,
    )
