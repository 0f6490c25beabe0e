"""Parse modules of the standard library and keep their syntax trees."""
import ast
import os
import sys

names = ["argparse", "ast", "datetime", "decimal", "difflib", "inspect", "pickle", "subprocess",
         "tarfile", "threading", "typing", "zipfile", "tokenize", "optparse", "doctest", "turtle"]
folder = os.path.dirname(os.__file__)
trees = []
for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 2):
    for name in names:
        path = os.path.join(folder, name + ".py")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                trees.append(ast.parse(file.read()))
print(len(trees), sum(1 for _ in ast.walk(trees[0])) > 100)
