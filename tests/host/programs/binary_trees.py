"""The benchmark of that name: many short-lived trees beside a long-lived one, all freed by counts."""
import sys


def make(depth):
    return (make(depth - 1), make(depth - 1)) if depth > 0 else (None, None)


def check(tree):
    left, right = tree
    return 1 if left is None else 1 + check(left) + check(right)


most = int(sys.argv[1]) if len(sys.argv) > 1 else 15
long_lived = make(most)
for depth in range(4, most + 1, 4):
    n = 1 << (most - depth + 2)
    print(n, depth, sum(check(make(depth)) for _ in range(n)))
print(check(long_lived))
