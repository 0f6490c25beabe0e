/* lines.c - a fuzzer's bytes as a table of lines: nothing behind it is read, no line is beyond what a file can have, and
 * what a table says of an instruction doesn't depend on what follows.
 *
 * The first byte says which kind of table it is, the next two are the first line. */
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "snapshot/lines.h"
#include "require.h"
#include "trace/frames.h"

/* Entries cover 255 bytes at most. */
#define MOST_BYTES_AN_ENTRY 255

static uint32_t
line_at(uint32_t kind, const uint8_t *table, size_t size, uint32_t first_line, uint32_t offset)
{
    struct ouro__lines lines;
    ouro__lines_begin(&lines, kind, table, size, first_line);
    return ouro__lines_at(&lines, offset);
}

/* Asked for one after the other, all instructions are where each is alone, and no byte is read twice. */
static void
check_once(uint32_t kind, const uint8_t *table, size_t size, uint32_t first_line)
{
    struct ouro__lines lines;
    const uint8_t *least = table;

    ouro__lines_begin(&lines, kind, table, size, first_line);
    for (uint32_t offset = 0; offset < 1024; offset += 3) {
        uint32_t line = ouro__lines_at(&lines, offset);
        REQUIRE(line == line_at(kind, table, size, first_line, offset),
                "not the line that it is alone");
        REQUIRE(lines.at >= least && lines.at <= table + size, "read again, or too far");
        least = lines.at;
        REQUIRE(ouro__lines_at(&lines, offset) == line && lines.at == least, "read for what is known");
    }
}

/* All offsets that the table can be about, and a few that it can't. */
static void
check_table(uint32_t kind, const uint8_t *table, size_t size, const uint8_t *front, size_t n_front,
            uint32_t first_line)
{
    uint32_t n = (uint32_t)(size * MOST_BYTES_AN_ENTRY / 2 + 100);
    for (uint32_t offset = 0; offset < n; offset += offset < 512 ? 1 : 61) {
        uint32_t line = line_at(kind, table, size, first_line, offset);
        uint32_t before = line_at(kind, front, n_front, first_line, offset);
        REQUIRE(line <= INT32_MAX, "a line that no file has");
        REQUIRE(kind == OURO_LINES_LNOTAB || before == 0 || before == line,
                "what follows changes a line");
    }
    REQUIRE(line_at(kind, table, size, first_line, UINT32_MAX) == first_line, "not the first line");
    REQUIRE(line_at(kind, table, size, first_line, UINT32_MAX - 1) <= INT32_MAX,
            "a line that no file has");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + (size < 4096 ? size : 4096)};
    uint32_t kind = OURO_LINES_LNOTAB + (uint32_t)next_below(&input, 3);
    uint32_t first_line = (uint32_t)next_word(&input);
    size_t n = (size_t)(input.end - input.at), half = n / 2;
    uint8_t *table = malloc(n + 1), *front = malloc(half + 1);
    REQUIRE(table != NULL && front != NULL, "no memory");
    /* Up to the block's last byte, so that a sanitizer sees one read too many. */
    if (n != 0) {
        memcpy(table + 1, input.at, n);
        memcpy(front + 1, input.at, half);
    }
    check_once(kind, table + 1, n, first_line);
    check_table(kind, table + 1, n, front + 1, half, first_line);
    REQUIRE(line_at(OURO_LINES_NONE, NULL, 0, first_line, (uint32_t)n) == n, "not itself");
    REQUIRE(line_at(kind, NULL, 0, first_line, 0) == (kind == OURO_LINES_LNOTAB ? first_line : 0),
            "an empty table");
    free(table);
    free(front);
    return 0;
}
