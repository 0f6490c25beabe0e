/* lines.c - from an instruction's offset to its line.
 *
 * A table is read from its beginning: each entry says how many bytes of instructions it covers and how far its line is
 * from the one before.  It comes from a file that anybody may have written, so nothing of it is believed: an entry that
 * is cut off ends the table, and a line that no file can have is none.
 *
 * Before a function's first instruction (an offset of UINT32_MAX), it is on its first line.
 *
 * @source CPython, Objects/lnotab_notes.txt (3.9, 3.10), PEP 626, Objects/locations.md (3.11); PyCode_Addr2Line() */
#include "snapshot/lines.h"

#include <stdbool.h>

#include "trace/frames.h"

struct reader {
    const uint8_t *at, *end;
    int64_t line;
    uint64_t address; /* where the instructions of the next entry begin */
};

/* A byte as the number from -128 to 127 that it stands for. */
static int64_t
as_signed(uint8_t byte)
{
    return byte < 0x80 ? byte : (int64_t)byte - 0x100;
}

/* Pairs: bytes to go, and then lines.  Behind the last pair all is on its line. */
static int64_t
find_in_lnotab(struct reader *reader, uint32_t offset)
{
    for (; reader->end - reader->at >= 2; reader->at += 2) {
        reader->address += reader->at[0];
        if (reader->address > offset) {
            break;
        }
        reader->line += as_signed(reader->at[1]);
    }
    return reader->line;
}

/* Pairs: lines to go, and how many bytes are there; -128 is for bytes that are on no line. */
static int64_t
find_in_linetable(struct reader *reader, uint32_t offset)
{
    for (; reader->end - reader->at >= 2; reader->at += 2) {
        bool has_line = reader->at[1] != 0x80;
        reader->line += has_line ? as_signed(reader->at[1]) : 0;
        reader->address += reader->at[0];
        if (reader->address > offset) {
            return has_line ? reader->line : 0;
        }
    }
    return 0;
}

/* Six bits a byte, lowest first; the seventh says that more follow.  Then the lowest bit is the sign.  False when it
 * is cut off or too large. */
static bool
read_number(const struct reader *reader, int64_t *number)
{
    uint64_t bits = 0;
    unsigned shift = 0;
    const uint8_t *at = reader->at;
    do {
        if (at == reader->end || shift > 30) {
            return false;
        }
        bits |= (uint64_t)(*at & 0x3F) << shift;
        shift += 6;
    } while ((*at++ & 0x40) != 0);
    *number = bits & 1 ? -(int64_t)(bits >> 1) : (int64_t)(bits >> 1);
    return true;
}

enum { ONE_LINE = 10, NO_COLUMNS = 13, LONG = 14, NO_LINE = 15 };

/* Entries begin with a byte above 127: its lowest three bits are the number of instructions (of two bytes) less one,
 * the next four its kind.  Columns are passed over: no other byte is above 127. */
static int64_t
find_in_locations(struct reader *reader, uint32_t offset)
{
    while (reader->at < reader->end) {
        uint8_t head = *reader->at++;
        unsigned kind = head >> 3 & 15;
        int64_t step = kind >= ONE_LINE && kind < NO_COLUMNS ? kind - ONE_LINE : 0;
        if (head < 0x80 || ((kind == NO_COLUMNS || kind == LONG) && !read_number(reader, &step))) {
            return 0;
        }
        reader->line += step;
        reader->address += 2 * ((head & 7U) + 1);
        if (reader->address > offset) {
            return kind == NO_LINE ? 0 : reader->line;
        }
        while (reader->at < reader->end && *reader->at < 0x80) {
            reader->at++;
        }
    }
    return 0;
}

uint32_t
ouro__line_at(uint32_t line_table, const uint8_t *table, size_t size, uint32_t first_line,
              uint32_t offset)
{
    if (line_table == OURO_LINES_NONE) {
        return offset;
    }
    if (offset == UINT32_MAX) {
        return first_line;
    }
    struct reader reader = {table, size != 0 ? table + size : table, first_line, 0};
    int64_t line = line_table == OURO_LINES_LNOTAB      ? find_in_lnotab(&reader, offset)
                   : line_table == OURO_LINES_LINETABLE ? find_in_linetable(&reader, offset)
                   : line_table == OURO_LINES_LOCATIONS ? find_in_locations(&reader, offset)
                                                        : 0;
    return line > 0 && line <= INT32_MAX ? (uint32_t)line : 0;
}
