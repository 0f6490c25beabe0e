"""Compares the frames that the host reads with the interpreter's own.

usage: frames.py LIBRARY [CHECK...]

Runs inside the CPython under test, 3.9 to 3.15; LIBRARY is tests/host/frames.c.  Prints a line for each check.
"""

import asyncio
import contextlib
import ctypes
import functools
import gc
import os
import sys
import threading
import tracemalloc

MOST = 20_000
NO_OFFSET = 0xFFFFFFFF


class Frame(ctypes.Structure):
    _fields_ = [("code", ctypes.c_void_p), ("offset", ctypes.c_uint32)]


class Code(ctypes.Structure):
    _fields_ = [
        ("file", ctypes.c_void_p),
        ("name", ctypes.c_void_p),
        ("n_file", ctypes.c_size_t),
        ("n_name", ctypes.c_size_t),
        ("lines", ctypes.c_void_p),
        ("n_lines", ctypes.c_size_t),
        ("first_line", ctypes.c_uint32),
        ("line_table", ctypes.c_uint32),
    ]


class TakenFrame(ctypes.Structure):
    _fields_ = [("line", ctypes.c_int), ("file", ctypes.c_char * 28)]


def load(library, loader):
    api = loader(library)
    api.frames_note.restype = ctypes.c_char_p
    api.frames_walk.restype = ctypes.c_size_t
    api.frames_walk.argtypes = [ctypes.POINTER(Frame), ctypes.c_size_t]
    api.frames_walk_elsewhere.restype = ctypes.c_size_t
    api.frames_walk_while.restype = ctypes.c_uint64
    api.frames_read.argtypes = [ctypes.c_void_p, ctypes.POINTER(Code)]
    api.frames_taken.restype = ctypes.c_size_t
    api.frames_of.restype = ctypes.c_long
    api.frames_of.argtypes = [ctypes.c_void_p, ctypes.POINTER(TakenFrame)]
    return api


with_lock = load(sys.argv[1], ctypes.PyDLL)
without_lock = load(sys.argv[1], ctypes.CDLL)
n_compared = 0
checks = {}


def check(function):
    checks[function.__name__] = function
    return function


def name_of(code):
    return getattr(code, "co_qualname", code.co_name)


def kind_of_lines():
    return 1 if sys.version_info < (3, 10) else 2 if sys.version_info < (3, 11) else 3


def read(address):
    code = Code()
    assert with_lock.frames_read(address, code)
    return (
        ctypes.string_at(code.file, code.n_file),
        ctypes.string_at(code.name, code.n_name),
        ctypes.string_at(code.lines, code.n_lines),
        code.first_line,
        code.line_table,
    )


def is_same_code(address, code):
    """All that is known of it."""
    lines = code.co_lnotab if kind_of_lines() == 1 else code.co_linetable
    expected = (
        code.co_filename.encode("utf-8", "surrogatepass"),
        name_of(code).encode("utf-8", "surrogatepass"),
        lines,
        code.co_firstlineno,
        kind_of_lines(),
    )
    assert address == id(code), (address, code)
    assert read(address) == expected, (read(address), expected)


def lines_of(code, offset):
    """By the interpreter's tables."""
    if hasattr(code, "co_lines"):
        return next(line for start, end, line in code.co_lines() if start <= offset < end)
    import dis

    return [line for start, line in dis.findlinestarts(code) if start <= offset][-1]


def compare(api=None, limit=MOST):
    """The frames from this one on, with and without the lock; how many there are."""
    global n_compared
    for api in [api] if api else [with_lock, without_lock]:
        buffer = (Frame * limit)()
        line = sys._getframe().f_lineno + 1
        n = api.frames_walk(buffer, limit)
        frame, depth = sys._getframe(), 0
        while frame is not None and depth < limit:
            assert depth < n, (depth, n, frame)
            found = buffer[depth]
            is_same_code(found.code, frame.f_code)
            if depth == 0:
                assert lines_of(frame.f_code, found.offset) == line
            else:
                assert found.offset == frame.f_lasti & 0xFFFFFFFF, (found.offset, frame.f_lasti, frame)
                if found.offset != NO_OFFSET and frame.f_trace is None:
                    assert lines_of(frame.f_code, found.offset) == frame.f_lineno
            frame, depth = frame.f_back, depth + 1
        assert depth == n, (depth, n)
        n_compared += n
    return n


