#!/usr/bin/env python3
"""manual.py - the manual stands in the public headers; this makes it readable elsewhere.

    tools/manual.py check [HEADER...]          say what the headers leave out
    tools/manual.py pages FOLDER [HEADER...]   write a page of section 3 for each, whether it is complete or not
    tools/manual.py filter HEADER              print the header as Doxygen wants it (docs/Doxyfile)

What a type says is not written out in each comment: a parameter `ouro_loan` is borrowed, `ouro_ref` stolen, and an
`ouro_ref *` receives a new reference.  Others may be told by the sentence, which names them in backticks, and so may what
a call gives: "How many there are", "A new list, or NULL", "Put it in; OURO_NO_MEMORY".  Where neither the types nor
the sentence tell, `@param` and `@return` must, and `check` says so.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
HEADERS = REPOSITORY / "include" / "ouro"
PROGRAMS = REPOSITORY / "examples" / "objects"

# Headers that libouro(3), which is written by hand, describes.
NO_PAGE = ["ouro", "base"]

# What is not linked with libouro.
LIBRARIES = {"host": ["libouro-host, which", ".Xr ouro 1", "loads into programs"]}

# The whole program that a page shows; each is built, run and compared by the tests.  One of the header's own name goes first.
EXAMPLES = {"object": "tree", "gc": "hello", "list": "hello", "snapshot": "traces", "thread": "threads", "trace": "traces", "weakref": "cache"}

# What a parameter is by its type alone.
BY_TYPE = {
    "ouro_loan": "borrowed",
    "ouro_ref": "stolen",
    "ouro_ref *": "receives a new reference",
    "ouro_heap *": "borrowed",
}

# How a sentence begins that tells what a call gives.
NOUNS = "a an all anything bits bytes half how it its less new one the those up what where whether".split() + ["-1"]

TAG = re.compile(r"@(param|return|threads|source)\b[ ]*")


@dataclass
class Function:
    """A public function, with what its comment says."""

    name: str
    result: str
    parameters: list  # of (type, name)
    line: int
    comment: str | None
    text: str = ""  # the comment without its tags
    described: dict = field(default_factory=dict)  # parameter -> text
    returns: str | None = None
    threads: str | None = None
    source: str | None = None
    end: int = 0  # where the comment ends in the header, for additions

    def read_comment(self):
        """Take the comment apart."""
        body = self.comment or ""
        marks = [m for m in TAG.finditer(body)] + [None]
        self.text = body[: marks[0].start() if marks[0] else None].strip()
        for mark, following in zip(marks, marks[1:]):
            said = body[mark.end() : following.start() if following else None].strip()
            if mark[1] == "param":
                name, _, said = said.partition(" ")
                self.described[name] = said.strip()
            else:
                setattr(self, "returns" if mark[1] == "return" else mark[1], said)

    def additions(self):
        """`@param` and `@return` that the comment leaves to types and sentence, as (tag, name, text)."""
        added = []
        for kind, name in self.parameters:
            if name in self.described:
                continue
            if kind in BY_TYPE:
                added.append(("param", name, BY_TYPE[kind]))
            elif re.search(rf"`[^`]*\b{name}\b[^`]*`", self.comment or ""):
                added.append(("param", name, "as said above"))
        if self.returns is None and self.result != "void":
            said = self.said_of_result()
            if said is not None:
                added.append(("return", None, said))
        return added

    def said_of_result(self):
        """The part of the sentence that tells what the call gives, or None."""
        text = flow(self.text)
        first = re.split(r"(?<=[a-z)`0-9])\. ", text)[0].rstrip(".")
        if self.result == "ouro_status":
            if re.match(r"(OURO_[A-Z]+|0)\b", first):
                return first
            clauses = [text[clause.end() :].rstrip(".") for clause in re.finditer(r"[;:.] ", text)]
            for telling in [r"(OURO_[A-Z]|0\b|a failure)", r"[^.]*(\bOURO_(?!TYPE)[A-Z_]+|\b0\b|fails with)"]:
                for clause in clauses:
                    if re.match(telling, clause):
                        return clause
            return None
        if first.split(" ")[0].lower().strip(",") in NOUNS:
            return first[0].lower() + first[1:]
        return None

    def problems(self):
        if self.comment is None:
            return [f"{self.name}() has no comment"]
        known = dict(self.described)
        returns = self.returns
        for tag, name, said in self.additions():
            if tag == "param":
                known[name] = said
            else:
                returns = said
        names = [name for _, name in self.parameters]
        found = [f"{self.name}(): what is `{name}`?" for name in names if not known.get(name)]
        found += [f"{self.name}() has no parameter `{name}`" for name in known if name not in names]
        if self.result != "void" and not returns:
            found.append(f"{self.name}(): what does it return?")
        if self.result == "void" and self.returns:
            found.append(f"{self.name}() returns nothing")
        return found


@dataclass
class Other:
    """A type or a macro, with its text as it stands."""

    name: str
    kind: str
    declaration: str
    line: int
    comment: str | None

    def problems(self):
        return [] if self.comment else [f"{self.name} has no comment"]


@dataclass
class Note:
    """A comment that stands alone, or with `is_title` one that begins a part."""

    text: str
    is_title: bool
    start: int
    line: int

    def problems(self):
        return []


def flow(text):
    """Several lines as one."""
    return re.sub(r"\s+", " ", text).strip()


def strip_comment(comment):
    """The text of a comment, without its frame of slashes and stars; paragraphs are kept."""
    body = re.sub(r"^/\*+<?|\*/$", "", comment)
    lines = [re.sub(r"^\s*\* ?", "", line).rstrip() for line in body.splitlines()]
    return "\n".join(lines).strip()


class Header:
    def __init__(self, path):
        self.path = Path(path)
        self.name = self.path.stem
        self.source = self.path.read_text()
        opening = re.match(r"/\*.*?\*/", self.source, re.DOTALL)
        self.opening_end = opening.end() if opening else 0
        essay = strip_comment(opening[0]) if opening else ""
        title, _, self.essay = essay.partition("\n")
        self.title = title.partition(" - ")[2]
        # The first sentence of a header may run over its first line.
        if not self.title.endswith(".") and self.essay and not self.essay.startswith("\n"):
            rest, blank, after = self.essay.partition("\n\n")
            self.title, self.essay = flow(self.title + " " + rest), after
        self.title = self.title.rstrip(".")
        self.essay = self.essay.strip()
        self.items = []
        self.read()

    def line_of(self, at):
        return self.source.count("\n", 0, at) + 1

    def read(self):
        """Walk over the header: comments, and what each belongs to."""
        at, comment, comment_end = self.opening_end, None, 0
        end_of_guard = re.compile(r"#(?!define)[^\n]*\n|extern \"C\" \{\n|\}\n(?=#)")
        while at < len(self.source):
            rest = self.source[at:]
            if rest[0].isspace():
                if rest.startswith("\n\n"):
                    comment = None  # whatever follows a blank line is another's
                at += 1
            elif rest.startswith("/*"):
                length = rest.index("*/") + 2
                after = rest[length:]
                if rest.startswith("/**"):
                    comment, comment_end = strip_comment(rest[:length]), at + length
                else:
                    text = strip_comment(rest[:length])
                    title = re.fullmatch(r"-+ (.*?) -+", text)
                    if title or after.startswith("\n\n"):
                        self.items.append(Note(title[1] if title else text, bool(title), at, self.line_of(at)))
                    comment = None
                at += length
            elif match := end_of_guard.match(rest):
                at += match.end()
            else:
                length = declaration_length(rest)
                self.take(rest[:length], at, comment, comment_end)
                comment = None
                at += length

    def take(self, declaration, at, comment, comment_end):
        line = self.line_of(at)
        plain = re.sub(r"/\*.*?\*/", "", declaration, flags=re.DOTALL)
        if plain.startswith("#define"):
            self.take_macro(declaration, line, comment)
            return
        plain = re.sub(r"\b__attribute__\(\(.*?\)\)\)?|\bOURO_(API|NODISCARD)\b|\bOURO_ALLOC_SIZE\(\d\)", "", plain)
        function = re.match(r"\s*(?:static inline )?(.*?)(\w+)\((.*?)\)\s*[;{]", plain, re.DOTALL)
        if function and "typedef" not in plain and "struct" not in plain.split("(")[0]:
            result, name, inside = flow(function[1]), function[2], flow(function[3])
            if name.startswith("ouro__"):
                return
            parameters = []
            for each in inside.split(", "):
                if each in ("void", "", "..."):
                    continue
                kind, parameter = re.fullmatch(r"(.*?)(\w+)(?:\[\w+\])?", each).groups()
                parameters.append((kind.strip(), parameter))
            item = Function(name, result, parameters, line, comment, end=comment_end)
            item.read_comment()
            self.items.append(item)
            return
        named = re.search(r"\(\*\s*(\w+)\)", plain) if re.match(r"typedef [^{]*\(\*", plain) else None
        named = named or re.match(r"(?:typedef )?enum (\w+)", plain) or re.search(r"(\w+)\s*;$", plain.strip())
        if named and not named[1].startswith("ouro__") and re.match(r"typedef|enum|struct", plain.strip()):
            before = [item for item in self.items if isinstance(item, Other) and item.name == named[1]]
            if before:  # under #if and #else: the usual case comes last
                before[0].declaration = declaration
            else:
                self.items.append(Other(named[1], "type", declaration, line, comment))

    def take_macro(self, declaration, line, comment):
        name = re.match(r"#define (\w+)", declaration)[1]
        # Not guards, nor what only the header itself needs.
        if not name.endswith("_H") and f"#undef {name}\n" not in self.source:
            if not any(isinstance(item, Other) and item.name == name for item in self.items):
                self.items.append(Other(name, "macro", declaration, line, comment))

    def names(self):
        return {item.name for item in self.items if not isinstance(item, Note)}

    def problems(self, known):
        """What is left out, and functions that comments name although there are none: `known` has all there are."""
        found = []
        for mention in re.finditer(r"\b(ouro_[a-z]\w*)\(\)", self.source):
            if mention[1] not in known:
                found.append(f"{self.path}:{self.line_of(mention.start())}: there is no {mention[1]}()")
        if not self.title:
            found.append(f"{self.path}:1: what does the header hold?")
        for item in self.items:
            found += [f"{self.path}:{item.line}: {problem}" for problem in item.problems()]
        return found


def declaration_length(text):
    """How long the declaration or the line for the preprocessor is that `text` begins with."""
    if text.startswith("#"):
        return re.match(r"(?:[^\n]*\\\n)*[^\n]*\n?", text).end()
    depth = 0
    for token in re.finditer(r"/\*.*?\*/|\"(?:\\.|[^\"])*\"|[{};]", text, re.DOTALL):
        if token[0] == "{":
            depth += 1
        elif token[0] == "}":
            depth -= 1
            if depth == 0 and re.match(r"static inline", text):
                return token.end()
        elif token[0] == ";" and depth == 0:
            return token.end()
    return len(text)


# ---- for Doxygen ----


def filtered(header):
    """The header with full comments, each line where it was."""
    changes = []  # (from, to, text)
    if header.opening_end:
        changes.append((0, 2, f"/** @file ouro/{header.path.name} \\ilinebr @brief "))
        title = f"ouro/{header.path.name} - "
        start = header.source.find(title)
        if start >= 0:
            changes.append((start, start + len(title), ""))
    for item in header.items:
        if isinstance(item, Function) and item.comment is not None:
            added = "".join(f" @{tag} {name + ' ' if name else ''}{text}" for tag, name, text in item.additions())
            changes.append((item.end - 2, item.end - 2, added + " "))
        elif isinstance(item, Note) and not item.is_title:
            changes.append((item.start, item.start + 2, f"/** @file ouro/{header.path.name} \\ilinebr "))
    if header.name == "status":  # its enumerators stand in a macro
        call = "OURO_STATUSES(OURO_STATUS_ENUMERATOR)"
        at = header.source.index(call)
        statuses = re.findall(r"X\((\w+), (-\d+), \"(.*?)\"\)", header.source)
        lines = " ".join(f"{name} = {value}, /**< {text} */" for name, value, text in statuses)
        changes.append((at, at + len(call), lines))
    source = header.source
    for start, end, text in sorted(changes, reverse=True):
        source = source[:start] + text + source[end:]
    return source


# ---- pages ----


def escape(text):
    """Text as roff has it; what is in backticks in another font."""
    text = text.replace("\\", "\\e")
    text = re.sub(r"`([^`]*)`", r"\\fI\1\\fP", text)
    text = re.sub(r"\b(ouro_\w+)\(\)", r"\\fB\1\\fP()", text)
    text = text.replace("-", "\\-") if re.match(r"-\d", text) else text
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.splitlines())


def paragraphs(text):
    """Lines of roff for a text with blank lines between paragraphs; what is indented by four is code."""
    out = []
    for n, part in enumerate(re.split(r"((?:^    .*\n?(?:\n(?=    ))*)+)", text, flags=re.MULTILINE)):
        if n % 2 == 1:
            out += literal(re.sub(r"^    ", "", part, flags=re.MULTILINE))
            continue
        for paragraph in re.split(r"\n\s*\n", part.strip()) if part.strip() else []:
            if out and out[-1] != ".Ed":
                out.append(".Pp")
            for sentence in re.split(r"(?<=[.!?]) +(?=[A-Z@`])", flow(paragraph)):
                out.append(escape(re.sub(r"@source\s+", "Source: ", sentence)))
    return out


def literal(text):
    lines = [line.replace("\\", "\\e") for line in text.strip("\n").splitlines()]
    return [".Bd -literal", *("\\&" + line if line[:1] in (".", "'") else line for line in lines), ".Ed"]


def declared(item):
    """A type or a macro as a page shows it."""
    text = re.sub(r"\b__attribute__\(\(.*?\)\)\)? ?", "", item.declaration)
    text = re.sub(r"/\*\*<?", "/*", text)
    if item.kind == "type" or re.fullmatch(r"#define \w+ [\w()]+\n?", item.declaration):
        return text
    return re.match(r"#define \w+(\([^)]*\))?", text)[0]


def prototype(function):
    kinds = " ".join(f'"{kind}{"" if kind.endswith("*") else " "}{name}"' for kind, name in function.parameters)
    return [f'.Ft "{function.result}"', f".Fn {function.name} {kinds or 'void'}"]


def page(header, names, date):
    """A page of the manual, as mdoc."""
    functions = [item for item in header.items if isinstance(item, Function)]
    title = f"ouro_{header.name}"
    out = [f'.\\" Made from include/ouro/{header.path.name} by tools/manual.py.', f".Dd {date}",
           f".Dt {title.upper()} 3", ".Os", ".Sh NAME"]  # fmt: skip
    named = [title] + [function.name for function in functions if function.name != title]
    out += [f".Nm {name} ," for name in named[:-1]] + [f".Nm {named[-1]}", f".Nd {escape(header.title)}"]
    out += [".Sh LIBRARY", *LIBRARIES.get(header.path.stem, ["libouro (\\-louro),", ".Ql pkg-config --cflags --libs ouro"])]
    out += [".Sh SYNOPSIS", f".In ouro/{header.path.name}"]
    for function in functions:
        out += prototype(function)
    out += [".Sh DESCRIPTION"]
    out += paragraphs(header.essay or header.title[:1].upper() + header.title[1:] + ".")
    out += types_part(header) + functions_part(header)
    program = PROGRAMS / f"{header.name}.c"
    if not program.exists():
        program = PROGRAMS / f"{EXAMPLES.get(header.name)}.c"
    if program.exists():
        out += [".Sh EXAMPLES"] + example(program)
    others = sorted({f"ouro_{name}" for name in names} - set(named))
    out += [".Sh SEE ALSO", ".Xr libouro 3 ,"]
    out += [f".Xr {name} 3 ," for name in others[:-1]] + [f".Xr {others[-1]} 3"]
    return "\n".join(out) + "\n"


def types_part(header):
    out = []
    for item in header.items:
        if isinstance(item, Other):
            out += literal(declared(item)) + paragraphs(item.comment or "")
    return [".Ss Types and macros", *out] if out else []


def functions_part(header):
    """The functions one by one, below the titles and between the notes that the header has there."""
    out = [".Ss Functions"]
    opened = False
    for item in header.items:
        if isinstance(item, Function):
            out += [".Bl -tag -width Ds"] * (not opened) + function_text(item)
            opened = True
        elif isinstance(item, Note):
            out += [".El"] * opened
            if item.is_title:
                out = out[:-1] if out[-1].startswith(".Ss") else out
                out.append(f".Ss {item.text[0].upper() + item.text[1:]}")
            else:
                out += [".Pp"] * opened + paragraphs(item.text)
            opened = False
    return out + [".El"] * opened


def function_text(function):
    names = " ".join(f'"{name}"' for _, name in function.parameters)
    out = [f".It Fn {function.name} {names}".rstrip()] + paragraphs(function.text)
    if function.described:
        out.append(".Bl -tag -width position -compact")
        for kind, name in function.parameters:
            said = function.described.get(name, BY_TYPE.get(kind))
            if said:  # otherwise the sentence has told
                out += [f".It Fa {name}"] + paragraphs(said)
        out.append(".El")
    if function.returns and out[-1] != ".El":
        out.append(".br")
    said = [("Returns", function.returns), ("Threads:", function.threads), ("Source:", function.source)]
    for label, text in said:
        if text:
            out += paragraphs(f"{label} {flow(text)}.".replace("..", "."))
    return out


def example(path):
    """A whole program, and what it prints."""
    program, _, said = path.read_text().partition("\n/* prints:\n")
    out = literal(program)
    return out + [".Pp", "It prints:"] + literal(said.partition("*/")[0])


def headers():
    return [Header(path) for path in sorted(HEADERS.glob("*.h"))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["check", "pages", "filter"])
    parser.add_argument("where", nargs="*")
    arguments = parser.parse_args()
    if arguments.what == "filter":
        sys.stdout.write(filtered(Header(arguments.where[0])))
        return 0
    if arguments.what == "check":
        checked = [Header(path) for path in arguments.where] or headers()
        known = set().union(*(header.names() for header in checked + headers()))
        problems = [problem for header in checked for problem in header.problems(known)]
        print("\n".join(problems) if problems else f"manual: {len(checked)} headers, all is said")
        return 1 if problems else 0
    folder = Path(arguments.where[0])
    folder.mkdir(parents=True, exist_ok=True)
    date = re.search(r"^\.Dd (.*)$", (REPOSITORY / "man" / "libouro.3").read_text(), re.MULTILINE)[1]
    with_page = [header for header in headers() if header.name not in NO_PAGE]
    names = [header.name for header in with_page]
    for header in [Header(path) for path in arguments.where[1:]] or with_page:
        (folder / f"ouro_{header.name}.3").write_text(page(header, names, date))
    return 0


if __name__ == "__main__":
    sys.exit(main())
