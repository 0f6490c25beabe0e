"""XML: a library catalogue is built, written, parsed as a tree and as a stream, searched and changed."""
import io
import random
import sys
import xml.etree.ElementTree as ElementTree
import xml.sax
import zlib

BOOKS = int(sys.argv[1]) if len(sys.argv) > 1 else 42000


def make_catalogue(rng, count):
    root = ElementTree.Element("catalogue", {"name": "town library"})
    for number in range(count):
        book = ElementTree.SubElement(root, "book", {"id": "b%05d" % number, "shelf": str(rng.randrange(80))})
        ElementTree.SubElement(book, "title").text = "The %s of %d & more" % (rng.choice(["road", "sea", "clock"]), number)
        for _ in range(rng.randrange(1, 4)):
            ElementTree.SubElement(book, "author").text = "Author %d" % rng.randrange(900)
        ElementTree.SubElement(book, "year").text = str(rng.randrange(1850, 2020))
    return root


class Counter(xml.sax.ContentHandler):
    def __init__(self):
        super().__init__()
        self.depth = self.deepest = 0
        self.text = []
        self.shelves = {}

    def startElement(self, name, attributes):
        self.depth += 1
        self.deepest = max(self.depth, self.deepest)
        if name == "book":
            shelf = attributes["shelf"]
            self.shelves[shelf] = self.shelves.get(shelf, 0) + 1

    def endElement(self, name):
        self.depth -= 1

    def characters(self, content):
        self.text.append(content)


def main():
    data = ElementTree.tostring(make_catalogue(random.Random(61), BOOKS), encoding="utf-8")
    crc = zlib.crc32(data)
    root = ElementTree.fromstring(data)
    by_author = {}
    for book in root.findall("book"):
        for author in book.iter("author"):
            by_author.setdefault(author.text, []).append(book.get("id"))
        if int(book.findtext("year")) < 1900:
            book.set("old", "yes")
            ElementTree.SubElement(book, "note").text = "handle with care"
    old = len(root.findall("./book[@old='yes']"))
    again = ElementTree.tostring(root, encoding="utf-8")
    titles = []
    for _, element in ElementTree.iterparse(io.BytesIO(again)):
        if element.tag == "book":
            titles.append(element.findtext("title"))
            element.clear()
    counter = Counter()
    xml.sax.parseString(again, counter)
    summary = repr((sorted(by_author.items())[:200], old, titles[::100], sorted(counter.shelves.items()), counter.deepest))
    crc = zlib.crc32(summary.encode() + again + "".join(counter.text).encode(), crc)
    print("xml_documents", len(titles), old, len(again), "%08x" % crc)


main()
