"""A program of many kinds of work, whose output must not depend on who takes snapshots of it."""

import asyncio
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings

warnings.simplefilter("always")  # that a process has threads when it forks is one


def count_children(signal_number, frame):
    global n_children
    n_children += 1


n_children = 0


def square(n):
    return sum(len(bytes(n)) for _ in range(n))


async def talk(n):
    server_seen = []

    async def serve(reader, writer):
        server_seen.append(await reader.readline())
        writer.write(b"x" * 20000 + b"\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    total = 0
    for _ in range(n):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"hello\n")
        total += len(await reader.read())
        writer.close()
        await asyncio.sleep(0.001)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(6 * 7)", stdout=subprocess.PIPE)
    said, _ = await process.communicate()
    server.close()
    return total, len(server_seen), said, process.returncode


def in_threads():
    found = []

    def work(i):
        kept = [{j: bytes(j)} for j in range(2000)]
        found.append((i, sum(len(d[j]) for j, d in enumerate(kept))))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(found)


def fork_and_wait():
    signal.signal(signal.SIGCHLD, count_children)
    codes = []
    for i in range(5):
        child = os.fork()
        if child == 0:
            os._exit(i)
        time.sleep(0.01)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(-1, 0)[1]))
    try:
        os.waitpid(-1, 0)
    except ChildProcessError:
        codes.append("no more")
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return codes, n_children


def main():
    print(fork_and_wait())
    print(asyncio.run(talk(20)))
    print(in_threads())
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(square, range(100, 120)))
    print([subprocess.run(["sh", "-c", f"exit {i}"]).returncode for i in range(5)])
    reader, writer = os.pipe()
    kept = [bytes(i) for i in range(20000)]
    os.close(writer)
    print(os.read(reader, 10), len(kept), threading.active_count(), gc.is_tracked(kept))
    print(signal.getsignal(signal.SIGUSR1), os.listdir("/proc/self/task") == [str(os.getpid())])


if __name__ == "__main__":
    main()
