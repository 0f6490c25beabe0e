"""Build one large tree whose nodes know their parents, in dictionaries and lists, and keep it."""
import sys


class Element:
    def __init__(self, name, parent):
        self.name = name
        self.parent = parent
        self.children = []
        self.attributes = {"id": name, "level": parent.attributes["level"] + 1 if parent else 0}


def build(levels, width, parent=None):
    element = Element(f"e{levels}", parent)
    if levels > 0:
        for _ in range(width):
            element.children.append(build(levels - 1, width, element))
    return element


def count(element):
    return 1 + sum(count(child) for child in element.children)


root = build(int(sys.argv[1]) if len(sys.argv) > 1 else 8, 5)
print(count(root))
