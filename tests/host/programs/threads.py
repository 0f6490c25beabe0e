"""Threads that make garbage in cycles, build things and import modules, all at once."""
import sys
import threading


def tangle(n):
    for _ in range(n):
        a = {"list": [1, 2, 3]}
        a["me"] = a


def build(n, out):
    out.append([(i, [i]) for i in range(n)])


n = int(sys.argv[1]) if len(sys.argv) > 1 else 30000
results = []
threads = [threading.Thread(target=tangle, args=(n,)) for _ in range(4)]
threads += [threading.Thread(target=build, args=(n, results)) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(results), sum(len(result) for result in results))
