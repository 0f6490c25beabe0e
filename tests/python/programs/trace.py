"""ouro.trace in all its forms, under `ouro run`; argument: the mode that the run has.  Prints "ok"."""

import asyncio
import gc
import inspect
import sys
import threading

import ouro

BLOCK = 100_000
HEAD = sys.getsizeof(b"")
OWN = 4000  # bytes that the figures may hold of the first use of anything

before = ouro.tracing()
assert ouro.active and before.mode == sys.argv[1]


def block(n=1):
    return bytes(n * BLOCK)


def near(bytes_, expected):
    assert abs(bytes_ - expected) <= OWN, (bytes_, expected)


def check_restored():
    now = ouro.tracing()
    assert (now.mode, now.frames, now.sample_bytes) == (before.mode, before.frames, before.sample_bytes), now


# ---- a stretch, and figures while it lasts and after ----

for _ in range(3):
    with ouro.trace() as memory:
        assert ouro.tracing().mode == "exact"
        kept = block()
        near(memory.live_bytes, BLOCK)
        more = block(2)
        del more
        near(memory.live_bytes, BLOCK)
        near(memory.peak_bytes, 3 * BLOCK)
    check_restored()
    shown = (memory.live_bytes, memory.peak_bytes, memory.blocks)
    other = [block() for _ in range(5)]
    assert shown == (memory.live_bytes, memory.peak_bytes, memory.blocks)  # what came later is none of it
    near(memory.live_bytes, BLOCK)
    near(memory.peak_bytes, 3 * BLOCK)
    del other, kept

# To the byte the same each time, but for a collection, which comes when it will.


def repeat():
    seen = []
    gc.disable()
    for _ in range(20):
        gc.collect()
        with ouro.trace() as memory:
            kept = [block(), {1: 2}, "x" * 1000] + [bytearray(10) for _ in range(100)]
        seen.append((memory.live_bytes, memory.peak_bytes, memory.blocks))
        del kept
    gc.enable()
    assert len(set(seen[5:])) == 1, seen
    assert 190 < seen[-1][2] < 250, seen


repeat()

# What is freed within is negative only where it was traced: under an exact run.
kept = block()
with ouro.trace() as memory:
    del kept
near(memory.live_bytes, -BLOCK - HEAD if before.mode == "exact" else 0)

# ---- one in another ----

with ouro.trace() as outer:
    high = block(5)
    del high
    kept = block()
    with ouro.trace() as inner:
        again = block(2)
        del again
        near(inner.peak_bytes, 2 * BLOCK)
        near(inner.live_bytes, 0)
    assert ouro.tracing().mode == "exact"  # the outer one goes on
    near(outer.peak_bytes, 5 * BLOCK)
    near(outer.live_bytes, BLOCK)
    with ouro.trace() as inner:
        higher = block(9)
        del higher
near(inner.peak_bytes, 9 * BLOCK)
near(outer.peak_bytes, 10 * BLOCK)  # what happened within the inner one as well
del kept
check_restored()

# Samples first, then every block, then samples.
with ouro.trace("sampled", frames=1) as outer:
    assert ouro.tracing().mode == ("exact" if before.mode == "exact" else "sampled")
    with ouro.trace(frames=2) as inner:
        assert (ouro.tracing().mode, ouro.tracing().frames) == ("exact", 2)
        kept = block()
        with ouro.trace(frames=5):
            assert ouro.tracing().frames == 5
        with ouro.trace():
            assert ouro.tracing().frames == before.frames  # more than all others want
        assert ouro.tracing().frames == 2
    assert ouro.tracing().mode == ("exact" if before.mode == "exact" else "sampled")
near(inner.live_bytes, BLOCK)
del kept
check_restored()

# Not in the order of their beginnings.
first, second = ouro.trace(), ouro.trace()
first.__enter__()
second.__enter__()
kept = block()
first.__exit__(None, None, None)
assert ouro.tracing().mode == "exact"
more = block()
second.__exit__(None, None, None)
near(first.live_bytes, BLOCK)
near(second.live_bytes, 2 * BLOCK)
del kept, more
check_restored()

# ---- errors ----

try:
    with ouro.trace() as memory:
        kept = block()
        raise KeyError("from within")
