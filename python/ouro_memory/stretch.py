"""Stretches of a program that are traced: what is asked of the host while some are open, and what each has seen.

The host traces in one way at a time, and has one peak.  So all stretches that are open, of whatever thread, together say
how: exactly, if one of them wants that; and when the last one ends, the host is as it was before the first one began.
Each stretch has a base: what was live when it began.  Before the host's peak is reset, or what it knows is forgotten,
each open stretch notes the peak that it has seen, and its base moves by what was forgotten.
"""

import os
from _thread import RLock
from array import array

from . import host as host_module
from .events import check_name, snapshot

MOST_FRAMES = 16384
SAMPLE_BYTES = 512 << 10

# Code flags, as the module inspect names them: importing it costs more than it is worth here.
GENERATOR, COROUTINE, ASYNC_GENERATOR = 0x20, 0x80, 0x200

BYTES, BLOCKS, MOST = range(3)  # what a stretch keeps: its base, and the highest that its bytes were

_open = []  # stretches that have begun and not ended, oldest first
_before = host_module.NOTHING  # how the program was traced before the first of them
_lock = RLock()  # taken again where the collector ends a generator in the midst of this
os.register_at_fork(after_in_child=_lock._at_fork_reinit)


def _wanted():
    """Bytes between samples (0: exact, None: off) and frames, as all that are open want it."""
    before = None if _before.mode == "off" else _before.sample_bytes
    if not _open:
        return before, _before.frames
    if any(trace.mode == "exact" for trace in _open):
        sample_bytes = 0
    else:
        sample_bytes = SAMPLE_BYTES if before is None else before
    frames = [_before.frames if trace.frames is None else trace.frames for trace in _open]
    return sample_bytes, 0 if 0 in frames else max(frames)


def _note(state):
    """Each open stretch takes notice of the host's peak."""
    for trace in _open:
        trace._kept[MOST] = max(trace._kept[MOST], state.peak_bytes - trace._kept[BYTES])


def _switch(host, fresh=False):
    """Have the host trace as is wanted now; `fresh`: with nothing known of what is live."""
    state = host.state()
    sample_bytes, frames = _wanted()
    _note(state)
    if sample_bytes is None:
        host.stop()
    elif state.mode == "off" or state.sample_bytes != sample_bytes:
        host.start(sample_bytes, frames)
    elif fresh:
        host.clear()
    else:
        if state.frames != frames:
            host.start(sample_bytes, frames)
        return
    after = host.state()
    for trace in _open:
        trace._kept[BYTES] += after.live_bytes - state.live_bytes
        trace._kept[BLOCKS] += after.live_blocks - state.live_blocks


