"""Text templates: a small engine compiles templates with loops, conditions and filters, and renders pages."""
import html
import re
import string
import sys
import zlib

PAGES = int(sys.argv[1]) if len(sys.argv) > 1 else 2400
PAGE = """<html><head><title>{{ title|escape }}</title></head><body>
<h1>{{ title|escape }}</h1>
{% if user %}<p>Hello, {{ user.name|title }}!</p>{% else %}<p>Please sign in.</p>{% end %}
<table>{% for row in rows %}
<tr class="{{ row.kind }}"><td>{{ row.number }}</td><td>{{ row.text|escape }}</td>{% for cell in row.cells %}<td>{{ cell }}</td>{% end %}</tr>{% end %}
</table>{{ footer }}</body></html>
"""
MARK = re.compile(r"({{.*?}}|{%.*?%})", re.S)
FILTERS = {"escape": lambda value: html.escape(str(value)), "title": lambda value: str(value).title(), "upper": lambda value: str(value).upper()}


class Text:
    def __init__(self, text):
        self.text = text

    def render(self, scope, out):
        out.append(self.text)


class Value:
    def __init__(self, expression):
        path, *filters = [part.strip() for part in expression.split("|")]
        self.path = path.split(".")
        self.filters = [FILTERS[name] for name in filters]

    def get(self, scope):
        value = scope
        for part in self.path:
            value = value.get(part) if isinstance(value, dict) else getattr(value, part)
        return value

    def render(self, scope, out):
        value = self.get(scope)
        for apply in self.filters:
            value = apply(value)
        out.append(str(value))


class Loop:
    def __init__(self, name, source, body):
        self.name, self.source, self.body = name, source, body

    def render(self, scope, out):
        for item in self.source.get(scope):
            inner = dict(scope)
            inner[self.name] = item
            for node in self.body:
                node.render(inner, out)


class Choice:
    def __init__(self, condition, yes, no):
        self.condition, self.yes, self.no = condition, yes, no

    def render(self, scope, out):
        for node in self.yes if self.condition.get(scope) else self.no:
            node.render(scope, out)


def parse(parts, stop):
    nodes = []
    while parts:
        part = parts.pop(0)
        if part.startswith("{{"):
            nodes.append(Value(part[2:-2].strip()))
        elif part.startswith("{%"):
            words = part[2:-2].split()
            if words[0] in stop:
                return nodes, words[0]
            if words[0] == "for":
                body, _ = parse(parts, ("end",))
                nodes.append(Loop(words[1], Value(words[3]), body))
            else:
                yes, ended = parse(parts, ("end", "else"))
                no = parse(parts, ("end",))[0] if ended == "else" else []
                nodes.append(Choice(Value(words[1]), yes, no))
        else:
            nodes.append(Text(part))
    return nodes, None


def render(nodes, scope):
    out = []
    for node in nodes:
        node.render(scope, out)
    return "".join(out)


def main():
    nodes, _ = parse(MARK.split(PAGE), ())
    letter = string.Template("Dear $name,\nyour order $number of ${count} <things> is on its way.\n")
    crc = size = 0
    for number in range(PAGES):
        rows = [{"number": i, "kind": "odd" if i & 1 else "even", "text": "row <%d> of page %d & more" % (i, number),
                 "cells": [i * j for j in range(5)]} for i in range(120)]
        scope = {"title": "Page <%d>" % number, "user": {"name": "anna berg"} if number % 3 else None, "rows": rows,
                 "footer": letter.substitute(name="Reader", number=number, count=len(rows))}
        page = render(nodes, scope)
        size += len(page)
        crc = zlib.crc32(page.encode(), crc)
    letters = [letter.safe_substitute(name="n%d" % i, number=i) for i in range(PAGES * 40)]
    crc = zlib.crc32("".join(letters).encode(), crc)
    print("templates", PAGES, size, "%08x" % crc)


main()
