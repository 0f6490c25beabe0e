"""Begins, changes and ends tracing by itself, while other threads allocate; prints one JSON line of what it saw."""

import ctypes
import json
import sys
import threading


class State(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_uint64),
        ("mode", ctypes.c_uint32),
        ("n_frames", ctypes.c_uint32),
        *((name, ctypes.c_uint64) for name in (
            "sample_bytes", "live_bytes", "live_blocks", "peak_bytes", "peak_blocks", "own_bytes", "untraced")),
    ]  # fmt: skip


host = ctypes.PyDLL(None)
start, stop, clear, reset_peak = (
    getattr(host, "ouro_host_trace_" + name) for name in ("start", "stop", "clear", "reset_peak")
)
start.argtypes = ctypes.c_uint64, ctypes.c_uint32
look = host.ouro_host_trace_state
SIZE = 100000


def check(result):
    assert result == 0, result


def states(n):
    all_ = [State(size=ctypes.sizeof(State)) for _ in range(n)]
    return all_, [ctypes.byref(state) for state in all_]


def count_blocks():
    """What one block of each domain, and its end, change: nothing else is allocated between two looks."""
    (a, b, c, d), (at_a, at_b, at_c, at_d) = states(4)
    seen = []
    for _ in range(50):
        before = bytes(SIZE)
        check(start(0, 0))
        look(at_a)
        block = bytes(SIZE)
        look(at_b)
        del before
        look(at_c)
        del block
        look(at_d)
        seen.append([b.live_bytes - a.live_bytes, c.live_bytes - b.live_bytes, d.live_bytes - c.live_bytes,
                     d.peak_bytes - d.live_bytes >= SIZE, b.live_blocks - a.live_blocks])  # fmt: skip
        check(clear())
        look(at_a)
        block = bytes(SIZE)
        check(reset_peak())
        look(at_b)
        seen[-1] += [b.live_bytes - a.live_bytes, b.peak_bytes == b.live_bytes]
        check(stop())
        del block
        look(at_d)
        seen[-1] += [d.mode, d.live_bytes]
    return seen


def churn(is_over):
    kept = []
    while not is_over.is_set():
        kept = [bytes(i) for i in range(300)] + [{i: str(i)} for i in range(200)]
    return kept


def change_beside_others():
    """The last start is the one that counts: each block after it, from its first on."""
    is_over = threading.Event()
    threads = [threading.Thread(target=churn, args=(is_over,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(300):
        check(start(0, i % 3))
        check((stop, clear, reset_peak)[i % 3]())
        check(start(1000, 0))
        if i % 10 == 0:
            check(stop())
    check(stop())
    check(start(0, 0))
    [bytes(5000) for _ in range(2)]  # what else this asks for is in the interpreter's free lists from here on
    kept = [bytes(5000) for _ in range(2000)]  # kept
    is_over.set()
    for thread in threads:
        thread.join()
    return kept


if sys.argv[1] == "counts":
    print(json.dumps(count_blocks()))
else:
    kept = change_beside_others()
    print(json.dumps(sys.getsizeof(kept[0])))
