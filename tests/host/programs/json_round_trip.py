"""Make a document of dictionaries and lists, write it as JSON, read it back, compare."""
import json
import sys


def make(n):
    return [
        {
            "id": i,
            "name": f"item {i}",
            "tags": [f"t{j}" for j in range(i % 5)],
            "place": {"x": i * 0.5, "y": [i, i + 1, {"deep": i % 3}]},
        }
        for i in range(n)
    ]


document = make(int(sys.argv[1]) if len(sys.argv) > 1 else 60000)
for _ in range(3):
    text = json.dumps(document)
    copy = json.loads(text)
    assert copy == document
    document = copy
print(len(text))
