"""Build binary trees of plain objects and keep them: nothing is ever garbage."""
import sys


class Node:
    __slots__ = ("left", "right", "value")

    def __init__(self, value):
        self.value = value
        self.left = None
        self.right = None


def build(depth, value=1):
    node = Node(value)
    if depth > 0:
        node.left = build(depth - 1, 2 * value)
        node.right = build(depth - 1, 2 * value + 1)
    return node


def check(node):
    if node is None:
        return 0
    return node.value % 7 + check(node.left) + check(node.right)


trees = [build(15) for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 16)]
print(sum(check(tree) for tree in trees))
