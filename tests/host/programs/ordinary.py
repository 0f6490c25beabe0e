"""An ordinary program: words, dictionaries, sorting, regular expressions, a cache, exceptions."""
import collections
import re
import sys

text = " ".join(f"word{i * 7919 % 1013} number{i % 97}" for i in range(40000))
counts = collections.Counter()
cache = collections.OrderedDict()
failed = 0
for round_ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 6):
    for match in re.finditer(r"([a-z]+)(\d+)", text):
        name, number = match.groups()
        counts[name, int(number) % 50] += 1
        cache[number] = [name, round_]
        if len(cache) > 500:
            cache.popitem(last=False)
        try:
            if int(number) % 31 == 0:
                raise ValueError(number)
        except ValueError as error:
            failed += len(str(error)) > 0
print(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:3], failed)
