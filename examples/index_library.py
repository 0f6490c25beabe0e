#!/usr/bin/env python3
"""Index the standard library: parse every module, note every definition and every use, answer some questions.

This is the kind of work that fills a Python process with objects: millions of syntax nodes come and go, and
an index of dictionaries, lists and small instances stays.  What it prints depends on the library's sources
alone, so two runs of the same Python print the same, whatever allocates their memory."""
import ast
import builtins
import collections
import os
import sys
import zlib

# Not the library itself.
SKIPPED = {"site-packages", "dist-packages", "test", "tests", "lib2to3", "__pycache__"}

BUILT_IN = set(dir(builtins)).union(*(dir(each) for each in (str, bytes, list, dict, set, int, float)))


class Definition:
    """A function or a class, and where it stands."""

    def __init__(self, kind, name, module, line, owner):
        self.kind = kind
        self.name = name
        self.module = module
        self.line = line
        self.owner = owner
        self.members = []
        self.bases = []
        self.called_from = []

    @property
    def full_name(self):
        parts = [self.name]
        owner = self.owner
        while owner is not None:
            parts.append(owner.name)
            owner = owner.owner
        return ".".join([self.module.name] + parts[::-1])


class Module:
    def __init__(self, name, n_lines):
        self.name = name
        self.n_lines = n_lines
        self.definitions = []
        self.imports = set()


class Indexer(ast.NodeVisitor):
    """One walk over one module's tree."""

    def __init__(self, index, module):
        self.index = index
        self.module = module
        self.owner = None

    def define(self, kind, node):
        definition = Definition(kind, node.name, self.module, node.lineno, self.owner)
        self.module.definitions.append(definition)
        self.index.definitions.setdefault(node.name, []).append(definition)
        if self.owner is not None:
            self.owner.members.append(definition)
        outer, self.owner = self.owner, definition
        self.generic_visit(node)
        self.owner = outer
        return definition

    def visit_FunctionDef(self, node):
        self.define("function", node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node):
        definition = self.define("class", node)
        definition.bases = [base.id for base in node.bases if isinstance(base, ast.Name)]

    def visit_Import(self, node):
        self.module.imports.update(alias.name.split(".")[0] for alias in node.names)

    def visit_ImportFrom(self, node):
        if node.module and not node.level:
            self.module.imports.add(node.module.split(".")[0])

    def visit_Call(self, node):
        function = node.func
        name = function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else None
        if name is not None:
            self.index.calls.setdefault(name, []).append((self.module, node.lineno, self.owner))
        self.generic_visit(node)

    def visit_Name(self, node):
        self.index.uses.setdefault(node.id, []).append((self.module, node.lineno, node.col_offset))

    def visit_Constant(self, node):
        if isinstance(node.value, str):
            for word in node.value.split():
                self.index.words[word] += 1


class Index:
    def __init__(self):
        self.modules = []
        self.definitions = {}
        self.uses = {}
        self.calls = {}
        self.words = collections.Counter()

    def add(self, name, text):
        try:
            tree = ast.parse(text)
        except SyntaxError:  # the library keeps a few broken files, for its own tests
            return
        module = Module(name, text.count("\n"))
        self.modules.append(module)
        Indexer(self, module).visit(tree)

    def cross_reference(self):
        """Join calls with definitions of that name, where the name is defined once and is nothing built in."""
        for name, calls in self.calls.items():
            definitions = self.definitions.get(name, ())
            if len(definitions) == 1 and name not in BUILT_IN:
                definitions[0].called_from = [(module.name, line) for module, line, _ in calls]


def find_sources():
    folder = os.path.dirname(os.__file__)
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for file in sorted(files):
            if file.endswith(".py"):
                path = os.path.join(where, file)
                yield os.path.relpath(path, folder)[:-3].replace(os.sep, ".").replace(".__init__", ""), path


def count_subclasses(index):
    children = collections.defaultdict(set)
    for definitions in index.definitions.values():
        for definition in definitions:
            for base in definition.bases:
                children[base].add(definition.name)

    def below(name, seen):
        for child in children.get(name, ()):
            if child not in seen:
                seen.add(child)
                below(child, seen)
        return seen

    return {name: len(below(name, set())) for name in children}


def best(counts, n=5):
    """The largest `n` of {name: count} as text; equals in the order of their names."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join("%s (%d)" % item for item in ordered[:n])


def report(index):
    everything = [definition for definitions in index.definitions.values() for definition in definitions]
    imported = collections.Counter(name for module in index.modules for name in module.imports)
    yield "modules           %d, %d lines" % (len(index.modules), sum(module.n_lines for module in index.modules))
    yield "definitions       %d functions, %d classes" % (
        sum(each.kind == "function" for each in everything), sum(each.kind == "class" for each in everything))
    yield "names used        %d, in %d places" % (len(index.uses), sum(map(len, index.uses.values())))
    yield "most imported     " + best(imported)
    yield "most called       " + best({name: len(calls) for name, calls in index.calls.items()})
    yield "most subclasses   " + best(count_subclasses(index))
    yield "largest classes   " + best({each.full_name: len(each.members) for each in everything if each.kind == "class"}, 3)
    yield "called, one home  " + best({each.full_name: len(each.called_from) for each in everything if each.called_from}, 3)


def checksum(index):
    crc = 0
    for module in index.modules:
        for each in module.definitions:
            crc = zlib.crc32(("%s %s %d %r" % (each.kind, each.full_name, each.line, each.called_from[:3])).encode(), crc)
    for name in sorted(index.uses):
        crc = zlib.crc32(("%s %d" % (name, len(index.uses[name]))).encode(), crc)
    return zlib.crc32(repr(sorted(index.words.items())).encode("utf-8", "backslashreplace"), crc)


def main():
    index = Index()
    for name, path in find_sources():
        with open(path, encoding="utf-8", errors="replace") as file:
            index.add(name, file.read())
    index.cross_reference()
    print("The standard library of Python %d.%d" % sys.version_info[:2])
    for line in report(index):
        print("  " + line)
    print("  checksum          %08x" % checksum(index))


main()