@check
def plain_functions():
    def inner():
        return compare()

    assert inner() == compare() + 1
    assert (lambda: compare())() == compare() + 1


@check
def fewer_than_there_are():
    def deeper(n):
        return deeper(n - 1) if n else compare(limit=7)

    assert deeper(20) == 7
    assert compare(limit=1) == 1
    assert with_lock.frames_walk(None, 0) == 0


@check
def deep_recursion():
    def deeper(n):
        return deeper(n - 1) if n else compare()

    here = compare()
    sys.setrecursionlimit(20_000)
    assert deeper(10_000) == here + 10_001


@check
def through_c():
    """Python called by C, called by Python, a thousand levels."""

    class Compared:
        def __init__(self, depth):
            self.depth = depth

        def __lt__(self, other):
            assert compare() > 3
            return False

        def __hash__(self):
            return compare()

        def __eq__(self, other):
            return bool(compare())

        def __repr__(self):
            return str(compare())

        def __len__(self):
            return compare()

        def __call__(self):
            return self.depth and max(map(lambda _: Compared(self.depth - 1)(), [0])) or compare()

        @property
        def width(self):
            return compare()

    here = compare()
    sorted([Compared(0), Compared(1)])
    assert sorted(range(3), key=lambda _: compare()) == [0, 1, 2]
    assert list(map(lambda _: compare(), "ab")) == [here + 1] * 2
    assert {Compared(0): 1, Compared(0): 2} and Compared(0) == 0
    assert "%r" % Compared(0) == str(here + 1) and len(Compared(0)) == Compared(0).width == here + 1
    assert Compared(150)() == here + 301
    assert functools.reduce(lambda a, _: compare(), range(3)) == here + 1
    assert eval("compare()") == here + 1
    exec("def at_run_time():\n    return compare()\n", globals())
    assert at_run_time() == here + 1  # noqa: F821


@check
def generators():
    def numbers():
        for _ in range(3):
            yield compare()

    def delegating():
        got = yield from numbers()
        yield compare()
        return got

    here = compare()
    assert list(numbers()) == [here + 1] * 3
    assert list(delegating()) == [here + 2] * 3 + [here + 1]
    assert all(n >= here for n in [compare() for _ in range(2)])  # in a frame of its own up to 3.11
    assert list(compare() for _ in range(2)) == [here + 1] * 2
    assert {compare() for _ in range(2)} and {i: compare() for i in range(2)}
    suspended = numbers()
    next(suspended)
    suspended.close()

    @contextlib.contextmanager
    def context():
        compare()
        try:
            yield
        finally:
            compare()

    with context():
        compare()


@check
def coroutines():
    async def leaf(n):
        await asyncio.sleep(0)
        return compare()

    async def items():
        for i in range(3):
            yield compare()
            await asyncio.sleep(0)

    class Managed:
        async def __aenter__(self):
            return compare()

        async def __aexit__(self, *_):
            compare()

    async def main():
        here = compare()
        assert await leaf(1) == here + 1
        await asyncio.gather(*(leaf(i) for i in range(10)))
        assert [n async for n in items()]
        async with Managed():
            compare()

    asyncio.run(main())


@check
def classes():
    here = compare()

    class Body:
        n = compare()

        @functools.lru_cache(None)
        def decorated(self):
            return compare()

    class Meta(type):
        def __new__(meta, name, bases, members):
            compare()
            return super().__new__(meta, name, bases, members)

        def __call__(cls):
            compare()
            return super().__call__()

    class Made(metaclass=Meta):
        def __init__(self):
            self.n = compare()

        def __init_subclass__(cls):
            compare()

    class Derived(Made):
        pass

    assert Body.n == here + 1 and Body().decorated() == here + 1 and Derived().n == here + 2


@check
def closures():
    """What makes cells before a function begins."""

    def outer(a, *rest, b=1, **named):
        c = a

        def inner():
            nonlocal c
            c += a + b + len(rest) + len(named)
            return compare()

        return inner

    assert outer(1, 2, 3, b=4, x=5)() == compare() + 1


