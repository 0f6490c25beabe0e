"""Parsing: modules of the standard library become syntax trees, are counted by kind of node, and compiled.

The sources belong to the Python that runs this, so the checksum differs from one version to the next."""
import ast
import collections
import os
import sys
import zlib

MODULES = int(sys.argv[1]) if len(sys.argv) > 1 else 130


def read_sources(count):
    folder = os.path.dirname(os.__file__)
    names = sorted(name for name in os.listdir(folder) if name.endswith(".py") and not name.startswith("_sysconfig"))
    for name in names[:count]:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            yield name, file.read()


def main():
    trees = {}
    kinds = collections.Counter()
    names = collections.Counter()
    code_bytes = 0
    for name, text in read_sources(MODULES):
        tree = ast.parse(text, name)
        trees[name] = tree
        for node in ast.walk(tree):
            kinds[type(node).__name__] += 1
            if isinstance(node, ast.Name):
                names[node.id] += 1
        if len(trees) % 3 == 0:
            code_bytes += len(compile(tree, name, "exec").co_code)
    longest = max(trees, key=lambda name: len(trees[name].body))
    summary = repr((sorted(kinds.items()), names.most_common(50), longest, code_bytes))
    print("ast_stdlib", len(trees), sum(kinds.values()), "%08x" % zlib.crc32(summary.encode()))


main()