class Trace:
    """A stretch of the program, and the memory that was allocated in it: for `with`, and as a decorator.

    live_bytes, blocks: what was allocated since the beginning and is live now, or was when the stretch ended; negative
    when more was freed than allocated.  peak_bytes: the highest that live_bytes was.  All are 0 where nothing is traced.
    """

    # CPython's dictionaries of instances are not all of one size, and neither are its numbers.
    __slots__ = ("__weakref__", "_fresh", "_is_open", "_kept", "_last", "frames", "mode", "name")

    def __init__(self, mode="exact", *, frames=None, name=None, _fresh=False):
        if mode not in host_module.MODES[1:]:
            raise ValueError(f"mode is 'exact' or 'sampled', not {mode!r}")
        if frames is not None and not (isinstance(frames, int) and 1 <= frames <= MOST_FRAMES):
            raise ValueError(f"frames is a number from 1 to {MOST_FRAMES}, or None, not {frames!r}")
        self.mode = mode
        self.frames = frames
        if name is not None:
            check_name(name)
        self.name = name
        self._fresh = _fresh
        self._is_open = False
        self._kept = array("q", (0, 0, 0))
        self._last = (0, 0)

    def __enter__(self):
        global _before
        with _lock:
            if self._is_open:
                raise RuntimeError("this stretch has begun already: make one for each")
            self._is_open = True
            self._kept = array("q", (0, 0, 0))
            self._last = (0, 0)
            host = host_module.find()
            if host is not None:
                if not _open:
                    _before = host.state()
                _open.append(self)
                try:
                    _switch(host, self._fresh)
                except BaseException:
                    _open.remove(self)
                    self._is_open = False
                    raise
                self._begin(host)
        return self

    def _begin(self, host):
        # More than once: what a first look allocates for good is there then.
        for _ in range(3):
            self._kept[BYTES] = self._kept[BLOCKS] = 0
            self._kept[BYTES], self._kept[BLOCKS] = self._look()
        self._kept[MOST] = 0
        host.reset_peak()

    def __exit__(self, *exception):
        host = host_module.find()
        with _lock:
            self._last = self._look()
        if self.name is not None and host is not None:
            snapshot(self.name)
        with _lock:
            self._is_open = False
            if self in _open:
                _open.remove(self)
                _switch(host)
        return False

    def _look(self):
        """Bytes and blocks, now or at the end."""
        with _lock:
            if self not in _open:
                return self._last
            state = host_module.find().state()
            _note(state)
            return state.live_bytes - self._kept[BYTES], state.live_blocks - self._kept[BLOCKS]

    @property
    def live_bytes(self):
        return self._look()[0]

    @property
    def blocks(self):
        return self._look()[1]

    @property
    def peak_bytes(self):
        self._look()
        return self._kept[MOST]

    def __repr__(self):
        state = "open" if self._is_open else "ended"
        return f"<ouro.Trace {state}: live_bytes={self.live_bytes} peak_bytes={self.peak_bytes} blocks={self.blocks}>"

    def __call__(self, function):
        """Decorate a function: each call is a stretch, of a generator from its first step to its end."""
        return _decorate(self, function)


def _decorate(pattern, function):
    import functools

    if not callable(function) or isinstance(function, type):
        raise TypeError(f"what is traced is a function, not {function!r}")

    def begin():
        wrapper.traced = Trace(pattern.mode, frames=pattern.frames, name=pattern.name)
        return wrapper.traced

    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    if flags & COROUTINE:

        async def wrapper(*args, **kwargs):
            with begin():
                return await function(*args, **kwargs)

    elif flags & ASYNC_GENERATOR:

        async def wrapper(*args, **kwargs):
            steps = function(*args, **kwargs)
            with begin():
                step = steps.__anext__()
                while True:
                    try:
                        item = await step
                    except StopAsyncIteration:
                        return
                    try:
                        step = steps.asend((yield item))
                    except GeneratorExit:
                        await steps.aclose()
                        raise
                    except BaseException as error:
                        step = steps.athrow(error)

    elif flags & GENERATOR:

        def wrapper(*args, **kwargs):
            with begin():
                return (yield from function(*args, **kwargs))

    else:

        def wrapper(*args, **kwargs):
            with begin():
                return function(*args, **kwargs)

    functools.update_wrapper(wrapper, function)
    wrapper.traced = Trace(pattern.mode)
    return wrapper


def trace(mode="exact", *, frames=None, name=None):
    """Trace a stretch of the program: `with ouro.trace() as memory:`, `@ouro.trace` or `@ouro.trace(...)`.

    mode: "exact" traces every block; what was known by samples is forgotten then, and again at the end.  "sampled" is
    content with samples.  frames: of each traceback, the innermost ones; None: as the run has it.  name: a snapshot of
    that name is taken at the end.  It is the whole process that is traced, all its threads.
    """
    if callable(mode):
        return Trace()(mode)
    return Trace(mode, frames=frames, name=name)


def reset_peak():
    """Let the peak be what is live now, for traced_memory() and the snapshots to come."""
    host = host_module.find()
    if host is not None:
        with _lock:
            _note(host.state())
            host.reset_peak()


def tracing():
    """How the program is traced now, a Tracing; its mode is "off" where it is not."""
    host = host_module.find()
    return host_module.NOTHING if host is None else host.state()


def traced_memory():
    """Bytes that are traced: those that are live, and the most that were."""
    state = tracing()
    return state.live_bytes, state.peak_bytes


def line_profile(function):
    """Mark a function for `ouro lines`, which then shows only those that are marked.  It finds the mark in the source, on a
    line of its own: `@ouro.line_profile`, or `@profile`."""
    return function