@check
def finalizers():
    seen = []

    class Dying:
        def __del__(self):
            seen.append(compare())

    def forget():
        Dying()
        cycle = Dying()
        cycle.itself = cycle
        del cycle
        gc.collect()

    def drop(it):
        pass

    forget()
    drop(Dying())
    assert len(seen) == 3 and min(seen) > compare()


@check
def exceptions():
    def fail(n):
        try:
            if n == 0:
                raise ValueError(compare())
            fail(n - 1)
        except ValueError:
            compare()
            raise
        finally:
            compare()

    try:
        fail(5)
    except ValueError as error:
        compare()
        entry = error.__traceback__
        assert entry is not None
    with contextlib.suppress(KeyError):
        {}[compare()]


@check
def tracing():
    """Trace and profile functions are called before a function's first instruction, too."""
    events = []

    def trace(frame, event, argument):
        if frame.f_code.co_name == "traced":
            events.append(event)
            compare()
        return trace

    def traced():
        x = [1]
        return x

    sys.settrace(trace)
    try:
        traced()
    finally:
        sys.settrace(None)
    sys.setprofile(trace)
    try:
        traced()
    finally:
        sys.setprofile(None)
    assert events[0] == "call" and "return" in events


NAMES = [
    ("naïve", "/tmp/café.py"),
    ("функция", "/tmp/файл.py"),
    ("関数", "/tmp/ファイル.py"),
    ("𝒻𝓊𝓃", "/tmp/\U0001f40d.py"),
    ("plain", "/tmp/\udcff\udc80.py"),
    ("a", ""),
    ("long_" * 100, "/tmp/" + "d/" * 500 + "é.py"),
]


@check
def names():
    for name, file in NAMES:
        scope = {"compare": compare}
        exec(compile(f"def {name}():\n\n    return compare()", file, "exec"), scope)
        (function,) = (value for key, value in scope.items() if hasattr(value, "__code__") and key != "compare")
        assert function() == compare() + 1


@check
def long_names():
    """Cut, between two characters."""
    for text in ["x" * 5000, "é" * 5000, "ば" * 5000, "\U0001f40d" * 5000]:
        for change in [{"co_filename": text}, {"co_name": text}]:
            code = (lambda: 1).__code__.replace(**change)
            if "co_name" in change and hasattr(code, "co_qualname"):
                code = code.replace(co_qualname=text)
            file, name = read(id(code))[:2]
            got, most = (file, 4096) if "co_filename" in change else (name, 1024)
            assert most - 4 < len(got) <= most and text.startswith(got.decode())


@check
def not_code():
    for thing in [None, 1, "text", b"bytes", compare, [], type]:
        assert not with_lock.frames_read(id(thing), Code())


