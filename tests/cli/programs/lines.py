"""Compares the lines that the tool reads from code objects' tables with the interpreter's own, by each of its ways to
tell them.

usage: lines.py LIBRARY

Runs inside the CPython under test, 3.9 to 3.15; LIBRARY is tests/cli/lines.c.  Prints how many instructions were
compared.
"""

import ast
import ctypes
import dis
import pathlib
import random
import sys
import types
import warnings

KIND = 1 if sys.version_info < (3, 10) else 2 if sys.version_info < (3, 11) else 3
library = ctypes.PyDLL(sys.argv[1])
library.lines_compare.restype = ctypes.c_size_t
library.lines_all.restype = None
true_line = ctypes.cast(ctypes.pythonapi.PyCode_Addr2Line, ctypes.c_void_p)
n_compared = n_lines = n_without = 0


def table_of(code):
    return code.co_lnotab if KIND == 1 else code.co_linetable


def documented_lines(code, n):
    """The line of each instruction as co_lines() tells it, or, before that was there, as dis does."""
    lines = [0] * n
    if KIND == 1:
        starts = [*dis.findlinestarts(code), (2 * n, 0)]
        for (start, line), (end, _) in zip(starts, starts[1:]):
            lines[start // 2 : end // 2] = [line] * (end // 2 - start // 2)
    else:
        for start, end, line in code.co_lines():
            lines[start // 2 : end // 2] = [line or 0] * (end // 2 - start // 2)
    return lines


def compare(code):
    global n_compared, n_lines, n_without
    n, table, first = len(code.co_code) // 2, table_of(code), ctypes.c_uint32()
    head = (KIND, table, ctypes.c_size_t(len(table)), ctypes.c_uint32(code.co_firstlineno), ctypes.c_size_t(n))
    wrong = library.lines_compare(true_line, ctypes.py_object(code), *head, ctypes.byref(first))
    assert wrong == 0, (code, wrong, first.value, table)
    lines = (ctypes.c_uint32 * n)()
    library.lines_all(*head, lines)
    assert lines[:] == documented_lines(code, n), code
    n_compared += n
    n_lines += len(set(lines))
    n_without += lines[:].count(0)


def compare_all(code):
    waiting = [code]
    while waiting:
        code = waiting.pop()
        compare(code)
        waiting.extend(constant for constant in code.co_consts if isinstance(constant, types.CodeType))


def shuffle(tree, random):
    """Lines that go up and down, near and far; some across several lines, some with no columns."""
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            node.lineno = random.choice([1, 2, 3, 130, 1000, random.randrange(1, 200_000)])
            node.end_lineno = node.lineno + random.choice([0, 0, 1, 300])
            node.col_offset = random.choice([0, 1, 90, 500])
            node.end_col_offset = node.col_offset + random.choice([0, 5, 300])


def compare_standard_library():
    folder = pathlib.Path(ast.__file__).parent
    n = 0
    for path in sorted(folder.rglob("*.py")):
        if {"test", "tests", "idlelib", "lib2to3", "site-packages", "dist-packages"} & set(path.parts):
            continue
        if not path.is_file():  # Debian has a link to a configuration that need not be there
            continue
        source = path.read_bytes()
        compare_all(compile(source, str(path), "exec", dont_inherit=True))
        if len(source) < 20_000:
            tree = ast.parse(source)
            shuffle(tree, random.Random(str(path.name)))
            compare_all(compile(tree, str(path), "exec", dont_inherit=True))
        n += 1
    assert n > 300


def compare_extremes():
    line = "x = 1\n"
    for gap in [0, 1, 126, 127, 128, 129, 254, 255, 256, 300, 70_000]:
        compare_all(compile(line + "\n" * gap + line + "def f():\n" + "\n" * gap + "  return f\n", "gap", "exec"))
    for n in [1, 100, 1000]:
        compare_all(compile("x = (" + "+".join(["y"] * n) + ")\n" + line, "long", "exec"))
        compare_all(compile("x = (" + "\n+".join(["y"] * n) + ")\n" + line, "tall", "exec"))
        nested = "\n".join("  " * i + f"with a{i} as b{i}:" for i in range(min(n, 15)))
        compare_all(compile(nested + " pass\n" + line, "with", "exec"))
    compare_all(compile("def f():\n  for x in y:\n    try:\n      yield x\n    finally:\n      g()\n", "try", "exec"))


def main():
    warnings.simplefilter("ignore")
    compare_extremes()
    compare_standard_library()
    assert n_without > 0 or KIND == 1
    print(n_compared)


main()
