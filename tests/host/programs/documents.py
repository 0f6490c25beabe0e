"""A queue of documents: trees of a thousand nodes that know their parents, dropped after a while."""
import collections
import sys


class Node:
    def __init__(self, parent, value):
        self.parent = parent
        self.value = value
        self.children = []


def make(n):
    nodes = [Node(None, 0)]
    for i in range(1, n):
        parent = nodes[(i - 1) // 4]
        node = Node(parent, i)
        parent.children.append(node)
        nodes.append(node)
    return nodes[0]


n_documents = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
queue = collections.deque()
total = 0
for i in range(n_documents):
    queue.append(make(1000))
    if len(queue) > 200:
        total += len(queue.popleft().children)
print(total)
