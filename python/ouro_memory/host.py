"""The host's functions (<ouro/host.h>), through ctypes, and none where there is no host.

Nothing is looked for before somebody asks.  The interpreter's lock is kept during a call (PyDLL), so that no other thread
of Python's allocates meanwhile.
"""

import errno
from collections import namedtuple

MODES = ("off", "exact", "sampled")

Tracing = namedtuple(
    "Tracing", "mode frames sample_bytes live_bytes live_blocks peak_bytes peak_blocks own_bytes untraced"
)
Tracing.__doc__ = """How the program is traced, and what that knows in all.

mode: "off", "exact" (every block) or "sampled" (bytes are estimates then).  frames: of a traceback at most, 0 for all.
untraced: blocks that should have been traced, but for want of memory."""

NOTHING = Tracing("off", 0, 0, 0, 0, 0, 0, 0, 0)


class Host:
    def __init__(self, ctypes, library):
        class State(ctypes.Structure):
            _fields_ = [("size", ctypes.c_uint64), ("mode", ctypes.c_uint32), ("n_frames", ctypes.c_uint32)] + [
                (name, ctypes.c_uint64) for name in ("sample_bytes", *Tracing._fields[3:])
            ]

        self._new_state = State
        self._size = ctypes.sizeof(State)
        self._byref = ctypes.byref
        self._library = library
        self.clear_type_cache = library.PyType_ClearCache  # CPython's own; sys has it by a name that is going away
        library.ouro_host_trace_start.argtypes = [ctypes.c_uint64, ctypes.c_uint32]
        library.ouro_host_trace_state.argtypes = [ctypes.POINTER(State)]
        for function in (library.ouro_host_snapshot, library.ouro_host_mark):
            function.argtypes = [ctypes.c_char_p]

    def start(self, sample_bytes, frames):
        if self._library.ouro_host_trace_start(sample_bytes, frames) == errno.ENOMEM:
            raise MemoryError("no memory for tracing")

    def stop(self):
        self._library.ouro_host_trace_stop()

    def clear(self):
        self._library.ouro_host_trace_clear()

    def reset_peak(self):
        self._library.ouro_host_trace_reset_peak()

    def state(self):
        state = self._new_state(self._size)
        if self._library.ouro_host_trace_state(self._byref(state)) != 0:
            return NOTHING
        return Tracing(
            MODES[state.mode],
            state.n_frames,
            state.sample_bytes,
            state.live_bytes,
            state.live_blocks,
            state.peak_bytes,
            state.peak_blocks,
            state.own_bytes,
            state.untraced,
        )

    def write(self, file):
        return self._library.ouro_host_trace_write(file)

    def snapshot(self, name):
        return self._library.ouro_host_snapshot(name)

    def mark(self, text):
        return self._library.ouro_host_mark(text)


_found = None  # the Host, or False when it is known that there is none


def find():
    """The host of this process, or None."""
    global _found
    if _found is None:
        _found = _load() or False
    return _found or None


def _load():
    try:
        import ctypes

        library = ctypes.PyDLL(None)
        if library.ouro_host_version() < 1:
            return None
        return Host(ctypes, library)
    except (ImportError, OSError, AttributeError):
        return None