except KeyError:
    near(memory.live_bytes, BLOCK)
else:
    raise AssertionError("the exception was lost")
del kept
check_restored()

with ouro.trace() as memory:
    try:
        memory.__enter__()
    except RuntimeError:
        pass
    else:
        raise AssertionError("begun twice")
    assert ouro.tracing().mode == "exact"
check_restored()
with memory:  # again, from nothing
    kept = block()
near(memory.live_bytes, BLOCK)
del kept

# ---- functions ----


@ouro.trace
def plain(n, *, more=0):
    """What it does."""
    assert ouro.tracing().mode == "exact"
    return block(n + more)


assert (plain.__name__, plain.__doc__) == ("plain", "What it does.")
kept = plain(1, more=1)
near(plain.traced.live_bytes, 2 * BLOCK)
near(plain(0) and plain.traced.live_bytes or plain.traced.live_bytes, 0)
del kept
check_restored()


@ouro.trace(frames=3)
def factorial(n):
    assert ouro.tracing().frames == 3
    return n * factorial(n - 1) if n > 1 else 1


assert factorial(20) == 2432902008176640000
check_restored()


@ouro.trace()
def steps(n):
    kept = []
    for _ in range(n):
        try:
            got = yield len(kept)
        except KeyError:
            got = "thrown"
        kept.append((got, block()))
    return kept


generator = steps(3)
check_restored()  # nothing runs yet
assert next(generator) == 0 and ouro.tracing().mode == "exact"
assert generator.send("a") == 1
near(steps.traced.live_bytes, BLOCK)
assert generator.throw(KeyError()) == 2
try:
    generator.send("c")
except StopIteration as end:
    assert [got for got, _ in end.value] == ["a", "thrown", "c"]
    near(steps.traced.live_bytes, 3 * BLOCK)
    del end
check_restored()
generator = steps(3)
next(generator)
del generator
gc.collect()
check_restored()  # nobody will go on with it
assert list(steps(2)) == [0, 1]


@ouro.trace
async def work(n):
    await asyncio.sleep(0)
    assert ouro.tracing().mode == "exact"
    return block(n)


@ouro.trace
async def stream(n):
    kept = []
    for i in range(n):
        try:
            got = yield i
        except KeyError:
            got = "thrown"
        kept.append((got, block()))
        await asyncio.sleep(0)


async def main():
    assert inspect.iscoroutinefunction(work) and inspect.isasyncgenfunction(stream) and inspect.isgeneratorfunction(steps)
    kept = await work(3)
    near(work.traced.live_bytes, 3 * BLOCK)
    check_restored()
    kept = await asyncio.gather(*(work(1) for _ in range(5)))
    check_restored()
    assert [i async for i in stream(3)] == [0, 1, 2]
    near(stream.traced.peak_bytes, 3 * BLOCK)
    check_restored()
    under_way = stream(3)
    assert await under_way.__anext__() == 0
    assert await under_way.asend("a") == 1
    assert await under_way.athrow(KeyError()) == 2
    near(stream.traced.live_bytes, 2 * BLOCK)
    await under_way.aclose()
    check_restored()
    try:
        await under_way.__anext__()
    except StopAsyncIteration:
        return kept
    raise AssertionError("it went on")


asyncio.run(main())

# ---- threads ----

failures = []


def alternate():
    try:
        for _ in range(200):
            with ouro.trace() as memory:
                with ouro.trace(frames=4):
                    assert ouro.tracing().mode == "exact"
                kept = block()
                assert memory.peak_bytes > -8 * BLOCK  # the others free what they had when it began
                del kept
    except BaseException as error:
        failures.append(error)
        raise


threads = [threading.Thread(target=alternate) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failures, failures
check_restored()

# ---- the run's own figures ----

with ouro.trace():
    kept = block(4)
    del kept
    live, peak = ouro.traced_memory()
    assert peak - live > 3 * BLOCK
    ouro.reset_peak()
    live, peak = ouro.traced_memory()
    assert peak - live < OWN
with ouro.trace() as memory:
    kept = block(4)
    del kept
    ouro.reset_peak()
near(memory.peak_bytes, 4 * BLOCK)  # it has noted what it saw
assert "peak_bytes=" in repr(memory)
check_restored()
print("ok")
