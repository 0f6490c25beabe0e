"""Ten million blocks that live to the end, of an ordinary program: it imports much of the standard library, parses its sources
again and again, and keeps what comes of them: texts, syntax trees, code, and what they define.

Arguments: how many sources."""
import argparse, asyncio, concurrent.futures, csv, ctypes, decimal, email.mime.multipart, http.server, json, logging.config  # noqa: E401
import multiprocessing.pool, pathlib, pydoc, sqlite3, tarfile, typing, unittest.mock, urllib.request, xml.dom.minidom, zipfile  # noqa: E401
import ast
import collections
import os
import sys

parsed = []


def read_sources():
    folder = os.path.dirname(os.__file__)
    for path in [folder] + [os.path.join(folder, name) for name in ("asyncio", "email", "http", "json", "logging", "unittest", "xml")]:
        for name in sorted(os.listdir(path)):
            if name.endswith(".py"):
                with open(os.path.join(path, name), encoding="utf-8") as file:
                    yield os.path.join(path, name), file.read()


def parse(path, text):
    tree = ast.parse(text, path)
    names = collections.Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    functions = {node.name: [argument.arg for argument in node.args.args]
                 for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return text, tree, names, functions, compile(tree, path, "exec")


def main():
    sources = list(read_sources())
    for _ in range(int(sys.argv[1])):
        parsed.append(parse(*sources[len(parsed) % len(sources)]))
    print(len(parsed))


main()
