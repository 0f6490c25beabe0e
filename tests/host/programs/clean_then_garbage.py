"""Build something large and clean first, then drop it, tangled, and build it again, some times."""
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


for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
    tree = make(200000)
print(len(tree.children))
