"""Old garbage of many shapes: all of it must be found while the program only builds, and nothing else."""
import collections
import sys
import weakref


class Node:
    def __init__(self, parent=None):
        self.parent = parent
        self.children = []


class Slotted:
    __slots__ = ("next", "__weakref__")


class Finalized:
    n_finalized = 0

    def __del__(self):
        Finalized.n_finalized += 1


def chain(n):  # a ring, against the order of addresses
    first = last = Slotted()
    for _ in range(n):
        node = Slotted()
        node.next = first
        first = node
    last.next = first
    return first


def hub(n):  # one object that all others refer to
    root = Node()
    root.children = [Node(root) for _ in range(n)]
    return root


def generator():
    def count():
        yield me
        yield 1

    me = Node()
    me.generator = count()
    next(me.generator)
    return me


def closure():
    node = Node()
    node.call = lambda: node
    return node


def made_class():
    kind = type("Made", (Node,), {"__slots__": ()})
    kind.instances = [kind() for _ in range(100)]
    return kind


def containers():
    node = Node()
    node.things = {"set": {node}, "tuple": (node,), "dict": {1: node}, "deque": collections.deque([node])}
    return node


def method():
    node = Node()
    node.call = node.children.append
    node.children.append(node.__init__)
    return node


def exception():
    node = Node()
    try:
        raise ValueError(node)
    except ValueError as error:
        node.error = error
    return node


def finalized():
    node = Finalized()
    node.me = node
    return node


MAKERS = [lambda: chain(200000), lambda: hub(70000), lambda: hub(100), generator, closure, made_class, containers, method,
          exception, finalized]
kept = [[make() for make in MAKERS] for _ in range(3)]
dropped = [[make() for make in MAKERS] for _ in range(3)]
living = [weakref.ref(each) for row in kept for each in row]
dying = [weakref.ref(each) for row in dropped for each in row]
built = []
for step in range(int(sys.argv[1]) if len(sys.argv) > 1 else 1500000):
    built.append([step])
    if step == 600000:  # they are old by now
        del dropped
assert all(each() is not None for each in living)
undead = [type(each()).__name__ for each in dying if each() is not None]
assert not undead, (len(undead), undead[:30])
assert Finalized.n_finalized == 3
# What is kept is whole.
for row in kept:
    node, n = row[0].next, 1
    while node is not row[0]:
        node, n = node.next, n + 1
    assert n == 200001
    assert all(child.parent is row[1] for child in row[1].children) and len(row[1].children) == 70000
print(len(built), len(living), len(dying))