@check
def threads():
    failed, results = [], []

    def run(depth):
        try:
            if depth:
                return run(depth - 1)
            for _ in range(20):
                results.append(compare())
        except BaseException as error:
            failed.append(error)

    started = [threading.Thread(target=run, args=(i,)) for i in range(50)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    assert not failed, failed[0]
    assert len(results) == 1000


@check
def foreign_threads():
    assert with_lock.frames_walk_elsewhere() == without_lock.frames_walk_elsewhere() == 0
    results = []
    callback = ctypes.CFUNCTYPE(None)(lambda: results.append(compare()))
    for _ in range(20):
        without_lock.frames_call_elsewhere(callback)
    assert results == [2] * 20


@check
def children():
    for _ in range(5):
        child = os.fork()
        if child == 0:
            try:
                compare()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    child = threading.Thread(target=lambda: children_of_a_thread())
    child.start()
    child.join()


def children_of_a_thread():
    child = os.fork()
    if child == 0:
        try:
            compare()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# The fields of struct py_layout, and whether it must be seen that one is wrong.
FIELDS = {
    "current": True,
    "previous": False,  # where NULL is read the frames end early
    "code": True,
    "globals": True,
    "at": sys.version_info >= (3, 11),  # before, there are other small numbers about
    "owner": False,
    "instructions": True,
    "file": False,  # there are other names about
    "name": False,
    "lines": sys.version_info < (3, 11),  # since then there are other bytes about, some way off
    "first_line": True,
    "ascii": True,
    "wide": False,
}


@check
def wrong_offsets():
    """Offsets that don't fit are refused, and nothing is read through them that can't be."""
    for i, (field, is_told) in enumerate(FIELDS.items()):
        assert with_lock.frames_check(i, 0) == 1
        for wrong in [8, 16, 24, 32, 40, 64, 128, 256, 512, -8, -16, 4, 1, -1]:
            fits = with_lock.frames_check(i, wrong)
            assert fits in (-1, 0, 1)
            assert fits != 1 or not is_told or wrong > 64, (field, wrong)  # there may be another frame


# ---- in the middle of allocations ----


class Instance:
    pass


class Slots:
    __slots__ = ("a", "b")


def header_size(object):
    """What lies in front of an object in its block."""
    flags = type(object).__flags__
    size = 16 if flags & 1 << 14 else 0
    if sys.version_info >= (3, 12):
        size += 16 if flags & 3 << 3 else 0
    elif sys.version_info >= (3, 11):
        size += 16 if flags & 1 << 4 else 0
    return size


def make_all():
    """Objects of types that have no list of free ones, made in many ways."""
    kept = []

    def fields(n):
        for i in range(n):
            yield Instance()
            kept.append(str(i) * 20)

    async def coroutine():
        kept.append(Slots())
        await asyncio.sleep(0)
        kept.append({str(i) + "xyz" for i in range(30)})

    def closure(a, b=2, *c, d=4, **e):
        def inner():
            return a, b, c, d, e, Instance()

        return inner

    kept.extend(fields(300))
    kept.extend([Instance() for _ in range(100)])
    kept.extend(map(lambda i: bytes(i + 50), range(200)))
    kept.extend(sorted((f"{i}{i}" * 9 for i in range(100)), key=lambda text: kept.append(Slots()) or text))
    asyncio.run(coroutine())
    for i in range(50):
        inner = closure(i, *range(i % 5), **{f"k{j}": j for j in range(i % 7)})
        kept.extend([inner, inner()[-1]])
        try:
            raise ValueError(i)
        except ValueError:
            kept.append(bytearray(50))
    scope = {"kept": kept, "Instance": Instance}
    for i in range(20):
        code = f"\n\nclass Made{i}:\n  x = {i}\n\n  def f(self): return Instance()\nkept.append(Made{i}().f())\n"
        exec(compile(code, f"<made {i}>", "exec"), scope)
        kept.append(scope[f"Made{i}"].f)
    return kept


@check
def allocations():
    """The traceback taken in an allocation is the one that tracemalloc takes there."""
    assert with_lock.frames_hook()
    tracemalloc.start(50)
    kept = make_all()
    n_same = 0
    for thing in kept:
        trace = tracemalloc.get_object_traceback(thing)
        buffer = (TakenFrame * 24)()
        n = with_lock.frames_of(id(thing) - header_size(thing), buffer)
        if trace is None or n < 0:  # its place was taken by a later block
            continue
        got = [(frame.file, frame.line) for frame in buffer[:n]]
        expected = [(frame.filename.encode()[-27:], frame.lineno) for frame in reversed(trace)][:24]
        assert got == expected, (thing, got, expected)
        n_same += 1
    tracemalloc.stop()
    assert n_same > len(kept) // 2 > 600, (n_same, len(kept))


@check
def until_the_end():
    """Every allocation from here on to the process's end, while threads that nobody waits for go on."""
    assert with_lock.frames_hook()
    go = ctypes.c_int(1)
    for _ in range(2):
        threading.Thread(target=without_lock.frames_walk_while, args=(ctypes.byref(go),), daemon=True).start()
    threading.Thread(target=lambda: [bytes(i % 1000) for i in range(1 << 60)], daemon=True).start()
    import atexit

    class Late:
        def __del__(self):
            [Instance() for _ in range(100)]

    sys.kept_to_the_end = Late()
    atexit.register(make_all)
    make_all()
    assert with_lock.frames_taken() > 10_000


def main():
    assert with_lock.frames_begin() and with_lock.frames_note() is None
    for name in sys.argv[2:] or checks:
        checks[name]()
        print(name, flush=True)
    assert with_lock.frames_note() is None
    assert n_compared > 50 or sys.argv[2:]


main()
