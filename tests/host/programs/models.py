"""One small model after another, each a tangle of objects that know each other: few when a look comes, all garbage soon."""
import sys


class Part:
    def __init__(self, model, name):
        self.model = model
        self.name = name
        self.neighbours = []
        self.state = {"value": name * 3, "wanted": float(name)}


class Model:
    def __init__(self, n):
        self.parts = [Part(self, i) for i in range(n)]
        for before, behind in zip(self.parts, self.parts[1:]):
            before.neighbours.append(behind)
            behind.neighbours.append(before)

    def run(self):
        return sum(part.state["value"] + len(part.neighbours) for part in self.parts)


n_models = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
print(sum(Model(150).run() for _ in range(n_models)))
