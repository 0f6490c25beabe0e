"""asyncio: many short tasks that wait for each other."""
import asyncio
import sys


async def leaf(i):
    await asyncio.sleep(0)
    return i % 10


async def branch(i):
    return sum(await asyncio.gather(*(leaf(i + j) for j in range(10))))


async def main(n):
    total = 0
    for i in range(n):
        total += await branch(i)
    return total


print(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)))
