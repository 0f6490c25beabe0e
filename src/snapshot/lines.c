/* lines.c - from an instruction's offset to its line.
 *
 * A table is read entry by entry: each says how many bytes of instructions it covers and how far its line is from the one
 * before.  It comes from a file that anybody may have written, so nothing of it is believed: an entry that
 * is cut off ends the table, and a line that no file can have is none.
 *
 * Before a function's first instruction (an offset of UINT32_MAX), it is on its first line.
 *
 * @source CPython, Objects/lnotab_notes.txt (3.9, 3.10), PEP 626, Objects/locations.md (3.11); PyCode_Addr2Line() */
#include "snapshot/lines.h"

#include <stdbool.h>

#include "trace/frames.h"

/* A byte as the number from -128 to 127 that it stands for. */
static int64_t
as_signed(uint8_t byte)
{
    return byte < 0x80 ? byte : (int64_t)byte - 0x100;
}

/* All that is left is on one line, 0 for none. */
static void
end(struct ouro__lines *lines, int64_t line)
{
    lines->at = lines->end;
    lines->line = line;
    lines->address = UINT64_MAX;
}

/* Pairs: bytes to go, and then lines.  Behind the last pair all is on its line. */
static void
read_lnotab(struct ouro__lines *lines)
{
    if (lines->end - lines->at < 2) {
        end(lines, lines->next);
        return;
    }
    lines->line = lines->next;
    lines->address += lines->at[0];
    lines->next += as_signed(lines->at[1]);
    lines->at += 2;
}

/* Pairs: lines to go, and how many bytes are there; -128 is for bytes that are on no line. */
static void
read_linetable(struct ouro__lines *lines)
{
    if (lines->end - lines->at < 2) {
        end(lines, 0);
        return;
    }
    bool has_line = lines->at[1] != 0x80;
    lines->next += has_line ? as_signed(lines->at[1]) : 0;
    lines->line = has_line ? lines->next : 0;
    lines->address += lines->at[0];
    lines->at += 2;
}

/* Six bits a byte, lowest first; the seventh says that more follow.  Then the lowest bit is the sign.  False when it
 * is cut off or too large. */
static bool
read_number(const struct ouro__lines *lines, int64_t *number)
{
    uint64_t bits = 0;
    unsigned shift = 0;
    const uint8_t *at = lines->at;
    do {
        if (at == lines->end || shift > 30) {
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
static void
read_location(struct ouro__lines *lines)
{
    if (lines->at == lines->end) {
        end(lines, 0);
        return;
    }
    uint8_t head = *lines->at++;
    unsigned kind = head >> 3 & 15;
    int64_t step = kind >= ONE_LINE && kind < NO_COLUMNS ? kind - ONE_LINE : 0;
    if (head < 0x80 || ((kind == NO_COLUMNS || kind == LONG) && !read_number(lines, &step))) {
        end(lines, 0);
        return;
    }
    lines->next += step;
    lines->line = kind == NO_LINE ? 0 : lines->next;
    lines->address += 2 * ((head & 7U) + 1);
    while (lines->at < lines->end && *lines->at < 0x80) {
        lines->at++;
    }
}

void
ouro__lines_begin(struct ouro__lines *lines, uint32_t line_table, const uint8_t *table, size_t size,
                  uint32_t first_line)
{
    *lines = (struct ouro__lines){
        .line_table = line_table,
        .first_line = first_line,
        .at = table,
        .end = size != 0 ? table + size : table,
        .next = first_line,
    };
}

uint32_t
ouro__lines_at(struct ouro__lines *lines, uint32_t offset)
{
    if (lines->line_table == OURO_LINES_NONE) {
        return offset;
    }
    if (offset == UINT32_MAX) {
        return lines->first_line;
    }
    while (lines->address <= offset) {
        switch (lines->line_table) {
        case OURO_LINES_LNOTAB:
            read_lnotab(lines);
            break;
        case OURO_LINES_LINETABLE:
            read_linetable(lines);
            break;
        case OURO_LINES_LOCATIONS:
            read_location(lines);
            break;
        default:
            end(lines, 0);
        }
    }
    return lines->line > 0 && lines->line <= INT32_MAX ? (uint32_t)lines->line : 0;
}
