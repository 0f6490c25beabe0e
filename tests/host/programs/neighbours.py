"""Old garbage, next to which lie strings that are alive: how much of it is left, however long the program runs."""
import gc


class Plain:
    pass


def count():
    return sum(type(each) is Plain for each in gc.get_objects())


names = []
living = [[] for _ in range(300000)]
for i in range(16):
    nodes = []
    for _ in range(10000):
        node = Plain()
        names.append("%07d" % len(names))
        node.me = node
        nodes.append(node)
    others = [[] for _ in range(140000)]  # nodes are old now
    nodes = others = node = None
    living.extend([] for _ in range(20000))
others = [[] for _ in range(400000)]
print(count())
