"""A queue of garbage whose cycles are few and hold much plain data, which knows nothing of its holder."""
import collections
import sys


class Session:
    def __init__(self, i):
        self.rows = [{"id": j, "row": [i, j], "name": str(j)} for j in range(500)]
        self.handlers = {"close": self.close}

    def close(self):
        return len(self.rows)


queue = collections.deque()
total = 0
for i in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1500):
    queue.append(Session(i))
    if len(queue) > 100:
        total += queue.popleft().close()
print(total)
