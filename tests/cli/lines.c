/* lines.c - the tool's reading of tables of lines beside the interpreter's, for test_lines.py: a library for ctypes. */
#include "snapshot/lines.h"

typedef int (*addr2line)(void *code, int offset);

/* How many of `n_instructions`, 2 bytes each, are on another line than the interpreter has them on; and on no line is 0
 * here, -1 there.  *first: the offset of one of them. */
size_t
lines_compare(addr2line true_line, void *code, uint32_t kind, const uint8_t *table, size_t size,
              uint32_t first_line, size_t n_instructions, uint32_t *first)
{
    size_t n = 0;
    struct ouro__lines lines;
    ouro__lines_begin(&lines, kind, table, size, first_line);
    for (size_t i = 0; i < n_instructions; i++) {
        int expected = true_line(code, (int)(2 * i));
        uint32_t got = ouro__lines_at(&lines, (uint32_t)(2 * i));
        if (got != (expected > 0 ? (uint32_t)expected : 0)) {
            *first = n++ == 0 ? (uint32_t)(2 * i) : *first;
        }
    }
    return n;
}

/* The lines of all instructions. */
void
lines_all(uint32_t kind, const uint8_t *table, size_t size, uint32_t first_line, size_t n_instructions,
          uint32_t *lines)
{
    struct ouro__lines all;
    ouro__lines_begin(&all, kind, table, size, first_line);
    for (size_t i = 0; i < n_instructions; i++) {
        lines[i] = ouro__lines_at(&all, (uint32_t)(2 * i));
    }
}
