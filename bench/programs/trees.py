"""Trees: a balanced search tree of node objects is grown and thinned, and binary trees of tuples come and go."""
import random
import sys
import zlib

KEYS = int(sys.argv[1]) if len(sys.argv) > 1 else 200000


class Node:
    __slots__ = ("key", "value", "rank", "left", "right")

    def __init__(self, key, value, rank):
        self.key = key
        self.value = value
        self.rank = rank
        self.left = None
        self.right = None


def insert(root, node):
    """Insert into a treap; the rank of a parent is at least that of its children."""
    if root is None:
        return node
    if node.key == root.key:
        root.value = node.value
        return root
    if node.key < root.key:
        root.left = insert(root.left, node)
        if root.left.rank > root.rank:
            child = root.left
            root.left, child.right = child.right, root
            return child
    else:
        root.right = insert(root.right, node)
        if root.right.rank > root.rank:
            child = root.right
            root.right, child.left = child.left, root
            return child
    return root


def merge(left, right):
    if left is None:
        return right
    if right is None:
        return left
    if left.rank > right.rank:
        left.right = merge(left.right, right)
        return left
    right.left = merge(left, right.left)
    return right


def delete(root, key):
    if root is None:
        return None
    if key < root.key:
        root.left = delete(root.left, key)
        return root
    if key > root.key:
        root.right = delete(root.right, key)
        return root
    return merge(root.left, root.right)


def walk(root):
    stack = []
    while stack or root is not None:
        while root is not None:
            stack.append(root)
            root = root.left
        root = stack.pop()
        yield root
        root = root.right


def tuple_tree(depth):
    return (tuple_tree(depth - 1), tuple_tree(depth - 1)) if depth else (None, None)


def count(tree):
    left, right = tree
    return 1 if left is None else 1 + count(left) + count(right)


def main():
    rng = random.Random(11)
    root = None
    keys = []
    for i in range(KEYS):
        key = rng.randrange(1 << 30)
        keys.append(key)
        root = insert(root, Node(key, "value %d" % i, rng.random()))
    for key in keys[::3]:
        root = delete(root, key)
    crc = 0
    n_nodes = 0
    for node in walk(root):
        crc = zlib.crc32(node.value.encode(), crc)
        n_nodes += 1
    kept = tuple_tree(15)
    total = sum(count(tuple_tree(depth)) for depth in (13, 14, 15, 14, 13) for _ in range(8))
    print("trees", n_nodes, count(kept), total, "%08x" % crc)


main()
