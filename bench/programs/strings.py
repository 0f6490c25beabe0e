"""Building strings: pages of text are joined, wrapped, translated, encoded, sliced and put together again."""
import io
import random
import sys
import textwrap
import zlib

PAGES = int(sys.argv[1]) if len(sys.argv) > 1 else 2400
WORDS = "a river runs past the old mill where nobody has ground any corn since the spring of the great flood süß café".split()


def make_page(rng):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randrange(250, 450)))


def caesar(shift):
    letters = "abcdefghijklmnopqrstuvwxyz"
    return str.maketrans(letters, letters[shift:] + letters[:shift])


def to_html(page, number):
    out = []
    for paragraph in textwrap.wrap(page, 64):
        out.append("<p>" + paragraph.replace("the", "<b>the</b>").replace("&", "&amp;") + "</p>")
    return "<h1>Page {:>5}</h1>\n".format(number) + "\n".join(out)


def main():
    rng = random.Random(47)
    book = io.StringIO()
    kept = []
    crc = 0
    grown = ""
    for number in range(PAGES):
        page = make_page(rng)
        secret = page.translate(caesar(number % 26))
        html = to_html(page, number)
        data = (html + secret).encode("utf-8")
        crc = zlib.crc32(data, crc)
        kept.append(data.decode("utf-8").upper())
        book.write(html)
        words = page.split(" ")
        words.sort(key=lambda word: (len(word), word))
        grown += " ".join(word.capitalize() for word in words if len(word) > 4) + "\n"
        if len(kept) > 200:
            kept = kept[100:]
    lines = book.getvalue().splitlines()
    numbered = "\n".join("%6d  %-70s|" % (i, line[:70]) for i, line in enumerate(lines))
    columns = [line[i:i + 8] for line in lines[:20000] for i in range(0, len(line), 8)]
    crc = zlib.crc32(numbered.encode(), crc)
    crc = zlib.crc32("".join(columns[::-1]).encode() + grown.encode(), crc)
    print("strings", len(lines), len(numbered), len(columns), "%08x" % crc)


main()
