"""asyncio: producers, workers and a collector joined by queues, many small tasks, futures, locks and timeouts."""
import asyncio
import sys
import zlib

ITEMS = int(sys.argv[1]) if len(sys.argv) > 1 else 64000


async def produce(queue, first, count):
    for number in range(first, first + count):
        await queue.put({"number": number, "steps": []})


async def check(number):
    await asyncio.sleep(0)
    return (number * number) % 97


async def work(name, source, goal):
    while True:
        item = await source.get()
        if item is None:
            return
        parts = await asyncio.gather(*(check(item["number"] + i) for i in range(3)))
        item["steps"].append((name, sum(parts)))
        await goal.put(item)


async def collect(queue, count, results):
    for _ in range(count):
        item = await queue.get()
        results[item["number"]] = sum(value for _, value in item["steps"])


async def guarded(lock, ledger, number):
    async with lock:
        ledger.append(number)
    return await asyncio.wait_for(check(number), 60)


async def main():
    first, second = asyncio.Queue(64), asyncio.Queue(64)
    results = {}
    producers = [asyncio.ensure_future(produce(first, i * ITEMS // 4, ITEMS // 4)) for i in range(4)]
    workers = [asyncio.ensure_future(work("worker-%d" % i, first, second)) for i in range(16)]
    await collect(second, ITEMS // 4 * 4, results)
    await asyncio.gather(*producers)
    for _ in workers:
        await first.put(None)
    await asyncio.gather(*workers)
    lock, ledger = asyncio.Lock(), []
    answers = await asyncio.gather(*(guarded(lock, ledger, number) for number in range(ITEMS // 4)))
    crc = zlib.crc32(repr((sorted(results.items()), answers, sorted(ledger))).encode())
    print("asyncio_pipeline", len(results), len(answers), "%08x" % crc)


asyncio.run(main())
